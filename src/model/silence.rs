//! Peers that don't answer.

use serde::{Deserialize, Serialize};

use std::net::IpAddr;

/// Where our segments get no answer, sent again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Places that don't answer our SYNs, the one with most first.
    pub connects: Vec<SilentPeer>,
    /// Hosts that don't answer what we sent on connections that our side has
    /// closed, the one with most first.
    pub closes: Vec<SilentPeer>,
}

/// One that doesn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentPeer {
    /// Its address, IPv4-mapped ones unwrapped.
    pub address: IpAddr,
    /// The port that we connect to; `None` where connections of all ports are
    /// counted together.
    pub port: Option<u16>,
    /// Connections that wait for its answer.
    pub connections: u32,
    /// How often one of them has sent the same again, at most.
    pub retransmits: u8,
}
