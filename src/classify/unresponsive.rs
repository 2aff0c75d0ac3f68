//! Peers that don't answer, counted while sockets stream by.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::model::{
    CgroupId, PortSet, Socket, TcpState, TimerKind, Unanswered, UnresponsivePeer, UnresponsivePeers,
};

/// Retransmissions of a SYN from which on the peer is unresponsive, not slow:
/// they take 2 s at least, 3 s before Linux 6.5.
const SYN_AGAIN: u8 = 2;

/// The same of a FIN, or of the data before it, which are retransmitted sooner.
const FIN_AGAIN: u8 = 4;

/// The same of data on an open connection, which takes 6 s at least; and of
/// probes of a closed window, which a peer that is there answers each time.
pub const DATA_AGAIN: u8 = 5;

/// A window that is closed for so long, in ms, is a program that doesn't read.
/// Probes wait twice as long each time: what is left until the next one, less
/// the first wait, has passed since the first.
const CLOSED_MS: u32 = 5_000;

/// `TCP_RTO_MIN` and `TCP_RTO_MAX` (include/net/tcp.h), ms.
const RTO_MIN_MS: u64 = 200;
const RTO_MAX_MS: u64 = 120_000;

/// Peers that are counted at once. A program that asks more of them is a
/// scanner, or part of a peer-to-peer network.
const KEPT: usize = 4_096;

/// Peers that are kept in the end.
const SHOWN: usize = 16;

/// Sockets of each that are kept, to find who holds them.
const SAMPLED: usize = 4;

/// How long data has been sent again at least, by how often: the first wait is
/// `TCP_RTO_MIN` or longer, and each one is twice the one before.
#[must_use]
pub fn resent_for(again: u8) -> Duration {
    let wait = |sent: u8| RTO_MIN_MS.checked_shl(sent.into()).unwrap_or(u64::MAX);
    let waits = (0..again).map(|sent| wait(sent).min(RTO_MAX_MS));
    Duration::from_millis(waits.sum())
}

/// For how long the kernel sends data again before it gives the connection up:
/// `tcp_model_timeout` of `tcp_retries2`, from the first retransmission on.
#[must_use]
pub fn gives_up_after(retries2: u64) -> Duration {
    resent_for(u8::try_from(retries2.saturating_add(1)).unwrap_or(u8::MAX))
}

/// The connections that wait for one peer.
#[derive(Debug, Default)]
struct Waiting {
    connections: u32,
    retransmits: u8,
    waited: Duration,
    sockets: Vec<(u64, Option<CgroupId>)>,
}

type Key = (IpAddr, Option<u32>, Option<u16>);

/// Connections of one kind that wait, by peer.
#[derive(Debug, Default)]
struct Waits {
    connections: u64,
    peers: HashMap<Key, Waiting, RandomState>,
    /// Whether peers were dropped for want of room.
    is_cut: bool,
}

/// Counts connections that get no answer.
#[derive(Debug, Default)]
pub struct UnresponsiveTally {
    connects: Waits,
    data: Waits,
    zero_window: Waits,
    closes: Waits,
}

impl UnresponsiveTally {
    /// Counts a socket, if it waits for an answer. Clients of our listeners have
    /// a port each, so that they are told apart by host.
    pub fn add(&mut self, socket: &Socket, listened_on: &PortSet) {
        let Some(timer) = socket.timer else {
            return;
        };
        let again = timer.retransmits;
        let resends = timer.kind == TimerKind::Retransmit;
        let probes = timer.kind == TimerKind::ZeroWindowProbe;
        let port = Some(socket.remote.port);
        let of_client = port.filter(|_| !listened_on.contains(socket.local.port));
        let (waits, port, waited) = match socket.state {
            // How long that took depends on the kernel's version.
            TcpState::SynSent if resends && again >= SYN_AGAIN => {
                (&mut self.connects, port, Duration::ZERO)
            }
            // A peer that is there answers a probe, and the count begins anew.
            TcpState::Established | TcpState::CloseWait
                if (resends || probes) && again >= DATA_AGAIN =>
            {
                (&mut self.data, of_client, resent_for(again))
            }
            TcpState::Established | TcpState::CloseWait
                if probes && timer.expires_ms >= CLOSED_MS =>
            {
                let closed = u64::from(timer.expires_ms).saturating_sub(RTO_MIN_MS);
                let closed = Duration::from_millis(closed);
                (&mut self.zero_window, of_client, closed)
            }
            // A peer with a closed window answers the probes.
            TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck
                if resends && again >= FIN_AGAIN =>
            {
                (&mut self.closes, None, resent_for(again))
            }
            _ => return,
        };
        waits.add(socket, port, again, waited);
    }

    /// What was counted. Whether ESTABLISHED was among it isn't to be seen here.
    #[must_use]
    pub fn finish(self, established: bool) -> UnresponsivePeers {
        UnresponsivePeers {
            connects: self.connects.finish(),
            data: established.then(|| self.data.finish()),
            zero_window: established.then(|| self.zero_window.finish()),
            closes: self.closes.finish(),
        }
    }
}

impl Waits {
    fn add(&mut self, socket: &Socket, port: Option<u16>, again: u8, waited: Duration) {
        self.connections += 1;
        let remote = socket.remote;
        let key = (remote.canonical_address(), remote.zone, port);
        if self.peers.len() >= KEPT && !self.peers.contains_key(&key) {
            self.make_room();
        }
        let peer = self.peers.entry(key).or_default();
        peer.connections += 1;
        peer.retransmits = again.max(peer.retransmits);
        peer.waited = waited.max(peer.waited);
        if let Some(inode) = socket.inode
            && peer.sockets.len() < SAMPLED
        {
            peer.sockets.push((inode, socket.cgroup));
        }
    }

    /// Drops the half that fewest connections wait for, and not the last to
    /// come: else the one endpoint that matters would be lost among those of a
    /// scanner. A dropped peer that comes again is counted anew, so its number
    /// is too low by a few.
    fn make_room(&mut self) {
        self.is_cut = true;
        let peers = self.peers.values();
        let mut counts: Vec<u32> = peers.map(|peer| peer.connections).collect();
        let middle = counts.len() / 2;
        let (_, &mut few, _) = counts.select_nth_unstable(middle);
        self.peers.retain(|_, peer| peer.connections > few);
    }

    fn finish(self) -> Unanswered {
        let places = (!self.is_cut).then_some(self.peers.len() as u64);
        let peers = self.peers.into_iter();
        let mut peers: Vec<UnresponsivePeer> = peers
            .map(|((address, zone, port), waiting)| UnresponsivePeer {
                address,
                zone,
                port,
                connections: waiting.connections,
                retransmits: waiting.retransmits,
                waited: waiting.waited,
                sockets: waiting.sockets,
                program: None,
            })
            .collect();
        peers.sort_unstable_by_key(|peer| {
            let name = (peer.address, peer.zone, peer.port);
            (std::cmp::Reverse(peer.connections), name)
        });
        peers.truncate(SHOWN);
        Unanswered {
            connections: self.connections,
            places,
            peers,
        }
    }
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
            tally.add(
                &socket.with_timer(kind, retransmits).build(),
                &PortSet::default(),
            );
        }
        tally.finish(true)
    }

    fn counts(unanswered: &Unanswered) -> Vec<(String, u32, u8)> {
        let peers = unanswered.peers.iter();
        peers
            .map(|peer| (peer.place(), peer.connections, peer.retransmits))
            .collect()
    }

    #[test]
    fn syns_are_counted_by_where_they_go() {
        const SYN: TcpState = TcpState::SynSent;
        const AGAIN: TimerKind = TimerKind::Retransmit;
        let peers = tallied(&[
            ("10.0.0.9:80", SYN, AGAIN, 1),
            ("10.0.0.9:80", SYN, AGAIN, 2),
            ("10.0.0.9:81", SYN, AGAIN, 2),
            ("[::ffff:10.0.0.9]:81", SYN, AGAIN, 5),
            ("[fe80::9%2]:81", SYN, AGAIN, 2),
            ("[fe80::9%3]:81", SYN, AGAIN, 2),
        ]);
        let expected = [
            ("10.0.0.9:81", 2, 5),
            ("10.0.0.9:80", 1, 2),
            ("[fe80::9%2]:81", 1, 2),
            ("[fe80::9%3]:81", 1, 2),
        ];
        let expected = expected.map(|(place, count, again)| (place.to_owned(), count, again));
        assert_eq!(counts(&peers.connects), expected);
        assert_eq!(peers.connects.connections, 5);
        assert_eq!(peers.connects.places, Some(4));
        assert_eq!(peers.closes, Unanswered::default());
        assert_eq!(peers.data, Some(Unanswered::default()));
    }

    /// A client's port is another one each time, and it is one host that is
    /// gone. One that keeps its window closed isn't.
    #[test]
    fn what_was_closed_is_counted_by_host() {
        const AGAIN: TimerKind = TimerKind::Retransmit;
        let peers = tallied(&[
            ("10.0.0.9:4001", TcpState::LastAck, AGAIN, 4),
            ("10.0.0.9:4002", TcpState::FinWait1, AGAIN, 7),
            ("10.0.0.9:4003", TcpState::Closing, AGAIN, 5),
            ("10.0.0.9:4004", TcpState::LastAck, AGAIN, 3),
            (
                "10.0.0.9:4005",
                TcpState::FinWait1,
                TimerKind::ZeroWindowProbe,
                9,
            ),
        ]);
        assert_eq!(counts(&peers.closes), [("10.0.0.9".to_owned(), 3, 7)]);
        assert_eq!(peers.connects, Unanswered::default());
    }

    /// 200 open connections sent their data again for the seventh time, and all
    /// was ok. A segment that is lost is sent again two or three times; a peer
    /// that answers probes is there.
    #[test]
    fn data_that_nobody_acknowledges_is_counted_and_a_lossy_path_is_not() {
        const OPEN: TcpState = TcpState::Established;
        const AGAIN: TimerKind = TimerKind::Retransmit;
        const PROBE: TimerKind = TimerKind::ZeroWindowProbe;
        let peers = tallied(&[
            ("10.0.0.9:5432", OPEN, AGAIN, 7),
            ("10.0.0.9:5432", TcpState::CloseWait, AGAIN, 5),
            ("10.0.0.9:5432", OPEN, AGAIN, 4),
            ("10.0.0.9:5432", OPEN, TimerKind::Keepalive, 9),
            ("10.0.0.9:5432", OPEN, PROBE, 6),
            ("10.0.0.9:5432", OPEN, PROBE, 0),
        ]);
        let data = peers.data.unwrap();
        assert_eq!(counts(&data), [("10.0.0.9:5432".to_owned(), 3, 7)]);
        assert_eq!(data.peers[0].waited, Duration::from_millis(25_400));
        assert_eq!(peers.zero_window, Some(Unanswered::default()));
        // Clients of ours have a port each, and are one host.
        let mut ours = PortSet::default();
        ours.insert(80);
        let mut tally = UnresponsiveTally::default();
        for port in 4_001..4_004 {
            let client = socket("10.0.0.5:80", &format!("10.0.0.9:{port}"));
            tally.add(&client.with_timer(AGAIN, 5).build(), &ours);
        }
        let data = tally.finish(true).data.unwrap();
        assert_eq!(counts(&data), [("10.0.0.9".to_owned(), 3, 5)]);
        // Nobody looked at those that are open.
        assert_eq!(UnresponsiveTally::default().finish(false).data, None);
    }

    /// A peer that reads slowly closes its window for a moment.
    #[test]
    fn a_window_that_stays_closed_is_told_with_its_time() {
        let mut tally = UnresponsiveTally::default();
        for expires_ms in [300, 4_999, 12_200] {
            let stalled = socket("10.0.0.5:4000", "10.0.0.9:80");
            let mut stalled = stalled.with_timer(TimerKind::ZeroWindowProbe, 1).build();
            if let Some(timer) = &mut stalled.timer {
                timer.expires_ms = expires_ms;
            }
            tally.add(&stalled, &PortSet::default());
        }
        let stalled = tally.finish(true).zero_window.unwrap();
        assert_eq!(counts(&stalled), [("10.0.0.9:80".to_owned(), 1, 1)]);
        assert_eq!(stalled.peers[0].waited, Duration::from_secs(12));
    }

    /// Linux 6.18, `tcp_model_timeout`: 924.6 s is documented for 15.
    #[test]
    fn the_kernel_gives_up_when_its_documentation_says() {
        assert_eq!(gives_up_after(15), Duration::from_millis(924_600));
        assert_eq!(gives_up_after(8), Duration::from_millis(102_200));
        assert!(gives_up_after(u64::MAX) > gives_up_after(15));
    }

    /// A scanner asked as many others as are told apart, and a place that 200
    /// waited for was never heard of.
    #[test]
    fn a_place_that_many_wait_for_is_found_among_many_that_one_waits_for() {
        let mut tally = UnresponsiveTally::default();
        let mut hang = |remote: &str| {
            let socket = socket("10.0.0.5:4000", remote).in_state(TcpState::SynSent);
            tally.add(
                &socket.with_timer(TimerKind::Retransmit, 3).build(),
                &PortSet::default(),
            );
        };
        for number in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a01_0000 + number);
            hang(&format!("{address}:80"));
            if number >= 10_000 && number % 50 == 0 {
                hang("10.0.0.9:5432");
            }
        }
        let connects = tally.finish(false).connects;
        let (place, connections, _) = counts(&connects).swap_remove(0);
        assert_eq!(place, "10.0.0.9:5432");
        assert!((190..=200).contains(&connections), "{connections}");
        assert_eq!((connects.connections, connects.places), (20_200, None));
    }

    #[test]
    fn memory_has_a_bound_however_many_are_asked() {
        let mut tally = UnresponsiveTally::default();
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            let socket = socket("10.0.0.5:4000", &format!("{address}:80"));
            let socket = socket.in_state(TcpState::SynSent);
            tally.add(
                &socket.with_timer(TimerKind::Retransmit, 3).build(),
                &PortSet::default(),
            );
        }
        assert!(tally.connects.peers.len() <= KEPT);
        assert_eq!(tally.finish(false).connects.peers.len(), SHOWN);
    }
}
