//! Connections of one dump, grouped by destination while they stream by.
//!
//! Only outgoing-like ones make an entry: on a busy server every client would
//! be one otherwise, and memory would grow with them. They are told by the
//! local port: in the range that connect() takes from, and no listener's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use foldhash::fast::RandomState;

use super::reuse::{ReusePolicy, age_ms, is_loopback};
use crate::model::{
    Endpoint, PortRange, PortSet, PortSettings, Socket, SocketKind, TcpState, TimeWaitTally,
};

/// A TIME_WAIT younger than this counts as recent, ms.
pub(super) const RECENT_MS: u32 = 10_000;

/// One destination. Addresses are in the IPv6 form that carries IPv4 too, so
/// that a socket of either family is counted where the kernel's lookup would
/// find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    local: u128,
    remote: u128,
    port: u16,
}

impl Key {
    fn of(socket: &Socket) -> Self {
        Self {
            local: to_bits(socket.local.address),
            remote: to_bits(socket.remote.address),
            port: socket.remote.port,
        }
    }

    /// Our address, IPv4 unwrapped.
    pub(super) fn local_address(self) -> IpAddr {
        from_bits(self.local)
    }

    /// The peer, its address unwrapped.
    pub(super) fn remote(self) -> Endpoint {
        Endpoint::new(from_bits(self.remote), self.port)
    }
}

fn to_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn from_bits(bits: u128) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical()
}

/// What is counted of a destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) in_use: u32,
    pub(super) time_wait: u32,
    pub(super) reusable: u32,
    pub(super) recent: u32,
    /// Ports of the parity that bind() prefers and connect() takes last.
    pub(super) bind_parity: u32,
    /// Of these, the ones that were in use in the last 10 s.
    pub(super) bind_parity_now: u32,
}

/// Counts connections by destination.
#[derive(Debug)]
pub struct PortTally {
    pub(super) settings: PortSettings,
    pub(super) listened: PortSet,
    /// Ports that connect() may take.
    candidates: PortSet,
    /// The first port of the range: its parity is the one that connect()
    /// prefers.
    first: u16,
    pub(super) policy: ReusePolicy,
    /// Peers choose their addresses, so the hash must not be foreseeable.
    pub(super) destinations: HashMap<Key, Used, RandomState>,
    /// Of those that aren't clients', and by age.
    time_wait: TimeWaitTally,
}

impl PortTally {
    /// A tally for these settings; `listened` are the ports that listeners
    /// have, read before.
    #[must_use]
    pub fn new(settings: PortSettings, listened: PortSet, policy: ReusePolicy) -> Self {
        // Where the range isn't known, every port that no listener has is
        // taken for a client's.
        let range = settings.range.unwrap_or(PortRange::ALL);
        let reserved = settings.reserved.as_ref();
        let candidates = range
            .ports()
            .filter(|&port| !reserved.is_some_and(|set| set.contains(port)))
            .filter(|&port| !listened.contains(port))
            .collect();
        Self {
            settings,
            listened,
            candidates,
            first: range.first,
            policy,
            destinations: HashMap::default(),
            time_wait: TimeWaitTally::default(),
        }
    }

    /// Counts one socket.
    pub fn add(&mut self, socket: &Socket) {
        match (socket.state, socket.kind) {
            // Without a peer, or begun by one.
            (TcpState::Listen | TcpState::Close | TcpState::BoundInactive, _)
            | (_, SocketKind::Request) => return,
            _ => {}
        }
        let port = socket.local.port;
        let waits = socket.state == TcpState::TimeWait;
        let age = if waits { age_ms(socket) } else { None };
        if let Some(age) = age {
            self.add_age(age);
        }
        if !self.candidates.contains(port) {
            if waits && self.listened.contains(port) {
                self.time_wait.server_side += 1;
            } else if waits {
                self.time_wait.other += 1;
            }
            return;
        }
        let reusable = waits && self.policy.allows(socket);
        let recent = age.is_some_and(|age| age < RECENT_MS);
        let bind_parity = (port ^ self.first) & 1 == 1;
        let entry = self.destinations.entry(Key::of(socket)).or_default();
        entry.in_use += 1;
        entry.time_wait += u32::from(waits);
        entry.reusable += u32::from(reusable);
        entry.recent += u32::from(recent);
        entry.bind_parity += u32::from(bind_parity);
        entry.bind_parity_now += u32::from(bind_parity && (recent || !waits));
    }

    fn add_age(&mut self, age: u32) {
        let ages = &mut self.time_wait.ages;
        let last = ages.len() - 1;
        let step = usize::try_from(age / RECENT_MS).unwrap_or(last);
        if let Some(slot) = ages.get_mut(step.min(last)) {
            *slot += 1;
        }
    }

    /// TIME_WAIT by side. The clients' are counted with their destinations,
    /// and added up only now: the dump's rows are many, these are few.
    pub(super) fn time_wait(&self) -> TimeWaitTally {
        let mut tally = self.time_wait;
        for (key, used) in &self.destinations {
            let waiting = u64::from(used.time_wait);
            tally.client_side += waiting;
            tally.reusable += u64::from(used.reusable);
            if is_loopback(key.local_address(), key.remote().address) {
                tally.client_loopback += waiting;
            }
        }
        tally
    }
}
