//! What can run out: ports towards a destination, accept queues, SYN queues,
//! orphans, memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::net::IpAddr;

use super::{Endpoint, Listeners, PortRange, PortSet, UnresponsivePeers, on_device};

/// The settings that say which ports connect() may take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSettings {
    /// `net.ipv4.ip_local_port_range`; `None` when it can't be read.
    pub range: Option<PortRange>,
    /// `net.ipv4.ip_local_reserved_ports`; `None` when it can't be read.
    pub reserved: Option<PortSet>,
}

/// Everything that was read about what can run out. A part that nobody looked
/// for is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Ports of outgoing connections.
    pub ports: PortReading,
    /// Listening sockets.
    pub listeners: Option<Listeners>,
    /// Peers that don't answer.
    pub unresponsive: Option<UnresponsivePeers>,
    /// TIME_WAIT sockets by side and age.
    pub time_wait: Option<TimeWaitTally>,
    /// What the whole host shares.
    pub host_wide: HostWide,
}

/// How far the command looked for ports that run out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum PortReading {
    /// Nobody looked.
    #[default]
    NotRead,
    /// Somebody looked, and they could not be read.
    Failed,
    /// All connections together are too few to exhaust the ports towards any
    /// one destination, and enough of the range is left to them.
    RuledOut {
        /// Connections, whatever their direction.
        connections: u64,
        /// Ports that connect() may take, at least.
        usable: u32,
    },
    /// Every connection whose port connect() may have taken was looked at.
    Grouped(Ports),
}

impl PortReading {
    /// The ports by destination, where they were grouped.
    #[must_use]
    pub const fn grouped(&self) -> Option<&Ports> {
        match self {
            Self::Grouped(ports) => Some(ports),
            Self::NotRead | Self::Failed | Self::RuledOut { .. } => None,
        }
    }
}

/// Ports of outgoing connections, by destination.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ports {
    /// The settings.
    pub settings: PortSettings,
    /// Ports of the range that a listener has; connect() passes them by for
    /// every destination. `None` where the range isn't known.
    pub listened: Option<u32>,
    /// Ports of the range that sockets hold which are bound and no more
    /// (Linux 6.8). `None`: not looked for, as it costs the walk of a second
    /// table.
    pub bound: Option<u32>,
    /// Every destination, fullest first.
    pub destinations: Vec<Destination>,
    /// How many more there are that weren't asked for.
    pub left_out: u64,
    /// Local addresses whose ports look given out by bind(), fullest first.
    pub shared_pools: Vec<SharedPool>,
}

impl Ports {
    /// Ports of the range that connect() may take towards some destination;
    /// `None` where the settings aren't known.
    #[must_use]
    pub fn usable(&self) -> Option<u32> {
        let range = self.settings.range?;
        let reserved = self.settings.reserved.as_ref()?.count_in(range);
        let taken = reserved + self.listened? + self.bound.unwrap_or(0);
        Some(range.size().saturating_sub(taken))
    }

    /// The pool of bind() that a destination draws from, if it shares one: that
    /// of its address, or of all.
    #[must_use]
    pub fn pool_of(&self, destination: &Destination) -> Option<&SharedPool> {
        let of_address = |pool: &&SharedPool| {
            let address = (pool.local_address, pool.interface);
            address == (destination.local_address, destination.interface)
        };
        let of_all = |pool: &&SharedPool| pool.local_address.is_unspecified();
        let pools = || self.shared_pools.iter();
        pools()
            .find(of_address)
            .or_else(|| pools().find(of_all))
            .filter(|_| destination.bound_first)
    }
}

/// The ports of one local address towards one remote address and port: what
/// connect() looks through.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct Destination {
    /// Our address, IPv4-mapped ones unwrapped.
    pub local_address: IpAddr,
    /// Index of the interface that its sockets are bound to: those of two have
    /// ports of their own. Null: bound to none.
    pub interface: Option<u32>,
    /// The peer, its address unwrapped too.
    pub remote: Endpoint,
    /// Ports that have a socket towards it, in any state.
    pub in_use: u32,
    /// Of these, the ones in TIME_WAIT.
    pub time_wait: u32,
    /// Of these, the ones that connect() would take over now. At least: a
    /// TIME_WAIT whose timer was started again is older than it looks. None of
    /// those that bind() gave out.
    pub reusable: u32,
    /// Of those in TIME_WAIT, the ones that began in the last 10 s.
    pub recent_time_wait: u32,
    /// Ports that there are for it, used or not; `None` where the settings
    /// aren't known.
    pub usable: Option<u32>,
    /// Whether its ports look given out by bind() before connect().
    pub bound_first: bool,
    /// Connections a second that the ports sustain if we close
    /// first, beside the live ones; `None` where the settings aren't known, or
    /// where TIME_WAIT is taken over at once and no port is waited for.
    pub sustainable_per_s: Option<f64>,
    /// More ports in use a second, between two samples; negative when they
    /// get fewer.
    pub growth_per_s: Option<f64>,
    /// The same of the pool that it draws from with other destinations, which
    /// take what is left of it too; `None` where it shares none.
    pub pool_growth_per_s: Option<f64>,
}

impl Destination {
    /// Our address in words, with the interface where there is one.
    #[must_use]
    pub fn local(&self) -> String {
        on_device(self.local_address, self.interface)
    }

    /// Ports that no new connection can have.
    #[must_use]
    pub const fn blocked(&self) -> u32 {
        self.in_use.saturating_sub(self.reusable)
    }

    /// Connections that would succeed now, at most: which ports were bound by
    /// hand before connect() nothing tells, and those are lost to all other
    /// destinations.
    #[must_use]
    pub fn free(&self) -> Option<u32> {
        Some(self.usable?.saturating_sub(self.blocked()))
    }

    /// The share of the usable ports that no new connection can have, 0 to 1.
    #[must_use]
    pub fn used_ratio(&self) -> Option<f64> {
        let usable = self.usable?;
        if usable == 0 {
            return Some(1.0);
        }
        Some((f64::from(self.blocked()) / f64::from(usable)).min(1.0))
    }

    /// Seconds until no port is left, if the use grows on as between the two
    /// samples; `None` when it doesn't grow.
    ///
    /// What TIME_WAIT adds at a rate that the ports can bear forever ends as
    /// soon as as many leave as enter: it foretells nothing.
    #[must_use]
    pub fn exhausted_in_s(&self) -> Option<f64> {
        let growth = self.pool_growth_per_s.or(self.growth_per_s)?;
        let entering = self.entering_per_s();
        let lasts = self.sustainable_per_s.is_none_or(|most| entering <= most);
        let growth = if lasts { growth - entering } else { growth };
        until_none_is_left(self.free()?, growth)
    }

    /// Sockets that entered TIME_WAIT a second, over the last 10 s.
    #[must_use]
    pub fn entering_per_s(&self) -> f64 {
        f64::from(self.recent_time_wait) / 10.0
    }
}

/// Seconds; `None` when their use doesn't grow.
fn until_none_is_left(free: u32, growth_per_s: f64) -> Option<f64> {
    (growth_per_s > 0.0).then(|| f64::from(free) / growth_per_s)
}

/// Ports that bind() with port 0 seems to have given out: all destinations of
/// the address, or of all addresses, draw from one pool.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, Deserialize)]
pub struct SharedPool {
    /// The local address; the wildcard one where it is that of all.
    pub local_address: IpAddr,
    /// Index of the interface that its sockets are bound to. Null: bound to
    /// none, or the pool is that of all addresses.
    pub interface: Option<u32>,
    /// Ports in use that look given out so.
    pub in_use: u32,
    /// Ports of the address in use, however given out: bind() passes by those
    /// of connect() too.
    pub taken: u32,
    /// To how many destinations.
    pub destinations: u32,
    /// Ports that the pool has; `None` where the settings aren't known.
    pub usable: Option<u32>,
    /// More ports taken a second, between two samples that both showed it.
    pub growth_per_s: Option<f64>,
}

impl SharedPool {
    /// The local address in words, with the interface where there is one.
    #[must_use]
    pub fn local(&self) -> String {
        on_device(self.local_address, self.interface)
    }

    /// Ports that bind() can still give out, at most: on the wildcard address it
    /// passes by those of all local addresses, and of few ports nothing tells
    /// which it was.
    #[must_use]
    pub fn free(&self) -> Option<u32> {
        Some(self.usable?.saturating_sub(self.taken))
    }

    /// Seconds until no port is left, as of a destination.
    #[must_use]
    pub fn exhausted_in_s(&self) -> Option<f64> {
        until_none_is_left(self.free()?, self.growth_per_s?)
    }

    /// The share of the usable ports that bind() can't give out, 0 to 1.
    #[must_use]
    pub fn used_ratio(&self) -> Option<f64> {
        match self.usable? {
            0 => Some(1.0),
            usable => Some((f64::from(self.taken) / f64::from(usable)).min(1.0)),
        }
    }
}

/// TIME_WAIT sockets by who closed first on what side, and by age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWaitTally {
    /// Ours were clients: the local port is in the ephemeral range.
    pub client_side: u64,
    /// Ours were servers: the local port is a listener's.
    pub server_side: u64,
    /// Neither: the listener is gone, the port was bound by hand, or the range
    /// was another one.
    pub other: u64,
    /// By age in steps of 10 s, 0 to 60 s; from the timers, which an answer to
    /// a late segment starts again.
    pub ages: [u64; 6],
    /// Of the client side, those over loopback.
    pub client_loopback: u64,
    /// Of the client side, those that connect() would take over now.
    pub reusable: u64,
}

/// What the whole host shares, whatever the namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWide {
    /// Sockets that no process holds any more and that aren't in TIME_WAIT
    /// (/proc/net/sockstat, `orphan`).
    pub orphans: Option<u64>,
    /// `net.ipv4.tcp_max_orphans`; not visible in a child namespace.
    pub max_orphans: Option<u64>,
    /// Pages in TCP buffers (/proc/net/sockstat, `mem`).
    pub memory_pages: Option<u64>,
    /// `net.ipv4.tcp_mem`: pages below which nothing is done, from which
    /// buffers are moderated, and which are never exceeded; not visible
    /// in a child namespace.
    pub memory_limits: Option<[u64; 3]>,
}
