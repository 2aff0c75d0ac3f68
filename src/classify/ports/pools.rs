//! What the ports that bind() gave out take from whom.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use super::shared::Bound;
use super::tally::{Key, PortTally, Used};
use crate::model::{PortRange, PortSet, SharedPool};

/// What one local address has given out.
#[derive(Debug, Clone, Copy, Default)]
struct Pool {
    /// By bind(), to how many destinations, and whether they share.
    by_bind: u32,
    destinations: u32,
    shared: bool,
    /// By bind() or connect(): what bind() finds taken.
    taken: u32,
    /// Whether some are of IPv6.
    ipv6: bool,
}

/// Ports that look given out by bind(), by local address.
#[derive(Debug, Default)]
pub(super) struct Pools {
    by_address: HashMap<(IpAddr, Option<u32>), Pool, RandomState>,
    /// That of bind() on the wildcard address.
    everywhere: Option<Pool>,
    largest: u32,
    /// By the place of a local address: ports that bind() gave out at others,
    /// and that this one has no connection from.
    at_others: Vec<u32>,
}

impl Pools {
    /// `excluded` are the ports that connect() passes by anyway.
    pub(super) fn of(tally: &PortTally, bound: &Bound, excluded: &PortSet) -> Self {
        let mut pools = Self::default();
        let destinations = tally.destinations.iter();
        for (key, used) in destinations.filter(|(_, used)| bound.looks_bound(used)) {
            let everywhere = bound.wildcard.as_ref();
            let everywhere = everywhere.filter(|_| bound.shares_everywhere(used));
            let pool = if everywhere.is_some() {
                pools.everywhere.get_or_insert_default()
            } else {
                pools
                    .by_address
                    .entry((key.local_address(), key.interface()))
                    .or_default()
            };
            // bind() gives a port to an address once, so they add up.
            pool.by_bind += used.in_use;
            pool.destinations += 1;
            pool.shared |= bound.shares(used);
            let of_address = tally.locals.get(used.local);
            pool.taken = match everywhere {
                Some(wildcard) => wildcard.taken,
                None => of_address.map_or(pool.by_bind, |local| local.distinct),
            };
            pool.ipv6 |= key.local_address().is_ipv6();
            pools.largest = pools.largest.max(pool.by_bind);
        }
        if pools.everywhere.is_some() || !pools.by_address.is_empty() {
            pools.at_others = at_others(tally, &given_out(tally, bound, excluded));
        }
        pools
    }

    /// Ports that a destination can't have because others have them, at least.
    /// Those of two local addresses may be the same ports, and one that
    /// connect() had first can be given out at another address.
    pub(super) fn taken_elsewhere(&self, key: Key, used: &Used, bound: &Bound) -> u32 {
        let pool = self.by_address.get(&(key.local_address(), key.interface()));
        if bound.looks_bound(used) {
            // bind() minds its own address only, but every port there.
            let everywhere = self.everywhere.as_ref();
            let everywhere = everywhere.filter(|_| bound.shares_everywhere(used));
            let taken = everywhere.or(pool).map_or(0, |pool| pool.taken);
            taken.saturating_sub(used.in_use)
        } else {
            // connect() passes them by at whatever address.
            let here = pool.map_or(0, |pool| pool.by_bind);
            let at_others = self.at_others.get(used.local).copied().unwrap_or(0);
            self.largest.max(here.saturating_add(at_others))
        }
    }

    /// The pools that several destinations share.
    pub(super) fn into_shared(self, usable: Option<u32>) -> Vec<SharedPool> {
        let everywhere = self.everywhere.map(|pool| {
            let wildcard = if pool.ipv6 {
                IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            } else {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED)
            };
            ((wildcard, None), pool)
        });
        let mut shared: Vec<SharedPool> = self
            .by_address
            .into_iter()
            .chain(everywhere)
            .filter(|(_, pool)| pool.shared)
            .map(|((local_address, interface), pool)| SharedPool {
                local_address,
                interface,
                in_use: pool.by_bind,
                taken: pool.taken,
                destinations: pool.destinations,
                usable,
                growth_per_s: None,
            })
            .collect();
        shared.sort_by_key(|pool| (std::cmp::Reverse(pool.taken), pool.local()));
        shared
    }
}

/// What the destinations of a local address that don't look bound have.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    in_use: u32,
    bind_parity: u32,
}

/// The ports that bind() gave out at one local address or another, as far as
/// they are told apart from those of connect().
fn given_out(tally: &PortTally, bound: &Bound, excluded: &PortSet) -> PortSet {
    let mut has_pool = vec![false; tally.locals.len()];
    let mut rest = vec![Rest::default(); tally.locals.len()];
    for used in tally.destinations.values() {
        if bound.looks_bound(used) {
            if let Some(has_pool) = has_pool.get_mut(used.local) {
                *has_pool = true;
            }
        } else if let Some(rest) = rest.get_mut(used.local) {
            rest.in_use += used.in_use;
            rest.bind_parity += used.bind_parity;
        }
    }
    let mut given_out = PortSet::default();
    let locals = tally.locals.iter().zip(has_pool).zip(rest);
    for ((local, _), rest) in locals.filter(|((_, has_pool), _)| *has_pool) {
        // connect() has all of the one parity, or some of both.
        let is_told_apart = |port: u16| {
            rest.in_use == 0 || (rest.bind_parity == 0 && tally.is_of_bind_parity(port))
        };
        let range = tally.settings.range.into_iter();
        range
            .flat_map(PortRange::ports)
            .filter(|&port| local.seen.contains(port) && tally.candidates.contains(port))
            .filter(|&port| !excluded.contains(port) && is_told_apart(port))
            .for_each(|port| {
                given_out.insert(port);
            });
    }
    given_out
}

/// How many of these ports each local address has no connection from.
fn at_others(tally: &PortTally, given_out: &PortSet) -> Vec<u32> {
    let missing = |seen: &PortSet| {
        let mut others = given_out.clone();
        others.remove_all(seen);
        tally
            .settings
            .range
            .map_or(0, |range| others.count_in(range))
    };
    tally
        .locals
        .iter()
        .map(|local| missing(&local.seen))
        .collect()
}
