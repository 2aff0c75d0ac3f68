//! Where connections lead to: peers and local ports, counted.

use schemars::JsonSchema;
use serde::Serialize;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::listeners::Listeners;
use crate::model::{Endpoint, Socket};

/// Some connections to one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Peer {
    /// Its address, an IPv4-mapped one unwrapped.
    pub address: IpAddr,
    /// Index of the interface that a link-local address belongs to.
    pub zone: Option<u32>,
    /// Its port; `None` when these connections have one each, as those of a
    /// client do.
    pub port: Option<u16>,
    /// How many.
    pub count: u64,
}

impl Peer {
    /// Its address in words, and its port where it has one.
    #[must_use]
    pub fn end(&self) -> String {
        let end = Endpoint {
            address: self.address,
            port: self.port.unwrap_or(0),
            zone: self.zone,
        };
        match self.port {
            Some(_) => end.to_string(),
            None => end.host(),
        }
    }
}

/// Some connections at one port of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LocalPort {
    /// The port.
    pub port: u16,
    /// How many.
    pub count: u64,
}

/// The peers of some connections, the most frequent first.
///
/// A service is one port with many connections, a client one address with as
/// many ports: those ports that occur once are counted together.
#[must_use]
pub(super) fn peers<'s>(sockets: impl IntoIterator<Item = &'s Socket>) -> Vec<Peer> {
    let mut counts: HashMap<Endpoint, u64, RandomState> = HashMap::default();
    for socket in sockets {
        let peer = Endpoint {
            address: socket.remote.canonical_address(),
            ..socket.remote
        };
        *counts.entry(peer).or_default() += 1;
    }
    let mut peers = Vec::new();
    let mut alone: HashMap<(IpAddr, Option<u32>), Peer, RandomState> = HashMap::default();
    for (end, count) in counts {
        let peer = Peer {
            address: end.address,
            zone: end.zone,
            port: Some(end.port),
            count,
        };
        if count > 1 {
            peers.push(peer);
        } else {
            let several = |others: &mut Peer| {
                others.port = None;
                others.count += count;
            };
            alone
                .entry((end.address, end.zone))
                .and_modify(several)
                .or_insert(peer);
        }
    }
    peers.extend(alone.into_values());
    peers.sort_by_key(|peer| (Reverse(peer.count), peer.address, peer.zone, peer.port));
    peers
}

/// The ports of ours that several of some connections came in on, the most
/// frequent first: where a server leaks. Outgoing connections can share a port
/// too, that they were bound to; but nobody listens there.
#[must_use]
pub(super) fn local_ports<'s>(
    sockets: impl IntoIterator<Item = &'s Socket>,
    listeners: &Listeners,
) -> Vec<LocalPort> {
    let mut counts: HashMap<u16, u64, RandomState> = HashMap::default();
    let came_in = |socket: &&Socket| !listeners.of(socket).is_empty();
    for socket in sockets.into_iter().filter(came_in) {
        *counts.entry(socket.local.port).or_default() += 1;
    }
    let mut ports: Vec<LocalPort> = counts
        .into_iter()
        .filter(|&(_, count)| count > 1)
        .map(|(port, count)| LocalPort { port, count })
        .collect();
    ports.sort_by_key(|port| (Reverse(port.count), port.port));
    ports
}

#[cfg(test)]
mod tests {
    use super::super::testing::close_wait;
    use super::*;

    fn sockets(ends: &[(&str, &str)]) -> Vec<Socket> {
        ends.iter()
            .map(|(local, remote)| close_wait().ends(local, remote).build())
            .collect()
    }

    fn shown(ends: &[(&str, &str)]) -> Vec<(String, Option<u16>, u64)> {
        peers(&sockets(ends))
            .into_iter()
            .map(|peer| (peer.address.to_string(), peer.port, peer.count))
            .collect()
    }

    #[test]
    fn a_service_keeps_its_port_and_clients_lose_theirs() {
        let pool = [
            ("10.0.0.1:40001", "10.0.0.9:5432"),
            ("10.0.0.1:40002", "10.0.0.9:5432"),
            ("10.0.0.1:40003", "10.0.0.8:80"),
        ];
        assert_eq!(
            shown(&pool),
            [
                ("10.0.0.9".to_owned(), Some(5432), 2),
                ("10.0.0.8".to_owned(), Some(80), 1)
            ]
        );
        assert_eq!(local_ports(&sockets(&pool), &listeners()), []);
        let clients = [
            ("10.0.0.1:80", "192.0.2.7:50001"),
            ("10.0.0.1:80", "192.0.2.7:50002"),
        ];
        assert_eq!(shown(&clients), [("192.0.2.7".to_owned(), None, 2)]);
        let port = LocalPort { port: 80, count: 2 };
        assert_eq!(local_ports(&sockets(&clients), &listeners()), [port]);
    }

    /// A link-local address is another host on each interface.
    #[test]
    fn two_zones_are_two_peers() {
        let ends = [
            ("[fe80::1%2]:40001", "[fe80::9%2]:5432"),
            ("[fe80::1%2]:40002", "[fe80::9%2]:5432"),
            ("[fe80::1%3]:40001", "[fe80::9%3]:5432"),
            ("[fe80::1%3]:40002", "[fe80::9%3]:5432"),
            ("[fe80::1%3]:40003", "[fe80::9%3]:6000"),
        ];
        let peers = peers(&sockets(&ends));
        let shown: Vec<_> = peers.iter().map(|peer| (peer.end(), peer.count)).collect();
        let expected = [
            ("[fe80::9%2]:5432", 2),
            ("[fe80::9%3]:5432", 2),
            ("[fe80::9%3]:6000", 1),
        ];
        assert_eq!(shown, expected.map(|(end, count)| (end.to_owned(), count)));
    }

    /// One at port 80.
    fn listeners() -> Listeners {
        let mut listeners = Listeners::default();
        let listener = close_wait().ends("0.0.0.0:80", "0.0.0.0:0").listen();
        listeners.add(&listener.build());
        listeners
    }

    #[test]
    fn outgoing_connections_that_share_a_port_did_not_come_in_there() {
        let bound = [
            ("10.0.0.1:5000", "10.0.0.8:80"),
            ("10.0.0.1:5000", "10.0.0.9:80"),
        ];
        assert_eq!(local_ports(&sockets(&bound), &listeners()), []);
    }

    #[test]
    fn a_mapped_address_is_the_same_peer() {
        let mixed = [
            ("[::ffff:10.0.0.1]:80", "[::ffff:192.0.2.7]:50001"),
            ("10.0.0.1:80", "192.0.2.7:50001"),
        ];
        assert_eq!(shown(&mixed), [("192.0.2.7".to_owned(), Some(50001), 2)]);
    }
}
