//! From what was read to a status.

use super::super::{Finding, Judgement, RULES, Rule, Severity};
use super::metric::MetricId;
use super::metrics::METRICS;
use super::reading::{Missing, Reading};
use super::status::{Cause, Gauge, Status, Verdict};
use super::wishes::Wishes;
use crate::model::Sample;

/// Judges by the rules and by the ranges. `previous` is the sample that the
/// rules compare with, where there is one.
#[must_use]
pub fn judge(reading: &Reading, previous: Option<&Sample>, wishes: &Wishes) -> Verdict {
    let ids = METRICS.iter().map(|metric| MetricId {
        metric,
        growth: false,
    });
    let gauges = ids
        .chain(wishes.growths())
        .filter(|id| wishes.wants_metric(*id))
        .map(|id| gauge(id, reading, wishes))
        .collect();
    let mut verdict = Verdict {
        problems: Vec::new(),
        remarks: Vec::new(),
        gauges,
        judged: Vec::new(),
    };
    let mut untold = Untold::default();
    for rule in RULES.iter().filter(|rule| wishes.wants_rule(rule)) {
        judge_by_rule(rule, reading, previous, &mut verdict, &mut untold);
    }
    for index in 0..verdict.gauges.len() {
        if let Some(gauge) = verdict.gauges.get(index).cloned() {
            judge_by_range(gauge, reading, previous, wishes, &mut verdict, &mut untold);
        }
    }
    untold.tell(&mut verdict);
    verdict
}

/// What can't be judged, and why.
#[derive(Default)]
struct Untold(Vec<(String, Missing)>);

impl Untold {
    fn add(&mut self, name: String, why: Missing) {
        self.0.push((name, why));
    }

    /// One problem for each reason.
    fn tell(self, verdict: &mut Verdict) {
        let mut reasons: Vec<(Missing, Vec<String>)> = Vec::new();
        for (name, why) in self.0 {
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, names)) => names.push(name),
                None => reasons.push((why, vec![name])),
            }
        }
        for (why, names) in reasons {
            verdict.add(Status::Unknown, Cause::Untold(names, why));
        }
    }
}

fn gauge(id: MetricId, reading: &Reading, wishes: &Wishes) -> Gauge {
    let limit = id.limit(reading).and_then(Result::ok);
    let (warn, crit) = wishes.ranges(id);
    let default = |range| if id.growth { None } else { range };
    let scaled = |range: super::Range| match limit {
        Some(whole) if range.is_percent() => range.of(whole),
        _ => range,
    };
    Gauge {
        id,
        value: id.read(reading),
        words: id.words(reading),
        limit,
        warn: warn.or(default(id.metric.warn)).map(scaled),
        crit: crit.or(default(id.metric.crit)).map(scaled),
    }
}

fn judge_by_rule(
    rule: &Rule,
    reading: &Reading,
    previous: Option<&Sample>,
    verdict: &mut Verdict,
    untold: &mut Untold,
) {
    let own = METRICS
        .iter()
        .filter(|metric| metric.rules.iter().any(|own| own.name == rule.name));
    let missing: Vec<Missing> = own
        .filter_map(|metric| metric.read(reading).err())
        .collect();
    match (rule.judge)(reading.sample, previous) {
        Judgement::Found(findings) => {
            verdict.judged.push(rule.name);
            for finding in findings {
                match Status::from(finding.severity) {
                    Status::Ok => verdict.remarks.push(finding),
                    status => verdict.add(status, Cause::Found(finding)),
                }
            }
        }
        // What is hidden from this namespace is somebody else's to watch, and
        // what only the next run can know isn't wrong yet.
        Judgement::Unknown if !missing.is_empty() && !missing.contains(&Missing::Unread) => {}
        Judgement::Unknown => untold.add(rule.name.to_owned(), Missing::Unread),
        // It saw a part only, or nothing at all, and found nothing wrong.
        Judgement::Fine | Judgement::NotAsked if missing.contains(&Missing::Unread) => {
            untold.add(rule.name.to_owned(), Missing::Unread);
        }
        Judgement::Fine => verdict.judged.push(rule.name),
        Judgement::NotAsked => {}
    }
}

/// What the rule that the user's range replaces would have said: it knows more
/// than the number.
fn rules_word(gauge: &Gauge, reading: &Reading, previous: Option<&Sample>) -> Option<Judgement> {
    if gauge.id.growth {
        return None;
    }
    let mut rules = gauge.id.metric.rules.iter();
    rules
        .next()
        .map(|rule| (rule.judge)(reading.sample, previous))
}

/// How bad a value is by the ranges that the user set; for the end that wasn't
/// set the rule's severity stays, which needs no range.
fn severity(
    gauge: &Gauge,
    value: f64,
    (warn_set, crit_set): (bool, bool),
    by_rule: Option<Severity>,
) -> Option<Severity> {
    let alerts = |range: Option<super::Range>| range.is_some_and(|range| range.alerts(value));
    let has_rule = !gauge.id.growth && !gauge.id.metric.rules.is_empty();
    let critical = if has_rule && !crit_set {
        by_rule == Some(Severity::Critical)
    } else {
        alerts(gauge.crit)
    };
    let warning = if has_rule && !warn_set {
        by_rule >= Some(Severity::Warning)
    } else {
        alerts(gauge.warn)
    };
    if critical {
        Some(Severity::Critical)
    } else {
        warning.then_some(Severity::Warning)
    }
}

fn judge_by_range(
    gauge: Gauge,
    reading: &Reading,
    previous: Option<&Sample>,
    wishes: &Wishes,
    verdict: &mut Verdict,
    untold: &mut Untold,
) {
    let asked = wishes.sets(gauge.id);
    let set = wishes.ranges(gauge.id);
    let set = (set.0.is_some(), set.1.is_some());
    if !asked && !gauge.id.metric.rules.is_empty() {
        return;
    }
    if gauge.warn.is_none() && gauge.crit.is_none() {
        return;
    }
    let share_of_nothing = [gauge.warn, gauge.crit]
        .into_iter()
        .flatten()
        .any(|range| range.is_percent());
    let value = match gauge.value {
        Ok(_) if share_of_nothing => Err(Missing::Unread),
        value => value,
    };
    match value {
        Ok(value) => {
            let judgement = rules_word(&gauge, reading, previous);
            if judgement == Some(Judgement::Unknown) && !(set.0 && set.1) {
                untold.add(gauge.id.to_string(), Missing::Unread);
            }
            let found = match judgement {
                Some(Judgement::Found(findings)) => findings,
                _ => Vec::new(),
            };
            let by_rule = found.iter().map(|finding| finding.severity).max();
            verdict
                .judged
                .extend(gauge.id.rules().map(|rule| rule.name));
            let Some(severity) = severity(&gauge, value, set, by_rule) else {
                return;
            };
            let words = found.into_iter().next().map(|finding| {
                Cause::Found(Finding {
                    severity,
                    ..finding
                })
            });
            verdict.add(severity.into(), words.unwrap_or(Cause::Exceeded(gauge)));
        }
        // Told beside the status: the first run after a boot is no alarm.
        Err(Missing::NotYet) => {}
        Err(why) if asked || why == Missing::Unread => untold.add(gauge.id.to_string(), why),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests;
