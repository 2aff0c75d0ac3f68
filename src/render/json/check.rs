//! The check as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::plugin::{Basis, headline, whole};
use super::Header;
use super::write::line;
use crate::classify::Finding;
use crate::classify::assess::{Cause, Gauge, Problem, Status, Verdict};
use crate::classify::metric::{Bound, Missing, Range};
use crate::model::Snapshot;

pub(super) const SCHEMA: &str = "tcpstate.check/1";

/// `tcpstate check --json`: one status, why, and the metrics. A check that
/// failed prints it too, with the status `unknown`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Check<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// The status.
    status: Status,
    /// The status line without the metrics.
    message: String,
    /// Reasons for a status that isn't OK, worst first.
    problems: Vec<ProblemReason>,
    /// What the rules found, worst first.
    findings: Vec<&'a Finding>,
    /// The metrics that were asked for.
    metrics: Vec<Metric>,
}

/// One reason for the status.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemReason {
    /// The status that it causes.
    status: Status,
    /// What is wrong.
    message: String,
    /// Names of the rules and metrics that it is about.
    about: Vec<String>,
}

/// A metric beside its thresholds.
#[derive(Serialize, JsonSchema)]
pub(super) struct Metric {
    /// Name of the metric, as `--warning` and `--critical` take it.
    name: String,
    /// Its value. Null: not known, see `missing`.
    value: Option<f64>,
    /// Which bound of the true value `value` is. Null where it is exact.
    bound: Option<Bound>,
    /// Unit of the value: `count`, `%`, `s`, `per second` or `per hour`.
    unit: &'static str,
    /// The range outside of which it warns. Null: none.
    warn: Option<String>,
    /// The range outside of which it is critical. Null: none.
    crit: Option<String>,
    /// Why there is no value. Null where there is one.
    missing: Option<&'static str>,
    /// What its ranges make of the value. Null where it has no range.
    status: Option<Status>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn check(snapshot: &Snapshot, verdict: &Verdict) -> anyhow::Result<String> {
    line(&Check::new(snapshot, verdict))
}

impl<'a> Check<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, verdict: &'a Verdict) -> Self {
        Self {
            header: Header::new(SCHEMA, snapshot),
            status: verdict.status(),
            message: headline(&Basis::one(snapshot), verdict),
            problems: verdict.problems.iter().map(ProblemReason::of).collect(),
            findings: verdict.findings().collect(),
            metrics: verdict.gauges.iter().map(Metric::of).collect(),
        }
    }
}

/// The document of a check that failed, and a line end.
#[must_use]
pub fn check_failed(status: Status, why: &str) -> String {
    let document = Check {
        header: Header::unread(SCHEMA),
        status,
        message: why.to_owned(),
        problems: vec![ProblemReason {
            status,
            message: why.to_owned(),
            about: Vec::new(),
        }],
        findings: Vec::new(),
        metrics: Vec::new(),
    };
    // Of these types everything can be written.
    line(&document).unwrap_or_default()
}

impl ProblemReason {
    pub(super) fn of(problem: &Problem) -> Self {
        let about = match &problem.cause {
            Cause::Found(finding) => vec![finding.rule.to_owned()],
            Cause::Exceeded(gauge) => vec![gauge.id.to_string()],
            Cause::NotJudged(names, _) => names.clone(),
            Cause::Failed(_) => Vec::new(),
        };
        Self {
            status: problem.status,
            message: whole(problem),
            about,
        }
    }
}

impl Metric {
    pub(super) fn of(gauge: &Gauge) -> Self {
        Self {
            name: gauge.id.to_string(),
            value: gauge.value.ok(),
            bound: gauge.bound(),
            unit: gauge.id.unit().key(),
            warn: gauge.warn.map(written),
            crit: gauge.crit.map(written),
            status: status(gauge),
            missing: gauge.value.err().map(Missing::reason),
        }
    }
}

/// A share of a limit that isn't known stays a share.
fn written(range: Range) -> String {
    let percent = if range.is_percent() { "%" } else { "" };
    format!("{range}{percent}")
}

/// What the ranges make of a value, which is what a rule of the same limits
/// makes of it.
fn status(gauge: &Gauge) -> Option<Status> {
    let ranges = [
        (gauge.crit, Status::Critical),
        (gauge.warn, Status::Warning),
    ];
    if ranges.iter().all(|(range, _)| range.is_none()) {
        return None;
    }
    let made = ranges.map(|(range, status)| {
        let alerts = range.map_or(Some(false), |range| gauge.alerts(range));
        (alerts, status)
    });
    let certain = made.iter().find(|(alerts, _)| *alerts == Some(true));
    Some(match certain {
        Some((_, status)) => *status,
        None if made.iter().any(|(alerts, _)| alerts.is_none()) => Status::Unknown,
        None => Status::Ok,
    })
}
