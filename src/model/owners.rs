//! Whose some sockets are: what a search of the processes has found, and how
//! far it went.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::fast::RandomState;

use super::{Holder, InFlight, IncompleteScan, ScanCoverage};

/// Inodes, which no peer chooses.
pub type Inodes = HashSet<u64, RandomState>;

/// The holders of some sockets.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    /// The inode of the socket of each holder, ascending.
    inodes: Vec<u64>,
    /// Each holder, at the place of its socket's inode.
    found: Vec<Holder>,
    start_times: BTreeMap<u32, u64>,
    /// How far the search went.
    pub coverage: OwnerCoverage,
}

/// How far a search for owners went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerCoverage {
    /// How much of the processes was seen. All zeros when no socket was
    /// wanted: then there was no search.
    pub scan: ScanCoverage,
    /// The processes that could not be looked into: what they hold isn't known.
    pub unread: BTreeSet<u32>,
    /// The processes of which a part of the descriptors was read, for the
    /// budget allowed no more: they may hold more of the sockets.
    pub sampled: BTreeSet<u32>,
    /// The sockets that were looked for in every process that may be looked
    /// into; `None` for all of them. That another one has no holder means
    /// nothing.
    pub searched_everywhere: Option<Inodes>,
    /// Descriptors in flight; empty where every socket has a holder, for then
    /// nobody looked.
    pub in_flight: Vec<InFlight>,
}

impl Owners {
    /// Holders in any order, each with the inode of its socket, and when their
    /// processes started, in clock ticks since boot.
    #[must_use]
    pub fn new(
        found: Vec<(u64, Holder)>,
        start_times: BTreeMap<u32, u64>,
        coverage: OwnerCoverage,
    ) -> Self {
        let mut owners = Self {
            start_times,
            coverage,
            ..Self::default()
        };
        owners.hold(found);
        owners
    }

    fn hold(&mut self, mut found: Vec<(u64, Holder)>) {
        found.sort_unstable();
        (self.inodes, self.found) = found.into_iter().unzip();
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

    /// Every socket that has a known holder, by inode.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[Holder])> {
        self.inodes
            .chunk_by(|a, b| a == b)
            .filter_map(|same| same.first())
            .map(|&inode| (inode, self.of(inode)))
    }

    /// Every process that holds one of the sockets, by pid.
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

    /// Whether a socket was looked for in every process that may be looked
    /// into: if not, nothing follows from it having no holder.
    #[must_use]
    pub fn was_searched_everywhere(&self, inode: u64) -> bool {
        let searched = self.coverage.searched_everywhere.as_ref();
        searched.is_none_or(|searched| searched.contains(&inode))
    }

    /// Adds what a search of other processes, or for other sockets, has found.
    /// The coverage stays as it is.
    pub fn add(&mut self, more: Self) {
        let inodes = self.inodes.drain(..).chain(more.inodes);
        let found = self.found.drain(..).chain(more.found);
        let found = inodes.zip(found).collect();
        self.start_times.extend(more.start_times);
        self.hold(found);
    }

    /// Takes every holder out, with the inode of its socket, and the start
    /// times, to be looked at again and put back.
    pub fn take(&mut self) -> (Vec<(u64, Holder)>, BTreeMap<u32, u64>) {
        let inodes = std::mem::take(&mut self.inodes);
        let found = std::mem::take(&mut self.found);
        let found = inodes.into_iter().zip(found).collect();
        (found, std::mem::take(&mut self.start_times))
    }

    /// Puts holders back that were taken out.
    pub fn put(&mut self, found: Vec<(u64, Holder)>, mut start_times: BTreeMap<u32, u64>) {
        let left: BTreeSet<u32> = found.iter().map(|(_, holder)| holder.pid).collect();
        start_times.retain(|pid, _| left.contains(pid));
        self.start_times = start_times;
        self.hold(found);
    }
}

/// Holders of processes whose start nobody asks for.
#[cfg(test)]
impl FromIterator<(u64, Holder)> for Owners {
    fn from_iter<I: IntoIterator<Item = (u64, Holder)>>(found: I) -> Self {
        let found = found.into_iter().collect();
        Self::new(found, BTreeMap::new(), OwnerCoverage::default())
    }
}

impl OwnerCoverage {
    /// Adds what another part of the same search has seen. Which sockets were
    /// searched everywhere stays as it is.
    pub fn add(&mut self, more: Self) {
        self.scan.add(&more.scan);
        self.unread.extend(more.unread);
        self.sampled.extend(more.sampled);
        self.in_flight.extend(more.in_flight);
    }

    /// Why holders may be missing although every process was to be looked into.
    #[must_use]
    pub const fn incomplete(&self) -> Option<IncompleteScan> {
        self.scan.incomplete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: u32, fd: u32) -> Holder {
        Holder::descriptor(pid, fd)
    }

    #[test]
    fn holders_are_found_by_inode_in_order() {
        let found = vec![
            (9, holder(2, 1)),
            (7, holder(3, 4)),
            (9, holder(1, 5)),
            (9, holder(1, 3)),
        ];
        let times = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
        let mut owners = Owners::new(found, times, OwnerCoverage::default());
        assert_eq!(owners.of(9), [holder(1, 3), holder(1, 5), holder(2, 1)]);
        assert_eq!(owners.of(7), [holder(3, 4)]);
        assert_eq!(owners.of(8), []);
        let inodes: Vec<u64> = owners.iter().map(|(inode, _)| inode).collect();
        assert_eq!((inodes, owners.pids()), (vec![7, 9], vec![1, 2, 3]));
        let (mut found, times) = owners.take();
        assert_eq!(owners.of(9), []);
        found.retain(|(inode, _)| *inode == 7);
        owners.put(found, times);
        assert_eq!((owners.of(9), owners.pids()), (&[][..], vec![3]));
        let more = vec![(8, holder(5, 1))];
        let more = Owners::new(more, BTreeMap::from([(5, 50)]), OwnerCoverage::default());
        owners.add(more);
        assert_eq!(owners.of(8), [holder(5, 1)]);
        assert_eq!(
            (owners.pids(), owners.start_time(5)),
            (vec![3, 5], Some(50))
        );
    }

    #[test]
    fn what_was_not_searched_everywhere_is_told_apart() {
        let mut owners = Owners::default();
        assert!(owners.was_searched_everywhere(7));
        owners.coverage.searched_everywhere = Some(Inodes::from_iter([8]));
        assert!(!owners.was_searched_everywhere(7) && owners.was_searched_everywhere(8));
    }
}
