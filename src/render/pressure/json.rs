//! What is about to run out as JSON, schema `tcpstate.pressure/1`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::super::endpoint::EndpointJson;
use super::super::finding::{self, FindingJson};
use super::super::header::Header;
use super::super::share;
use super::View;
use crate::classify::change::{self, time_between};
use crate::classify::listeners::{handshake_age_s, syn_limit, syn_verdict, verdict};
use crate::model::{
    Counter, Destination, Listener, PortRange, Ports, SharedPool, Sysctl, TcpState,
};

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    over_ms: Option<u64>,
    time_wait: TimeWaitJson,
    ports: Option<PortsJson>,
    listeners: Option<Vec<ListenerJson<'a>>>,
    syn: SynJson,
    orphans: OrphansJson,
    memory: MemoryJson,
    sysctls: BTreeMap<&'static str, Option<u64>>,
    counters: BTreeMap<&'static str, Option<u64>>,
    /// A second, where there are two samples.
    rates: Option<BTreeMap<&'static str, Option<f64>>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Debug, Serialize)]
struct TimeWaitJson {
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
struct PortsJson {
    range: Option<[u16; 2]>,
    reserved: Option<Vec<[u16; 2]>>,
    listened_on: u32,
    explicitly_bound: Option<u32>,
    destinations: Vec<DestinationJson>,
    shared_pools: Vec<PoolJson>,
}

#[derive(Debug, Serialize)]
struct DestinationJson {
    local_address: IpAddr,
    remote: EndpointJson,
    in_use: u32,
    time_wait: u32,
    recent_time_wait: u32,
    reusable: u32,
    usable: Option<u32>,
    free: Option<u32>,
    used_ratio: Option<f64>,
    bound_first: bool,
    sustainable_per_s: Option<f64>,
    growth_per_s: Option<f64>,
    exhausted_in_s: Option<f64>,
}

#[derive(Debug, Serialize)]
struct PoolJson {
    local_address: IpAddr,
    in_use: u32,
    taken: u32,
    destinations: u32,
    usable: Option<u32>,
    free: Option<u32>,
    used_ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ListenerJson<'a> {
    local: EndpointJson,
    sockets: u32,
    accept_queue: u32,
    accept_limit: Option<u32>,
    full: Option<bool>,
    full_sockets: Option<u32>,
    unaccepted: Option<u32>,
    dead: Option<u32>,
    syn_recv: Option<u32>,
    syn_limit: Option<u64>,
    oldest_syn_age_ms: Option<AgeJson>,
    verdict: &'static str,
    pids: Option<&'a [u32]>,
    command: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct AgeJson {
    at_least: u64,
    at_most: u64,
}

#[derive(Debug, Serialize)]
struct SynJson {
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
struct OrphansJson {
    count: Option<u64>,
    max_orphans: Option<u64>,
    scope: &'static str,
}

#[derive(Debug, Serialize)]
struct MemoryJson {
    pages: Option<u64>,
    limits_pages: Option<[u64; 3]>,
    scope: &'static str,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(view: &View<'_>) -> anyhow::Result<String> {
    let sample = view.sample;
    let pressure = &sample.pressure;
    let host_wide = &pressure.host_wide;
    let over = view
        .previous
        .and_then(|previous| time_between(sample, previous));
    let document = Document {
        header: Header::new("tcpstate.pressure/1", sample),
        over_ms: over.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        time_wait: time_wait(view),
        ports: pressure.ports.grouped().map(PortsJson::from),
        listeners: pressure.listeners.as_ref().map(|listeners| {
            let kept = listeners.listeners.iter();
            kept.map(|listener| listener_json(listener, view)).collect()
        }),
        syn: syn(view),
        orphans: OrphansJson {
            count: host_wide.orphans,
            max_orphans: host_wide.max_orphans,
            scope: "host",
        },
        memory: MemoryJson {
            pages: host_wide.memory_pages,
            limits_pages: host_wide.memory_limits,
            scope: "host",
        },
        sysctls: sample
            .sysctls
            .iter()
            .map(|(sysctl, value)| (sysctl.name(), value))
            .collect(),
        counters: sample
            .counters
            .iter()
            .map(|(counter, value)| (counter.name(), value))
            .collect(),
        rates: over.map(|_| rates(view)),
        findings: finding::json(view.assessment),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
}

fn rates(view: &View<'_>) -> BTreeMap<&'static str, Option<f64>> {
    Counter::ALL
        .iter()
        // A gauge, however it is written.
        .filter(|&&counter| counter != Counter::CurrEstab)
        .map(|&counter| {
            let change = change::counter(counter, view.sample, view.past());
            (counter.name(), change.map(|change| change.per_s))
        })
        .collect()
}

fn time_wait(view: &View<'_>) -> TimeWaitJson {
    let sample = view.sample;
    let minisockets = sample.states.minisockets;
    let max_buckets = sample.sysctls.get(Sysctl::TcpMaxTwBuckets);
    let tally = sample.pressure.time_wait;
    TimeWaitJson {
        count: sample.states.total_of(TcpState::TimeWait),
        minisockets,
        max_buckets,
        used_ratio: share(minisockets, max_buckets),
        overflows: sample.counters.get(Counter::TcpTimeWaitOverflow),
        client_side: tally.map(|tally| tally.client_side),
        client_side_loopback: tally.map(|tally| tally.client_loopback),
        server_side: tally.map(|tally| tally.server_side),
        other: tally.map(|tally| tally.other),
        reusable: tally.map(|tally| tally.reusable),
        ages: tally.map(|tally| tally.ages),
    }
}

fn listener_json<'a>(listener: &'a Listener, view: &View<'_>) -> ListenerJson<'a> {
    let evidence = view.syn_evidence();
    ListenerJson {
        local: listener.local.into(),
        sockets: listener.sockets,
        accept_queue: listener.accept_queue,
        accept_limit: listener.accept_limit,
        full: listener.is_full(),
        full_sockets: listener.full_sockets,
        unaccepted: listener.unaccepted,
        dead: listener.dead,
        syn_recv: listener.syn_recv,
        syn_limit: syn_limit(listener, &evidence),
        oldest_syn_age_ms: listener.syn_ack_retransmits.map(|retransmits| {
            let (at_least, at_most) = handshake_age_s(retransmits);
            AgeJson {
                at_least: at_least.saturating_mul(1_000),
                at_most: at_most.saturating_mul(1_000),
            }
        }),
        verdict: verdict(listener, &evidence).key(),
        pids: listener.pids.as_deref(),
        command: listener.command.as_deref(),
    }
}

fn syn(view: &View<'_>) -> SynJson {
    let sample = view.sample;
    let counter = |counter| sample.counters.get(counter);
    let sysctl = |sysctl| sample.sysctls.get(sysctl);
    let listeners = sample.pressure.listeners.as_ref();
    SynJson {
        syncookies: sysctl(Sysctl::TcpSyncookies),
        max_syn_backlog: sysctl(Sysctl::TcpMaxSynBacklog),
        synack_retries: sysctl(Sysctl::TcpSynackRetries),
        syn_recv: sample.states.total_of(TcpState::SynRecv),
        verdict: syn_verdict(&view.syn_evidence(), listeners).key(),
        cookies_sent: counter(Counter::SyncookiesSent),
        cookies_returned: counter(Counter::SyncookiesRecv),
        cookies_failed: counter(Counter::SyncookiesFailed),
        queue_full_cookies: counter(Counter::TcpReqQFullDoCookies),
        queue_full_drops: counter(Counter::TcpReqQFullDrop),
        listen_overflows: counter(Counter::ListenOverflows),
        listen_drops: counter(Counter::ListenDrops),
    }
}

impl From<&Ports> for PortsJson {
    fn from(ports: &Ports) -> Self {
        let ends = |range: PortRange| [range.first, range.last];
        let reserved = ports.settings.reserved.as_ref();
        Self {
            range: ports.settings.range.map(ends),
            reserved: reserved.map(|set| set.ranges().into_iter().map(ends).collect()),
            listened_on: ports.listened,
            explicitly_bound: ports.bound,
            destinations: ports.destinations.iter().map(Into::into).collect(),
            shared_pools: ports.shared_pools.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Destination> for DestinationJson {
    fn from(destination: &Destination) -> Self {
        Self {
            local_address: destination.local_address,
            remote: destination.remote.into(),
            in_use: destination.in_use,
            time_wait: destination.time_wait,
            recent_time_wait: destination.recent_time_wait,
            reusable: destination.reusable,
            usable: destination.usable,
            free: destination.free(),
            used_ratio: destination.used_ratio(),
            bound_first: destination.bound_first,
            sustainable_per_s: destination.sustainable_per_s,
            growth_per_s: destination.growth_per_s,
            exhausted_in_s: destination.exhausted_in_s(),
        }
    }
}

impl From<&SharedPool> for PoolJson {
    fn from(pool: &SharedPool) -> Self {
        Self {
            local_address: pool.local_address,
            in_use: pool.in_use,
            taken: pool.taken,
            destinations: pool.destinations,
            usable: pool.usable,
            free: pool.free(),
            used_ratio: pool.used_ratio(),
        }
    }
}
