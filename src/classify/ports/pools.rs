//! What the ports that bind() gave out take from whom.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::shared::Bound;
use super::tally::{Key, PortTally, Used};
use crate::model::SharedPool;

/// What one local address has given out.
#[derive(Debug, Clone, Copy, Default)]
struct Pool {
    /// By bind(), to how many destinations, and whether they share.
    by_bind: u32,
    destinations: u32,
    shared: bool,
    /// By bind() or connect(): what bind() finds taken.
    taken: u32,
}

/// Ports that look given out by bind(), by local address.
#[derive(Debug, Default)]
pub(super) struct Pools {
    by_address: HashMap<IpAddr, Pool, RandomState>,
    largest: u32,
}

impl Pools {
    pub(super) fn of(tally: &PortTally, bound: &Bound) -> Self {
        let mut pools = Self::default();
        let destinations = tally.destinations.iter();
        for (key, used) in destinations.filter(|(_, used)| bound.looks_bound(used)) {
            let pool = pools.by_address.entry(key.local_address()).or_default();
            // bind() gives a port to an address once, so they add up.
            pool.by_bind += used.in_use;
            pool.destinations += 1;
            pool.shared |= bound.shares(used);
            pool.taken = tally
                .locals
                .get(used.local)
                .map_or(pool.by_bind, |local| local.distinct);
            pools.largest = pools.largest.max(pool.by_bind);
        }
        pools
    }

    /// Ports that a destination can't have because others have them. Those of
    /// two local addresses may be the same ports: at least the largest pool is
    /// taken from connect().
    pub(super) fn taken_elsewhere(&self, key: Key, used: &Used, bound_first: bool) -> u32 {
        if bound_first {
            // bind() minds its own address only, but every port there.
            let pool = self.by_address.get(&key.local_address());
            let taken = pool.map_or(0, |pool| pool.taken);
            taken.saturating_sub(used.in_use)
        } else {
            self.largest
        }
    }

    /// The pools that several destinations share.
    pub(super) fn into_shared(self, usable: Option<u32>) -> Vec<SharedPool> {
        let mut shared: Vec<SharedPool> = self
            .by_address
            .into_iter()
            .filter(|(_, pool)| pool.shared)
            .map(|(local_address, pool)| SharedPool {
                local_address,
                in_use: pool.by_bind,
                taken: pool.taken,
                destinations: pool.destinations,
                usable,
            })
            .collect();
        shared.sort_by_key(|pool| (std::cmp::Reverse(pool.taken), pool.local_address));
        shared
    }
}
