//! What a rule is.

use std::fmt;

use super::finding::{Finding, Severity};
use super::metric::{Bounds, Metric, Observation, Range};

/// What a rule says of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// Nothing is wrong.
    Fine,
    /// The snapshot lacks what the rule needs: no verdict, which is not a good
    /// one.
    Unknown,
    /// The command doesn't read what the rule needs, or there is no earlier
    /// reading to compare with: no verdict, and nobody asked for one.
    NotAsked,
    /// As `NotAsked`, and it is too much to be taken for well: another command
    /// reads it.
    NotRead,
    /// Something is wrong: a finding for each subject, never none.
    Found(Vec<Finding>),
}

/// A rule: a value, the ranges that are a warning or critical, and the findings
/// with evidence and advice.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The name that findings, check and metrics carry.
    pub name: &'static str,
    /// What it watches, as the "ok" line calls it; rules may share it.
    pub topic: &'static str,
    /// What it means, how it comes about, and what to do, for `explain`.
    pub explanation: &'static str,
    /// The value that its ranges are compared with; `None` for a rule about a
    /// setting.
    pub value: Option<Metric>,
    /// Rules that say the same and name the culprit: where one of them finds
    /// something as bad, this one adds nothing.
    pub covered_by: &'static [&'static str],
    /// Whether it judges only what happened between two readings.
    pub needs_past: bool,
    /// Whether its value swings about a range at a steady load: what watches
    /// keeps a finding until it stayed away for a while.
    pub lingers: bool,
    /// The command that always reads what it takes, where not every one does.
    pub read_by: Option<&'static str>,
    judge: fn(&Observation, &Levels) -> Judgement,
}

impl Rule {
    pub(super) const fn new(
        name: &'static str,
        topic: &'static str,
        judge: fn(&Observation, &Levels) -> Judgement,
    ) -> Self {
        Self {
            name,
            topic,
            explanation: "",
            value: None,
            covered_by: &[],
            needs_past: false,
            lingers: false,
            read_by: None,
            judge,
        }
    }

    /// Says what it means.
    pub(super) const fn explained(self, explanation: &'static str) -> Self {
        Self {
            explanation,
            ..self
        }
    }

    /// Compares its ranges with this value.
    pub(super) const fn measuring(self, metric: Metric) -> Self {
        Self {
            value: Some(metric),
            ..self
        }
    }

    pub(super) const fn covered_by(self, rules: &'static [&'static str]) -> Self {
        Self {
            covered_by: rules,
            ..self
        }
    }

    pub(super) const fn read_by(self, command: &'static str) -> Self {
        Self {
            read_by: Some(command),
            ..self
        }
    }

    pub(super) const fn between_readings(self) -> Self {
        Self {
            needs_past: true,
            ..self
        }
    }

    pub(super) const fn lingering(self) -> Self {
        Self {
            lingers: true,
            ..self
        }
    }

    /// Judges a snapshot by these ranges.
    #[must_use]
    pub fn judge(&self, observation: &Observation, levels: &Levels) -> Judgement {
        (self.judge)(observation, levels)
    }

    /// The ranges that it judges by where the user sets none.
    #[must_use]
    pub fn defaults(&self) -> Levels {
        self.value.as_ref().map(Levels::of).unwrap_or_default()
    }

    /// Whether one of these findings, of another rule, says what this finding
    /// says.
    pub(super) fn is_covered(&self, finding: &Finding, others: &[Finding]) -> bool {
        others.iter().any(|other| {
            self.covered_by.contains(&other.rule) && other.severity >= finding.severity
        })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The ranges that a rule judges by: its own, or the user's in their place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Levels {
    /// The range that is a warning.
    pub warn: Option<Range>,
    /// The range that is critical.
    pub crit: Option<Range>,
    /// Whether the user set `warn`.
    pub warn_is_set: bool,
    /// Whether the user set `crit`.
    pub crit_is_set: bool,
}

impl Levels {
    /// The default ranges of a metric.
    #[must_use]
    pub const fn of(metric: &Metric) -> Self {
        Self {
            warn: metric.warn,
            crit: metric.crit,
            warn_is_set: false,
            crit_is_set: false,
        }
    }

    /// How bad a value is. Where the user set no range, a circumstance that the
    /// value doesn't tell can make it worse; `None` as the value: not known.
    #[must_use]
    pub fn severity(&self, value: Option<f64>, circumstance: Option<Severity>) -> Option<Severity> {
        let reached = |range: Option<Range>, is_set: bool, severity| {
            let alerts = range
                .zip(value)
                .is_some_and(|(range, value)| range.alerts(value));
            alerts || (!is_set && circumstance >= Some(severity))
        };
        if reached(self.crit, self.crit_is_set, Severity::Critical) {
            Some(Severity::Critical)
        } else if reached(self.warn, self.warn_is_set, Severity::Warning) {
            Some(Severity::Warning)
        } else {
            circumstance.filter(|&severity| severity == Severity::Info)
        }
    }

    /// How bad a value is for certain, with its bounds where it isn't known
    /// exactly.
    #[must_use]
    pub fn certain(&self, value: f64, bounds: Option<Bounds>) -> Option<Severity> {
        let reached = |range: Option<Range>| {
            range.is_some_and(|range| range.alerts_within(value, bounds) == Some(true))
        };
        if reached(self.crit) {
            Some(Severity::Critical)
        } else {
            reached(self.warn).then_some(Severity::Warning)
        }
    }

    /// The range that makes it as bad.
    #[must_use]
    pub const fn range(&self, severity: Severity) -> Option<Range> {
        match severity {
            Severity::Critical => self.crit,
            Severity::Warning => self.warn,
            Severity::Info => None,
        }
    }

    /// Only the ranges that the user set.
    #[must_use]
    pub fn set_by_user(&self) -> Self {
        Self {
            warn: self.warn.filter(|_| self.warn_is_set),
            crit: self.crit.filter(|_| self.crit_is_set),
            ..*self
        }
    }
}
