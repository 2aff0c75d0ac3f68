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
    Endpoint, Family, PortRange, PortSet, PortSettings, Socket, SocketKind, TcpState, TimeWaitTally,
};

/// So many destinations are looked through for clients first, and from then on
/// each time that they have doubled.
pub(super) const FIRST_LOOK: usize = 4_096;

/// A TIME_WAIT younger than this counts as recent, ms.
pub(super) const RECENT_MS: u32 = 10_000;

/// One destination. Addresses are in the IPv6 form that carries IPv4 too, so
/// that a socket of either family is counted where the kernel's lookup would
/// find it. Sockets that are bound to two interfaces don't get in each other's
/// way (`inet_bound_dev_eq`), and a link-local address is another one on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    local: u128,
    remote: u128,
    port: u16,
    interface: Option<u32>,
}

/// A local address and the interface that its sockets are bound to.
pub(super) type LocalKey = (u128, Option<u32>);

impl Key {
    pub(super) fn of(socket: &Socket) -> Self {
        Self {
            local: to_bits(socket.local.address),
            remote: to_bits(socket.remote.address),
            port: socket.remote.port,
            interface: socket.interface,
        }
    }

    /// The local end, whose ports one bind() gives out.
    pub(super) const fn local(self) -> LocalKey {
        (self.local, self.interface)
    }

    pub(super) const fn interface(self) -> Option<u32> {
        self.interface
    }

    /// Our address, IPv4 unwrapped.
    pub(super) fn local_address(self) -> IpAddr {
        from_bits(self.local)
    }

    pub(super) fn is_of(self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.local_address().is_ipv4(),
            Family::Ipv6 => self.local_address().is_ipv6(),
        }
    }

    /// The peer, its address unwrapped.
    pub(super) fn remote(self) -> Endpoint {
        Endpoint::new(from_bits(self.remote), self.port).on_interface(self.interface)
    }
}

/// The IPv6 form that carries IPv4 too.
pub(super) fn to_bits(address: IpAddr) -> u128 {
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
    /// Of those, the ones in TIME_WAIT.
    pub(super) bind_parity_recent: u32,
    /// The port that was seen last.
    pub(super) port: u16,
    /// Its local address, as a place in [`PortTally::locals`].
    pub(super) local: usize,
}

/// The ports of one local address, towards whatever destination.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    pub(super) seen: PortSet,
    /// Ports in use.
    pub(super) distinct: u32,
    /// Of these, the ones of the parity that bind() prefers.
    pub(super) bind_parity: u32,
}

/// A set of ports is 8 KiB: of more local addresses than this nobody says
/// which ports they have given out twice.
const MOST_LOCALS: usize = 256;

/// Counts connections by destination.
#[derive(Debug)]
pub struct PortTally {
    pub(super) settings: PortSettings,
    pub(super) listened: PortSet,
    /// Ports that connect() may take.
    pub(super) candidates: PortSet,
    /// The first port of the range: its parity is the one that connect()
    /// prefers.
    first: u16,
    pub(super) policy: ReusePolicy,
    /// Peers choose their addresses, so the hash must not be foreseeable.
    pub(super) destinations: HashMap<Key, Used, RandomState>,
    /// The local addresses of the destinations.
    pub(super) locals: Vec<Local>,
    local_places: HashMap<LocalKey, usize, RandomState>,
    /// Of those that aren't clients', and by age.
    pub(super) time_wait: TimeWaitTally,
    /// How many destinations there may be before clients are looked for among
    /// them.
    pub(super) inbound_at: usize,
    /// What is shown; ports are counted whatever the family.
    pub(super) family: Option<Family>,
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
            locals: Vec::new(),
            local_places: HashMap::default(),
            time_wait: TimeWaitTally::default(),
            inbound_at: FIRST_LOOK,
            family: None,
        }
    }

    /// Shows the destinations of one family, and the TIME_WAIT sockets. All
    /// count all the same: a socket of either family can take the port that one
    /// of the other would.
    #[must_use]
    pub fn showing(mut self, family: Option<Family>) -> Self {
        self.family = family;
        self
    }

    /// Ports that connect() may have taken: those of the range that are neither
    /// reserved nor a listener's.
    #[must_use]
    pub fn candidates(&self) -> &PortSet {
        &self.candidates
    }

    pub(super) fn shows(&self, address: IpAddr) -> bool {
        self.family.is_none_or(|family| match family {
            Family::Ipv4 => address.is_ipv4(),
            Family::Ipv6 => address.is_ipv6(),
        })
    }

    /// Counts one socket.
    pub fn add(&mut self, socket: &Socket) {
        if !is_connection(socket) {
            return;
        }
        let port = socket.local.port;
        let waits = socket.state == TcpState::TimeWait;
        let age = if waits { age_ms(socket) } else { None };
        let shown = self.family.is_none_or(|family| family == socket.family);
        if let Some(age) = age
            && shown
        {
            self.add_age(age);
        }
        if !self.candidates.contains(port) {
            if !waits || !shown {
                // Nothing to count.
            } else if self.listened.contains(port) {
                self.time_wait.server_side += 1;
            } else {
                self.time_wait.other += 1;
            }
            return;
        }
        let reusable = waits && self.policy.allows(socket);
        let recent = age.is_some_and(|age| age < RECENT_MS);
        let bind_parity = self.is_of_bind_parity(port);
        let key = Key::of(socket);
        let (locals, places) = (&mut self.locals, &mut self.local_places);
        let entry = self.destinations.entry(key).or_insert_with(|| Used {
            local: place(locals, places, key.local()),
            ..Used::default()
        });
        if let Some(local) = locals.get_mut(entry.local)
            && local.seen.insert(port)
        {
            local.distinct += 1;
            local.bind_parity += u32::from(bind_parity);
        }
        entry.in_use += 1;
        entry.port = port;
        entry.time_wait += u32::from(waits);
        entry.reusable += u32::from(reusable);
        entry.recent += u32::from(recent);
        entry.bind_parity += u32::from(bind_parity);
        entry.bind_parity_now += u32::from(bind_parity && (recent || !waits));
        entry.bind_parity_recent += u32::from(bind_parity && recent);
        if self.destinations.len() >= self.inbound_at {
            self.leave_out_inbound();
        }
    }

    /// Whether bind() prefers a port, and connect() takes it last.
    pub(super) const fn is_of_bind_parity(&self, port: u16) -> bool {
        (port ^ self.first) & 1 == 1
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
    /// and added up only now: the dump's rows are many, these are few. No
    /// TIME_WAIT gives a port back that bind() gave out.
    pub(super) fn time_wait(&self, bound_first: impl Fn(&Used) -> bool) -> TimeWaitTally {
        let mut tally = self.time_wait;
        let destinations = self.destinations.iter();
        for (key, used) in destinations.filter(|(key, _)| self.shows(key.local_address())) {
            let waiting = u64::from(used.time_wait);
            tally.client_side += waiting;
            if !bound_first(used) {
                tally.reusable += u64::from(used.reusable);
            }
            if is_loopback(key.local_address(), key.remote().address) {
                tally.client_loopback += waiting;
            }
        }
        tally
    }
}

/// Whether a socket has a peer, and isn't one that the peer has only begun.
pub(super) fn is_connection(socket: &Socket) -> bool {
    let has_no_peer = matches!(
        socket.state,
        TcpState::Listen | TcpState::Close | TcpState::BoundInactive
    );
    !has_no_peer && socket.kind != SocketKind::Request
}

/// The place of a local address; one that leads nowhere when there are too
/// many.
fn place(
    locals: &mut Vec<Local>,
    places: &mut HashMap<LocalKey, usize, RandomState>,
    address: LocalKey,
) -> usize {
    if let Some(&place) = places.get(&address) {
        return place;
    }
    if locals.len() >= MOST_LOCALS {
        return usize::MAX;
    }
    let place = locals.len();
    locals.push(Local::default());
    places.insert(address, place);
    place
}
