//! Sockets to processes: every descriptor that refers to one of some sockets.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::fast::RandomState;

use super::Which;
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
        let mut scan = scan(proc_root, which, &|inode| wanted.contains(&inode))?;
        scan.found.sort_unstable();
        let (inodes, found) = scan.found.into_iter().unzip();
        Ok(Self {
            inodes,
            found,
            start_times: scan.start_times,
            unread: scan.unread,
            coverage: scan.coverage,
        })
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
