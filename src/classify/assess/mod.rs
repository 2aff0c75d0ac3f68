//! From a snapshot to findings, and for check to a status.
//!
//! There is one judge: views and check ask the same rules, and check puts the
//! user's ranges in the place of theirs.

mod verdict;

pub use verdict::{Cause, Gauge, Problem, Status, Verdict};

use super::finding::{Assessment, Finding, Severity};
use super::metric::{MetricId, Missing, Observation, Range};
use super::rule::{Judgement, Levels, Rule};
use super::rules::{RULES, metrics, rule_of};
use super::thresholds::{Thresholds, can_be_told};
use crate::model::Snapshot;

/// Judges a snapshot by every rule, beside the one before it where there is
/// one: what rises can only be seen in two.
#[must_use]
pub fn assess(snapshot: &Snapshot, previous: Option<&Snapshot>) -> Assessment {
    let observation = Observation::of(snapshot, previous);
    let mut found: Vec<Finding> = Vec::new();
    let (mut fine, mut unknown, mut not_read) = (Vec::new(), Vec::new(), Vec::new());
    let selection = snapshot.collection.selection.as_ref();
    let can_tell =
        |rule: &&Rule| (!rule.needs_past || previous.is_some()) && can_be_told(rule, selection);
    for rule in RULES.iter().filter(can_tell) {
        match rule.judge(&observation, &rule.defaults()) {
            Judgement::Fine => fine.push(rule.topic),
            Judgement::Unknown => unknown.push(rule.topic),
            Judgement::NotRead => {
                not_read.extend(rule.read_by.map(|command| (rule.topic, command)));
            }
            Judgement::NotAsked => {}
            Judgement::Found(findings) => add_uncovered(&mut found, rule, findings),
        }
    }
    // A topic of several rules is as good as the worst of them.
    let is_found = |topic: &str| {
        let is_its = |rule: &&Rule| found.iter().any(|finding| finding.rule == rule.name);
        RULES.iter().filter(is_its).any(|rule| rule.topic == topic)
    };
    unknown.dedup();
    unknown.retain(|topic| !is_found(topic));
    let mut topics = Vec::new();
    for topic in fine {
        if !(is_found(topic) || unknown.contains(&topic) || topics.contains(&topic)) {
            topics.push(topic);
        }
    }
    // A stable sort: within a severity the order of the rules remains.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Assessment {
        findings: found,
        fine: topics,
        unknown,
        not_read,
    }
}

/// Adds the findings of a rule that no other rule has told already.
fn add_uncovered(found: &mut Vec<Finding>, rule: &Rule, findings: Vec<Finding>) {
    for finding in findings {
        if !rule.is_covered(&finding, found) {
            found.push(finding);
        }
    }
}

/// Judges for check: by every rule that is wanted, with the user's ranges in
/// the place of its own, and by the ranges for values that no rule judges.
#[must_use]
pub fn judge(observation: &Observation, thresholds: &Thresholds) -> Verdict {
    let gauges: Vec<Gauge> = metrics()
        .map(MetricId::value)
        .chain(thresholds.growths())
        .filter(|id| thresholds.wants_metric(*id))
        .map(|id| gauge(id, observation, thresholds))
        .collect();
    let mut judge = Judge {
        observation,
        thresholds,
        verdict: Verdict::default(),
        found: Vec::new(),
        not_judged: NotJudged::default(),
    };
    for rule in RULES.iter().filter(|rule| thresholds.wants_rule(rule)) {
        judge.by_rule(rule);
    }
    for gauge in gauges.iter().filter(|gauge| rule_of(gauge.id).is_none()) {
        judge.by_range(gauge);
    }
    let Judge {
        mut verdict,
        not_judged,
        ..
    } = judge;
    verdict.gauges = gauges;
    not_judged.add_to(&mut verdict);
    verdict
}

/// Whether the value is known well enough for the ranges that the user set.
fn is_settled(gauge: &Gauge, levels: &Levels) -> bool {
    let set = levels.set_by_user();
    let mut ranges = [set.warn, set.crit].into_iter().flatten();
    ranges.all(|range| gauge.alerts(range).is_some())
}

/// The ranges that judge a gauge.
fn levels(id: MetricId, gauge: &Gauge, thresholds: &Thresholds) -> Levels {
    let (warn, crit) = thresholds.ranges(id);
    Levels {
        warn: gauge.warn,
        crit: gauge.crit,
        warn_is_set: warn.is_some(),
        crit_is_set: crit.is_some(),
    }
}

fn gauge(id: MetricId, observation: &Observation, thresholds: &Thresholds) -> Gauge {
    let limit = id.limit(observation).and_then(Result::ok);
    let (warn, crit) = thresholds.ranges(id);
    let default = |range| if id.growth { None } else { range };
    let scaled = |range: Range| match limit {
        Some(whole) if range.is_percent() => range.of(whole),
        _ => range,
    };
    Gauge {
        id,
        value: id.read(observation),
        bounds: id.bounds(observation),
        phrase: id.phrase(observation),
        limit,
        warn: warn.or(default(id.metric.warn)).map(scaled),
        crit: crit.or(default(id.metric.crit)).map(scaled),
    }
}

/// What can't be judged, and why.
#[derive(Default)]
struct NotJudged(Vec<(String, Missing)>);

impl NotJudged {
    fn add(&mut self, name: &str, why: Missing) {
        self.0.push((name.to_owned(), why));
    }

    /// One problem for each reason.
    fn add_to(self, verdict: &mut Verdict) {
        let mut reasons: Vec<(Missing, Vec<String>)> = Vec::new();
        for (name, why) in self.0 {
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, names)) => names.push(name),
                None => reasons.push((why, vec![name])),
            }
        }
        for (why, names) in reasons {
            verdict.add(Status::Unknown, Cause::NotJudged(names, why));
        }
    }
}

/// A check in progress.
struct Judge<'a> {
    observation: &'a Observation<'a>,
    thresholds: &'a Thresholds,
    verdict: Verdict,
    found: Vec<Finding>,
    not_judged: NotJudged,
}

impl Judge<'_> {
    fn by_rule(&mut self, rule: &'static Rule) {
        let id = rule.value.as_ref().map(MetricId::value);
        let gauge = id.map(|id| gauge(id, self.observation, self.thresholds));
        if let (Some(id), Some(gauge)) = (id, &gauge)
            && self.thresholds.sets(id)
        {
            self.by_rule_with_ranges(rule, gauge, &levels(id, gauge, self.thresholds));
            return;
        }
        let judgement = rule.judge(self.observation, &rule.defaults());
        let missing = gauge.and_then(|gauge| gauge.value.err());
        let is_unread = missing == Some(Missing::Unread);
        match judgement {
            Judgement::Found(findings) => {
                // What was read may be harmless, and what is missing may not.
                let is_wrong = findings.iter().any(|f| f.severity > Severity::Info);
                let is_part = !self.observation.snapshot.collection.complete;
                if !is_wrong && is_part && is_unread {
                    self.not_judged.add(rule.name, Missing::Unread);
                } else {
                    self.verdict.judged.push(rule.name);
                }
                self.take(rule, findings);
            }
            Judgement::Fine if !is_unread => self.verdict.judged.push(rule.name),
            // What is hidden from this namespace is for the host's own check,
            // and what only the next run can know isn't wrong yet. Who asks for
            // it by name gets no OK of nothing.
            Judgement::Unknown | Judgement::NotAsked | Judgement::NotRead
                if missing.is_some() && !is_unread =>
            {
                let why = missing.filter(|why| *why != Missing::NotYet);
                if let Some(why) = why.filter(|_| self.thresholds.names_rule(rule)) {
                    self.not_judged.add(rule.name, why);
                }
            }
            Judgement::NotAsked if !is_unread => {}
            _ => self.not_judged.add(rule.name, Missing::Unread),
        }
    }

    /// By a rule whose ranges, or one of them, the user has set.
    fn by_rule_with_ranges(&mut self, rule: &'static Rule, gauge: &Gauge, levels: &Levels) {
        let name = gauge.id.metric.name;
        let value = match gauge.value {
            Ok(value) => value,
            // The first run after a boot is no alarm: this stands beside the
            // status.
            Err(Missing::NotYet) => return,
            Err(why) => {
                self.not_judged.add(name, why);
                return;
            }
        };
        self.verdict.judged.push(rule.name);
        let judgement = rule.judge(self.observation, levels);
        if judgement == Judgement::Unknown && !(levels.warn_is_set && levels.crit_is_set) {
            self.not_judged.add(name, Missing::Unread);
        }
        if !is_settled(gauge, levels) {
            self.not_judged.add(name, Missing::Inexact);
        }
        let findings = match judgement {
            Judgement::Found(findings) => findings,
            _ => Vec::new(),
        };
        // A range such as 10: alerts where the rule finds nothing wrong.
        let worst = findings.iter().map(|finding| finding.severity).max();
        let by_range = levels.set_by_user().certain(value, gauge.bounds);
        if let Some(severity) = by_range.filter(|severity| Some(*severity) > worst) {
            self.verdict
                .add(severity.into(), Cause::Exceeded(gauge.clone()));
        }
        self.take(rule, findings);
    }

    /// Adds the findings of a rule that no other rule has told already.
    fn take(&mut self, rule: &Rule, findings: Vec<Finding>) {
        let told = self.found.len();
        add_uncovered(&mut self.found, rule, findings);
        for finding in self.found.iter().skip(told) {
            self.verdict.take_in(finding.clone());
        }
    }

    /// By ranges alone: no rule judges this value.
    fn by_range(&mut self, gauge: &Gauge) {
        let ranges = || [gauge.warn, gauge.crit].into_iter().flatten();
        if ranges().next().is_none() {
            return;
        }
        let share_of_nothing = ranges().any(|range| range.is_percent());
        let value = match gauge.value {
            Ok(_) if share_of_nothing => {
                let why = gauge.id.limit(self.observation).and_then(Result::err);
                Err(why.unwrap_or(Missing::Unread))
            }
            value => value,
        };
        match value {
            // The first run after a boot is no alarm: this stands beside the
            // status.
            Err(Missing::NotYet) => {}
            Err(why) => self.not_judged.add(&gauge.id.to_string(), why),
            Ok(value) => {
                let levels = levels(gauge.id, gauge, self.thresholds);
                if !is_settled(gauge, &levels) {
                    self.not_judged.add(&gauge.id.to_string(), Missing::Inexact);
                }
                if let Some(severity) = levels.certain(value, gauge.bounds) {
                    self.verdict
                        .add(severity.into(), Cause::Exceeded(gauge.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
