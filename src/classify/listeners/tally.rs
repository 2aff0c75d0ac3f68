//! Listeners, and the sockets that belong to them, counted while they stream
//! by.
//!
//! Nothing in a row points to its listener: a handshake, or a connection that
//! nobody accepted yet, is given to the listener of its port whose address is
//! the same, else to the one on the wildcard. The sockets of one address and
//! port (SO_REUSEPORT) can't be told apart, and count together.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{
    Endpoint, Family, ListenSocket, Listener, Listeners, PortSet, Socket, SocketKind, TcpState,
};

/// A listener with what is needed to finish it.
#[derive(Debug)]
struct Entry {
    listener: Listener,
    /// Connections waiting in the queues of all its sockets.
    queued: u64,
    /// The same, when the queues were looked at again.
    queued_again: Option<u64>,
}

/// Family, address and port, and the interface where it is bound to one.
type Key = (Family, Endpoint, Option<u32>);

/// Counts what belongs to each listener.
#[derive(Debug, Default)]
pub struct ListenerTally {
    entries: HashMap<Key, Entry>,
    ports: PortSet,
    /// Listeners that were counted and not kept.
    spared: u64,
    largest_limit: Option<u32>,
    in_passing: bool,
}

/// How many listeners a tally in passing keeps, trouble aside: far more than a
/// host has, and memory has a bound all the same.
const KEPT_IN_PASSING: usize = 4_096;

impl ListenerTally {
    /// A tally for a dump without ESTABLISHED sockets: it can't tell how many
    /// of those in an accept queue are alive. It keeps so many listeners, and
    /// then only those whose accept queue is full.
    #[must_use]
    pub fn in_passing() -> Self {
        Self {
            in_passing: true,
            ..Self::default()
        }
    }

    /// Takes a listening socket; others are passed by.
    pub fn add_listener(&mut self, socket: &Socket) {
        let Some(queue) = socket.accept_queue() else {
            return;
        };
        let limit = socket.accept_limit();
        self.ports.insert(socket.local.port);
        self.largest_limit = self.largest_limit.max(limit);
        let key = (socket.family, socket.local, socket.interface);
        let spare = self.in_passing
            && self.entries.len() >= KEPT_IN_PASSING
            && limit.is_some_and(|limit| queue <= limit)
            && !self.entries.contains_key(&key);
        if spare {
            self.spared += 1;
            return;
        }
        let entry = self
            .entries
            .entry(key)
            .or_insert_with(|| Entry::new(socket));
        let listener = &mut entry.listener;
        listener.sockets += 1;
        listener.members.push(ListenSocket {
            inode: socket.inode,
            cgroup: socket.cgroup,
            accept_queue: queue,
            accept_limit: limit,
            pids: None,
        });
        listener.drops = listener
            .drops
            .zip(socket.drops)
            .map(|(all, drops)| all + u64::from(drops));
        entry.queued += u64::from(queue);
        if let (Some(limit), Some(full)) = (limit, &mut listener.full_sockets) {
            *full += u32::from(queue > limit);
        }
        if listener.sockets == 1 || fullness(queue, limit) > fullness_of(listener) {
            listener.accept_queue = queue;
            listener.accept_limit = limit;
        }
    }

    /// Takes a listening socket a second time, after its connections were
    /// looked at: a queue that moved in between proves nothing about them.
    pub fn add_again(&mut self, socket: &Socket) {
        let Some(queue) = socket.accept_queue() else {
            return;
        };
        if let Some(entry) = self
            .entries
            .get_mut(&(socket.family, socket.local, socket.interface))
        {
            *entry.queued_again.get_or_insert(0) += u64::from(queue);
        }
    }

    /// Takes the port of a listening socket that isn't shown: it is lost to
    /// connections of either family.
    pub fn pass_by(&mut self, socket: &Socket) {
        self.ports.insert(socket.local.port);
    }

    /// The ports that listeners have.
    #[must_use]
    pub const fn ports(&self) -> &PortSet {
        &self.ports
    }

    /// Counts a socket that isn't listening.
    pub fn add(&mut self, socket: &Socket) {
        // A Fast Open connection waits in the accept queue while its handshake
        // goes on: a full socket, and no request.
        let in_handshake = socket.kind == SocketKind::Request;
        let unaccepted = socket.kind == SocketKind::Full
            && socket.inode.is_none()
            && matches!(
                socket.state,
                TcpState::Established | TcpState::CloseWait | TcpState::SynRecv
            );
        if !in_handshake && !unaccepted {
            return;
        }
        let Some(entry) = self.of(socket) else {
            return;
        };
        let listener = &mut entry.listener;
        if in_handshake {
            *listener.syn_recv.get_or_insert(0) += 1;
            let again = socket.timer.map(|timer| timer.retransmits);
            listener.syn_ack_retransmits = listener.syn_ack_retransmits.max(again);
        } else {
            *listener.unaccepted.get_or_insert(0) += 1;
        }
    }

    /// The listener that a socket belongs to. A request at a listener for both
    /// families is an IPv6 socket, whatever the addresses in it.
    fn of(&mut self, socket: &Socket) -> Option<&mut Entry> {
        let wildcard = match socket.family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let wildcard = Endpoint::new(wildcard, socket.local.port);
        let mut keys: Vec<Key> = Vec::new();
        for local in [socket.local, wildcard] {
            // One that is bound to the interface goes before one that isn't.
            for interface in [socket.interface, None] {
                keys.push((socket.family, local, interface));
            }
        }
        let key = keys
            .into_iter()
            .find(|key| self.entries.contains_key(key))?;
        self.entries.get_mut(&key)
    }

    /// The listeners, fullest first. Where every socket was looked at, nothing
    /// found means 0.
    #[must_use]
    pub fn finish(self) -> Listeners {
        let (spared, largest_limit) = (self.spared, self.largest_limit);
        let mut listeners: Vec<Listener> = self.entries.into_values().map(Entry::finish).collect();
        sort(&mut listeners);
        if self.in_passing {
            for listener in &mut listeners {
                listener.unaccepted = None;
                listener.dead = None;
            }
        }
        let drops = listeners
            .iter()
            .filter_map(|listener| Some((listener.address(), listener.drops?)))
            .collect();
        Listeners {
            drops,
            count: spared + listeners.len() as u64,
            listeners,
            largest_limit,
        }
    }
}

impl Entry {
    fn new(socket: &Socket) -> Self {
        Self {
            listener: Listener {
                local: socket.local,
                family: socket.family,
                interface: socket.interface,
                sockets: 0,
                full_sockets: socket.accept_limit().map(|_| 0),
                accept_queue: 0,
                accept_limit: None,
                unaccepted: Some(0),
                dead: None,
                syn_recv: Some(0),
                syn_ack_retransmits: None,
                drops: Some(0),
                members: Vec::new(),
                cgroups: Vec::new(),
                program: None,
            },
            queued: 0,
            queued_again: None,
        }
    }

    fn finish(self) -> Listener {
        let mut listener = self.listener;
        let alive = listener.unaccepted.map(u64::from);
        // The lower of two looks: what came or went between them isn't dead.
        let queued = self.queued_again.map(|again| again.min(self.queued));
        listener.dead = queued
            .zip(alive)
            .map(|(queued, alive)| u32::try_from(queued.saturating_sub(alive)).unwrap_or(u32::MAX));
        listener
    }
}

/// Fullest accept queue first, then most handshakes, then by name.
pub(crate) fn sort(listeners: &mut [Listener]) {
    listeners.sort_by(|a, b| {
        fullness_of(b)
            .total_cmp(&fullness_of(a))
            .then_with(|| b.syn_recv.cmp(&a.syn_recv))
            .then_with(|| b.accept_queue.cmp(&a.accept_queue))
            .then_with(|| (a.local.port, a.local).cmp(&(b.local.port, b.local)))
    });
}

fn fullness_of(listener: &Listener) -> f64 {
    fullness(listener.accept_queue, listener.accept_limit)
}

/// The share of the places in a queue that are taken: there is one more than
/// the limit says.
fn fullness(queue: u32, limit: Option<u32>) -> f64 {
    limit.map_or(0.0, |limit| f64::from(queue) / (f64::from(limit) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::socket;
    use super::*;

    const NOBODY: &str = "0.0.0.0:0";

    fn tally(sockets: &[Socket]) -> Listeners {
        let mut tally = ListenerTally::default();
        for socket in sockets {
            tally.add_listener(socket);
        }
        for socket in sockets {
            tally.add(socket);
        }
        for socket in sockets {
            tally.add_again(socket);
        }
        tally.finish()
    }

    #[test]
    fn a_handshake_goes_to_the_closest_listener() {
        let listeners = tally(&[
            socket("0.0.0.0:80", NOBODY).listening(0, Some(8)).build(),
            socket("10.0.0.1:80", NOBODY).listening(0, Some(8)).build(),
            socket("[::]:80", "[::]:0").listening(0, Some(8)).build(),
            socket("10.0.0.1:80", "192.0.2.1:1000")
                .in_syn_recv(0)
                .build(),
            socket("10.0.0.2:80", "192.0.2.1:1001")
                .in_syn_recv(3)
                .build(),
            socket("10.0.0.2:80", "192.0.2.1:1002")
                .in_syn_recv(1)
                .build(),
            socket("[::ffff:10.0.0.1]:80", "[::ffff:192.0.2.1]:9")
                .in_syn_recv(0)
                .build(),
            socket("10.0.0.1:81", "192.0.2.1:1000")
                .in_syn_recv(0)
                .build(),
        ]);
        let found: Vec<(String, Option<u32>, Option<u8>)> = listeners
            .listeners
            .iter()
            .map(|l| (l.local.to_string(), l.syn_recv, l.syn_ack_retransmits))
            .collect();
        assert_eq!(
            found,
            [
                ("0.0.0.0:80".to_owned(), Some(2), Some(3)),
                ("10.0.0.1:80".to_owned(), Some(1), Some(0)),
                ("[::]:80".to_owned(), Some(1), Some(0)),
            ]
        );
    }

    #[test]
    fn a_queue_is_full_beyond_its_limit_and_the_fullest_is_shown() {
        let listeners = tally(&[
            socket("0.0.0.0:80", NOBODY)
                .listening(128, Some(128))
                .build(),
            socket("0.0.0.0:81", NOBODY).listening(3, Some(128)).build(),
            socket("0.0.0.0:81", NOBODY)
                .listening(129, Some(128))
                .build(),
            socket("0.0.0.0:81", NOBODY).listening(0, Some(128)).build(),
        ]);
        let [first, second] = listeners.listeners.as_slice() else {
            panic!("two places");
        };
        assert_eq!((first.local.port, first.sockets), (81, 3));
        assert_eq!((first.full_sockets, first.accept_queue), (Some(1), 129));
        assert_eq!((second.is_full(), second.accept_queue), (Some(false), 128));
    }

    #[test]
    fn what_waits_and_is_in_no_table_is_dead() {
        let waiting = || socket("10.0.0.1:80", "192.0.2.1:1000").unaccepted();
        let listeners = tally(&[
            socket("0.0.0.0:80", NOBODY).listening(5, Some(8)).build(),
            waiting().build(),
            waiting().in_state(TcpState::CloseWait).build(),
            waiting().in_state(TcpState::FinWait2).build(),
            socket("10.0.0.1:80", "192.0.2.1:1001").build(),
        ]);
        assert_eq!(listeners.listeners[0].unaccepted, Some(2));
        assert_eq!(listeners.listeners[0].dead, Some(3));
    }

    #[test]
    fn in_passing_handshakes_are_counted_and_memory_is_bounded() {
        let mut tally = ListenerTally::in_passing();
        let busy = socket("0.0.0.0:80", NOBODY).listening(0, Some(8)).build();
        tally.add_listener(&busy);
        let kept = u32::try_from(KEPT_IN_PASSING).unwrap();
        for number in 0..kept + 9 {
            let [_, a, b, c] = number.to_be_bytes();
            let local = format!("127.{a}.{b}.{c}:81");
            tally.add_listener(&socket(&local, NOBODY).listening(0, Some(8)).build());
        }
        let full = socket("0.0.0.0:82", NOBODY).listening(9, Some(8)).build();
        tally.add_listener(&full);
        let request = socket("10.0.0.1:80", "192.0.2.1:1000").in_syn_recv(0);
        tally.add(&request.build());
        let listeners = tally.finish();
        assert_eq!(listeners.count, u64::from(kept) + 11);
        assert_eq!(listeners.listeners.len(), KEPT_IN_PASSING + 1);
        let fullest = listeners.listeners.first().unwrap();
        assert_eq!((fullest.local.port, fullest.unaccepted), (82, None));
        let of_80 = listeners.listeners.iter().find(|l| l.local.port == 80);
        assert_eq!(of_80.unwrap().syn_recv, Some(1));
    }

    /// A queue has one place more than its limit: of 1 / 1 half is left, of
    /// 5 / 8 less.
    #[test]
    fn the_fullest_queue_is_the_one_with_the_smallest_share_left() {
        let listeners = tally(&[
            socket("0.0.0.0:80", NOBODY).listening(1, Some(1)).build(),
            socket("0.0.0.0:81", NOBODY).listening(5, Some(8)).build(),
            socket("0.0.0.0:82", NOBODY).listening(1, Some(1)).build(),
            socket("0.0.0.0:82", NOBODY).listening(5, Some(8)).build(),
        ]);
        let found: Vec<_> = listeners
            .listeners
            .iter()
            .map(|one| (one.local.port, one.accept_queue, one.accept_limit))
            .collect();
        assert_eq!(
            found,
            [(81, 5, Some(8)), (82, 5, Some(8)), (80, 1, Some(1))]
        );
        assert_eq!(listeners.largest_limit, Some(8));
    }

    #[test]
    fn over_proc_fullness_is_unknown() {
        let listeners = tally(&[socket("0.0.0.0:80", NOBODY).listening(500, None).build()]);
        assert_eq!(listeners.listeners[0].is_full(), None);
        assert_eq!(listeners.listeners[0].accept_limit, None);
    }
}
