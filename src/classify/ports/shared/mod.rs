//! Ports that bind() gave out before connect(): all destinations of a local
//! address share them, and they are lost to every connect() besides.
//!
//! The table doesn't say who chose a port, but the kernel leaves two traces
//! (`__inet_hash_connect` and `inet_csk_find_open_port`, Linux 4.2):
//!
//! - connect() begins with the ports of the parity of the range's first one,
//!   and takes the others only when those are used up towards its destination.
//!   bind() with port 0 begins with the others, whatever the destination.
//! - bind() never gives a port of an address out twice. connect() does, once
//!   to each destination.
//!
//! So ports of bind()'s parity, towards destinations that have enough of
//! connect()'s left, each of them once, were bound.

use super::parity::{Parities, Suspects};
use super::tally::{PortTally, Used};
use super::wildcard::Wildcard;
use crate::model::PortSet;

/// Which ports bind() gave out.
#[derive(Debug, Default)]
pub(super) struct Bound {
    parities: Option<Parities>,
    /// By the place of the local address: whether it has a pool.
    pools: Vec<bool>,
    /// The pool of all local addresses, if they have one.
    pub(super) wildcard: Option<Wildcard>,
}

impl Bound {
    /// Looks for the traces; `excluded` are the ports that connect() passes by
    /// for every destination.
    pub(super) fn find(tally: &PortTally, excluded: &PortSet) -> Self {
        let Some(range) = tally.settings.range else {
            return Self::default();
        };
        let parities = Parities::of(range, excluded);
        let mut suspects = vec![Suspects::default(); tally.locals.len()];
        for used in tally.destinations.values() {
            if let Some(suspects) = suspects.get_mut(used.local) {
                suspects.all_by_bind += used.bind_parity;
                if parities.is_suspect(used) {
                    suspects.add(used);
                }
            }
        }
        let wildcard = Wildcard::find(tally, parities, &suspects, excluded);
        let pools = suspects.iter().zip(&tally.locals);
        Self {
            parities: Some(parities),
            wildcard,
            pools: pools
                .map(|(suspects, local)| parities.are_pool(suspects, local))
                .collect(),
        }
    }

    /// Whether a destination draws from a pool that it shares with others.
    pub(super) fn shares(&self, used: &Used) -> bool {
        let has_pool = self.pools.get(used.local).is_some_and(|&pool| pool);
        (has_pool && self.is_suspect(used)) || self.shares_everywhere(used)
    }

    /// Whether that pool is the one of all local addresses.
    pub(super) fn shares_everywhere(&self, used: &Used) -> bool {
        let wildcard = self.wildcard.as_ref();
        let takes_part = wildcard.and_then(|wildcard| wildcard.takes_part.get(used.local));
        takes_part.is_some_and(|&takes_part| takes_part) && self.is_suspect(used)
    }

    fn is_suspect(&self, used: &Used) -> bool {
        self.parities
            .is_some_and(|parities| parities.is_suspect(used))
    }

    /// Whether the ports of a destination look given out by bind().
    pub(super) fn looks_bound(&self, used: &Used) -> bool {
        self.shares(used)
            || self
                .parities
                .is_some_and(|parities| parities.stands_alone(used))
    }
}

#[cfg(test)]
mod tests;
