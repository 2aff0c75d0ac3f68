//! Sockets to processes: every descriptor that refers to one of some sockets.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::fast::RandomState;

use super::Which;
use super::recheck::recheck;
use super::scan::scan;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Holder, ScanCoverage};

/// The holders of some sockets.
#[derive(Debug, Clone, Default)]
pub struct Holders {
    /// The inode of the socket of each holder, ascending.
    inodes: Vec<u64>,
    /// Each holder, at the place of its socket's inode.
    found: Vec<Holder>,
    start_times: BTreeMap<u32, u64>,
    unread: BTreeSet<u32>,
    coverage: ScanCoverage,
}

impl Holders {
    /// Finds every holder of the sockets with these inodes: all descriptors of
    /// all processes, to the end, since a socket that was found once can be
    /// held again elsewhere.
    ///
    /// Not seen are sockets in flight over SCM_RIGHTS, those that io_uring or
    /// the kernel hold, processes outside the pid namespace of this /proc, and
    /// descriptors of a thread with a table of its own (clone(2) without
    /// CLONE_FILES, as unshare(2) makes it too).
    ///
    /// # Errors
    ///
    /// When the root of /proc can't be listed.
    pub fn find(
        proc_root: &ProcRoot,
        wanted: impl IntoIterator<Item = u64>,
        which: Which<'_>,
    ) -> Result<Self, KernelError> {
        // A hash of less care would save 6 of the 10 ns that a look costs here;
        // readlinkat before it takes 1000.
        let wanted: HashSet<u64, RandomState> = wanted.into_iter().collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let scan = scan(proc_root, which, &|inode| wanted.contains(&inode))?;
        let mut holders = Self {
            inodes: Vec::new(),
            found: Vec::new(),
            start_times: scan.start_times,
            unread: scan.unread,
            coverage: scan.coverage,
        };
        holders.hold(scan.found);
        Ok(holders)
    }

    /// Forgets the sockets that are not wanted any more, and every holder that
    /// is none any more: its descriptor is closed or refers to something else,
    /// or it has ended. Holders that came since are not found. What the scan
    /// has seen stays as it is.
    ///
    /// # Errors
    ///
    /// When the root of /proc can't be opened: then nobody is known to hold
    /// anything any more.
    pub fn recheck(
        &mut self,
        proc_root: &ProcRoot,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<(), KernelError> {
        let inodes = std::mem::take(&mut self.inodes);
        let found = std::mem::take(&mut self.found);
        let start_times = std::mem::take(&mut self.start_times);
        let mut known: Vec<(u64, Holder)> = inodes
            .into_iter()
            .zip(found)
            .filter(|&(inode, _)| wanted(inode))
            .collect();
        recheck(proc_root, &mut known, |pid| start_times.get(&pid).copied())?;
        let left: BTreeSet<u32> = known.iter().map(|(_, holder)| holder.pid).collect();
        self.start_times = start_times;
        self.start_times.retain(|pid, _| left.contains(pid));
        self.hold(known);
        Ok(())
    }

    /// Adds what a scan of some of the processes has found, for sockets of
    /// which nobody was known.
    pub fn add(&mut self, more: Self) {
        let inodes = self.inodes.drain(..).chain(more.inodes);
        let found = self.found.drain(..).chain(more.found);
        let known = inodes.zip(found).collect();
        self.start_times.extend(more.start_times);
        self.hold(known);
    }

    fn hold(&mut self, mut known: Vec<(u64, Holder)>) {
        known.sort_unstable();
        (self.inodes, self.found) = known.into_iter().unzip();
    }

    /// The holders of one socket, by pid and descriptor; empty when none was
    /// found.
    #[must_use]
    pub fn of(&self, inode: u64) -> &[Holder] {
        let start = self.inodes.partition_point(|&other| other < inode);
        let from = self.inodes.get(start..).unwrap_or_default();
        let count = from.iter().take_while(|&&other| other == inode).count();
        self.found.get(start..start + count).unwrap_or_default()
    }

    /// Every wanted socket that has a holder in sight, by inode.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[Holder])> {
        self.inodes
            .chunk_by(|a, b| a == b)
            .filter_map(|same| same.first())
            .map(|&inode| (inode, self.of(inode)))
    }

    /// Every process that holds a wanted socket, by pid.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.start_times.keys().copied().collect()
    }

    /// When a holder started, in clock ticks since boot. Facts that are read
    /// later belong to it only if their start time is the same.
    #[must_use]
    pub fn start_time(&self, pid: u32) -> Option<u64> {
        self.start_times.get(&pid).copied()
    }

    /// The processes that could not be looked into: what they hold isn't known.
    #[must_use]
    pub const fn unread(&self) -> &BTreeSet<u32> {
        &self.unread
    }

    /// How much the scan has seen. All zeros when no socket was wanted: then
    /// there was none.
    #[must_use]
    pub const fn coverage(&self) -> ScanCoverage {
        self.coverage
    }
}
