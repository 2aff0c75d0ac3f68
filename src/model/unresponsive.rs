//! Peers that don't answer.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Where segments that this host sends again and again get no answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresponsivePeers {
    /// Remote endpoints that don't answer SYNs, the one with most connections
    /// first.
    pub connects: Vec<UnresponsivePeer>,
    /// Hosts that don't answer on connections that this side has closed, the one
    /// with most connections first.
    pub closes: Vec<UnresponsivePeer>,
}

/// A peer that doesn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresponsivePeer {
    /// Its address, IPv4-mapped ones unwrapped.
    pub address: IpAddr,
    /// The port that we connect to; `None` where connections of all ports are
    /// counted together.
    pub port: Option<u16>,
    /// Connections that wait for its answer.
    pub connections: u32,
    /// The most retransmissions of the same segment on one of them.
    pub retransmits: u8,
}
