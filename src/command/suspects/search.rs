//! A search for the holders of leaked sockets that ends soon, however many
//! descriptors the host has open.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;

use crate::classify::close_wait::Digest;
use crate::kernel::ProcRoot;
use crate::kernel::processes::{CgroupTree, Holders, Which, with_descriptors};
use crate::model::CgroupId;

/// Descriptors that may be read, at 1 to 2 µs each: the process that leaks
/// most is named, and no summary waits for a host with a million files open.
const MOST_FDS: u64 = 25_000;
/// Processes whose number of descriptors may be asked for.
const MOST_PROCESSES: usize = 1_000;
/// Cgroups whose processes are candidates.
const MOST_CGROUPS: usize = 8;
/// Fewer descriptors of a process are no sample.
const LEAST_FDS: u64 = 256;

/// Who was found to hold what.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) holders: Holders,
    /// The processes of which only a part was read.
    pub(super) sampled: BTreeSet<u32>,
}

/// Looks for the holders of the remembered sockets.
pub(super) fn holders(proc_root: &ProcRoot, tree: Option<&CgroupTree>, digest: &Digest) -> Found {
    let (candidates, most) = affordable(sized(proc_root, candidates(proc_root, tree, digest)));
    let pids: Vec<u32> = candidates.iter().map(|&(_, pid)| pid).collect();
    let which = Which::Sample {
        of: &pids,
        most: u32::try_from(most).unwrap_or(u32::MAX),
    };
    let wanted = digest.remembered.keys().copied();
    Found {
        // Who can't be found isn't named.
        holders: Holders::find(proc_root, wanted, which).unwrap_or_default(),
        sampled: candidates
            .iter()
            .filter(|&&(fds, _)| fds > most)
            .map(|&(_, pid)| pid)
            .collect(),
    }
}

/// The processes of the cgroups that leak most; all, where the sockets don't
/// say where they were made.
fn candidates(proc_root: &ProcRoot, tree: Option<&CgroupTree>, digest: &Digest) -> Vec<u32> {
    let mut worst: Vec<(CgroupId, u64)> = digest
        .cgroups
        .iter()
        .map(|(&id, share)| (id, share.leaked))
        .collect();
    worst.sort_by_key(|&(_, leaked)| Reverse(leaked));
    worst.truncate(MOST_CGROUPS);
    let found: Vec<u32> = tree.map_or_else(Vec::new, |tree| {
        let paths = tree.paths(worst.iter().map(|&(id, _)| id));
        worst
            .iter()
            .filter_map(|&(id, _)| paths.get(id))
            .flat_map(|path| tree.processes(path))
            .collect()
    });
    if !found.is_empty() {
        return found;
    }
    let Ok(entries) = fs::read_dir(proc_root.path()) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The candidates with their numbers of descriptors, or a bound of them. Those
/// of another network namespace can hold none of its sockets, but for what was
/// handed to them.
fn sized(proc_root: &ProcRoot, candidates: Vec<u32>) -> Vec<(u64, u32)> {
    let ours = proc_root.netns_inode();
    let is_elsewhere = |pid| {
        let theirs = proc_root.netns_inode_of(pid);
        ours.is_some() && theirs.is_some() && theirs != ours
    };
    let here = candidates
        .into_iter()
        .take(MOST_PROCESSES)
        .filter(|&pid| !is_elsewhere(pid));
    with_descriptors(proc_root, here)
}

/// Those candidates that can be read within the limit, those with most
/// descriptors first, for a leak makes many; and how many of each: where not
/// all can be read, a large one is sampled before a small one is left out.
fn affordable(mut sized: Vec<(u64, u32)>) -> (Vec<(u64, u32)>, u64) {
    sized.sort_unstable_by(|one, another| another.cmp(one));
    let cost = |most: u64| -> u64 { sized.iter().map(|&(fds, _)| fds.min(most)).sum() };
    let (mut fits, mut too_much) = (LEAST_FDS, MOST_FDS + 1);
    while too_much - fits > 1 {
        let middle = fits.midpoint(too_much);
        if cost(middle) <= MOST_FDS {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    let mut left = MOST_FDS;
    sized.retain(|&(fds, _)| {
        let rest = left.checked_sub(fds.min(fits));
        left = rest.unwrap_or(left);
        rest.is_some()
    });
    (sized, fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_more_descriptors_than_may_be_read_is_sampled_and_not_left_out() {
        let (all, most) = affordable(vec![(100_000, 1)]);
        assert_eq!((all, most), (vec![(100_000, 1)], MOST_FDS));
    }

    #[test]
    fn a_leaker_is_not_left_out_for_two_others_with_many_files() {
        let (all, most) = affordable(vec![(18_000, 1), (18_000, 2), (9_010, 3), (10, 4)]);
        assert_eq!(all.len(), 4);
        let cost: u64 = all.iter().map(|&(fds, _)| fds.min(most)).sum();
        assert!(most > 7_900 && cost <= MOST_FDS, "{most}");
    }

    #[test]
    fn where_there_are_too_many_processes_those_with_most_descriptors_are_read() {
        let (all, most) = affordable((0..1_000).map(|pid| (200 + u64::from(pid), pid)).collect());
        assert_eq!(most, LEAST_FDS);
        assert_eq!(all[0], (1_199, 999));
        let cost: u64 = all.iter().map(|&(fds, _)| fds.min(most)).sum();
        assert!(cost <= MOST_FDS);
    }
}
