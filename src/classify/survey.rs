//! The judgements of all network namespaces as one.

use std::cmp::Reverse;
use std::time::Duration;

use super::assess::{Cause, Gauge, Problem, Verdict};
use super::change::Past;
use super::finding::{Assessment, Finding, Severity};
use super::metric::{Bounds, Missing, Observation};
use crate::model::{CounterSnapshot, Snapshot, Survey, Surveyed};
use crate::text::number::counted;
use crate::text::shell_word;

/// A reading of one namespace, and what was judged of it.
#[derive(Debug)]
pub struct Judged {
    /// The reading.
    pub snapshot: Snapshot,
    /// The one before it, where there are two.
    pub previous: Option<Snapshot>,
    /// What was judged.
    pub assessment: Assessment,
}

impl Judged {
    /// How urgent it is, for the order of the namespaces.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.assessment.worst()
    }
}

/// A reading of one namespace for a check, and what came of it.
#[derive(Debug)]
pub struct Checked {
    /// The reading.
    pub snapshot: Snapshot,
    /// What an earlier check counted, long enough ago for a rate, and how long.
    pub before: Option<(CounterSnapshot, Duration)>,
    /// The same, long enough ago for growth.
    pub long_before: Option<(CounterSnapshot, Duration)>,
    /// Whether a later check can compare with this one.
    pub continues: bool,
    /// What was judged.
    pub verdict: Verdict,
}

impl Checked {
    /// What it was judged from.
    #[must_use]
    pub fn observation(&self) -> Observation<'_> {
        Observation {
            snapshot: &self.snapshot,
            past: self
                .before
                .as_ref()
                .map(|(counted, age)| Past::counted(counted, Some(*age))),
            long_before: self
                .long_before
                .as_ref()
                .map(|(counted, age)| (counted, *age)),
            continues: self.continues,
        }
    }
}

/// One verdict over all namespaces, as bad as the worst of them: each problem
/// with its place, what can't be judged once for each reason, counts and rates
/// added up, and of the rest the highest value.
#[must_use]
pub fn overall_verdict(survey: &Survey<Checked>) -> Verdict {
    let mut overall = Verdict::default();
    let mut not_judged: Vec<(&Problem, Vec<&str>)> = Vec::new();
    let mut gauges: Vec<Vec<&Gauge>> = Vec::new();
    for (one, checked) in survey.answers() {
        for problem in &checked.verdict.problems {
            let cause = match &problem.cause {
                Cause::NotJudged(..) => {
                    match not_judged.iter_mut().find(|(known, _)| *known == problem) {
                        Some((_, places)) => places.push(one.name()),
                        None => not_judged.push((problem, vec![one.name()])),
                    }
                    continue;
                }
                Cause::Found(finding) => Cause::Found(Finding {
                    advice: advice_in(one, &finding.advice),
                    ..finding.clone()
                }),
                cause => cause.clone(),
            };
            overall.insert(Problem {
                status: problem.status,
                cause,
                place: Some(one.name().to_owned()),
            });
        }
        for note in &checked.verdict.notes {
            overall.notes.push(located(one, note));
        }
        for gauge in &checked.verdict.gauges {
            match gauges
                .iter_mut()
                .find(|of| of.iter().any(|one| one.id == gauge.id))
            {
                Some(alike) => alike.push(gauge),
                None => gauges.push(vec![gauge]),
            }
        }
        for &rule in &checked.verdict.judged {
            if !overall.judged.contains(&rule) {
                overall.judged.push(rule);
            }
        }
    }
    for (problem, places) in not_judged {
        let place = match places.as_slice() {
            [place] => (*place).to_owned(),
            places => counted(
                places.len() as u64,
                "network namespace",
                "network namespaces",
            ),
        };
        overall.insert(Problem {
            place: Some(place),
            ..problem.clone()
        });
    }
    overall.gauges = gauges.iter().filter_map(|alike| together(alike)).collect();
    overall
}

/// The gauges of one metric as one. The ranges are for a namespace each, so that
/// a sum has none.
fn together(alike: &[&Gauge]) -> Option<Gauge> {
    let (&first, rest) = alike.split_first()?;
    if rest.is_empty() {
        return Some(first.clone());
    }
    let known = || {
        alike
            .iter()
            .filter_map(|gauge| Some((gauge.value.ok()?, *gauge)))
    };
    // Without what could not be read a sum is none, and the highest may be
    // there.
    let unread = alike
        .iter()
        .any(|gauge| gauge.value == Err(Missing::Unread));
    let highest = known().max_by(|(a, _), (b, _)| a.total_cmp(b));
    let Some((_, highest)) = highest.filter(|_| !unread) else {
        return Some(Gauge {
            value: if unread {
                Err(Missing::Unread)
            } else {
                first.value
            },
            bounds: None,
            phrase: None,
            ..first.clone()
        });
    };
    if first.id.metric.is_highest && !first.id.growth {
        return Some(Gauge {
            phrase: None,
            ..highest.clone()
        });
    }
    let bounds = known().any(|(_, gauge)| gauge.bounds.is_some()).then(|| {
        let ends = known().map(|(value, gauge)| {
            let exact = Bounds {
                low: value,
                high: value,
            };
            gauge.bounds.unwrap_or(exact)
        });
        ends.fold(
            Bounds {
                low: 0.0,
                high: 0.0,
            },
            |sum, one| Bounds {
                low: sum.low + one.low,
                high: sum.high + one.high,
            },
        )
    });
    Some(Gauge {
        id: first.id,
        value: Ok(known().map(|(value, _)| value).sum()),
        bounds,
        phrase: None,
        limit: None,
        warn: None,
        crit: None,
    })
}

/// Every finding with the namespace that it is of, the worst first.
#[must_use]
pub fn findings(survey: &Survey<Judged>) -> Vec<(&Surveyed<Judged>, &Finding)> {
    let mut all: Vec<_> = survey
        .answers()
        .flat_map(|(one, judged)| {
            let findings = judged.assessment.findings.iter();
            findings.map(move |finding| (one, finding))
        })
        .collect();
    // A stable sort: within a severity the order of the namespaces remains.
    all.sort_by_key(|(_, finding)| Reverse(finding.severity));
    all
}

/// One assessment of them all. Each finding opens with its namespace; a topic is
/// fine where it is in all of them.
#[must_use]
pub fn overall(survey: &Survey<Judged>) -> Assessment {
    let assessments = || survey.answers().map(|(_, judged)| &judged.assessment);
    let mut unknown: Vec<&'static str> = Vec::new();
    let mut fine: Vec<&'static str> = Vec::new();
    for (topics, of) in [
        (&mut unknown, (|one| &one.unknown) as fn(&Assessment) -> &_),
        (&mut fine, |one| &one.fine),
    ] {
        for &topic in assessments().flat_map(of) {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
    }
    let mut not_read = Vec::new();
    for topic in assessments().flat_map(|one| &one.not_read) {
        if !not_read.contains(topic) {
            not_read.push(*topic);
        }
    }
    let is_fine = |topic: &&str| assessments().all(|one| one.fine.contains(topic));
    fine.retain(is_fine);
    let findings = findings(survey).into_iter();
    Assessment {
        findings: findings
            .map(|(one, finding)| located(one, finding))
            .collect(),
        fine,
        unknown,
        not_read,
    }
}

/// A finding that opens with its namespace, and whose advice looks there.
fn located<T>(one: &Surveyed<T>, finding: &Finding) -> Finding {
    Finding {
        message: format!("{}: {}", one.name(), finding.message),
        advice: advice_in(one, &finding.advice),
        ..finding.clone()
    }
}

/// The commands that take `--netns` and occur in advice.
const COMMANDS: [&str; 6] = ["summary", "list", "leaks", "pressure", "watch", "check"];

/// Advice whose commands look into the namespace that it is about.
fn advice_in<T>(namespace: &Surveyed<T>, advice: &str) -> String {
    let mut advice = advice.to_owned();
    let Some(name) = &namespace.netns.name else {
        return advice;
    };
    if namespace.is_own {
        return advice;
    }
    let name = shell_word(&name.name);
    for command in COMMANDS {
        let command = format!("tcpstate {command}");
        if advice.contains(&command) {
            advice = advice.replace(&command, &format!("{command} --netns {name}"));
        }
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::assess::Status;
    use crate::classify::testing::snapshot;
    use crate::model::{Examined, NamedBy, NetNs, NetnsIdentity, NetnsName};

    fn surveyed(name: &str, is_own: bool, assessment: Assessment) -> Surveyed<Judged> {
        let name = Some(NetnsName {
            named_by: NamedBy::Docker,
            name: name.to_owned(),
        });
        Surveyed {
            netns: NetNs { inode: None, name },
            identity: NetnsIdentity::default(),
            is_own,
            is_host: None,
            pids: Vec::new(),
            counts: None,
            examined: Examined::Full(Judged {
                snapshot: snapshot().build(),
                previous: None,
                assessment,
            }),
        }
    }

    fn finding(severity: Severity, message: &str) -> Finding {
        Finding {
            rule: "close_wait",
            severity,
            subject: String::new(),
            message: message.to_owned(),
            advice: "tcpstate leaks --pid 7, or ss -t".to_owned(),
            evidence: Vec::new(),
            state: None,
        }
    }

    #[test]
    fn each_finding_opens_with_its_namespace_and_advice_leads_there() {
        let assessment = |found, fine: &[_], unknown: &[_]| Assessment {
            findings: found,
            fine: fine.to_vec(),
            unknown: unknown.to_vec(),
            not_read: Vec::new(),
        };
        let mild = assessment(
            vec![finding(Severity::Warning, "x leaks")],
            &["SYN queues"],
            &["orphans"],
        );
        let bad = assessment(
            vec![finding(Severity::Critical, "y leaks")],
            &["SYN queues", "orphans"],
            &[],
        );
        let survey = Survey {
            namespaces: vec![surveyed("host", true, mild), surveyed("it's", false, bad)],
            ..Survey::default()
        };
        let overall = overall(&survey);
        let told: Vec<(&str, &str)> = overall
            .findings
            .iter()
            .map(|finding| (finding.message.as_str(), finding.advice.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "it's: y leaks",
                    r"tcpstate leaks --netns 'it'\''s' --pid 7, or ss -t"
                ),
                ("host: x leaks", "tcpstate leaks --pid 7, or ss -t"),
            ]
        );
        assert_eq!(overall.fine, ["SYN queues"]);
        assert_eq!(overall.unknown, ["orphans"]);
    }

    fn gauge(name: &str, value: Result<f64, Missing>) -> Gauge {
        Gauge {
            id: crate::classify::rules::find_metric(name).unwrap(),
            value,
            bounds: None,
            phrase: Some("so many".to_owned()),
            limit: Some(100.0),
            warn: "10".parse().ok(),
            crit: None,
        }
    }

    fn checked(name: &str, verdict: Verdict) -> Surveyed<Checked> {
        let Surveyed {
            netns, identity, ..
        } = surveyed(name, false, Assessment::default());
        Surveyed {
            netns,
            identity,
            is_own: false,
            is_host: None,
            pids: Vec::new(),
            counts: None,
            examined: Examined::Full(Checked {
                snapshot: snapshot().build(),
                before: None,
                long_before: None,
                continues: false,
                verdict,
            }),
        }
    }

    #[test]
    fn the_worst_namespace_makes_the_status_and_one_reason_is_one_problem() {
        let verdict = |found: &[Severity]| {
            let mut verdict = Verdict::default();
            for &severity in found {
                verdict.take_in(finding(severity, "x leaks"));
            }
            let names = vec!["syn_recv".to_owned()];
            let cause = Cause::NotJudged(names, Missing::Unread);
            verdict.add(Status::Unknown, cause);
            verdict
        };
        let survey = Survey {
            namespaces: vec![
                checked("a", verdict(&[Severity::Warning, Severity::Info])),
                checked("b", verdict(&[Severity::Critical])),
            ],
            ..Survey::default()
        };
        let overall = overall_verdict(&survey);
        assert_eq!(overall.status(), Status::Critical);
        let places: Vec<&str> = overall
            .problems
            .iter()
            .filter_map(|problem| problem.place.as_deref())
            .collect();
        assert_eq!(places, ["b", "a", "2 network namespaces"]);
        assert_eq!(overall.notes[0].message, "a: x leaks");
    }

    #[test]
    fn counts_are_added_up_and_of_shares_the_highest_counts() {
        let gauges = |values: [Result<f64, Missing>; 2]| Verdict {
            gauges: vec![
                gauge("close_wait", values[0]),
                gauge("time_wait_used", values[1]),
            ],
            ..Verdict::default()
        };
        let together = |values: [[Result<f64, Missing>; 2]; 2]| {
            let survey = Survey {
                namespaces: values.map(|values| checked("a", gauges(values))).into(),
                ..Survey::default()
            };
            let gauges = overall_verdict(&survey).gauges;
            let values: Vec<_> = gauges.iter().map(|gauge| gauge.value).collect();
            (values, gauges[0].warn.is_some(), gauges[1].warn.is_some())
        };
        let (values, of_sum, of_highest) = together([[Ok(3.0), Ok(7.0)], [Ok(4.0), Ok(2.0)]]);
        assert_eq!(values, [Ok(7.0), Ok(7.0)]);
        assert!(!of_sum && of_highest);
        let hidden = Err(Missing::Hidden);
        let (values, ..) = together([[Ok(3.0), hidden], [Err(Missing::Unread), hidden]]);
        assert_eq!(values, [Err(Missing::Unread), hidden]);
        let (values, ..) = together([[Ok(3.0), hidden], [Err(Missing::NotYet), Ok(1.0)]]);
        assert_eq!(values, [Ok(3.0), Ok(1.0)]);
    }
}
