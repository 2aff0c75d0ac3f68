//! The pool of bind() on the wildcard address: one for all local addresses.
//!
//! Once such a socket is connected it has the address of its route, and nothing
//! tells any more how it was bound. But bind() on the wildcard address gives no
//! port out that is in use at any local address (`inet_csk_bind_conflict`), so
//! none of its ports is in use at two. Pools of single addresses know nothing
//! of each other: by chance they would have many in common.

use super::parity::{Parities, Suspects};
use super::tally::PortTally;
use crate::model::{PortRange, PortSet};

/// So many ports in common must be due to chance before it proves something
/// that there are none: less than once in a million (e^-14) none would be.
const EXPECTED: u64 = 14;
/// Of so many that are due to chance one may be in common all the same.
const BUT_ONE_IN: u64 = 20;

/// The pool, where there is one.
#[derive(Debug)]
pub(super) struct Wildcard {
    /// Ports in use at one local address or another: what bind() finds taken.
    pub(super) taken: u32,
    /// By the place of a local address: whether it has ports of the pool.
    pub(super) takes_part: Vec<bool>,
}

impl Wildcard {
    /// Looks for the pool; `suspects` are those of each local address, and
    /// `excluded` the ports that connect() passes by for every destination.
    pub(super) fn find(
        tally: &PortTally,
        parities: Parities,
        suspects: &[Suspects],
        excluded: &PortSet,
    ) -> Option<Self> {
        let takes_part: Vec<bool> = suspects.iter().map(Suspects::account_for_all).collect();
        if takes_part.iter().filter(|&&takes_part| takes_part).count() < 2 {
            return None;
        }
        let mut together = Suspects::default();
        let (mut sum, mut squares) = (0, 0);
        let (mut by_bind, mut in_use) = (PortSet::default(), PortSet::default());
        // bind() of an address goes through the ports of one parity first, and
        // connect() through the others.
        let others: PortSet = (0..=u16::MAX)
            .filter(|&port| {
                excluded.contains(port)
                    || !tally.candidates.contains(port)
                    || !tally.is_of_bind_parity(port)
            })
            .collect();
        let locals = tally.locals.iter().zip(suspects).zip(&takes_part);
        for ((local, suspects), takes_part) in locals {
            in_use.insert_all(&local.seen);
            if *takes_part {
                let mut ports = local.seen.clone();
                ports.remove_all(&others);
                let count = u64::from(ports.count_in(PortRange::ALL));
                sum += count;
                squares += count * count;
                by_bind.insert_all(&ports);
                together.add_all(suspects);
            }
        }
        let distinct = by_bind.count_in(PortRange::ALL);
        let in_common = sum - u64::from(distinct);
        let expected = (sum * sum - squares) / 2 / u64::from(parities.bind.max(1));
        let is_one = expected >= EXPECTED
            && in_common * BUT_ONE_IN <= expected
            && parities.are_of_bind(&together, distinct);
        in_use.remove_all(excluded);
        is_one.then(|| Self {
            taken: tally
                .settings
                .range
                .map_or(0, |range| in_use.count_in(range)),
            takes_part,
        })
    }
}

#[cfg(test)]
mod tests;
