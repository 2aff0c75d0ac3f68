//! The leaks as JSON, schema `tcpstate.leaks/1`.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::super::header::Header;
use super::View;
use crate::classify::close_wait::{
    Comparison, Growth, HalfClose, Held, Judged, LocalPort, Peer, ProcessLeaks, QueueLeaks,
    Unattributed,
};
use crate::model::{
    AgeBounds, Endpoint, Socket, SocketPast, Unit, VanishedSocket, Verdict, VerdictCounts,
};

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    min_age_ms: u64,
    close_wait: CountsJson,
    coverage: CoverageJson,
    comparison: Option<ComparisonJson>,
    processes: Vec<ProcessJson<'a>>,
    /// Processes and listeners below `--min-count`.
    left_out: u64,
    listeners: Vec<ListenerJson<'a>>,
    unattributed: Vec<UnattributedJson<'a>>,
    /// Null where nobody looked for them.
    vanished_fds: Option<Vec<VanishedJson<'a>>>,
    /// Descriptors of another network namespace, which no dump here shows.
    vanished_elsewhere: Option<u64>,
    /// Descriptors of which can't be told whether they are TCP.
    vanished_untold: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CountsJson {
    total: u64,
    leaked: u64,
    eof_unread: u64,
    not_closed: u64,
    not_accepted: u64,
    half_close: u64,
    recent: u64,
    undated: u64,
}

#[derive(Debug, Serialize)]
struct CoverageJson {
    sockets: u64,
    attributed: u64,
    unattributed: u64,
    processes_scanned: u64,
    processes_denied: u64,
    processes_vanished: u64,
    processes_failed: u64,
    processes_hidden: bool,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ComparisonJson {
    over_ms: u64,
    stayed: u64,
    new: u64,
    gone: Option<u64>,
}

#[derive(Debug, Serialize)]
struct AgeJson {
    at_least: Option<u64>,
    at_most: Option<u64>,
}

#[derive(Debug, Serialize)]
struct EndJson {
    address: IpAddr,
    port: u16,
}

#[derive(Debug, Serialize)]
struct PeerJson {
    address: IpAddr,
    port: Option<u16>,
    count: u64,
}

#[derive(Debug, Serialize)]
struct LocalPortJson {
    port: u16,
    count: u64,
}

#[derive(Debug, Serialize)]
struct GrowthJson {
    sockets: i64,
    an_hour: Option<f64>,
    fd_limit_in_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct ProcessJson<'a> {
    pid: u32,
    command: Option<&'a str>,
    cmdline: Option<&'a [String]>,
    uid: Option<u32>,
    cgroup: Option<&'a str>,
    unit: Option<String>,
    leaked: u64,
    close_wait: u64,
    verdicts: CountsJson,
    oldest_age_ms: AgeJson,
    open_fds: Option<u64>,
    fd_limit: Option<u64>,
    remotes: Vec<PeerJson>,
    local_ports: Vec<LocalPortJson>,
    growth: Option<GrowthJson>,
    hint: Option<String>,
    sockets: Vec<HeldJson<'a>>,
}

#[derive(Debug, Serialize)]
struct HeldJson<'a> {
    fds: &'a [u32],
    #[serde(flatten)]
    socket: SocketJson,
    shared_with: &'a [u32],
}

#[derive(Debug, Serialize)]
struct SocketJson {
    local: EndJson,
    remote: EndJson,
    verdict: &'static str,
    leaked: bool,
    half_close: Option<&'static str>,
    age_ms: AgeJson,
    recv_q: u32,
    send_q: Option<u32>,
    inode: Option<u64>,
    cookie: Option<u64>,
    stayed: Option<bool>,
}

#[derive(Debug, Serialize)]
struct ListenerJson<'a> {
    local: EndJson,
    pids: &'a [u32],
    commands: Vec<Option<&'a str>>,
    not_accepted: u64,
    oldest_age_ms: AgeJson,
    /// The queue of the fullest of the listeners that share the place.
    accept_queue: Option<u32>,
    accept_limit: Option<u32>,
    inodes: Vec<Option<u64>>,
}

#[derive(Debug, Serialize)]
struct UnattributedJson<'a> {
    reason: &'static str,
    #[serde(flatten)]
    socket: SocketJson,
    uid: Option<u32>,
    cgroup: Option<&'a str>,
    cgroup_id: Option<u64>,
    unit: Option<String>,
}

#[derive(Debug, Serialize)]
struct VanishedJson<'a> {
    pid: u32,
    command: Option<&'a str>,
    fd: u32,
    inode: u64,
    past: &'static str,
    local: Option<EndJson>,
    unread: Option<u64>,
}

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(view: &View<'_>) -> anyhow::Result<String> {
    let report = view.report;
    let vanished = report.vanished.as_ref();
    let document = Document {
        header: Header::of(
            "tcpstate.leaks/1",
            view.host,
            view.taken_at,
            view.collection,
            view.elapsed,
        ),
        min_age_ms: milliseconds(report.min_age),
        close_wait: CountsJson::from(&report.counts),
        coverage: coverage(view),
        comparison: report.comparison.map(ComparisonJson::from),
        processes: report
            .processes
            .iter()
            .map(|process| process_json(view, process))
            .collect(),
        left_out: report.left_out,
        listeners: report
            .listeners
            .iter()
            .map(|listener| listener_json(view, listener))
            .collect(),
        unattributed: report
            .unattributed
            .iter()
            .filter_map(|entry| unattributed_json(view, entry))
            .collect(),
        vanished_elsewhere: vanished.map(|all| all.elsewhere),
        vanished_untold: vanished.map(|all| all.untold),
        vanished_fds: vanished.map(|_| {
            let all = report.vanished();
            all.map(|one| vanished_json(view, one)).collect()
        }),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn coverage(view: &View<'_>) -> CoverageJson {
    let report = view.report;
    let scan = report.scan.unwrap_or_default();
    CoverageJson {
        sockets: report.counts.total(),
        attributed: report.attributed,
        unattributed: report.unattributed.len() as u64,
        processes_scanned: scan.processes_scanned,
        processes_denied: scan.processes_denied,
        processes_vanished: scan.processes_vanished,
        processes_failed: scan.processes_failed,
        processes_hidden: scan.processes_hidden,
        reason: super::words::unattributed(report),
    }
}

fn process_json<'a>(view: &View<'a>, leaks: &'a ProcessLeaks) -> ProcessJson<'a> {
    let process = &leaks.process;
    ProcessJson {
        pid: process.pid,
        command: process.command.as_deref(),
        cmdline: process.cmdline.as_deref(),
        uid: process.uid,
        cgroup: process.cgroup.as_deref(),
        unit: process.unit.as_ref().map(Unit::to_string),
        leaked: leaks.counts.leaked(),
        close_wait: leaks.counts.total(),
        verdicts: CountsJson::from(&leaks.counts),
        oldest_age_ms: leaks.oldest.into(),
        open_fds: process.open_fds,
        fd_limit: process.fd_limit,
        remotes: leaks.peers.iter().map(PeerJson::from).collect(),
        local_ports: leaks.local_ports.iter().map(LocalPortJson::from).collect(),
        growth: leaks.growth.map(|growth| growth_json(growth, leaks)),
        hint: leaks
            .hint
            .map(|hint| super::words::hint(hint, &leaks.counts)),
        sockets: leaks
            .sockets
            .iter()
            .filter_map(|held| held_json(view, held))
            .collect(),
    }
}

fn held_json<'a>(view: &View<'_>, held: &'a Held) -> Option<HeldJson<'a>> {
    Some(HeldJson {
        fds: &held.fds,
        socket: view.report.socket(held.index)?.into(),
        shared_with: &held.shared_with,
    })
}

fn growth_json(growth: Growth, leaks: &ProcessLeaks) -> GrowthJson {
    GrowthJson {
        sockets: growth.sockets,
        an_hour: growth.an_hour(),
        fd_limit_in_ms: leaks.limit_reached_in().map(milliseconds),
    }
}

fn listener_json<'a>(view: &View<'a>, leaks: &'a QueueLeaks) -> ListenerJson<'a> {
    let command = |pid| view.processes.get(pid)?.command.as_deref();
    let fullest = leaks.listeners.iter().max_by_key(|socket| socket.recv_q);
    ListenerJson {
        local: leaks.local.into(),
        pids: &leaks.pids,
        commands: leaks.pids.iter().map(command).collect(),
        not_accepted: leaks.not_accepted,
        oldest_age_ms: leaks.oldest.into(),
        accept_queue: fullest.and_then(Socket::accept_queue),
        accept_limit: fullest.and_then(Socket::accept_limit),
        inodes: leaks.listeners.iter().map(|socket| socket.inode).collect(),
    }
}

fn unattributed_json<'a>(view: &View<'a>, entry: &Unattributed) -> Option<UnattributedJson<'a>> {
    let judged = view.report.socket(entry.index)?;
    let id = judged.socket.cgroup;
    let cgroup = id.and_then(|id| view.cgroups.get(&id));
    Some(UnattributedJson {
        reason: entry.why.key(),
        socket: judged.into(),
        uid: judged.socket.uid,
        cgroup: cgroup.and_then(|cgroup| cgroup.path.as_deref()),
        cgroup_id: id.map(|id| id.0),
        unit: cgroup.and_then(|cgroup| cgroup.unit.as_ref().map(Unit::to_string)),
    })
}

fn vanished_json<'a>(view: &View<'a>, vanished: &VanishedSocket) -> VanishedJson<'a> {
    let pid = vanished.holder.pid;
    let process = view.processes.get(&pid);
    VanishedJson {
        pid,
        command: process.and_then(|process| process.command.as_deref()),
        fd: vanished.holder.fd,
        inode: vanished.inode,
        past: match vanished.past {
            SocketPast::Ended => "ended",
            SocketPast::NeverConnected => "never_connected",
            SocketPast::Unknown => "unknown",
        },
        local: vanished.local.map(EndJson::from),
        unread: vanished.unread,
    }
}

impl From<&VerdictCounts> for CountsJson {
    fn from(counts: &VerdictCounts) -> Self {
        Self {
            total: counts.total(),
            leaked: counts.leaked(),
            eof_unread: counts.of(Verdict::EofUnread),
            not_closed: counts.of(Verdict::NotClosed),
            not_accepted: counts.of(Verdict::NotAccepted),
            half_close: counts.of(Verdict::HalfClose),
            recent: counts.of(Verdict::Recent),
            undated: counts.of(Verdict::Undated),
        }
    }
}

impl From<Comparison> for ComparisonJson {
    fn from(comparison: Comparison) -> Self {
        Self {
            over_ms: milliseconds(comparison.over),
            stayed: comparison.stayed,
            new: comparison.new,
            gone: comparison.gone,
        }
    }
}

impl From<AgeBounds> for AgeJson {
    fn from(age: AgeBounds) -> Self {
        Self {
            at_least: age.at_least.map(milliseconds),
            at_most: age.at_most.map(milliseconds),
        }
    }
}

impl From<Endpoint> for EndJson {
    fn from(end: Endpoint) -> Self {
        Self {
            address: end.address,
            port: end.port,
        }
    }
}

impl From<&Peer> for PeerJson {
    fn from(peer: &Peer) -> Self {
        Self {
            address: peer.address,
            port: peer.port,
            count: peer.count,
        }
    }
}

impl From<&LocalPort> for LocalPortJson {
    fn from(local: &LocalPort) -> Self {
        Self {
            port: local.port,
            count: local.count,
        }
    }
}

impl From<&Judged> for SocketJson {
    fn from(judged: &Judged) -> Self {
        let socket = &judged.socket;
        Self {
            local: socket.local.into(),
            remote: socket.remote.into(),
            verdict: judged.verdict.key(),
            leaked: judged.verdict.is_leak(),
            half_close: judged.half_close.map(HalfClose::key),
            age_ms: judged.age.into(),
            recv_q: socket.recv_q,
            send_q: socket.send_q,
            inode: socket.inode,
            cookie: socket.cookie.map(|cookie| cookie.0),
            stayed: judged.stayed,
        }
    }
}
