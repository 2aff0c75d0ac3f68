//! A search for the holders of sockets that ends soon, however many descriptors
//! the host has open.

use std::collections::HashSet;
use std::fs;

use crate::kernel::processes::{Which, find_owners, with_descriptors};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Inodes, Owners};

/// Processes whose number of descriptors may be asked for.
const MOST_PROCESSES: usize = 1_000;
/// Fewer descriptors of a process are no sample.
const LEAST_FDS: u64 = 256;

/// Looks in these processes first, and where sockets are left without an owner
/// and descriptors in the budget, in the others.
pub(super) fn find(
    proc_root: &ProcRoot,
    inodes: &Inodes,
    mut likely: Vec<u32>,
    most: u64,
) -> Result<Owners, KernelError> {
    let mut owners = Owners::default();
    let mut left = most;
    let mut first = HashSet::new();
    likely.retain(|&pid| first.insert(pid));
    if !likely.is_empty() {
        owners = part(proc_root, inodes, likely.into_iter(), &mut left)?;
    }
    let mut unowned = inodes.clone();
    unowned.retain(|&inode| owners.of(inode).is_empty());
    if !unowned.is_empty() && left > 0 {
        let others = pids(proc_root).filter(|pid| !first.contains(pid));
        let mut more = part(proc_root, &unowned, others, &mut left)?;
        owners.coverage.add(std::mem::take(&mut more.coverage));
        owners.add(more);
    }
    owners.coverage.searched_everywhere = Some(Inodes::default());
    Ok(owners)
}

/// Looks in some processes, as far as the budget goes.
fn part(
    proc_root: &ProcRoot,
    inodes: &Inodes,
    pids: impl Iterator<Item = u32>,
    left: &mut u64,
) -> Result<Owners, KernelError> {
    let (candidates, most) = affordable(sized(proc_root, pids), *left);
    let pids: Vec<u32> = candidates.iter().map(|&(_, pid)| pid).collect();
    let which = Which::Sample {
        of: &pids,
        most: u32::try_from(most).unwrap_or(u32::MAX),
    };
    let mut owners = find_owners(proc_root, inodes, which)?;
    let sampled = candidates.iter().filter(|&&(fds, _)| fds > most);
    owners.coverage.sampled = sampled.map(|&(_, pid)| pid).collect();
    *left = left.saturating_sub(cost(&candidates, most));
    Ok(owners)
}

fn pids(proc_root: &ProcRoot) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(proc_root.path()).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The candidates with their numbers of descriptors, or a bound of them. Those
/// of another network namespace can hold none of its sockets, but for what was
/// handed to them.
fn sized(proc_root: &ProcRoot, candidates: impl Iterator<Item = u32>) -> Vec<(u64, u32)> {
    let ours = proc_root.netns_inode();
    let is_elsewhere = |pid| {
        let theirs = proc_root.netns_inode_of(pid);
        ours.is_some() && theirs.is_some() && theirs != ours
    };
    let here = candidates
        .take(MOST_PROCESSES)
        .filter(|&pid| !is_elsewhere(pid));
    with_descriptors(proc_root, here)
}

fn cost(sized: &[(u64, u32)], most: u64) -> u64 {
    sized.iter().map(|&(fds, _)| fds.min(most)).sum()
}

/// Those candidates that can be read within the budget, those with most
/// descriptors first, for a leak makes many; and how many of each: where not
/// all can be read, a large one is sampled before a small one is left out.
fn affordable(mut sized: Vec<(u64, u32)>, budget: u64) -> (Vec<(u64, u32)>, u64) {
    sized.sort_unstable_by(|one, another| another.cmp(one));
    let (mut fits, mut too_much) = (LEAST_FDS, (budget + 1).max(LEAST_FDS));
    while too_much - fits > 1 {
        let middle = fits.midpoint(too_much);
        if cost(&sized, middle) <= budget {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    let mut left = budget;
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

    const MOST_FDS: u64 = 25_000;

    #[test]
    fn a_process_with_more_descriptors_than_may_be_read_is_sampled_and_not_left_out() {
        let (all, most) = affordable(vec![(100_000, 1)], MOST_FDS);
        assert_eq!((all, most), (vec![(100_000, 1)], MOST_FDS));
    }

    #[test]
    fn a_leaker_is_not_left_out_for_two_others_with_many_files() {
        let sized = vec![(18_000, 1), (18_000, 2), (9_010, 3), (10, 4)];
        let (all, most) = affordable(sized, MOST_FDS);
        assert_eq!(all.len(), 4);
        let cost = cost(&all, most);
        assert!(most > 7_900 && cost <= MOST_FDS, "{most}");
    }

    #[test]
    fn where_there_are_too_many_processes_those_with_most_descriptors_are_read() {
        let sized = (0..1_000).map(|pid| (200 + u64::from(pid), pid)).collect();
        let (all, most) = affordable(sized, MOST_FDS);
        assert_eq!(most, LEAST_FDS);
        assert_eq!(all[0], (1_199, 999));
        assert!(cost(&all, most) <= MOST_FDS);
    }

    #[test]
    fn of_a_budget_that_is_nearly_spent_little_is_read() {
        let (all, most) = affordable(vec![(100_000, 1), (7, 2), (3, 3)], 8);
        assert_eq!((all, most), (vec![(7, 2)], LEAST_FDS));
    }
}
