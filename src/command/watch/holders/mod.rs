//! Who holds the sockets in CLOSE_WAIT, or listeners, from sample to sample.
//!
//! A search reads where every descriptor of the host leads, which on a large
//! host takes longer than all the rest of a sample. So it is done when it is
//! worth its time; in between the holders that it found are looked at again,
//! and new sockets are looked for where others of their kind were found.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::super::pace::{Clock, Pace, is_due};
use crate::classify::close_wait::HoldersOf;
use crate::classify::history::Search;
use crate::kernel::processes::{Holders, Which};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::Holder;

/// A search may take one part of so many of a core in the long run.
const PARTS: u32 = 100;
/// The same of one nearby, which is for convenience.
const PARTS_NEARBY: u32 = 300;

/// Inodes, which no peer chooses.
pub(super) type Inodes = HashSet<u64, RandomState>;

/// Holders that are known, each of which held its socket a moment ago.
#[derive(Debug)]
pub(super) struct KnownHolders {
    /// Tells the time of a core that was spent.
    clock: Clock,
    holders: Holders,
    /// The sockets that were looked for everywhere, but for those that lost the
    /// last holder since.
    searched: Inodes,
    /// The last search everywhere.
    everywhere: Option<Pace>,
    /// The processes that it found, whatever they hold now.
    neighbours: Vec<u32>,
    /// The last search among these.
    nearby: Option<Pace>,
}

impl KnownHolders {
    /// Nobody is known.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            holders: Holders::default(),
            searched: Inodes::default(),
            everywhere: None,
            neighbours: Vec::new(),
            nearby: None,
        }
    }

    /// Finds out who holds the sockets with these inodes, and gives the time
    /// that was spent on searching. The processes in `first` are where the
    /// answer is expected. On failure nobody is known.
    pub(super) fn update(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        first: impl FnOnce() -> Vec<u32>,
        now: Instant,
    ) -> Result<Duration, KernelError> {
        let outcome = self.try_to_update(proc_root, wanted, first, now);
        if outcome.is_err() {
            // Half of it would be a wrong answer. It begins anew at once.
            *self = Self::new(self.clock);
        }
        outcome
    }

    fn try_to_update(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        first: impl FnOnce() -> Vec<u32>,
        now: Instant,
    ) -> Result<Duration, KernelError> {
        if is_due(self.everywhere.as_ref(), now) {
            let before = (self.clock)();
            let which = Which::All { first: &first() };
            self.holders = Holders::find(proc_root, wanted.iter().copied(), which)?;
            self.neighbours = self.holders.pids();
            self.searched.clone_from(wanted);
            // Nobody to look for took no time.
            let cost = (self.clock)().saturating_sub(before);
            self.everywhere = (!wanted.is_empty()).then(|| Pace::new(now, cost, PARTS));
            return Ok(cost);
        }
        let held: Vec<u64> = self.holders.iter().map(|(inode, _)| inode).collect();
        self.holders
            .recheck(proc_root, |inode| wanted.contains(&inode))?;
        self.searched.retain(|inode| wanted.contains(inode));
        // What one has let go another may hold since.
        for inode in held {
            if self.holders.of(inode).is_empty() {
                self.searched.remove(&inode);
            }
        }
        self.look_nearby(proc_root, wanted, now)
    }

    /// Looks for new sockets where others were: who leaks goes on leaking, also
    /// one that closes what it had.
    fn look_nearby(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        now: Instant,
    ) -> Result<Duration, KernelError> {
        let unknown: Vec<u64> = wanted
            .difference(&self.searched)
            .copied()
            .filter(|&inode| self.holders.of(inode).is_empty())
            .collect();
        if unknown.is_empty() || !is_due(self.nearby.as_ref(), now) {
            return Ok(Duration::ZERO);
        }
        let before = (self.clock)();
        let more = Holders::find(proc_root, unknown, Which::Only(&self.neighbours))?;
        self.holders.add(more);
        let cost = (self.clock)().saturating_sub(before);
        self.nearby = Some(Pace::new(now, cost, PARTS_NEARBY));
        Ok(cost)
    }

    pub(super) const fn holders(&self) -> &Holders {
        &self.holders
    }

    /// How many sockets and holders are remembered.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let holders = self.holders.iter().map(|(_, of_socket)| of_socket.len());
        let processes = self.holders.pids().len() + self.neighbours.len();
        self.searched.len() + holders.sum::<usize>() + processes
    }

    /// The last search everywhere, as seen from now.
    pub(super) fn search(&self, now: Instant) -> Option<Search> {
        let last = self.everywhere?;
        Some(Search {
            ago: last.ago(now),
            cost: last.cost(),
            every: last.every(),
        })
    }
}

impl HoldersOf for KnownHolders {
    fn holders_of(&self, inode: u64) -> &[Holder] {
        self.holders.of(inode)
    }

    fn was_sought(&self, inode: u64) -> bool {
        self.searched.contains(&inode)
    }
}

#[cfg(test)]
mod tests;
