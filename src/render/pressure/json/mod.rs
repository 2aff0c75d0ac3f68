//! What is about to run out as JSON, schema `tcpstate.pressure/1`.

mod listeners;
mod ports;
mod shared;

use std::collections::BTreeMap;

use serde::Serialize;

use self::listeners::ListenerJson;
use self::ports::PortsJson;
use self::shared::{MemoryJson, OrphansJson, SynJson, TimeWaitJson};
use super::super::finding::{self, FindingJson};
use super::super::header::Header;
use super::super::json_text;
use super::View;
use crate::classify::change::{self, time_between};
use crate::model::Counter;

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    over_ms: Option<u64>,
    time_wait: TimeWaitJson,
    ports: Option<PortsJson>,
    listeners: Option<Vec<ListenerJson<'a>>>,
    /// Those that `--listen-port` left out too.
    listeners_in_all: Option<u64>,
    syn: SynJson,
    orphans: OrphansJson,
    memory: MemoryJson,
    sysctls: BTreeMap<&'static str, Option<u64>>,
    counters: BTreeMap<&'static str, Option<u64>>,
    /// A second, where there are two samples.
    rates: Option<BTreeMap<&'static str, Option<f64>>>,
    findings: Vec<FindingJson<'a>>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(view: &View<'_>) -> anyhow::Result<String> {
    let snapshot = view.snapshot;
    let pressure = &snapshot.pressure;
    let host_wide = &pressure.host_wide;
    let evidence = view.syn_evidence();
    let over = view
        .previous
        .and_then(|previous| time_between(snapshot, previous));
    let document = Document {
        header: Header::new("tcpstate.pressure/1", snapshot),
        over_ms: over.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        time_wait: TimeWaitJson::of(view),
        ports: pressure.ports.grouped().map(PortsJson::from),
        listeners: pressure.listeners.as_ref().map(|listeners| {
            let kept = listeners.listeners.iter();
            kept.map(|listener| ListenerJson::new(listener, &evidence))
                .collect()
        }),
        listeners_in_all: pressure.listeners.as_ref().map(|listeners| listeners.count),
        syn: SynJson::of(view, &evidence),
        orphans: host_wide.into(),
        memory: host_wide.into(),
        sysctls: snapshot
            .sysctls
            .iter()
            .map(|(sysctl, value)| (sysctl.name(), value))
            .collect(),
        counters: snapshot
            .counters
            .iter()
            .map(|(counter, value)| (counter.name(), value))
            .collect(),
        rates: over.map(|_| rates(view)),
        findings: finding::json(view.assessment),
    };
    json_text::line(&document)
}

fn rates(view: &View<'_>) -> BTreeMap<&'static str, Option<f64>> {
    Counter::ALL
        .iter()
        // A gauge, however it is written.
        .filter(|&&counter| counter != Counter::CurrEstab)
        .map(|&counter| {
            let change = change::counter(counter, view.snapshot, view.past());
            (counter.name(), change.map(|change| change.per_s))
        })
        .collect()
}
