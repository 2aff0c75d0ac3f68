//! Ports of outgoing connections: which destination runs out of them.
//!
//! connect() looks through the ports of a range for one that has no socket
//! with the same local address, remote address and remote port
//! (`__inet_hash_connect`). A port that a listener has, or that somebody chose
//! with bind(), it passes by whatever the destination.

mod advice;
mod reuse;
mod shared;
mod tally;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

pub use self::advice::{advice, why_not_reusable};
pub use self::reuse::{Reuse, ReusePolicy, is_loopback};
use self::shared::Parities;
pub use self::tally::PortTally;
use self::tally::{Key, Used};
use crate::model::{
    Destination, Endpoint, PortSet, PortSettings, Ports, SharedPool, TimeWaitTally,
};

/// From this share of its ports on, a destination is judged a warning.
pub const WARNING: f64 = 0.8;
/// And from this one on critical.
pub const CRITICAL: f64 = 0.95;

/// From this share on it is worth the walk of the second table to learn which
/// ports bound-only sockets take.
pub const WORTH_BOUND_WALK: f64 = 0.5;

/// More connections than this aren't grouped in passing: it would cost a
/// multiple of everything else that the summary does.
pub const FEW_ENOUGH: u64 = 50_000;

/// Whether so many connections, whatever they are, could use up so much of the
/// ports towards one destination that it would be worth a warning.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^53")]
pub fn is_ruled_out(connections: u64, usable: u32) -> bool {
    connections == 0 || (connections as f64) < WARNING * f64::from(usable)
}

/// Seconds that a port stays in TIME_WAIT.
const TIME_WAIT_S: f64 = 60.0;

/// Ports that connect() may take, whatever the destination: range less
/// reserved less those in `taken`. `None` where the settings aren't known.
#[must_use]
pub fn usable(settings: &PortSettings, taken: &PortSet) -> Option<u32> {
    let range = settings.range?;
    let mut excluded = settings.reserved.clone()?;
    excluded.insert_all(taken);
    Some(range.size() - excluded.count_in(range))
}

impl PortTally {
    /// Whether any destination uses so much that bound-only sockets could
    /// matter.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        let Some(usable) = usable(&self.settings, &self.listened) else {
            return false;
        };
        let most = self
            .destinations
            .values()
            .map(|used| used.in_use - used.reusable)
            .max();
        most.is_some_and(|most| f64::from(most) >= WORTH_BOUND_WALK * f64::from(usable))
    }

    /// What was counted: ports by destination, and TIME_WAIT. `bound` are the
    /// ports of bound-only sockets, where somebody looked.
    #[must_use]
    pub fn finish(self, bound: Option<&PortSet>) -> (Ports, TimeWaitTally) {
        let time_wait = self.time_wait();
        let range = self.settings.range;
        let mut excluded = self.settings.reserved.clone().unwrap_or_default();
        let mut count_new = |set: &PortSet| {
            let Some(range) = range else { return 0 };
            range
                .ports()
                .filter(|&port| set.contains(port))
                .fold(0, |count, port| count + u32::from(excluded.insert(port)))
        };
        let listened = count_new(&self.listened);
        let bound = bound.map(&mut count_new);
        let usable = self
            .settings
            .reserved
            .is_some()
            .then(|| range.map(|range| range.size() - excluded.count_in(range)))
            .flatten();
        let parities = range.map(|range| Parities::of(range, &excluded));
        let look_bound = |used: &Used| parities.is_some_and(|parities| parities.look_bound(used));

        let pools = Pools::of(&self.destinations, look_bound);
        let mut destinations: Vec<Destination> = self
            .destinations
            .iter()
            .map(|(key, used)| {
                let bound_first = look_bound(used);
                let elsewhere = pools.taken_elsewhere(key.local_address(), bound_first, used);
                let usable = usable.map(|usable| usable.saturating_sub(elsewhere));
                Destination {
                    local_address: key.local_address(),
                    remote: key.remote(),
                    in_use: used.in_use,
                    time_wait: used.time_wait,
                    reusable: used.reusable,
                    recent_time_wait: used.recent,
                    usable,
                    bound_first,
                    sustainable_per_s: usable.map(|usable| self.sustainable(*key, usable)),
                    growth_per_s: None,
                }
            })
            .collect();
        sort(&mut destinations);
        let ports = Ports {
            settings: self.settings,
            listened,
            bound,
            destinations,
            shared_pools: pools.into_shared(usable),
        };
        (ports, time_wait)
    }

    /// Connections a second for ever, if each ends in TIME_WAIT here.
    fn sustainable(&self, key: Key, usable: u32) -> f64 {
        let covered = self
            .policy
            .covers(key.local_address(), key.remote().address);
        let held_s = if covered {
            (f64::from(self.policy.delay_ms) / 1e3).min(TIME_WAIT_S)
        } else {
            TIME_WAIT_S
        };
        // With no delay at all the ports aren't what limits.
        f64::from(usable) / held_s.max(1e-3)
    }
}

/// Fullest first; of equals the one with more ports, then by name, so that the
/// order is the same every time.
fn sort(destinations: &mut [Destination]) {
    destinations.sort_by(|a, b| {
        let ratio = |d: &Destination| d.used_ratio().unwrap_or(0.0);
        ratio(b)
            .total_cmp(&ratio(a))
            .then_with(|| b.in_use.cmp(&a.in_use))
            .then_with(|| (a.local_address, a.remote).cmp(&(b.local_address, b.remote)))
    });
}

/// Ports that look given out by bind(), by local address: ports in use, and
/// destinations. bind() gives a port to an address once, so they add up.
#[derive(Debug, Default)]
struct Pools {
    by_address: HashMap<IpAddr, (u32, u32), RandomState>,
    largest: u32,
}

impl Pools {
    fn of(
        destinations: &HashMap<Key, Used, RandomState>,
        look_bound: impl Fn(&Used) -> bool,
    ) -> Self {
        let mut pools = Self::default();
        for (key, used) in destinations.iter().filter(|(_, used)| look_bound(used)) {
            let pool = pools.by_address.entry(key.local_address()).or_default();
            pool.0 += used.in_use;
            pool.1 += 1;
            pools.largest = pools.largest.max(pool.0);
        }
        pools
    }

    /// Ports that a destination can't have because bind() gave them to others.
    /// Those of two local addresses may be the same ports: at least the
    /// largest pool is taken.
    fn taken_elsewhere(&self, address: IpAddr, bound_first: bool, used: &Used) -> u32 {
        let own = self.by_address.get(&address).map_or(0, |pool| pool.0);
        if bound_first {
            // bind() minds its own address only.
            own.saturating_sub(used.in_use)
        } else {
            self.largest
        }
    }

    fn into_shared(self, usable: Option<u32>) -> Vec<SharedPool> {
        let mut shared: Vec<SharedPool> = self
            .by_address
            .into_iter()
            .map(|(local_address, (in_use, destinations))| SharedPool {
                local_address,
                in_use,
                destinations,
                usable,
            })
            .collect();
        shared.sort_by_key(|pool| (std::cmp::Reverse(pool.in_use), pool.local_address));
        shared
    }
}

/// Says of each destination how its use grew since an earlier reading. One
/// that wasn't there then has grown from nothing.
pub fn compare(ports: &mut Ports, earlier: &Ports, time: Duration) {
    let seconds = time.as_secs_f64();
    if seconds <= 0.0 {
        return;
    }
    let before: HashMap<(IpAddr, Endpoint), u32, RandomState> = earlier
        .destinations
        .iter()
        .map(|destination| {
            let key = (destination.local_address, destination.remote);
            (key, destination.blocked())
        })
        .collect();
    for destination in &mut ports.destinations {
        let key = (destination.local_address, destination.remote);
        let was = before.get(&key).copied().unwrap_or(0);
        let growth = f64::from(destination.blocked()) - f64::from(was);
        destination.growth_per_s = Some(growth / seconds);
    }
}

#[cfg(test)]
mod tests;
