//! The check as JSON, schema `tcpstate.check/1`.

use serde::Serialize;

use super::super::finding::{self, FindingJson};
use super::super::header::Header;
use super::super::json_text;
use super::headline;
use super::plugin::whole;
use crate::classify::check::{Bound, Cause, Gauge, Problem, Range, Status, Verdict};
use crate::model::Snapshot;

const SCHEMA: &str = "tcpstate.check/1";

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    status: &'static str,
    message: String,
    problems: Vec<ProblemJson>,
    findings: Vec<FindingJson<'a>>,
    metrics: Vec<MetricJson>,
}

/// A check that came to nothing: what it would have been about isn't known.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    schema: &'static str,
    version: &'static str,
    host: Option<&'a str>,
    taken_at: Option<&'a str>,
    netns: Option<&'a str>,
    collection: Option<&'a str>,
    status: &'static str,
    message: &'a str,
    problems: Vec<ProblemJson>,
    findings: Vec<FindingJson<'a>>,
    metrics: Vec<MetricJson>,
}

/// One reason for the status; worst first.
#[derive(Debug, Serialize)]
struct ProblemJson {
    status: &'static str,
    message: String,
    /// The rules and metrics that it is about.
    about: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MetricJson {
    name: String,
    value: Option<f64>,
    /// Which bound of the true value it is; null where it is exact.
    bound: Option<&'static str>,
    unit: &'static str,
    warn: Option<String>,
    crit: Option<String>,
    /// Why there is no value.
    missing: Option<&'static str>,
    /// What its thresholds make of it; null where it has none.
    status: Option<&'static str>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(snapshot: &Snapshot, verdict: &Verdict) -> anyhow::Result<String> {
    let document = Document {
        header: Header::new(SCHEMA, snapshot),
        status: verdict.status().key(),
        message: headline(snapshot, verdict),
        problems: verdict.problems.iter().map(ProblemJson::of).collect(),
        findings: finding::json_of(verdict.findings()),
        metrics: verdict.gauges.iter().map(MetricJson::of).collect(),
    };
    json_text::line(&document)
}

/// The document of a check that came to nothing, and a line end.
#[must_use]
pub fn failed_json(status: Status, why: &str) -> String {
    let document = Failure {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        host: None,
        taken_at: None,
        netns: None,
        collection: None,
        status: status.key(),
        message: why,
        problems: vec![ProblemJson {
            status: status.key(),
            message: why.to_owned(),
            about: Vec::new(),
        }],
        findings: Vec::new(),
        metrics: Vec::new(),
    };
    // Of these types everything can be written.
    json_text::line(&document).unwrap_or_default()
}

impl ProblemJson {
    fn of(problem: &Problem) -> Self {
        let about = match &problem.cause {
            Cause::Found(finding) => vec![finding.rule.to_owned()],
            Cause::Exceeded(gauge) => vec![gauge.id.to_string()],
            Cause::Untold(names, _) => names.clone(),
            Cause::Failed(_) => Vec::new(),
        };
        Self {
            status: problem.status.key(),
            message: whole(problem),
            about,
        }
    }
}

impl MetricJson {
    fn of(gauge: &Gauge) -> Self {
        Self {
            name: gauge.id.to_string(),
            value: gauge.value.ok(),
            bound: gauge.bound().map(Bound::key),
            unit: gauge.id.unit().key(),
            warn: gauge.warn.map(written),
            crit: gauge.crit.map(written),
            status: status(gauge),
            missing: gauge
                .value
                .err()
                .map(crate::classify::check::Missing::reason),
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
fn status(gauge: &Gauge) -> Option<&'static str> {
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
    let status = match certain {
        Some((_, status)) => *status,
        None if made.iter().any(|(alerts, _)| alerts.is_none()) => Status::Unknown,
        None => Status::Ok,
    };
    Some(status.key())
}
