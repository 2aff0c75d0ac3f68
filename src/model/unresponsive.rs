//! Peers that don't answer.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CgroupId, Program, on_device};

/// Where segments that this host sends again and again get no answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresponsivePeers {
    /// Connections that hang in connect(), by remote endpoint.
    pub connects: Unanswered,
    /// Open connections whose data, or whose probes of a closed window, nobody
    /// acknowledges. `None` where ESTABLISHED was not read socket by socket.
    pub data: Option<Unanswered>,
    /// Open connections whose peer answers, and has kept its window closed for
    /// seconds. `None` as `data`.
    pub zero_window: Option<Unanswered>,
    /// Connections that our side has closed, by host.
    pub closes: Unanswered,
}

/// Connections that wait for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// All of them.
    pub connections: u64,
    /// How many peers they wait for; `None` where these are too many to count.
    pub places: Option<u64>,
    /// The peers that most of them wait for, the first more than the next.
    pub peers: Vec<UnresponsivePeer>,
}

impl Default for Unanswered {
    fn default() -> Self {
        Self {
            connections: 0,
            places: Some(0),
            peers: Vec::new(),
        }
    }
}

/// A peer that doesn't answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresponsivePeer {
    /// Its address, IPv4-mapped ones unwrapped.
    pub address: IpAddr,
    /// Index of the interface that a link-local address belongs to.
    pub zone: Option<u32>,
    /// The port that we connect to; `None` where connections of all ports are
    /// counted together.
    pub port: Option<u16>,
    /// Connections that wait for its answer.
    pub connections: u32,
    /// The most retransmissions of the same segment on one of them.
    pub retransmits: u8,
    /// How long one of them has waited at least.
    pub waited: Duration,
    /// A few of the sockets, by inode and cgroup, to find who holds them.
    pub sockets: Vec<(u64, Option<CgroupId>)>,
    /// Who holds these; `None` when nobody looked, or none was in sight.
    pub program: Option<Program>,
}

/// So many connections that wait for an answer in vain are no accident of one
/// program.
pub const UNANSWERED_MANY: u64 = 10;

impl UnresponsivePeers {
    /// The peers that the connections wait for which are many together: who
    /// waits is worth looking for.
    pub fn many_wait_for(&mut self) -> impl Iterator<Item = &mut UnresponsivePeer> {
        let open = self.data.iter_mut().chain(&mut self.zero_window);
        let all = std::iter::once(&mut self.connects).chain(open);
        all.filter(|unanswered| unanswered.connections >= UNANSWERED_MANY)
            .flat_map(|unanswered| &mut unanswered.peers)
    }
}

impl UnresponsivePeer {
    /// Its address in words, and its port where it has one.
    #[must_use]
    pub fn place(&self) -> String {
        let host = on_device(self.address, self.zone);
        match (self.port, self.address) {
            (None, _) => host,
            (Some(port), IpAddr::V4(_)) => format!("{host}:{port}"),
            (Some(port), IpAddr::V6(_)) => format!("[{host}]:{port}"),
        }
    }
}
