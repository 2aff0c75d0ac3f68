//! Ports of outgoing connections: which destination runs out of them.
//!
//! connect() looks through the ports of a range for one that has no socket
//! with the same local address, remote address and remote port
//! (`__inet_hash_connect`). A port that a listener has, or that somebody chose
//! with bind(), it passes by whatever the destination.

mod advice;
mod inbound;
mod parity;
mod pools;
mod reuse;
mod shared;
mod tally;
mod wildcard;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

pub use self::advice::{advice, why_not_reusable};
use self::pools::Pools;
pub use self::reuse::{Reuse, ReusePolicy, is_loopback};
use self::shared::Bound;
pub use self::tally::PortTally;
use self::tally::{Key, Used};
use crate::model::{Destination, Endpoint, PortRange, PortSet, PortSettings, Ports, TimeWaitTally};

/// From this share of its ports on, a destination is judged a warning.
pub const WARNING: f64 = 0.8;
/// And from this one on critical.
pub const CRITICAL: f64 = 0.95;

/// Where the ports that are taken and the sockets that may be bound and no more
/// together reach this share of the usable ones, it is worth the walk of the
/// kernel's bind table to learn which ports those take.
pub const WORTH_BOUND_WALK: f64 = 0.5;

/// Whether nothing is worth a warning, by the numbers alone: enough of the
/// range is `usable`, and so many connections, whatever they are, can't use up
/// too much of that towards one destination.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^53")]
pub fn is_ruled_out(connections: u64, usable: u32, range: PortRange) -> bool {
    taken_out(usable, range) < WARNING && (connections as f64) < WARNING * f64::from(usable)
}

/// The share of a range that nobody can connect from, 0 to 1.
#[must_use]
pub fn taken_out(usable: u32, range: PortRange) -> f64 {
    1.0 - f64::from(usable) / f64::from(range.size())
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
    /// Whether so many sockets that are bound and no more could matter: to any
    /// destination, or to the range.
    #[must_use]
    pub fn could_matter(&self, bound_at_most: Option<u64>) -> bool {
        let (Some(range), Some(usable)) =
            (self.settings.range, usable(&self.settings, &self.listened))
        else {
            return false;
        };
        if bound_at_most == Some(0) {
            return false;
        }
        let at_most = bound_at_most
            .and_then(|most| u32::try_from(most).ok())
            .unwrap_or(u32::MAX);
        let reach_half = |taken: u32, usable: u32| {
            f64::from(taken) + f64::from(at_most) >= WORTH_BOUND_WALK * f64::from(usable)
        };
        let left = usable.saturating_sub(at_most);
        if reach_half(0, usable) || taken_out(left, range) >= WARNING {
            return true;
        }
        let mut excluded = self.settings.reserved.clone().unwrap_or_default();
        excluded.insert_all(&self.listened);
        let by_bind = Bound::find(self, &excluded);
        let pools = Pools::of(self, &by_bind, &excluded);
        // What blocks a destination, and what others take from it.
        let everywhere = by_bind.wildcard.as_ref();
        let blocked = |key: &Key, used: &Used| match self.locals.get(used.local) {
            _ if by_bind.shares_everywhere(used) => (everywhere.map_or(0, |pool| pool.taken), 0),
            Some(local) if by_bind.shares(used) => (local.distinct, 0),
            _ if by_bind.looks_bound(used) => (used.in_use, 0),
            _ => (
                used.in_use - used.reusable,
                pools.taken_elsewhere(*key, used, &by_bind),
            ),
        };
        self.destinations.iter().any(|(key, used)| {
            let (blocked, elsewhere) = blocked(key, used);
            reach_half(blocked, usable.saturating_sub(elsewhere))
        })
    }

    /// What was counted: ports by destination, and TIME_WAIT. `bound` are the
    /// ports of bound-only sockets, where somebody looked.
    #[must_use]
    pub fn finish(mut self, bound: Option<&PortSet>) -> (Ports, TimeWaitTally) {
        self.leave_out_inbound();
        let range = self.settings.range;
        let mut excluded = self.settings.reserved.clone().unwrap_or_default();
        let mut count_new = |set: &PortSet| {
            let ours = range?.ports().filter(|&port| set.contains(port));
            Some(ours.fold(0, |count, port| count + u32::from(excluded.insert(port))))
        };
        let listened = count_new(&self.listened);
        let bound = bound.and_then(&mut count_new);
        let usable = self
            .settings
            .reserved
            .is_some()
            .then(|| range.map(|range| range.size() - excluded.count_in(range)))
            .flatten();
        let by_bind = Bound::find(&self, &excluded);
        let time_wait = self.time_wait(|used| by_bind.looks_bound(used));
        let pools = Pools::of(&self, &by_bind, &excluded);
        let mut destinations: Vec<Destination> = self
            .destinations
            .iter()
            .map(|(key, used)| {
                let bound_first = by_bind.looks_bound(used);
                let elsewhere = pools.taken_elsewhere(*key, used, &by_bind);
                let usable = usable.map(|usable| usable.saturating_sub(elsewhere));
                Destination {
                    local_address: key.local_address(),
                    interface: key.interface(),
                    remote: key.remote(),
                    in_use: used.in_use,
                    time_wait: used.time_wait,
                    // bind() takes no TIME_WAIT over, and connect() no port that
                    // bind() gave out.
                    reusable: if bound_first { 0 } else { used.reusable },
                    recent_time_wait: used.recent,
                    usable,
                    bound_first,
                    sustainable_per_s: usable
                        .and_then(|usable| self.sustainable(*key, used, bound_first, usable)),
                    growth_per_s: None,
                    pool_growth_per_s: None,
                }
            })
            .collect();
        destinations.retain(|destination| self.shows(destination.local_address));
        sort(&mut destinations);
        let mut shared_pools = pools.into_shared(usable);
        shared_pools
            .retain(|pool| pool.local_address.is_unspecified() || self.shows(pool.local_address));
        let ports = Ports {
            settings: self.settings,
            listened,
            bound,
            destinations,
            left_out: 0,
            shared_pools,
        };
        (ports, time_wait)
    }

    /// Connections a second forever, if each ends in TIME_WAIT here and the
    /// live ones stay. `None` where the ports aren't what limits.
    fn sustainable(&self, key: Key, used: &Used, bound_first: bool, usable: u32) -> Option<f64> {
        let covered = !bound_first
            && self
                .policy
                .covers(key.local_address(), key.remote().address);
        let held_s = if covered {
            (f64::from(self.policy.delay_ms) / 1e3).min(TIME_WAIT_S)
        } else {
            TIME_WAIT_S
        };
        let live = used.in_use.saturating_sub(used.time_wait);
        (held_s > 0.0).then(|| f64::from(usable.saturating_sub(live)) / held_s)
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
            .then_with(|| key(a).cmp(&key(b)))
    });
}

type DestinationKey = (IpAddr, Option<u32>, Endpoint);

const fn key(destination: &Destination) -> DestinationKey {
    (
        destination.local_address,
        destination.interface,
        destination.remote,
    )
}

/// Says of each destination how its use grew since an earlier reading. One
/// that wasn't there then has grown from nothing.
pub fn compare(ports: &mut Ports, earlier: &Ports, time: Duration) {
    let seconds = time.as_secs_f64();
    if seconds <= 0.0 {
        return;
    }
    let before: HashMap<DestinationKey, u32, RandomState> = earlier
        .destinations
        .iter()
        .map(|destination| (key(destination), destination.blocked()))
        .collect();
    for pool in &mut ports.shared_pools {
        // One that wasn't told apart then may have been as large.
        let mut earlier = earlier.shared_pools.iter();
        let was = earlier.find(|earlier| {
            (earlier.local_address, earlier.interface) == (pool.local_address, pool.interface)
        });
        let growth = was.map(|was| f64::from(pool.taken) - f64::from(was.taken));
        pool.growth_per_s = growth.map(|growth| growth / seconds);
    }
    let mut destinations = std::mem::take(&mut ports.destinations);
    for destination in &mut destinations {
        let was = before.get(&key(destination)).copied().unwrap_or(0);
        let growth = f64::from(destination.blocked()) - f64::from(was);
        destination.growth_per_s = Some(growth / seconds);
        let pool = ports.pool_of(destination);
        destination.pool_growth_per_s = pool.and_then(|pool| pool.growth_per_s);
    }
    ports.destinations = destinations;
}

#[cfg(test)]
mod tests;
