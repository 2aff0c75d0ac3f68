//! From what was read to a status.

use std::cmp::Reverse;

use super::super::{Finding, Judgement, RULES, Rule, Severity};
use super::metric::MetricId;
use super::metrics::METRICS;
use super::range::Range;
use super::reading::{Missing, Reading};
use super::status::{Cause, Gauge, Status, Verdict};
use super::wishes::Wishes;

/// Judges by the rules and by the ranges.
#[must_use]
pub fn judge(reading: &Reading, wishes: &Wishes) -> Verdict {
    let gauges: Vec<Gauge> = metrics()
        .chain(wishes.growths())
        .filter(|id| wishes.wants_metric(*id))
        .map(|id| gauge(id, reading, wishes))
        .collect();
    let mut verdict = Verdict {
        problems: Vec::new(),
        remarks: Vec::new(),
        gauges: Vec::new(),
        judged: Vec::new(),
    };
    let mut untold = Untold::default();
    for rule in RULES.iter().filter(|rule| wishes.wants_rule(rule)) {
        judge_by_rule(rule, reading, wishes, &mut verdict, &mut untold);
    }
    for gauge in &gauges {
        judge_by_range(gauge, reading, wishes, &mut verdict, &mut untold);
    }
    verdict.gauges = gauges;
    untold.tell(&mut verdict);
    verdict
}

/// Every metric, growth aside.
fn metrics() -> impl Iterator<Item = MetricId> {
    METRICS.iter().map(|metric| MetricId {
        metric,
        growth: false,
    })
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
    let scaled = |range: Range| match limit {
        Some(whole) if range.is_percent() => range.of(whole),
        _ => range,
    };
    Gauge {
        id,
        value: id.read(reading),
        bounds: id.bounds(reading),
        words: id.words(reading),
        limit,
        warn: warn.or(default(id.metric.warn)).map(scaled),
        crit: crit.or(default(id.metric.crit)).map(scaled),
    }
}

fn judge_by_rule(
    rule: &Rule,
    reading: &Reading,
    wishes: &Wishes,
    verdict: &mut Verdict,
    untold: &mut Untold,
) {
    let own = METRICS
        .iter()
        .filter(|metric| metric.rules.iter().any(|own| own.name == rule.name));
    let missing: Vec<Missing> = own
        .filter_map(|metric| metric.read(reading).err())
        .collect();
    match (rule.judge)(reading.snapshot, reading.past()) {
        Judgement::Found(findings) => {
            // What was seen of a part may be no matter, and the rest one.
            let is_wrong = findings
                .iter()
                .any(|finding| finding.severity > Severity::Info);
            let is_part = !reading.snapshot.collection.complete;
            if !is_wrong && is_part && missing.contains(&Missing::Unread) {
                untold.add(rule.name.to_owned(), Missing::Unread);
            } else {
                verdict.judged.push(rule.name);
            }
            for finding in findings {
                verdict.take_in(finding);
            }
        }
        // What is hidden from this namespace is somebody else's to watch, and
        // what only the next run can know isn't wrong yet.
        Judgement::Unknown if !missing.is_empty() && !missing.contains(&Missing::Unread) => {
            // Who asks for it by name gets no OK of nothing.
            let why = missing.into_iter().find(|why| *why != Missing::NotYet);
            if let Some(why) = why.filter(|_| wishes.names_rule(rule)) {
                untold.add(rule.name.to_owned(), why);
            }
        }
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
fn rules_word(gauge: &Gauge, reading: &Reading) -> Option<Judgement> {
    if gauge.id.growth {
        return None;
    }
    let mut rules = gauge.id.metric.rules.iter();
    rules
        .next()
        .map(|rule| (rule.judge)(reading.snapshot, reading.past()))
}

/// The ranges that judge a gauge, to warn by and critical. Those that are a
/// rule's are for the reader: the rule judges.
fn judging(gauge: &Gauge, wishes: &Wishes) -> (Option<Range>, Option<Range>) {
    let has_rule = gauge.id.rules().next().is_some();
    let (warn_set, crit_set) = wishes.ranges(gauge.id);
    (
        gauge.warn.filter(|_| warn_set.is_some() || !has_rule),
        gauge.crit.filter(|_| crit_set.is_some() || !has_rule),
    )
}

/// How bad a value is by the ranges that judge it; for the end that has none the
/// rule's severity stays.
fn severity(
    gauge: &Gauge,
    (warn, crit): (Option<Range>, Option<Range>),
    by_rule: Option<Severity>,
) -> Option<Severity> {
    let has_rule = gauge.id.rules().next().is_some();
    let reached = |range: Option<Range>, severity| match range {
        Some(range) => gauge.alerts(range) == Some(true),
        None => has_rule && by_rule >= Some(severity),
    };
    [Severity::Critical, Severity::Warning]
        .into_iter()
        .zip([crit, warn])
        .find_map(|(severity, range)| reached(range, severity).then_some(severity))
}

fn judge_by_range(
    gauge: &Gauge,
    reading: &Reading,
    wishes: &Wishes,
    verdict: &mut Verdict,
    untold: &mut Untold,
) {
    let asked = wishes.sets(gauge.id);
    if !asked && !gauge.id.metric.rules.is_empty() {
        return;
    }
    let ranges = || [gauge.warn, gauge.crit].into_iter().flatten();
    if ranges().next().is_none() {
        return;
    }
    let share_of_nothing = ranges().any(|range| range.is_percent());
    let missing = match gauge.value {
        Ok(_) if share_of_nothing => {
            let why = gauge.id.limit(reading).and_then(Result::err);
            Some(why.unwrap_or(Missing::Unread))
        }
        value => value.err(),
    };
    match missing {
        None => {}
        // Told beside the status: the first run after a boot is no alarm.
        Some(Missing::NotYet) => return,
        Some(why) => {
            if asked || wishes.names_metric(gauge.id) || why == Missing::Unread {
                untold.add(gauge.id.to_string(), why);
            }
            return;
        }
    }
    let (warn, crit) = judging(gauge, wishes);
    let judgement = rules_word(gauge, reading);
    if judgement == Some(Judgement::Unknown) && (warn.is_none() || crit.is_none()) {
        untold.add(gauge.id.to_string(), Missing::Unread);
    }
    let unsettled = |range: Option<Range>| range.is_some_and(|r| gauge.alerts(r).is_none());
    if asked && (unsettled(warn) || unsettled(crit)) {
        untold.add(gauge.id.to_string(), Missing::Inexact);
    }
    let found = match judgement {
        Some(Judgement::Found(findings)) => findings,
        _ => Vec::new(),
    };
    // A rule may know of more than the metric counts: no range judges that.
    let concerns = gauge.id.metric.concerns;
    let (found, more): (Vec<Finding>, Vec<Finding>) = found
        .into_iter()
        .partition(|finding| concerns.is_none_or(|concerns| concerns(finding)));
    for finding in more {
        verdict.take_in(finding);
    }
    let by_rule = found.iter().map(|finding| finding.severity).max();
    verdict
        .judged
        .extend(gauge.id.rules().map(|rule| rule.name));
    let Some(severity) = severity(gauge, (warn, crit), by_rule) else {
        return;
    };
    if found.is_empty() {
        verdict.add(severity.into(), Cause::Exceeded(gauge.clone()));
    }
    add_by_range(found, severity, verdict);
}

/// What a rule found where a range of the user's judges: the worst of it is as
/// bad as the range makes it, and the rest no worse than that.
fn add_by_range(mut found: Vec<Finding>, severity: Severity, verdict: &mut Verdict) {
    found.sort_by_key(|finding| Reverse(finding.severity));
    for (place, finding) in found.into_iter().enumerate() {
        let severity = if place == 0 {
            severity
        } else {
            finding.severity.min(severity)
        };
        verdict.take_in(Finding {
            severity,
            ..finding
        });
    }
}

#[cfg(test)]
mod tests;
