//! The summary as JSON, schema `tcpstate.summary/1`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::finding::{self, FindingJson};
use super::super::header::Header;
use super::super::json_text;
use super::super::share;
use crate::classify::Assessment;
use crate::model::{
    Counter, Counters, Snapshot, StateCount, StateCounts, Sysctl, Sysctls, TcpState,
};

/// The document; that of `watch` begins with the same fields.
#[derive(Debug, Serialize)]
pub(in crate::render) struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    states: StatesJson<'a>,
    total: u64,
    method: &'static str,
    elsewhere_at_most: Option<u64>,
    sysctls: SysctlsJson<'a>,
    time_wait: TimeWaitJson,
    counters: CountersJson<'a>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Debug, Serialize)]
struct StateJson {
    total: u64,
    ipv4: Option<u64>,
    ipv6: Option<u64>,
}

#[derive(Debug)]
struct StatesJson<'a>(&'a StateCounts);

#[derive(Debug)]
struct SysctlsJson<'a>(&'a Sysctls);

#[derive(Debug)]
struct CountersJson<'a>(&'a Counters);

#[derive(Debug, Serialize)]
struct TimeWaitJson {
    count: Option<u64>,
    minisockets: Option<u64>,
    max_buckets: Option<u64>,
    used_ratio: Option<f64>,
    overflows: Option<u64>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(snapshot: &Snapshot, assessment: &Assessment) -> anyhow::Result<String> {
    let document = Document::new("tcpstate.summary/1", snapshot, assessment);
    json_text::line(&document)
}

impl<'a> Document<'a> {
    /// The fields of the summary under a schema.
    pub(in crate::render) fn new(
        schema: &'static str,
        snapshot: &'a Snapshot,
        assessment: &'a Assessment,
    ) -> Self {
        Self {
            header: Header::new(schema, snapshot),
            states: StatesJson(&snapshot.states),
            total: snapshot.states.total(),
            method: snapshot.states.method.key(),
            elsewhere_at_most: snapshot.elsewhere_at_most,
            sysctls: SysctlsJson(&snapshot.sysctls),
            time_wait: TimeWaitJson::of(snapshot),
            counters: CountersJson(&snapshot.counters),
            findings: finding::json(assessment),
        }
    }
}

impl Serialize for StatesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (state, count) in self.0.iter() {
            map.serialize_entry(state.key(), &count.map(StateJson::from))?;
        }
        let unknown = StateJson {
            total: self.0.unknown,
            ipv4: None,
            ipv6: None,
        };
        map.serialize_entry(TcpState::Unknown(0).key(), &unknown)?;
        map.end()
    }
}

impl From<StateCount> for StateJson {
    fn from(count: StateCount) -> Self {
        Self {
            total: count.total,
            ipv4: count.ipv4,
            ipv6: count.ipv6,
        }
    }
}

impl Serialize for SysctlsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (sysctl, value) in self.0.iter() {
            map.serialize_entry(sysctl.name(), &value)?;
        }
        map.end()
    }
}

impl Serialize for CountersJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (counter, value) in self.0.iter() {
            map.serialize_entry(counter.name(), &value)?;
        }
        map.end()
    }
}

impl TimeWaitJson {
    fn of(snapshot: &Snapshot) -> Self {
        let minisockets = snapshot.states.minisockets;
        let max_buckets = snapshot.sysctls.get(Sysctl::TcpMaxTwBuckets);
        Self {
            count: snapshot.states.total_of(TcpState::TimeWait),
            minisockets,
            max_buckets,
            used_ratio: share(minisockets, max_buckets),
            overflows: snapshot.counters.get(Counter::TcpTimeWaitOverflow),
        }
    }
}
