//! The judgements of all network namespaces as one.

use std::cmp::Reverse;

use super::finding::{Assessment, Finding, Severity};
use crate::model::{Snapshot, Survey, Surveyed};
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
    let is_fine = |topic: &&str| assessments().all(|one| one.fine.contains(topic));
    fine.retain(is_fine);
    let located = |(one, finding): (&Surveyed<Judged>, &Finding)| Finding {
        message: format!("{}: {}", one.name(), finding.message),
        advice: advice_in(one, &finding.advice),
        ..finding.clone()
    };
    Assessment {
        findings: findings(survey).into_iter().map(located).collect(),
        fine,
        unknown,
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
}
