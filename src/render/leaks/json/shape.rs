//! The parts of the document, by the names of the contract. The type of a list
//! that may be long is left to who writes it.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::super::super::endpoint::EndpointJson;
use super::super::super::header::Header;
use crate::classify::close_wait::{Comparison, HalfClose, Judged, LocalPort, Peer};
use crate::model::{AgeBounds, Verdict, VerdictCounts};

#[derive(Debug, Serialize)]
pub(super) struct Document<'a, Processes, Listeners, Unattributed, Vanished> {
    #[serde(flatten)]
    pub(super) header: Header<'a>,
    pub(super) min_age_ms: u64,
    pub(super) close_wait: CountsJson,
    pub(super) coverage: CoverageJson<'a>,
    pub(super) comparison: Option<ComparisonJson>,
    pub(super) processes: Processes,
    /// Processes and listeners below `--min-count`.
    pub(super) left_out: u64,
    pub(super) listeners: Listeners,
    pub(super) unattributed: Unattributed,
    /// Null where nobody looked for them.
    pub(super) vanished_fds: Option<Vanished>,
    /// How many of them an earlier look saw too, ended both times; null without
    /// one.
    pub(super) vanished_stayed: Option<u64>,
    /// Descriptors of another network namespace, which no dump here shows.
    pub(super) vanished_elsewhere: Option<u64>,
    /// Why there may be more; null where every process was looked into.
    pub(super) vanished_reason: Option<String>,
    /// Descriptors of which can't be told whether they are TCP.
    pub(super) vanished_untold: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct CountsJson {
    pub(super) total: u64,
    pub(super) leaked: u64,
    pub(super) eof_unread: u64,
    pub(super) not_closed: u64,
    pub(super) not_accepted: u64,
    pub(super) half_close: u64,
    pub(super) recent: u64,
    pub(super) undated: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct CoverageJson<'a> {
    pub(super) sockets: u64,
    pub(super) attributed: u64,
    pub(super) unattributed: u64,
    pub(super) processes_scanned: u64,
    pub(super) processes_denied: u64,
    pub(super) processes_vanished: u64,
    pub(super) processes_failed: u64,
    pub(super) processes_hidden: bool,
    /// Those of `--pid` that could not be looked into.
    pub(super) unseen_pids: &'a [u32],
    /// Left out: closed while owners were looked for.
    pub(super) closed_meanwhile: u64,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ComparisonJson {
    pub(super) over_ms: u64,
    pub(super) stayed: u64,
    pub(super) new: u64,
    pub(super) gone: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct AgeJson {
    pub(super) at_least: Option<u64>,
    pub(super) at_most: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct PeerJson {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct LocalPortJson {
    pub(super) port: u16,
    pub(super) count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct GrowthJson {
    pub(super) sockets: i64,
    pub(super) an_hour: Option<f64>,
    pub(super) fd_limit_in_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProcessJson<'a, Remotes, LocalPorts, Sockets> {
    pub(super) pid: u32,
    pub(super) command: Option<&'a str>,
    pub(super) cmdline: Option<&'a [String]>,
    pub(super) uid: Option<u32>,
    pub(super) cgroup: Option<&'a str>,
    pub(super) unit: Option<String>,
    pub(super) leaked: u64,
    pub(super) close_wait: u64,
    pub(super) verdicts: CountsJson,
    pub(super) oldest_age_ms: AgeJson,
    pub(super) open_fds: Option<u64>,
    pub(super) fd_limit: Option<u64>,
    pub(super) remotes: Remotes,
    pub(super) local_ports: LocalPorts,
    pub(super) growth: Option<GrowthJson>,
    pub(super) unread_bytes: u64,
    pub(super) hint: Option<String>,
    pub(super) sockets: Sockets,
}

#[derive(Debug, Serialize)]
pub(super) struct HeldJson<'a, Pids> {
    pub(super) fds: &'a [u32],
    #[serde(flatten)]
    pub(super) socket: SocketJson,
    pub(super) shared_with: Pids,
}

#[derive(Debug, Serialize)]
pub(super) struct SocketJson {
    pub(super) local: EndpointJson,
    pub(super) remote: EndpointJson,
    pub(super) verdict: &'static str,
    pub(super) leaked: bool,
    pub(super) half_close: Option<&'static str>,
    pub(super) age_ms: AgeJson,
    pub(super) recv_q: u32,
    /// `recv_q` without the end of the stream.
    pub(super) unread_bytes: u32,
    pub(super) send_q: Option<u32>,
    pub(super) inode: Option<u64>,
    pub(super) cookie: Option<u64>,
    pub(super) stayed: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct ListenerJson<'a, Commands, Inodes> {
    pub(super) local: EndpointJson,
    pub(super) pids: &'a [u32],
    pub(super) commands: Commands,
    pub(super) not_accepted: u64,
    pub(super) oldest_age_ms: AgeJson,
    /// The queue of the fullest of the listeners that share the place.
    pub(super) accept_queue: Option<u32>,
    pub(super) accept_limit: Option<u32>,
    pub(super) inodes: Inodes,
}

#[derive(Debug, Serialize)]
pub(super) struct UnattributedJson<'a> {
    pub(super) reason: &'static str,
    #[serde(flatten)]
    pub(super) socket: SocketJson,
    pub(super) uid: Option<u32>,
    pub(super) cgroup: Option<&'a str>,
    pub(super) cgroup_id: Option<u64>,
    pub(super) unit: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct VanishedJson<'a> {
    pub(super) pid: u32,
    pub(super) command: Option<&'a str>,
    pub(super) fd: u32,
    pub(super) inode: u64,
    pub(super) past: &'static str,
    pub(super) local: Option<EndpointJson>,
    pub(super) unread: Option<u64>,
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
            unread_bytes: judged.unread_bytes(),
            send_q: socket.send_q,
            inode: socket.inode,
            cookie: socket.cookie.map(|cookie| cookie.0),
            stayed: judged.stayed,
        }
    }
}
