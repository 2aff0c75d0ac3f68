//! What all connections share: TIME_WAIT buckets, SYN cookies, orphans, memory.

use serde::Serialize;

use super::super::super::share;
use super::super::View;
use crate::classify::listeners::{SynEvidence, syn_verdict};
use crate::model::{Counter, HostWide, Sysctl, TcpState};

#[derive(Debug, Serialize)]
pub(super) struct TimeWaitJson {
    count: Option<u64>,
    minisockets: Option<u64>,
    max_buckets: Option<u64>,
    used_ratio: Option<f64>,
    overflows: Option<u64>,
    client_side: Option<u64>,
    client_side_loopback: Option<u64>,
    server_side: Option<u64>,
    other: Option<u64>,
    reusable: Option<u64>,
    /// Steps of 10 s, 0 to 60 s.
    ages: Option<[u64; 6]>,
}

#[derive(Debug, Serialize)]
pub(super) struct SynJson {
    syncookies: Option<u64>,
    max_syn_backlog: Option<u64>,
    synack_retries: Option<u64>,
    syn_recv: Option<u64>,
    verdict: &'static str,
    cookies_sent: Option<u64>,
    cookies_returned: Option<u64>,
    cookies_failed: Option<u64>,
    queue_full_cookies: Option<u64>,
    queue_full_drops: Option<u64>,
    listen_overflows: Option<u64>,
    listen_drops: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct OrphansJson {
    count: Option<u64>,
    max_orphans: Option<u64>,
    scope: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct MemoryJson {
    pages: Option<u64>,
    limits_pages: Option<[u64; 3]>,
    scope: &'static str,
}

impl TimeWaitJson {
    pub(super) fn of(view: &View<'_>) -> Self {
        let snapshot = view.snapshot;
        let minisockets = snapshot.states.minisockets;
        let max_buckets = snapshot.sysctls.get(Sysctl::TcpMaxTwBuckets);
        let tally = snapshot.pressure.time_wait;
        Self {
            count: snapshot.states.total_of(TcpState::TimeWait),
            minisockets,
            max_buckets,
            used_ratio: share(minisockets, max_buckets),
            overflows: snapshot.counters.get(Counter::TcpTimeWaitOverflow),
            client_side: tally.map(|tally| tally.client_side),
            client_side_loopback: tally.map(|tally| tally.client_loopback),
            server_side: tally.map(|tally| tally.server_side),
            other: tally.map(|tally| tally.other),
            reusable: tally.map(|tally| tally.reusable),
            ages: tally.map(|tally| tally.ages),
        }
    }
}

impl SynJson {
    pub(super) fn of(view: &View<'_>, evidence: &SynEvidence) -> Self {
        let snapshot = view.snapshot;
        let counter = |counter| snapshot.counters.get(counter);
        let sysctl = |sysctl| snapshot.sysctls.get(sysctl);
        let listeners = snapshot.pressure.listeners.as_ref();
        Self {
            syncookies: sysctl(Sysctl::TcpSyncookies),
            max_syn_backlog: sysctl(Sysctl::TcpMaxSynBacklog),
            synack_retries: sysctl(Sysctl::TcpSynackRetries),
            syn_recv: snapshot.states.total_of(TcpState::SynRecv),
            verdict: syn_verdict(evidence, listeners).key(),
            cookies_sent: counter(Counter::SyncookiesSent),
            cookies_returned: counter(Counter::SyncookiesRecv),
            cookies_failed: counter(Counter::SyncookiesFailed),
            queue_full_cookies: counter(Counter::TcpReqQFullDoCookies),
            queue_full_drops: counter(Counter::TcpReqQFullDrop),
            listen_overflows: counter(Counter::ListenOverflows),
            listen_drops: counter(Counter::ListenDrops),
        }
    }
}

impl From<&HostWide> for OrphansJson {
    fn from(host_wide: &HostWide) -> Self {
        Self {
            count: host_wide.orphans,
            max_orphans: host_wide.max_orphans,
            scope: "host",
        }
    }
}

impl From<&HostWide> for MemoryJson {
    fn from(host_wide: &HostWide) -> Self {
        Self {
            pages: host_wide.memory_pages,
            limits_pages: host_wide.memory_limits,
            scope: "host",
        }
    }
}
