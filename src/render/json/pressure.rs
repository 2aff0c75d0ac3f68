//! What is about to run out as JSON.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::views::PressureView;
use super::Header;
use super::parts::{
    ByName, CounterRates, CounterValues, PressureSysctls, milliseconds, rated_counters,
};
use super::summary::TimeWait;
use super::write::line;
use crate::classify::Finding;
use crate::classify::change::{self, time_between};
use crate::classify::listeners::{
    SynEvidence, SynVerdict, Verdict, handshake_age_s, syn_limit, syn_verdict, verdict,
};
use crate::model::{
    AgeBounds, Cgroup, Counter, Destination, Endpoint, ListenSocket, Listener, PortRange, Ports,
    SharedPool, Sysctl, TcpState,
};

pub(super) const SCHEMA: &str = "tcpstate.pressure/1";

/// `tcpstate pressure --json`: what is about to run out.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pressure<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// The time between the two readings of `--over`, in milliseconds. Null
    /// without it.
    over_ms: Option<u64>,
    /// TIME_WAIT by side and age, and its limit.
    time_wait: PressureTimeWait,
    /// Ports of outgoing connections. Null: they could not be read.
    ports: Option<PortUse<'a>>,
    /// Listening addresses and ports, the fullest first. Null: they could not
    /// be read.
    listeners: Option<Vec<ListenerQueues<'a>>>,
    /// Listening addresses and ports, those left out by `--listen-port` too.
    listeners_total: Option<u64>,
    /// SYN queues and SYN cookies of the namespace.
    syn: SynQueues,
    /// Sockets without a process.
    orphans: OrphanSockets,
    /// Memory in TCP buffers.
    memory: Memory,
    /// The kernel's settings by their own names. Null: the kernel doesn't have
    /// it, or it may not be read.
    sysctls: ByName<PressureSysctls>,
    /// What the kernel counted since the namespace began, by its own names.
    /// Null: the kernel doesn't have it.
    counters: ByName<CounterValues>,
    /// Rate of each counter, a second. Null without `--over`.
    rates: Option<ByName<CounterRates>>,
    /// What is wrong, worst first.
    findings: &'a [Finding],
}

/// TIME_WAIT by side and age, and its limit. Null: the sockets were not read
/// one by one.
#[derive(Serialize, JsonSchema)]
struct PressureTimeWait {
    #[serde(flatten)]
    limit: TimeWait,
    /// Sockets of our clients: the local port is in the ephemeral range.
    client_side: Option<u64>,
    /// Of `client_side`, those over loopback.
    client_side_loopback: Option<u64>,
    /// Sockets of our servers: the local port is a listener's.
    server_side: Option<u64>,
    /// Neither.
    other: Option<u64>,
    /// Of `client_side`, those whose port connect() would take over now.
    reusable: Option<u64>,
    /// Sockets by age, in steps of 10 s from 0 to 60 s.
    ages: Option<[u64; 6]>,
}

/// Ports of outgoing connections.
#[derive(Serialize, JsonSchema)]
struct PortUse<'a> {
    /// First and last port of `ip_local_port_range`. Null: not readable.
    range: Option<[u16; 2]>,
    /// First and last port of each range of `ip_local_reserved_ports`. Null:
    /// not readable.
    reserved: Option<Vec<[u16; 2]>>,
    /// Ports of the range that a listener has. Null: the range is unknown.
    listened_on: Option<u32>,
    /// Ports of the range that sockets hold which are bound and neither listen
    /// nor are connected. Null: not looked for.
    explicitly_bound: Option<u32>,
    /// Every destination, the fullest first.
    destinations: Vec<DestinationUse<'a>>,
    /// Destinations left out by the filter.
    left_out: u64,
    /// Ports that bind() gives out for several destinations, the fullest first.
    shared_pools: Vec<PoolUse<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(description = "The ports of one local address towards one remote address and port.")]
struct DestinationUse<'a> {
    #[serde(flatten)]
    destination: &'a Destination,
    /// New connections that would succeed now, at most. Null: the settings are
    /// not known.
    free: Option<u32>,
    /// Share of `usable` that no new connection can have, 0 to 1.
    used_ratio: Option<f64>,
    /// Seconds until no port is left, at this growth. Null: it doesn't grow, or
    /// without `--over`.
    exhausted_in_s: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(description = "Ports of a local address that bind() with port 0 gave out.")]
struct PoolUse<'a> {
    #[serde(flatten)]
    pool: &'a SharedPool,
    /// Ports that bind() can still give out, at most.
    free: Option<u32>,
    /// Share of `usable` that bind() can't give out, 0 to 1.
    used_ratio: Option<f64>,
    /// Seconds until no port is left, at this growth. Null: it doesn't grow, or
    /// without `--over`.
    exhausted_in_s: Option<f64>,
}

/// A listening address and port.
#[derive(Serialize, JsonSchema)]
struct ListenerQueues<'a> {
    /// Where it listens.
    local: Endpoint,
    /// Index of the interface that it is bound to: two listeners on one port may
    /// differ in nothing else.
    interface: Option<u32>,
    /// Sockets there: more than one with SO_REUSEPORT.
    sockets: u32,
    /// Connections that wait to be accepted, at the fullest socket.
    accept_queue: u32,
    /// How many may wait at that socket. Null over /proc.
    accept_limit: Option<u32>,
    /// Whether that socket drops the next connection. Null over /proc.
    full: Option<bool>,
    /// Sockets that are full. Null over /proc.
    full_sockets: Option<u32>,
    /// Connections in the socket table that wait to be accepted. Null: not
    /// counted.
    unaccepted: Option<u32>,
    /// Connections in the accept queue that were reset while they waited. Null:
    /// the sockets' queues aren't told apart.
    dead: Option<u32>,
    /// Handshakes that aren't finished. Null: not counted.
    syn_recv: Option<u32>,
    /// How many handshakes the SYN queue holds. Null over /proc.
    syn_limit: Option<u64>,
    /// Age of the oldest handshake. Null: no SYN-ACK was sent again, or not
    /// known.
    oldest_syn_age_ms: Option<AgeBounds>,
    /// What is wrong with it.
    verdict: Verdict,
    /// Processes that hold it. Null: not searched, or none is visible.
    pids: Option<&'a [u32]>,
    /// Name of the first of these processes.
    command: Option<&'a str>,
    /// Systemd unit or container of that process; else of the socket's cgroup.
    unit: Option<String>,
    /// The cgroups that the sockets were created in.
    cgroups: Vec<SocketCgroup<'a>>,
    /// Each socket (SO_REUSEPORT).
    members: Vec<ListenerMember<'a>>,
}

/// The cgroup that a socket was created in.
#[derive(Serialize, JsonSchema)]
struct SocketCgroup<'a> {
    /// Its id, as the kernel keeps it with the socket.
    id: u64,
    /// Its path in cgroup2. Null: not found.
    path: Option<&'a str>,
    /// Whether it is not found because it was removed.
    removed: bool,
    /// The systemd unit or container that the path names.
    unit: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(description = "One socket of a listening address and port.")]
struct ListenerMember<'a> {
    /// Its inode.
    inode: Option<u64>,
    /// Connections that wait to be accepted.
    accept_queue: u32,
    /// How many may wait. Null over /proc.
    accept_limit: Option<u32>,
    /// Whether it drops the next connection. Null over /proc.
    full: Option<bool>,
    /// The cgroup that it was created in. Null over /proc and before Linux 5.8.
    cgroup_id: Option<u64>,
    /// Processes that hold it. Null: not searched, or none is visible.
    pids: Option<&'a [u32]>,
}

/// SYN queues and SYN cookies of the namespace. Null: the kernel doesn't have
/// the setting or the counter.
#[derive(Serialize, JsonSchema)]
struct SynQueues {
    /// `tcp_syncookies`.
    syncookies: Option<u64>,
    /// `tcp_max_syn_backlog`.
    max_syn_backlog: Option<u64>,
    /// `tcp_synack_retries`.
    synack_retries: Option<u64>,
    /// Handshakes that aren't finished.
    syn_recv: Option<u64>,
    /// What the cookies tell.
    verdict: SynVerdict,
    /// `SyncookiesSent`.
    cookies_sent: Option<u64>,
    /// `SyncookiesRecv`: clients that answered a cookie.
    cookies_returned: Option<u64>,
    /// `SyncookiesFailed`.
    cookies_failed: Option<u64>,
    /// `TCPReqQFullDoCookies`: SYNs answered by a cookie, the queue being full.
    queue_full_cookies: Option<u64>,
    /// `TCPReqQFullDrop`: SYNs dropped, the queue being full and cookies off.
    queue_full_drops: Option<u64>,
    /// `ListenOverflows`: dropped by full accept queues.
    listen_overflows: Option<u64>,
    /// `ListenDrops`: dropped by listeners in all.
    listen_drops: Option<u64>,
}

/// Sockets without a process that aren't in TIME_WAIT.
#[derive(Serialize, JsonSchema)]
struct OrphanSockets {
    /// How many there are.
    count: Option<u64>,
    /// The limit, `tcp_max_orphans`. Null in a child namespace, which hides it.
    max_orphans: Option<u64>,
    /// What the numbers are of: `host`.
    scope: &'static str,
}

/// Memory in TCP buffers.
#[derive(Serialize, JsonSchema)]
struct Memory {
    /// Pages in use.
    pages: Option<u64>,
    /// `tcp_mem`: pages below which nothing is done, from which buffers are
    /// moderated, and which are never exceeded. Null in a child namespace,
    /// which hides it.
    limits_pages: Option<[u64; 3]>,
    /// What the numbers are of: `host`.
    scope: &'static str,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn pressure(view: &PressureView<'_>) -> anyhow::Result<String> {
    line(&Pressure::new(view))
}

impl<'a> Pressure<'a> {
    pub(super) fn new(view: &PressureView<'a>) -> Self {
        let snapshot = view.snapshot;
        let pressure = &snapshot.pressure;
        let host_wide = &pressure.host_wide;
        let evidence = view.syn_evidence();
        let over = view
            .previous
            .and_then(|previous| time_between(snapshot, previous));
        let counters = snapshot.counters.iter();
        Self {
            header: Header::new(SCHEMA, snapshot),
            over_ms: over.map(milliseconds),
            time_wait: PressureTimeWait::of(view),
            ports: pressure.ports.grouped().map(PortUse::from),
            listeners: pressure.listeners.as_ref().map(|listeners| {
                let kept = listeners.listeners.iter();
                kept.map(|listener| ListenerQueues::new(listener, &evidence))
                    .collect()
            }),
            listeners_total: pressure.listeners.as_ref().map(|listeners| listeners.count),
            syn: SynQueues::of(view, &evidence),
            orphans: OrphanSockets {
                count: host_wide.orphans,
                max_orphans: host_wide.max_orphans,
                scope: "host",
            },
            memory: Memory {
                pages: host_wide.memory_pages,
                limits_pages: host_wide.memory_limits,
                scope: "host",
            },
            sysctls: ByName::sysctls(Sysctl::PRESSURE, &snapshot.sysctls),
            counters: counters
                .map(|(counter, value)| (counter.name(), value))
                .collect(),
            rates: over.map(|_| {
                let rate = |counter| change::counter(counter, snapshot, view.past());
                rated_counters()
                    .map(|counter| (counter.name(), rate(counter).map(|change| change.per_s)))
                    .collect()
            }),
            findings: &view.assessment.findings,
        }
    }
}

impl PressureTimeWait {
    fn of(view: &PressureView<'_>) -> Self {
        let tally = view.snapshot.pressure.time_wait;
        Self {
            limit: TimeWait::of(view.snapshot),
            client_side: tally.map(|tally| tally.client_side),
            client_side_loopback: tally.map(|tally| tally.client_loopback),
            server_side: tally.map(|tally| tally.server_side),
            other: tally.map(|tally| tally.other),
            reusable: tally.map(|tally| tally.reusable),
            ages: tally.map(|tally| tally.ages),
        }
    }
}

impl<'a> From<&'a Ports> for PortUse<'a> {
    fn from(ports: &'a Ports) -> Self {
        let ends = |range: PortRange| [range.first, range.last];
        let reserved = ports.settings.reserved.as_ref();
        Self {
            range: ports.settings.range.map(ends),
            reserved: reserved.map(|set| set.ranges().into_iter().map(ends).collect()),
            listened_on: ports.listened,
            explicitly_bound: ports.bound,
            destinations: ports.destinations.iter().map(Into::into).collect(),
            left_out: ports.left_out,
            shared_pools: ports.shared_pools.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Destination> for DestinationUse<'a> {
    fn from(destination: &'a Destination) -> Self {
        Self {
            destination,
            free: destination.free(),
            used_ratio: destination.used_ratio(),
            exhausted_in_s: destination.exhausted_in_s(),
        }
    }
}

impl<'a> From<&'a SharedPool> for PoolUse<'a> {
    fn from(pool: &'a SharedPool) -> Self {
        Self {
            pool,
            free: pool.free(),
            used_ratio: pool.used_ratio(),
            exhausted_in_s: pool.exhausted_in_s(),
        }
    }
}

impl<'a> ListenerQueues<'a> {
    /// A listener, judged by what is known of the namespace.
    fn new(listener: &'a Listener, evidence: &SynEvidence) -> Self {
        let program = listener.program.as_ref();
        Self {
            local: listener.local,
            interface: listener.interface,
            sockets: listener.sockets,
            accept_queue: listener.accept_queue,
            accept_limit: listener.accept_limit,
            full: listener.is_full(),
            full_sockets: listener.full_sockets,
            unaccepted: listener.unaccepted,
            dead: listener.dead,
            syn_recv: listener.syn_recv,
            syn_limit: syn_limit(listener, evidence),
            oldest_syn_age_ms: listener.syn_ack_retransmits.map(|retransmits| {
                let (at_least, at_most) = handshake_age_s(retransmits);
                AgeBounds {
                    at_least: Some(Duration::from_secs(at_least)),
                    at_most: Some(Duration::from_secs(at_most)),
                }
            }),
            verdict: verdict(listener, evidence),
            pids: program.map(|program| program.pids.as_slice()),
            command: program.and_then(|program| program.command.as_deref()),
            unit: listener.unit(ToString::to_string),
            cgroups: listener.cgroups.iter().map(Into::into).collect(),
            members: listener.members.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Cgroup> for SocketCgroup<'a> {
    fn from(cgroup: &'a Cgroup) -> Self {
        Self {
            id: cgroup.id.0,
            path: cgroup.path.as_deref(),
            removed: cgroup.removed,
            unit: cgroup.unit.as_ref().map(ToString::to_string),
        }
    }
}

impl<'a> From<&'a ListenSocket> for ListenerMember<'a> {
    fn from(socket: &'a ListenSocket) -> Self {
        Self {
            inode: socket.inode,
            accept_queue: socket.accept_queue,
            accept_limit: socket.accept_limit,
            full: socket.is_full(),
            cgroup_id: socket.cgroup.map(|cgroup| cgroup.0),
            pids: socket.pids.as_deref(),
        }
    }
}

impl SynQueues {
    fn of(view: &PressureView<'_>, evidence: &SynEvidence) -> Self {
        let snapshot = view.snapshot;
        let counter = |counter| snapshot.counters.get(counter);
        let sysctl = |sysctl| snapshot.sysctls.get(sysctl);
        let listeners = snapshot.pressure.listeners.as_ref();
        Self {
            syncookies: sysctl(Sysctl::TcpSyncookies),
            max_syn_backlog: sysctl(Sysctl::TcpMaxSynBacklog),
            synack_retries: sysctl(Sysctl::TcpSynackRetries),
            syn_recv: snapshot.states.total_of(TcpState::SynRecv),
            verdict: syn_verdict(evidence, listeners),
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
