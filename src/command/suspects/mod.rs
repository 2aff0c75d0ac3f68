//! Naming who leaks, cheaply: for views that answer more than this.

mod names;
mod search;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

pub(super) use self::names::Names;
use self::search::Found;
use crate::classify::close_wait::{Digest, Share};
use crate::kernel::ProcRoot;
use crate::kernel::processes::{CgroupTree, read_process};
use crate::model::{CgroupId, Suspect, Unit, Who};

/// Suspects that are named; `tcpstate leaks` names all.
const MOST_SUSPECTS: usize = 5;

/// Every leaked socket counts for one suspect, so that their numbers add up.
fn suspects(digest: &Digest, proc_root: Option<&ProcRoot>) -> Vec<Suspect> {
    if digest.leaked.leaked == 0 {
        return Vec::new();
    }
    let mut suspects: Vec<Suspect> = digest
        .ports
        .iter()
        .map(|(&port, &share)| suspect(Who::Listener(port), share))
        .collect();
    let mut cgroups: BTreeMap<CgroupId, Share> = digest
        .cgroups
        .iter()
        .map(|(&id, &share)| (id, share))
        .collect();
    let mut others = Others::default();
    if let Some(proc_root) = proc_root
        && !digest.remembered.is_empty()
    {
        let tree = CgroupTree::of(proc_root);
        let found = search::holders(proc_root, tree.as_ref(), digest);
        suspects.extend(processes(
            digest,
            proc_root,
            &found,
            &mut cgroups,
            &mut others,
        ));
        suspects.extend(units(tree.as_ref(), &cgroups));
    }
    suspects.sort_by_key(|suspect| Reverse(suspect.leaked));
    for small in suspects.drain(MOST_SUSPECTS.min(suspects.len())..) {
        others.take_in(&small);
    }
    suspects.extend(others.suspect());
    // What is left over after all who were found: it may be more than these
    // have.
    let found: u64 = suspects.iter().map(|suspect| suspect.leaked).sum();
    if let Some(leaked @ 1..) = digest.leaked.leaked.checked_sub(found) {
        let oldest = digest.leaked.oldest;
        suspects.push(suspect(Who::Unknown, Share { leaked, oldest }));
    }
    suspects
}

/// Those who were found and leak no more than those who are named.
#[derive(Default)]
struct Others {
    processes: u64,
    elsewhere: u64,
    share: Option<Share>,
    or_more: bool,
}

impl Others {
    fn take_in(&mut self, small: &Suspect) {
        match small.who {
            Who::Process { .. } => self.processes += 1,
            _ => self.elsewhere += 1,
        }
        self.add(Share {
            leaked: small.leaked,
            oldest: small.oldest,
        });
        self.or_more |= small.or_more;
    }

    fn add(&mut self, share: Share) {
        self.share = Some(self.share.map_or(share, |before| Share {
            leaked: before.leaked + share.leaked,
            oldest: before.oldest.older(share.oldest),
        }));
    }

    fn suspect(self) -> Option<Suspect> {
        let who = Who::Others {
            processes: self.processes,
            elsewhere: self.elsewhere,
        };
        Some(Suspect {
            or_more: self.or_more,
            ..suspect(who, self.share?)
        })
    }
}

fn suspect(who: Who, share: Share) -> Suspect {
    Suspect {
        who,
        leaked: share.leaked,
        others: 0,
        or_more: false,
        oldest: share.oldest,
    }
}

/// The processes that hold remembered sockets, as far as a small search finds
/// them: who holds most, then who holds most of the rest. What is left of them
/// goes to `others`. What they hold is taken off the shares of the cgroups.
fn processes(
    digest: &Digest,
    proc_root: &ProcRoot,
    found: &Found,
    cgroups: &mut BTreeMap<CgroupId, Share>,
    others: &mut Others,
) -> Vec<Suspect> {
    let mut held: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (inode, of_socket) in found.holders.iter() {
        for of_process in of_socket.chunk_by(|one, another| one.pid == another.pid) {
            if let Some(holder) = of_process.first() {
                held.entry(holder.pid).or_default().push(inode);
            }
        }
    }
    let mut counted: HashSet<u64> = HashSet::new();
    let mut suspects = Vec::new();
    while suspects.len() < MOST_SUSPECTS {
        let left = |inodes: &[u64]| {
            inodes
                .iter()
                .filter(|inode| !counted.contains(inode))
                .count()
        };
        let worst = held
            .iter()
            .map(|(&pid, inodes)| (left(inodes), Reverse(pid)))
            .max()
            .filter(|&(count, _)| count > 0);
        let Some((_, Reverse(pid))) = worst else {
            break;
        };
        let inodes: Vec<u64> = held
            .remove(&pid)
            .unwrap_or_default()
            .into_iter()
            .filter(|inode| !counted.contains(inode))
            .collect();
        let process = read_process(proc_root, pid)
            .filter(|process| found.holders.start_time(pid) == Some(process.start_time));
        // It has ended since, and its sockets are closed, or another's.
        let Some(process) = process else {
            continue;
        };
        let share = take(digest, &inodes, cgroups);
        let holders = inodes.iter().flat_map(|&inode| found.holders.of(inode));
        let mut sharers: BTreeSet<u32> = holders.map(|holder| holder.pid).collect();
        sharers.remove(&pid);
        counted.extend(inodes);
        let who = Who::Process {
            pid,
            command: process.command,
            open_fds: process.open_fds,
            fd_limit: process.fd_limit,
        };
        suspects.push(Suspect {
            others: sharers.len() as u64,
            or_more: found.sampled.contains(&pid) || !digest.remembers_all(),
            ..suspect(who, share)
        });
    }
    for (pid, mut inodes) in held {
        // Who holds only what another one was counted for is no leaker more.
        inodes.retain(|&inode| counted.insert(inode));
        if !inodes.is_empty() {
            others.processes += 1;
            others.add(take(digest, &inodes, cgroups));
            others.or_more |= found.sampled.contains(&pid) || !digest.remembers_all();
        }
    }
    suspects
}

/// Counts remembered sockets, and takes them off the shares of their cgroups.
fn take(digest: &Digest, inodes: &[u64], cgroups: &mut BTreeMap<CgroupId, Share>) -> Share {
    let mut share = Share::default();
    for inode in inodes {
        let Some(&(cgroup, age)) = digest.remembered.get(inode) else {
            continue;
        };
        share.add(age);
        if let Some(share) = cgroup.and_then(|id| cgroups.get_mut(&id)) {
            share.leaked = share.leaked.saturating_sub(1);
        }
    }
    share
}

/// The units and containers of what is left in the cgroups.
fn units(tree: Option<&CgroupTree>, cgroups: &BTreeMap<CgroupId, Share>) -> Vec<Suspect> {
    let Some(tree) = tree else {
        return Vec::new();
    };
    let left = || cgroups.iter().filter(|(_, share)| share.leaked > 0);
    if left().next().is_none() {
        return Vec::new();
    }
    let paths = tree.paths(left().map(|(&id, _)| id));
    left()
        .filter_map(|(&id, &share)| {
            let unit = Unit::from_cgroup_path(paths.get(id)?)?;
            Some(suspect(Who::Unit(unit.to_string()), share))
        })
        .collect()
}
