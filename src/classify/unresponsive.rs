//! Peers that don't answer, counted while sockets stream by.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::{Socket, TcpState, TimerKind, UnresponsivePeer, UnresponsivePeers};

/// Retransmissions of a SYN from which on the peer is unresponsive, not slow:
/// they take 2 s at least, 3 s before Linux 6.5.
const SYN_AGAIN: u8 = 2;

/// The same of a FIN, or of the data before it, which are retransmitted sooner.
const FIN_AGAIN: u8 = 4;

/// Peers that are counted at once. A program that asks more of them is a
/// scanner, or part of a peer-to-peer network.
const KEPT: usize = 4_096;

/// Peers that are kept in the end.
const SHOWN: usize = 16;

type Peers = HashMap<(IpAddr, Option<u16>), (u32, u8)>;

/// Counts connections that get no answer.
#[derive(Debug, Default)]
pub struct UnresponsiveTally {
    connects: Peers,
    closes: Peers,
}

impl UnresponsiveTally {
    /// Counts a socket, if it waits for an answer.
    pub fn add(&mut self, socket: &Socket) {
        let (peers, port, again) = match socket.state {
            TcpState::SynSent => (&mut self.connects, Some(socket.remote.port), SYN_AGAIN),
            // Their own ports are another one each where we are the server.
            TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => {
                (&mut self.closes, None, FIN_AGAIN)
            }
            _ => return,
        };
        // A peer with a closed window answers the probes.
        let Some(retransmits) = socket
            .timer
            .filter(|timer| timer.kind == TimerKind::Retransmit)
            .map(|timer| timer.retransmits)
            .filter(|&times| times >= again)
        else {
            return;
        };
        let key = (socket.remote.address.to_canonical(), port);
        if peers.len() >= KEPT && !peers.contains_key(&key) {
            make_room(peers);
        }
        let (connections, most) = peers.entry(key).or_default();
        *connections += 1;
        *most = retransmits.max(*most);
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> UnresponsivePeers {
        UnresponsivePeers {
            connects: in_order(self.connects),
            closes: in_order(self.closes),
        }
    }
}

/// Drops the half that fewest connections wait for, and not the last to come:
/// else the one endpoint that matters would be lost among those of a scanner. A
/// dropped peer that comes again is counted anew, so its number is too low by a
/// few.
fn make_room(peers: &mut Peers) {
    let mut counts: Vec<u32> = peers
        .values()
        .map(|&(connections, _)| connections)
        .collect();
    let middle = counts.len() / 2;
    let (_, &mut few, _) = counts.select_nth_unstable(middle);
    peers.retain(|_, &mut (connections, _)| connections > few);
}

fn in_order(peers: Peers) -> Vec<UnresponsivePeer> {
    let mut peers: Vec<UnresponsivePeer> = peers
        .into_iter()
        .map(
            |((address, port), (connections, retransmits))| UnresponsivePeer {
                address,
                port,
                connections,
                retransmits,
            },
        )
        .collect();
    peers.sort_unstable_by_key(|peer| {
        (std::cmp::Reverse(peer.connections), peer.address, peer.port)
    });
    peers.truncate(SHOWN);
    peers
}

#[cfg(test)]
mod tests {
    use super::super::testing::socket;
    use super::*;

    fn tallied(sockets: &[(&str, TcpState, TimerKind, u8)]) -> UnresponsivePeers {
        let mut tally = UnresponsiveTally::default();
        for &(remote, state, kind, retransmits) in sockets {
            let local = if remote.starts_with('[') {
                "[::1]:4000"
            } else {
                "10.0.0.5:4000"
            };
            let socket = socket(local, remote).in_state(state);
            tally.add(&socket.with_timer(kind, retransmits).build());
        }
        tally.finish()
    }

    fn counts(peers: &[UnresponsivePeer]) -> Vec<(String, Option<u16>, u32, u8)> {
        peers
            .iter()
            .map(|peer| {
                let address = peer.address.to_string();
                (address, peer.port, peer.connections, peer.retransmits)
            })
            .collect()
    }

    #[test]
    fn syns_are_counted_by_where_they_go() {
        let peers = tallied(&[
            ("10.0.0.9:80", TcpState::SynSent, TimerKind::Retransmit, 1),
            ("10.0.0.9:80", TcpState::SynSent, TimerKind::Retransmit, 2),
            ("10.0.0.9:81", TcpState::SynSent, TimerKind::Retransmit, 2),
            (
                "[::ffff:10.0.0.9]:81",
                TcpState::SynSent,
                TimerKind::Retransmit,
                5,
            ),
            (
                "10.0.0.9:81",
                TcpState::Established,
                TimerKind::Retransmit,
                9,
            ),
        ]);
        assert_eq!(
            counts(&peers.connects),
            [
                ("10.0.0.9".to_owned(), Some(81), 2, 5),
                ("10.0.0.9".to_owned(), Some(80), 1, 2)
            ]
        );
        assert_eq!(peers.closes, []);
    }

    /// A client's port is another one each time, and it is one host that is
    /// gone. One that keeps its window closed isn't.
    #[test]
    fn what_was_closed_is_counted_by_host() {
        let peers = tallied(&[
            ("10.0.0.9:4001", TcpState::LastAck, TimerKind::Retransmit, 4),
            (
                "10.0.0.9:4002",
                TcpState::FinWait1,
                TimerKind::Retransmit,
                7,
            ),
            ("10.0.0.9:4003", TcpState::Closing, TimerKind::Retransmit, 5),
            ("10.0.0.9:4004", TcpState::LastAck, TimerKind::Retransmit, 3),
            (
                "10.0.0.9:4005",
                TcpState::FinWait1,
                TimerKind::ZeroWindowProbe,
                9,
            ),
        ]);
        assert_eq!(counts(&peers.closes), [("10.0.0.9".to_owned(), None, 3, 7)]);
        assert_eq!(peers.connects, []);
    }

    /// A scanner asked as many others as are told apart, and a place that 200
    /// waited for was never heard of.
    #[test]
    fn a_place_that_many_wait_for_is_found_among_many_that_one_waits_for() {
        let mut tally = UnresponsiveTally::default();
        let mut hang = |remote: &str| {
            let socket = socket("10.0.0.5:4000", remote).in_state(TcpState::SynSent);
            tally.add(&socket.with_timer(TimerKind::Retransmit, 3).build());
        };
        for number in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a01_0000 + number);
            hang(&format!("{address}:80"));
            if number >= 10_000 && number % 50 == 0 {
                hang("10.0.0.9:5432");
            }
        }
        let peers = tally.finish();
        let (address, port, connections, _) = counts(&peers.connects).swap_remove(0);
        assert_eq!((&*address, port), ("10.0.0.9", Some(5_432)));
        assert!((190..=200).contains(&connections), "{connections}");
    }

    #[test]
    fn memory_has_a_bound_however_many_are_asked() {
        let mut tally = UnresponsiveTally::default();
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            let socket = socket("10.0.0.5:4000", &format!("{address}:80"));
            let socket = socket.in_state(TcpState::SynSent);
            tally.add(&socket.with_timer(TimerKind::Retransmit, 3).build());
        }
        assert!(tally.connects.len() <= KEPT);
        assert_eq!(tally.finish().connects.len(), SHOWN);
    }
}
