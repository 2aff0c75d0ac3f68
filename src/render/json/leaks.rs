//! The leaks as JSON. A document takes some 300 bytes a socket.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::text::leaks::phrases;
use super::super::views::LeaksView;
use super::Header;
use super::parts::{List, milliseconds};
use super::write::write;
use crate::classify::close_wait::{
    Comparison, Growth, HalfClose, Held, Judged, LocalPort, Peer, ProcessLeaks, QueueLeaks,
    Unattributed,
};
use crate::model::{
    AgeBounds, ClosedDescriptors, Endpoint, Process, ScanCoverage, Socket, Unit, Verdict,
    VerdictCounts,
};

pub(super) const SCHEMA: &str = "tcpstate.leaks/1";

/// `tcpstate leaks --json`: CLOSE_WAIT sockets, judged, by process.
#[derive(Serialize, JsonSchema)]
pub(super) struct Leaks<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// Younger sockets are not leaked, in milliseconds (`--min-age`).
    min_age_ms: u64,
    /// All CLOSE_WAIT sockets.
    close_wait: Verdicts,
    /// How many sockets have a known owner, and how much was searched.
    coverage: Coverage<'a>,
    /// The two readings of `--over` beside each other. Null without it.
    comparison: Option<Comparison>,
    /// Processes that hold CLOSE_WAIT sockets, worst first.
    processes: List<'a, LeakingProcess<'a>>,
    /// Processes and listeners below `--min-count`.
    left_out: u64,
    /// Listeners with connections that nobody accepts, worst first.
    listeners: List<'a, ClosedInQueue<'a>>,
    /// Sockets whose owner is unknown, oldest first.
    unattributed: List<'a, UnownedSocket<'a>>,
    /// Descriptors whose connection is gone and that were not closed. Null
    /// without `--pid` and `--deep`: not searched.
    closed_connections: Option<ClosedConnections<'a>>,
}

/// CLOSE_WAIT sockets by verdict. The verdicts add up to `total`.
#[derive(Serialize, JsonSchema)]
struct Verdicts {
    /// Sockets in CLOSE_WAIT.
    total: u64,
    /// Leaked: `eof_unread`, `not_closed`, `queue_unknown` and `not_accepted`.
    leaked: u64,
    /// Leaked: data or the end of the stream waits, nobody reads.
    eof_unread: u64,
    /// Leaked: the end of the stream was read, and the descriptor not closed.
    not_closed: u64,
    /// Leaked: not closed, and the kernel (a sandbox's) doesn't tell whether
    /// anything waits to be read.
    queue_unknown: u64,
    /// Leaked: no process has called accept().
    not_accepted: u64,
    /// Not leaked: still sending.
    half_close: u64,
    /// Not leaked: younger than `min_age_ms`.
    recent: u64,
    /// Not known whether leaked: answers to keepalives or window probes hide
    /// the age.
    undated: u64,
}

/// How many sockets have a known owner, and how much was searched.
#[derive(Serialize, JsonSchema)]
struct Coverage<'a> {
    /// Sockets in CLOSE_WAIT.
    sockets: u64,
    /// Those with a known owner.
    attributed: u64,
    /// Those without.
    unattributed: u64,
    #[serde(flatten)]
    scan: ScanCoverage,
    /// Processes of `--pid` that could not be read.
    unreadable_pids: &'a [u32],
    /// Sockets that were closed while their owners were searched. They are in
    /// none of the other numbers.
    closed_during_scan: u64,
    /// Why sockets have no known owner. Null where all have one.
    reason: Option<String>,
}

/// A process and its CLOSE_WAIT sockets.
#[derive(Serialize, JsonSchema)]
struct LeakingProcess<'a> {
    #[serde(flatten)]
    process: &'a Process,
    /// Sockets that are leaked.
    leaked: u64,
    /// Sockets in CLOSE_WAIT.
    close_wait: u64,
    /// The same by verdict.
    verdicts: Verdicts,
    /// Age of the oldest leaked socket; of the oldest where none is leaked.
    oldest_age_ms: AgeBounds,
    /// Peers of the leaked sockets, the most frequent first.
    remotes: &'a [Peer],
    /// Local ports that several of the sockets came in on.
    local_ports: &'a [LocalPort],
    /// How the number of its CLOSE_WAIT sockets changed. Null without `--over`.
    growth: Option<LeakGrowth>,
    /// Data in the leaked sockets that wait for a reader, in bytes.
    unread_bytes: u64,
    /// What the cause may be. Null where nothing is leaked.
    hint: Option<String>,
    /// Its sockets, oldest first.
    sockets: List<'a, HeldSocket<'a>>,
}

/// Change of the number of CLOSE_WAIT sockets between two readings.
#[derive(Serialize, JsonSchema)]
struct LeakGrowth {
    /// How many more, or fewer.
    sockets: i64,
    /// The same, an hour.
    per_hour: Option<f64>,
    /// Time until the limit of file descriptors is reached, in milliseconds.
    /// Null: it doesn't grow, or the limit isn't known.
    fd_limit_in_ms: Option<u64>,
}

/// A CLOSE_WAIT socket that a process holds.
#[derive(Serialize, JsonSchema)]
struct HeldSocket<'a> {
    /// The descriptors of this process that refer to it.
    fds: &'a [u32],
    /// The thread whose own table the descriptors are in. Null: they are in the
    /// table of the process.
    thread: Option<u32>,
    /// The descriptor of the io_uring that has the socket among its registered
    /// files. Null: none has.
    io_uring_fd: Option<u32>,
    #[serde(flatten)]
    socket: CloseWaitSocket,
    /// Other processes that hold it too: all must close it.
    shared_with: List<'a, u32>,
}

/// A CLOSE_WAIT socket, judged.
#[derive(Serialize, JsonSchema)]
struct CloseWaitSocket {
    /// Our end.
    local: Endpoint,
    /// The peer's end.
    remote: Endpoint,
    /// The verdict.
    verdict: Verdict,
    /// Whether the verdict means a leak.
    leaked: bool,
    /// How a half-close is known. Null: it is none.
    half_close: Option<HalfClose>,
    /// Time since the peer closed.
    age_ms: AgeBounds,
    /// Bytes in the receive queue; the end of the stream counts 1.
    recv_q: Option<u32>,
    /// `recv_q` without the end of the stream.
    unread_bytes: Option<u32>,
    /// Bytes in the send queue. Null: unknown.
    send_q: Option<u32>,
    /// Its inode. Null: no process has accepted it.
    inode: Option<u64>,
    /// The kernel's cookie of the socket. Null over /proc.
    cookie: Option<u64>,
    /// Whether it was in CLOSE_WAIT in the first reading too. Null without
    /// `--over`.
    stayed: Option<bool>,
}

/// A listener with connections that their peers have closed and nobody accepts.
#[derive(Serialize, JsonSchema)]
struct ClosedInQueue<'a> {
    /// Where it listens.
    local: Endpoint,
    /// Processes that could accept.
    pids: &'a [u32],
    /// The names of these processes. Null: not readable.
    commands: List<'a, Option<&'a str>>,
    /// Leaked connections in the queue.
    not_accepted: u64,
    /// Age of the oldest.
    oldest_age_ms: AgeBounds,
    /// Connections that wait to be accepted, at the fullest socket there. Null:
    /// unknown.
    accept_queue: Option<u32>,
    /// How many may wait at that socket. Null: unknown.
    accept_limit: Option<u32>,
    /// Inodes of the listening sockets.
    inodes: List<'a, Option<u64>>,
}

/// A CLOSE_WAIT socket whose owner is unknown.
#[derive(Serialize, JsonSchema)]
struct UnownedSocket<'a> {
    /// Why: `permission`, `unreadable`, `no_descriptor`, `in_flight`, `no_listener`,
    /// `not_searched` or `not_searched_yet`.
    reason: &'static str,
    #[serde(flatten)]
    socket: CloseWaitSocket,
    /// User id of the socket. Null: unknown.
    uid: Option<u32>,
    /// Path of the cgroup that it was created in. Null: not found.
    cgroup: Option<&'a str>,
    /// Id of that cgroup. Null over /proc and before Linux 5.8.
    cgroup_id: Option<u64>,
    /// The systemd unit or container that the path names.
    unit: Option<String>,
}

/// Descriptors that refer to a connection that is gone.
#[derive(Serialize, JsonSchema)]
struct ClosedConnections<'a> {
    /// The descriptors.
    descriptors: List<'a, ClosedDescriptor<'a>>,
    /// How many were found in the first reading too, their connection ended
    /// both times. Null without `--over`.
    stayed: Option<u64>,
    /// Descriptors of sockets of other network namespaces.
    other_namespaces: u64,
    /// Descriptors of which can't be told whether they are TCP.
    not_judged: u64,
    /// Why there may be more. Null where every process was read.
    reason: Option<String>,
}

/// A descriptor of a TCP socket that is in no socket table any more.
#[derive(Serialize, JsonSchema)]
struct ClosedDescriptor<'a> {
    #[serde(flatten)]
    closed: &'a crate::model::ClosedDescriptor,
    /// Name of the process. Null: not readable.
    command: Option<&'a str>,
}

/// One document and a line end, written while the report is walked.
///
/// # Errors
///
/// When it can't be written.
pub fn leaks<W: Write>(view: &LeaksView<'_>, to: &mut W) -> io::Result<()> {
    write(&Leaks::new(view), &mut *to)?;
    to.write_all(b"\n")
}

impl<'a> Leaks<'a> {
    pub(super) fn new(view: &'a LeaksView<'a>) -> Self {
        let report = view.report;
        Self {
            header: Header::of(
                SCHEMA,
                view.host,
                view.taken_at,
                view.collection,
                view.elapsed,
            ),
            min_age_ms: milliseconds(report.min_age),
            close_wait: Verdicts::from(&report.counts),
            coverage: Coverage::of(view),
            comparison: report.comparison,
            processes: List::new(|| {
                let processes = report.processes.iter();
                processes.map(|process| LeakingProcess::of(view, process))
            }),
            left_out: report.left_out,
            listeners: List::new(|| {
                let listeners = report.listeners.iter();
                listeners.map(|listener| ClosedInQueue::of(view, listener))
            }),
            unattributed: List::new(|| {
                let sockets = report.unattributed.iter();
                sockets.filter_map(|entry| UnownedSocket::of(view, entry))
            }),
            closed_connections: report
                .closed
                .as_ref()
                .map(|found| ClosedConnections::of(view, found)),
        }
    }
}

impl<'a> Coverage<'a> {
    fn of(view: &LeaksView<'a>) -> Self {
        let report = view.report;
        Self {
            sockets: report.counts.total(),
            attributed: report.attributed,
            unattributed: report.unattributed.len() as u64,
            scan: report.scan.unwrap_or_default(),
            unreadable_pids: &report.unseen,
            closed_during_scan: report.closed_meanwhile,
            reason: phrases::unattributed(report, Some(view.as_root)),
        }
    }
}

impl<'a> LeakingProcess<'a> {
    fn of(view: &'a LeaksView<'a>, leaks: &'a ProcessLeaks) -> Self {
        let process = &leaks.process;
        Self {
            process,
            leaked: leaks.counts.leaked(),
            close_wait: leaks.counts.total(),
            verdicts: Verdicts::from(&leaks.counts),
            oldest_age_ms: leaks.oldest,
            remotes: &leaks.peers,
            local_ports: &leaks.local_ports,
            growth: leaks.growth.map(|growth| LeakGrowth::of(growth, leaks)),
            unread_bytes: leaks.unread_bytes,
            hint: leaks.hint.map(|hint| phrases::hint(hint, leaks)),
            sockets: List::new(move || {
                let sockets = leaks.sockets.iter();
                sockets.filter_map(move |held| HeldSocket::of(view, process.pid, held))
            }),
        }
    }
}

impl LeakGrowth {
    fn of(growth: Growth, leaks: &ProcessLeaks) -> Self {
        Self {
            sockets: growth.sockets,
            per_hour: growth.an_hour(),
            fd_limit_in_ms: leaks.limit_reached_in().map(milliseconds),
        }
    }
}

impl<'a> HeldSocket<'a> {
    fn of(view: &LeaksView<'_>, pid: u32, held: &'a Held) -> Option<Self> {
        Some(Self {
            fds: &held.fds,
            thread: held.thread,
            io_uring_fd: held.io_uring,
            socket: view.report.socket(held.index)?.into(),
            shared_with: List::new(move || held.shared_with(pid)),
        })
    }
}

impl<'a> ClosedInQueue<'a> {
    fn of(view: &'a LeaksView<'a>, leaks: &'a QueueLeaks) -> Self {
        let command = move |pid| view.processes.get(pid)?.command.as_deref();
        let fullest = leaks.listeners.iter().max_by_key(|socket| socket.recv_q);
        Self {
            local: leaks.local,
            pids: &leaks.pids,
            commands: List::new(move || leaks.pids.iter().map(command)),
            not_accepted: leaks.not_accepted,
            oldest_age_ms: leaks.oldest,
            accept_queue: fullest.and_then(Socket::accept_queue),
            accept_limit: fullest.and_then(Socket::accept_limit),
            inodes: List::new(move || leaks.listeners.iter().map(|socket| socket.inode)),
        }
    }
}

impl<'a> UnownedSocket<'a> {
    fn of(view: &LeaksView<'a>, entry: &Unattributed) -> Option<Self> {
        let judged = view.report.socket(entry.index)?;
        let id = judged.socket.cgroup;
        let cgroup = id.and_then(|id| view.cgroups.get(&id));
        Some(Self {
            reason: entry.why.key(),
            socket: judged.into(),
            uid: judged.socket.uid,
            cgroup: cgroup.and_then(|cgroup| cgroup.path.as_deref()),
            cgroup_id: id.map(|id| id.0),
            unit: cgroup.and_then(|cgroup| cgroup.unit.as_ref().map(Unit::to_string)),
        })
    }
}

impl<'a> ClosedConnections<'a> {
    fn of(view: &'a LeaksView<'a>, found: &ClosedDescriptors) -> Self {
        let report = view.report;
        Self {
            descriptors: List::new(move || {
                let closed = report.closed_descriptors();
                closed.map(move |one| ClosedDescriptor::of(view, one))
            }),
            stayed: report.closed_stayed,
            other_namespaces: found.elsewhere,
            not_judged: found.untold,
            reason: found
                .unseen
                .map(|why| phrases::unseen(why, Some(view.as_root))),
        }
    }
}

impl<'a> ClosedDescriptor<'a> {
    fn of(view: &'a LeaksView<'_>, closed: &'a crate::model::ClosedDescriptor) -> Self {
        let process = view.processes.get(&closed.holder.pid);
        let command = process.and_then(|process| process.command.as_deref());
        Self { closed, command }
    }
}

impl From<&VerdictCounts> for Verdicts {
    fn from(counts: &VerdictCounts) -> Self {
        Self {
            total: counts.total(),
            leaked: counts.leaked(),
            eof_unread: counts.of(Verdict::EofUnread),
            not_closed: counts.of(Verdict::NotClosed),
            queue_unknown: counts.of(Verdict::QueueUnknown),
            not_accepted: counts.of(Verdict::NotAccepted),
            half_close: counts.of(Verdict::HalfClose),
            recent: counts.of(Verdict::Recent),
            undated: counts.of(Verdict::Undated),
        }
    }
}

impl From<&Judged> for CloseWaitSocket {
    fn from(judged: &Judged) -> Self {
        let socket = &judged.socket;
        Self {
            local: socket.local,
            remote: socket.remote,
            verdict: judged.verdict,
            leaked: judged.verdict.is_leak(),
            half_close: judged.half_close,
            age_ms: judged.age,
            recv_q: socket.known_recv_q(),
            unread_bytes: judged.unread_bytes(),
            send_q: socket.send_q,
            inode: socket.inode,
            cookie: socket.cookie.map(|cookie| cookie.0),
            stayed: judged.stayed,
        }
    }
}
