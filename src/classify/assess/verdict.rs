//! The result of a check.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::finding::{Finding, Severity};
use super::super::metric::{Bound, Bounds, Measured, MetricId, Missing, Range};

/// The status of the monitoring plugins. Ordered from good to bad: what is
/// known to be wrong outweighs what isn't known, and that outweighs OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 0
    Ok,
    /// 3
    Unknown,
    /// 1
    Warning,
    /// 2
    Critical,
}

impl Status {
    /// The exit status.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// The word of the status line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The name in JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Severity> for Status {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Ok,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// A metric with its value and what that was compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    /// The metric.
    pub id: MetricId,
    /// Its value, or why there is none.
    pub value: Measured,
    /// The range in which it lies where the value is only one of its bounds.
    pub bounds: Option<Bounds>,
    /// The value in a phrase, where that tells more than name and number.
    pub phrase: Option<String>,
    /// What 100 % of it are; `None` where it has no limit, or that isn't known.
    pub limit: Option<f64>,
    /// The range that is a warning, in the unit of the value.
    pub warn: Option<Range>,
    /// The range that is critical, as `warn`.
    pub crit: Option<Range>,
}

impl Gauge {
    /// Which end of its bounds the value is; `None` where it is exact.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        let (bounds, value) = (self.bounds?, self.value.ok()?);
        Some(if value < bounds.high {
            Bound::AtLeast
        } else {
            Bound::AtMost
        })
    }

    /// Whether a range makes it an alert; `None` where that isn't known.
    #[must_use]
    pub fn alerts(&self, range: Range) -> Option<bool> {
        let value = self.value.ok().filter(|_| !range.is_percent())?;
        range.alerts_within(value, self.bounds)
    }
}

/// What a problem is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// What a rule found.
    Found(Finding),
    /// A value outside the range that was set for it.
    Exceeded(Gauge),
    /// Rules and metrics that can't be judged, and why.
    NotJudged(Vec<String>, Missing),
    /// The check itself could not do something.
    Failed(String),
}

/// One reason for a status that isn't OK.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// How bad.
    pub status: Status,
    /// What.
    pub cause: Cause,
    /// In which network namespace, or in how many, where all are checked.
    pub place: Option<String>,
}

/// The result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// What keeps it from being OK, worst first.
    pub problems: Vec<Problem>,
    /// What the rules found that is worth knowing and no problem.
    pub notes: Vec<Finding>,
    /// The metrics that were asked for.
    pub gauges: Vec<Gauge>,
    /// The names of the rules that came to a judgement, of all they are about.
    pub judged: Vec<&'static str>,
}

impl Verdict {
    /// The worst of all problems.
    #[must_use]
    pub fn status(&self) -> Status {
        let statuses = self.problems.iter().map(|problem| problem.status);
        statuses.max().unwrap_or(Status::Ok)
    }

    /// Adds what the check itself could not do.
    pub fn fail(&mut self, what: String) {
        self.add(Status::Unknown, Cause::Failed(what));
    }

    /// Adds a problem behind those that are as bad.
    pub(in crate::classify) fn add(&mut self, status: Status, cause: Cause) {
        self.insert(Problem {
            status,
            cause,
            place: None,
        });
    }

    /// Adds a problem behind those that are as bad.
    pub(in crate::classify) fn insert(&mut self, problem: Problem) {
        let place = self
            .problems
            .partition_point(|other| other.status >= problem.status);
        self.problems.insert(place, problem);
    }

    /// Adds what a rule found: as a problem, or as worth knowing.
    pub(in crate::classify) fn take_in(&mut self, finding: Finding) {
        match Status::from(finding.severity) {
            Status::Ok => self.notes.push(finding),
            status => self.add(status, Cause::Found(finding)),
        }
    }

    /// What the rules found, worst first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let found = self
            .problems
            .iter()
            .filter_map(|problem| match &problem.cause {
                Cause::Found(finding) => Some(finding),
                Cause::Exceeded(_) | Cause::NotJudged(..) | Cause::Failed(_) => None,
            });
        found.chain(&self.notes)
    }

    /// The metrics that only the next run can know.
    pub fn pending(&self) -> impl Iterator<Item = MetricId> {
        self.gauges
            .iter()
            .filter(|gauge| gauge.value == Err(Missing::NotYet))
            .map(|gauge| gauge.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins_and_unknown_is_no_ok() {
        let statuses = [
            Status::Ok,
            Status::Unknown,
            Status::Warning,
            Status::Critical,
        ];
        assert!(statuses.is_sorted());
        let codes: Vec<u8> = statuses.into_iter().map(Status::code).collect();
        assert_eq!(codes, [0, 3, 1, 2]);
        let mut verdict = Verdict::default();
        assert_eq!(verdict.status(), Status::Ok);
        for (status, worst) in [
            (Status::Unknown, Status::Unknown),
            (Status::Warning, Status::Warning),
            (Status::Critical, Status::Critical),
            (Status::Warning, Status::Critical),
        ] {
            verdict.add(status, Cause::Failed(format!("{status:?}")));
            assert_eq!(verdict.status(), worst);
        }
        assert!(
            verdict
                .problems
                .is_sorted_by(|one, next| one.status >= next.status)
        );
    }
}
