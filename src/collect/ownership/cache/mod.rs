//! The owners that are known, for whoever asks again and again.
//!
//! A search reads where every descriptor of the host leads, which on a large
//! host takes longer than all the rest of a reading. So it is done when its
//! budget allows; in between the owners that it found are looked at again, and
//! new sockets are looked for where others were found.

use std::time::{Duration, Instant};

use super::{Budget, Hints, find};
use crate::collect::cpu_budget::{Clock, CpuBudget, Run};
use crate::kernel::processes::{Which, find_owners, recheck};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Inodes, Owners};

/// A search everywhere may use one part of so many of a core on average.
const PARTS: u32 = 100;
/// The same of one for new sockets only, which is for convenience.
const PARTS_FOR_NEW: u32 = 300;

/// Owners that are known, each of which held its socket a moment ago.
#[derive(Debug)]
pub struct OwnerCache {
    owners: Owners,
    /// What was asked for at the last moment, and at the one before: several
    /// may ask at each.
    asked: Inodes,
    asked_before: Inodes,
    moment: Instant,
    /// Whether the owners were looked at again at this moment.
    is_fresh: bool,
    /// The sockets that were looked for, everywhere or not, but for those that
    /// lost the last owner since.
    tried: Inodes,
    everywhere: CpuBudget,
    /// The processes that held something, whatever they hold now.
    neighbours: Vec<u32>,
    for_new: CpuBudget,
}

impl OwnerCache {
    /// Nobody is known. The clock tells the CPU time that was spent.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let mut owners = Owners::default();
        owners.coverage.searched_everywhere = Some(Inodes::default());
        Self {
            owners,
            asked: Inodes::default(),
            asked_before: Inodes::default(),
            moment: Instant::now(),
            is_fresh: false,
            tried: Inodes::default(),
            everywhere: CpuBudget::new(clock, PARTS),
            neighbours: Vec::new(),
            for_new: CpuBudget::new(clock, PARTS_FOR_NEW),
        }
    }

    /// The next moment to ask at: what is asked for at neither this one nor the
    /// one before is forgotten.
    pub fn begin(&mut self, now: Instant) {
        if self.moment != now {
            self.asked_before = std::mem::take(&mut self.asked);
            self.moment = now;
            self.is_fresh = false;
        }
    }

    /// Finds out who holds the sockets with these inodes, and gives the CPU time
    /// that was spent on searching. `hints` is asked where a search begins.
    /// [`Budget::Everywhere`] searches when its turn has come; a smaller one
    /// looks for what is new only. On failure nobody is known.
    ///
    /// # Errors
    ///
    /// When the root of /proc can't be opened or listed.
    pub fn update(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        hints: impl FnOnce() -> Hints,
        budget: Budget,
    ) -> Result<Duration, KernelError> {
        let outcome = self.try_to_update(proc_root, wanted, hints, budget);
        if outcome.is_err() {
            // Half of it would be a wrong answer. It begins anew at once.
            self.forget();
        }
        outcome
    }

    fn try_to_update(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        hints: impl FnOnce() -> Hints,
        budget: Budget,
    ) -> Result<Duration, KernelError> {
        self.asked.extend(wanted);
        if budget == Budget::Everywhere && self.everywhere.is_due(self.moment) {
            return self.search(proc_root, hints, wanted);
        }
        if !std::mem::replace(&mut self.is_fresh, true) {
            self.look_again(proc_root)?;
        }
        self.look_for_new(proc_root, wanted, hints, budget)
    }

    /// Looks for everything everywhere.
    fn search(
        &mut self,
        proc_root: &ProcRoot,
        hints: impl FnOnce() -> Hints,
        wanted: &Inodes,
    ) -> Result<Duration, KernelError> {
        let before = self.everywhere.now();
        let all: Inodes = self.asked.union(&self.asked_before).copied().collect();
        self.owners = find(proc_root, &all, &hints(), Budget::Everywhere)?;
        self.neighbours = self.owners.pids();
        self.is_fresh = true;
        self.tried.clone_from(&all);
        self.owners.coverage.searched_everywhere = Some(all);
        let cost = self.everywhere.now().saturating_sub(before);
        // Nobody to look for took no time.
        if wanted.is_empty() {
            self.everywhere.forget();
        } else {
            self.everywhere.spend(self.moment, cost);
        }
        Ok(cost)
    }

    /// Forgets what is none any more.
    fn look_again(&mut self, proc_root: &ProcRoot) -> Result<(), KernelError> {
        let held: Vec<u64> = self.owners.iter().map(|(inode, _)| inode).collect();
        let (asked, before) = (&self.asked, &self.asked_before);
        let is_wanted = |inode: u64| asked.contains(&inode) || before.contains(&inode);
        recheck(proc_root, &mut self.owners, is_wanted)?;
        // What one has let go another may hold since.
        let let_go: Inodes = held
            .into_iter()
            .filter(|&inode| self.owners.of(inode).is_empty())
            .collect();
        let stays = |inode: &u64| is_wanted(*inode) && !let_go.contains(inode);
        self.tried.retain(stays);
        if let Some(searched) = &mut self.owners.coverage.searched_everywhere {
            searched.retain(stays);
        }
        Ok(())
    }

    /// Looks for new sockets, first where others were: who leaks goes on
    /// leaking, also one that closes what it had.
    fn look_for_new(
        &mut self,
        proc_root: &ProcRoot,
        wanted: &Inodes,
        hints: impl FnOnce() -> Hints,
        budget: Budget,
    ) -> Result<Duration, KernelError> {
        let is_new = |inode: &u64| {
            !self.owners.was_searched_everywhere(*inode) && self.owners.of(*inode).is_empty()
        };
        let new: Inodes = wanted.iter().copied().filter(is_new).collect();
        if new.is_empty() || !self.for_new.is_due(self.moment) {
            return Ok(Duration::ZERO);
        }
        let before = self.for_new.now();
        let more = match budget {
            Budget::Everywhere => find_owners(proc_root, &new, Which::Only(&self.neighbours))?,
            Budget::Descriptors(_) => {
                let mut hints = hints();
                hints.pids.extend(&self.neighbours);
                let mut more = find(proc_root, &new, &hints, budget)?;
                if self.everywhere.last().is_none() {
                    let searched = self.owners.coverage.searched_everywhere.take();
                    self.owners.coverage = std::mem::take(&mut more.coverage);
                    self.owners.coverage.searched_everywhere = searched;
                }
                more
            }
        };
        self.owners.add(more);
        if budget != Budget::Everywhere {
            self.neighbours = self.owners.pids();
        }
        self.tried.extend(&new);
        let cost = self.for_new.now().saturating_sub(before);
        self.for_new.spend(self.moment, cost);
        Ok(cost)
    }

    /// What is known now.
    #[must_use]
    pub const fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Whether all of these were looked for, everywhere or not.
    #[must_use]
    pub fn tried_all(&self, mut inodes: impl Iterator<Item = u64>) -> bool {
        inodes.all(|inode| self.tried.contains(&inode) || !self.owners.of(inode).is_empty())
    }

    /// The last search everywhere.
    #[must_use]
    pub const fn last_search(&self) -> Option<Run> {
        self.everywhere.last()
    }

    /// Nobody is known any more: the next one to ask has a search at once.
    pub fn forget(&mut self) {
        let moment = self.moment;
        *self = Self::new(self.everywhere.clock());
        self.moment = moment;
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let holders = self.owners.iter().map(|(_, of_socket)| of_socket.len());
        let processes = self.owners.pids().len() + self.neighbours.len();
        let asked = self.asked.len() + self.asked_before.len();
        let searched = self.owners.coverage.searched_everywhere.as_ref();
        let searched = searched.map_or(0, std::collections::HashSet::len);
        searched + self.tried.len() + asked + holders.sum::<usize>() + processes
    }
}

#[cfg(test)]
mod tests;
