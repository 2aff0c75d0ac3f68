//! Listeners and who is behind them.

use serde::Serialize;

use super::EndpointJson;
use crate::classify::listeners::{SynEvidence, handshake_age_s, syn_limit, verdict};
use crate::model::{Cgroup, ListenSocket, Listener};

#[derive(Debug, Serialize)]
pub(super) struct ListenerJson<'a> {
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
    /// That of the process where it is known, else that of the socket.
    unit: Option<String>,
    /// What the sockets were made in.
    cgroups: Vec<CgroupJson<'a>>,
    /// Each socket of the place, which share the port (SO_REUSEPORT).
    members: Vec<MemberJson<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct AgeJson {
    at_least: u64,
    at_most: u64,
}

#[derive(Debug, Serialize)]
struct CgroupJson<'a> {
    id: u64,
    path: Option<&'a str>,
    removed: bool,
    unit: Option<String>,
}

#[derive(Debug, Serialize)]
struct MemberJson<'a> {
    inode: Option<u64>,
    accept_queue: u32,
    accept_limit: Option<u32>,
    full: Option<bool>,
    cgroup_id: Option<u64>,
    pids: Option<&'a [u32]>,
}

impl<'a> ListenerJson<'a> {
    /// A listener, judged by what is known of the namespace.
    pub(super) fn new(listener: &'a Listener, evidence: &SynEvidence) -> Self {
        Self {
            local: listener.local.into(),
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
                AgeJson {
                    at_least: at_least.saturating_mul(1_000),
                    at_most: at_most.saturating_mul(1_000),
                }
            }),
            verdict: verdict(listener, evidence).key(),
            pids: listener.pids.as_deref(),
            command: listener.command.as_deref(),
            unit: listener.unit(ToString::to_string),
            cgroups: listener.cgroups.iter().map(Into::into).collect(),
            members: listener.members.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a Cgroup> for CgroupJson<'a> {
    fn from(cgroup: &'a Cgroup) -> Self {
        Self {
            id: cgroup.id.0,
            path: cgroup.path.as_deref(),
            removed: cgroup.removed,
            unit: cgroup.unit.as_ref().map(ToString::to_string),
        }
    }
}

impl<'a> From<&'a ListenSocket> for MemberJson<'a> {
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
