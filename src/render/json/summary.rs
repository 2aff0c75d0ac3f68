//! The summary as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::share;
use super::Header;
use super::groups::Grouped;
use super::parts::{ByName, CounterValues, States, SummarySysctls};
use super::write::line;
use crate::classify::{Assessment, Finding};
use crate::model::{
    self, CountMethod, Counter, Snapshot, StateCount, StateCounts, Sysctl, TcpState,
};

pub(super) const SCHEMA: &str = "tcpstate.summary/1";

/// `tcpstate summary --json`: sockets by state, settings, counters, findings.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// Sockets by state.
    states: ByName<States>,
    /// All sockets that were counted.
    total: u64,
    /// How the sockets were counted.
    method: CountMethod,
    /// TCP sockets of the host that are in no table of this namespace: those of
    /// other network namespaces, and those that are open and not connected. An
    /// upper bound. Null in a child namespace.
    other_namespaces_at_most: Option<u64>,
    /// The kernel's settings by their own names. Null: the kernel doesn't have
    /// it, or it may not be read.
    sysctls: ByName<SummarySysctls>,
    /// TIME_WAIT and its limit.
    time_wait: TimeWait,
    /// What the kernel counted since the namespace began, by its own names.
    /// Null: the kernel doesn't have it.
    counters: ByName<CounterValues>,
    /// What is wrong, worst first.
    findings: &'a [Finding],
    /// Sockets by what they have in common. Null without `--by`.
    groups: Option<Grouped>,
}

/// TIME_WAIT and its limit.
#[derive(Serialize, JsonSchema)]
pub(super) struct TimeWait {
    /// Sockets in TIME_WAIT.
    count: Option<u64>,
    /// TIME_WAIT sockets and FIN_WAIT2 sockets without a process, of both
    /// families: what the limit is for.
    minisockets: Option<u64>,
    /// The limit, `tcp_max_tw_buckets`.
    max_buckets: Option<u64>,
    /// `minisockets` divided by `max_buckets`, 0 to 1.
    used_ratio: Option<f64>,
    /// Connections closed without TIME_WAIT because the limit was reached.
    overflows: Option<u64>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn summary(
    snapshot: &Snapshot,
    assessment: &Assessment,
    groups: Option<(&model::Groups, usize)>,
) -> anyhow::Result<String> {
    line(&Summary::new(SCHEMA, snapshot, assessment, groups))
}

impl<'a> Summary<'a> {
    /// The fields of the summary under a schema: the document of `watch` begins
    /// with the same.
    pub(super) fn new(
        schema: &'static str,
        snapshot: &'a Snapshot,
        assessment: &'a Assessment,
        groups: Option<(&model::Groups, usize)>,
    ) -> Self {
        let states = &snapshot.states;
        let counters = snapshot.counters.iter();
        Self {
            header: Header::new(schema, snapshot),
            states: states_of(states),
            total: states.total(),
            method: states.method,
            other_namespaces_at_most: snapshot.elsewhere_at_most,
            sysctls: ByName::sysctls(Sysctl::SUMMARY, &snapshot.sysctls),
            time_wait: TimeWait::of(snapshot),
            counters: counters
                .map(|(counter, value)| (counter.name(), value))
                .collect(),
            findings: &assessment.findings,
            groups: groups.map(|(groups, most)| Grouped::new(groups, most)),
        }
    }
}

/// Sockets by state.
pub(super) fn states_of(states: &StateCounts) -> ByName<States> {
    let unknown = StateCount {
        total: states.unknown,
        ipv4: None,
        ipv6: None,
    };
    let named = states.iter().map(|(state, count)| (state.key(), count));
    named
        .chain([(TcpState::Unknown(0).key(), Some(unknown))])
        .collect()
}

impl TimeWait {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
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
