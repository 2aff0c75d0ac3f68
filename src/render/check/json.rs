//! The check as JSON, schema `tcpstate.check/1`.

use serde::Serialize;

use super::super::finding::{self, FindingJson};
use super::super::header::Header;
use super::headline;
use crate::classify::check::{Gauge, Verdict};
use crate::model::Sample;

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    status: &'static str,
    message: String,
    findings: Vec<FindingJson<'a>>,
    metrics: Vec<MetricJson>,
}

#[derive(Debug, Serialize)]
struct MetricJson {
    name: String,
    value: Option<f64>,
    unit: &'static str,
    warn: Option<String>,
    crit: Option<String>,
    /// Why there is no value.
    missing: Option<&'static str>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(sample: &Sample, verdict: &Verdict) -> anyhow::Result<String> {
    let document = Document {
        header: Header::new("tcpstate.check/1", sample),
        status: verdict.status().key(),
        message: headline(sample, verdict),
        findings: finding::json_of(verdict.findings()),
        metrics: verdict.gauges.iter().map(MetricJson::of).collect(),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
}

impl MetricJson {
    fn of(gauge: &Gauge) -> Self {
        Self {
            name: gauge.id.to_string(),
            value: gauge.value.ok(),
            unit: gauge.id.unit().key(),
            warn: gauge.warn.map(|range| range.to_string()),
            crit: gauge.crit.map(|range| range.to_string()),
            missing: gauge
                .value
                .err()
                .map(crate::classify::check::Missing::reason),
        }
    }
}
