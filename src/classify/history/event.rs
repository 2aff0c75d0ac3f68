//! Findings as they appear and clear.

use std::time::{Duration, Instant, SystemTime};

use super::super::rules::MOST_FINDINGS;
use super::super::rules::RULES;
use super::super::{Assessment, Finding, Severity};
use super::Ring;
use crate::model::{Snapshot, SourceKind};

/// So many events are remembered.
const EVENTS: usize = 200;

/// So long a finding of a rule that lingers must stay away before it clears.
const LINGERS: Duration = Duration::from_secs(10);

/// Findings that come and go at a steady load, each as it was when it was worst
/// of late.
#[derive(Debug, Default)]
pub(super) struct Lingering(Vec<(Finding, Instant)>);

impl Lingering {
    /// Adds those that were there a moment ago, and shows those that were worse
    /// then as they were.
    pub(super) fn keep(&mut self, now: Instant, assessment: &mut Assessment) {
        let lingers = |rule: &str| RULES.iter().find(|of| of.name == rule && of.lingers);
        self.0
            .retain(|(_, last)| now.saturating_duration_since(*last) < LINGERS);
        for (held, _) in &self.0 {
            let Some(rule) = lingers(held.rule) else {
                continue;
            };
            if assessment.unknown.contains(&rule.topic) {
                continue;
            }
            let mut found = assessment.findings.iter_mut();
            match found.find(|finding| is_same(finding, held)) {
                Some(found) if found.severity < held.severity => *found = held.clone(),
                Some(_) => {}
                None => {
                    assessment.findings.push(held.clone());
                    assessment.fine.retain(|topic| *topic != rule.topic);
                }
            }
        }
        assessment
            .findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }

    /// What a sample itself shows, before anything is kept.
    pub(super) fn see(&mut self, now: Instant, assessment: &Assessment) {
        for finding in &assessment.findings {
            let rule = RULES.iter().find(|rule| rule.name == finding.rule);
            if !rule.is_some_and(|rule| rule.lingers) {
                continue;
            }
            let held = |(held, _): &&mut (Finding, Instant)| is_same(held, finding);
            match self.0.iter_mut().find(held) {
                Some((held, last)) if held.severity <= finding.severity => {
                    (*held, *last) = (finding.clone(), now);
                }
                // It was worse a moment ago.
                Some(_) => {}
                None => self.0.push((finding.clone(), now)),
            }
        }
    }
}

/// What happened to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was not there before.
    Appeared,
    /// Its severity rose.
    Worsened,
    /// Its severity fell.
    Eased,
    /// It is not there any more.
    Cleared,
}

/// Something that happened to a finding, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Wall clock, to print; `None` where the sample has no time.
    pub at: Option<SystemTime>,
    /// What happened.
    pub kind: EventKind,
    /// The finding as it then was; of a cleared one, as it last was.
    pub finding: Finding,
}

/// A finding that is there.
#[derive(Debug, Clone, PartialEq)]
struct Active {
    /// `None` where nobody knows: it came with another source.
    since: Option<SystemTime>,
    finding: Finding,
    /// Where the sample came from that showed it last.
    source: SourceKind,
}

/// Remembers which findings are there, and what happened lately.
#[derive(Debug)]
pub struct EventLog {
    active: Vec<Active>,
    events: Ring<Event>,
    /// Where the last sample came from.
    source: Option<SourceKind>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self {
            active: Vec::new(),
            events: Ring::new(EVENTS),
            source: None,
        }
    }
}

impl EventLog {
    /// Compares the findings of a sample with those that were there.
    ///
    /// What two sources make of the same sockets is no event: a finding that
    /// comes with another source, or goes with it, does so silently. Over
    /// /proc less can be told, so nothing clears there that netlink has shown.
    pub fn observe(&mut self, snapshot: &Snapshot, assessment: &Assessment) {
        let (at, source) = (snapshot.taken_at, snapshot.collection.source);
        let changed = self.source.is_some_and(|before| before != source);
        self.source = Some(source);
        let earlier = std::mem::take(&mut self.active);
        let mut gone: Vec<Active> = Vec::new();
        for active in earlier {
            let stays = assessment
                .findings
                .iter()
                .any(|finding| is_same(finding, &active.finding));
            let tells_less = source == SourceKind::Procfs && active.source != source;
            let unnamed = names_enough(active.finding.rule, assessment);
            if stays || tells_less || unnamed || !judged(&active, assessment) {
                self.active.push(active);
            } else {
                gone.push(active);
            }
        }
        for active in gone.into_iter().filter(|active| active.source == source) {
            self.events.push(Event {
                at,
                kind: EventKind::Cleared,
                finding: active.finding,
            });
        }
        for finding in &assessment.findings {
            self.observe_finding(at, source, changed, finding);
        }
        // Those that others keep from being named may be new ones forever.
        let mut too_many = self.active.len().saturating_sub(EVENTS);
        self.active.retain(|active| {
            let is_named = |finding| is_same(finding, &active.finding);
            let is_kept = too_many == 0 || assessment.findings.iter().any(is_named);
            too_many -= usize::from(!is_kept);
            is_kept
        });
    }

    fn observe_finding(
        &mut self,
        at: Option<SystemTime>,
        source: SourceKind,
        changed: bool,
        finding: &Finding,
    ) {
        let known = self
            .active
            .iter_mut()
            .find(|active| is_same(&active.finding, finding));
        let kind = match &known {
            None => Some(EventKind::Appeared),
            Some(known) => worse_or_better(known.finding.severity, finding.severity),
        };
        if let Some(known) = known {
            known.finding = finding.clone();
            known.source = source;
        } else {
            self.active.push(Active {
                since: at.filter(|_| !changed),
                finding: finding.clone(),
                source,
            });
        }
        if let Some(kind) = kind.filter(|_| !changed) {
            self.events.push(Event {
                at,
                kind,
                finding: finding.clone(),
            });
        }
    }

    /// Since when a finding is there.
    #[must_use]
    pub fn since(&self, finding: &Finding) -> Option<SystemTime> {
        self.active
            .iter()
            .find(|active| is_same(&active.finding, finding))?
            .since
    }

    /// How many findings and events are remembered.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.active.len() + self.events.iter().len()
    }

    /// What happened, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().rev()
    }
}

/// Messages carry numbers and change with every sample; rule and subject stay.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule == other.rule && one.subject == other.subject
}

fn worse_or_better(before: Severity, now: Severity) -> Option<EventKind> {
    match now.cmp(&before) {
        std::cmp::Ordering::Greater => Some(EventKind::Worsened),
        std::cmp::Ordering::Less => Some(EventKind::Eased),
        std::cmp::Ordering::Equal => None,
    }
}

/// Whether a rule names as many as it ever does. Whoever isn't among them may
/// have been displaced: of six alike, five would come and go with each sample.
fn names_enough(rule: &str, assessment: &Assessment) -> bool {
    let named = assessment
        .findings
        .iter()
        .filter(|named| named.rule == rule);
    named.count() >= MOST_FINDINGS
}

/// Whether a sample had what the rule of a finding needs: without, nobody can
/// say that it cleared.
fn judged(active: &Active, assessment: &Assessment) -> bool {
    RULES
        .iter()
        .find(|rule| rule.name == active.finding.rule)
        .is_none_or(|rule| !assessment.unknown.contains(&rule.topic))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::*;
    use std::time::Duration;

    /// A sample in which the first rule found something, or nothing.
    fn found(severity: Option<Severity>) -> Assessment {
        let finding = severity.map(|severity| Finding {
            rule: RULES[0].name,
            severity,
            subject: "java[2231]".to_owned(),
            message: "changes with every sample".to_owned(),
            advice: "look".to_owned(),
            evidence: Vec::new(),
            state: None,
        });
        Assessment {
            findings: finding.into_iter().collect(),
            ..Assessment::default()
        }
    }

    const FINE: Option<Severity> = None;
    const WARNING: Option<Severity> = Some(Severity::Warning);
    const CRITICAL: Option<Severity> = Some(Severity::Critical);

    /// A sample of a time, over netlink.
    fn sample_at(second: u64) -> Snapshot {
        let mut snapshot = snapshot().build();
        snapshot.taken_at = Some(at(second));
        snapshot
    }

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn told(log: &EventLog) -> Vec<(EventKind, Severity, SystemTime)> {
        log.newest_first()
            .map(|event| (event.kind, event.finding.severity, event.at.unwrap()))
            .collect()
    }

    #[test]
    fn a_finding_is_told_when_it_changes_and_not_when_it_stays() {
        let mut log = EventLog::default();
        for (second, severity) in (0..).zip([FINE, WARNING, WARNING, CRITICAL, WARNING, FINE, FINE])
        {
            log.observe(&sample_at(second), &found(severity));
        }
        assert_eq!(
            told(&log),
            [
                (EventKind::Cleared, Severity::Warning, at(5)),
                (EventKind::Eased, Severity::Warning, at(4)),
                (EventKind::Worsened, Severity::Critical, at(3)),
                (EventKind::Appeared, Severity::Warning, at(1)),
            ]
        );
    }

    #[test]
    fn a_finding_keeps_its_beginning() {
        let mut log = EventLog::default();
        log.observe(&sample_at(3), &found(WARNING));
        let worse = found(CRITICAL);
        log.observe(&sample_at(8), &worse);
        assert_eq!(log.since(&worse.findings[0]), Some(at(3)));
    }

    #[test]
    fn what_could_not_be_judged_has_not_cleared() {
        let mut log = EventLog::default();
        log.observe(&sample_at(0), &found(WARNING));
        let blind = Assessment {
            unknown: vec![RULES[0].topic],
            ..Assessment::default()
        };
        log.observe(&sample_at(1), &blind);
        assert_eq!(told(&log).len(), 1);
        log.observe(&sample_at(2), &found(FINE));
        assert_eq!(told(&log)[0].0, EventKind::Cleared);
    }

    /// As many places as a rule names, of so many, beginning with one of them.
    fn named(places: usize, first: usize) -> Assessment {
        let one = found(WARNING).findings.remove(0);
        let place = |number: usize| Finding {
            subject: format!("10.0.0.{}", (first + number) % places),
            ..one.clone()
        };
        Assessment {
            findings: (0..places.min(MOST_FINDINGS)).map(place).collect(),
            ..Assessment::default()
        }
    }

    /// Of six silent places five were named, others each time: the log was full
    /// of what cleared and appeared, and nothing had happened.
    #[test]
    fn what_others_keep_from_being_named_has_not_cleared() {
        let mut log = EventLog::default();
        for second in 0..20 {
            log.observe(
                &sample_at(second),
                &named(6, usize::try_from(second).unwrap()),
            );
        }
        let appeared = told(&log);
        assert_eq!(appeared.len(), 6, "{appeared:?}");
        log.observe(&sample_at(20), &named(4, 0));
        let cleared = told(&log);
        assert_eq!(cleared.len(), 6 + 2);
        assert_eq!(cleared[0].0, EventKind::Cleared);
    }

    #[test]
    fn ever_new_places_are_not_remembered_for_ever() {
        let mut log = EventLog::default();
        for second in 0..1_000 {
            log.observe(
                &sample_at(second),
                &named(10_000, usize::try_from(second).unwrap()),
            );
        }
        assert_eq!(log.kept(), EVENTS + EVENTS);
    }

    /// While netlink was refused the leak that nobody could date any more was
    /// said to have cleared, and to appear when netlink was back.
    #[test]
    fn what_another_source_makes_of_it_is_no_event() {
        let named = |subject: &str| {
            let mut assessment = found(WARNING);
            assessment.findings[0].subject = subject.to_owned();
            assessment
        };
        let over = |source, second| {
            let mut snapshot = sample_at(second);
            snapshot.collection.source = source;
            snapshot
        };
        let (java, undated) = (named("java[2231]"), named("CLOSE_WAIT"));
        let mut log = EventLog::default();
        log.observe(&over(SourceKind::Netlink, 0), &java);
        log.observe(&over(SourceKind::Procfs, 1), &undated);
        log.observe(&over(SourceKind::Procfs, 2), &undated);
        assert_eq!(log.since(&undated.findings[0]), None, "it was there before");
        log.observe(&over(SourceKind::Netlink, 3), &java);
        assert_eq!(
            told(&log),
            [(EventKind::Appeared, Severity::Warning, at(0))]
        );
        assert_eq!(log.since(&java.findings[0]), Some(at(0)));
        log.observe(&over(SourceKind::Netlink, 4), &found(FINE));
        assert_eq!(
            told(&log)[0],
            (EventKind::Cleared, Severity::Warning, at(4))
        );
        assert_eq!(told(&log).len(), 2);
    }

    #[test]
    fn findings_over_proc_appear_and_clear_as_others_do() {
        let mut log = EventLog::default();
        for (second, severity) in (0..).zip([FINE, WARNING, FINE]) {
            let mut snapshot = sample_at(second);
            snapshot.collection.source = SourceKind::Procfs;
            log.observe(&snapshot, &found(severity));
        }
        assert_eq!(told(&log)[0].0, EventKind::Cleared);
        assert_eq!(told(&log).len(), 2);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = EventLog::default();
        for round in 0..1_000 {
            let severity = if round % 2 == 0 { WARNING } else { FINE };
            log.observe(&sample_at(round), &found(severity));
        }
        assert_eq!(log.newest_first().count(), EVENTS);
    }
}
