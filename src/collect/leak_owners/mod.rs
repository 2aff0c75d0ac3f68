//! Naming who leaks, cheaply: for views that answer more than this.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use std::time::Duration;

use super::ownership::{self, Hints, OwnerCache, QUICK};
use crate::classify::close_wait::{Digest, Share, pairs};
use crate::kernel::ProcRoot;
use crate::kernel::processes::read_process;
use crate::model::{
    Cgroup, CgroupId, IncompleteScan, Inodes, LeakDigest, LeakOwner, LeakOwnerKind, Owners,
};

/// Cgroups whose processes are looked into first.
const MOST_CGROUPS: usize = 8;

/// Owners that are named; `tcpstate leaks` names all.
const MOST_OWNERS: usize = 5;

/// What a reading says of CLOSE_WAIT, with names where these are cheap to have.
/// Without a /proc that belongs to the sockets nobody is named.
pub(super) fn name(
    digest: &Digest,
    min_age: Duration,
    proc_root: Option<&ProcRoot>,
    cache: &mut OwnerCache,
) -> LeakDigest {
    let (owners, is_listed) = owners(digest, proc_root, cache);
    let is_missing = owners.iter().any(|one| one.kind == LeakOwnerKind::Unknown);
    LeakDigest {
        min_age,
        counts: digest.counts,
        oldest: digest.leaked.oldest,
        owners,
        unseen: if is_listed {
            cache.owners().coverage.incomplete()
        } else {
            Some(IncompleteScan::Unlisted)
        }
        .filter(|_| is_missing),
    }
}

/// Every leaked socket counts for one owner, so that their numbers add up; and
/// whether processes could be listed, where they were to be.
fn owners(
    digest: &Digest,
    proc_root: Option<&ProcRoot>,
    cache: &mut OwnerCache,
) -> (Vec<LeakOwner>, bool) {
    let mut is_listed = true;
    if digest.leaked.leaked == 0 {
        return (Vec::new(), is_listed);
    }
    let mut owners: Vec<LeakOwner> = digest
        .ports
        .iter()
        .map(|(&port, &share)| owner(LeakOwnerKind::Listener(port), share))
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
        let closed = digest.fin_wait2.keys();
        let inodes: Inodes = digest.remembered.keys().chain(closed).copied().collect();
        let hints = || hints(digest, proc_root);
        is_listed = cache.update(proc_root, &inodes, hints, QUICK).is_ok();
        let found = Found {
            owners: cache.owners(),
            looked_for_all: digest.remembers_all() && cache.tried_all(inodes.into_iter()),
        };
        owners.extend(processes(
            digest,
            proc_root,
            found,
            &mut cgroups,
            &mut others,
        ));
        owners.extend(units(proc_root, &cgroups));
    }
    owners.sort_by_key(|owner| (owner.is_waiting(), Reverse(owner.leaked)));
    for small in owners.drain(MOST_OWNERS.min(owners.len())..) {
        others.take_in(&small);
    }
    owners.extend(others.owner());
    // What is left over after all who were found: it may be more than these
    // have.
    let found: u64 = owners.iter().map(|owner| owner.leaked).sum();
    if let Some(leaked @ 1..) = digest.leaked.leaked.checked_sub(found) {
        let oldest = digest.leaked.oldest;
        owners.push(owner(LeakOwnerKind::Unknown, Share { leaked, oldest }));
    }
    (owners, is_listed)
}

/// The cgroups that leak most.
fn hints(digest: &Digest, proc_root: &ProcRoot) -> Hints {
    let mut worst: Vec<(CgroupId, u64)> = digest
        .cgroups
        .iter()
        .map(|(&id, share)| (id, share.leaked))
        .collect();
    worst.sort_by_key(|&(id, leaked)| (Reverse(leaked), id));
    worst.truncate(MOST_CGROUPS);
    let resolved = ownership::cgroups(proc_root, worst.iter().map(|&(id, _)| id));
    let path = |(id, _): &(CgroupId, u64)| resolved.get(id)?.path.clone();
    Hints {
        pids: Vec::new(),
        cgroups: worst.iter().filter_map(path).collect(),
    }
}

/// Who was found to hold what.
#[derive(Clone, Copy)]
struct Found<'o> {
    owners: &'o Owners,
    /// Whether every leaked socket with a file was looked for.
    looked_for_all: bool,
}

impl Found<'_> {
    /// Whether a process may well hold more of the sockets.
    fn or_more(self, pid: u32) -> bool {
        !self.looked_for_all || self.owners.coverage.sampled.contains(&pid)
    }
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
    fn take_in(&mut self, small: &LeakOwner) {
        match small.kind {
            LeakOwnerKind::Process { .. } => self.processes += 1,
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

    fn owner(self) -> Option<LeakOwner> {
        let kind = LeakOwnerKind::Others {
            processes: self.processes,
            elsewhere: self.elsewhere,
        };
        Some(LeakOwner {
            or_more: self.or_more,
            ..owner(kind, self.share?)
        })
    }
}

fn owner(kind: LeakOwnerKind, share: Share) -> LeakOwner {
    LeakOwner {
        kind,
        leaked: share.leaked,
        others: 0,
        waits: 0,
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
    found: Found<'_>,
    cgroups: &mut BTreeMap<CgroupId, Share>,
    others: &mut Others,
) -> Vec<LeakOwner> {
    let mut held: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let mut closed: BTreeMap<u32, Vec<Duration>> = BTreeMap::new();
    for (inode, of_socket) in found.owners.iter() {
        for of_process in of_socket.chunk_by(|one, another| one.pid == another.pid) {
            let Some(holder) = of_process.first() else {
                continue;
            };
            match digest.fin_wait2.get(&inode) {
                Some(&((local, remote), since)) => {
                    // Who has both ends waits for nobody else.
                    let other = digest.ends.get(&(remote, local));
                    let mut other = other.into_iter().flat_map(|&one| found.owners.of(one));
                    if other.all(|one| one.pid != holder.pid) {
                        closed.entry(holder.pid).or_default().push(since);
                    }
                }
                None => held.entry(holder.pid).or_default().push(inode),
            }
        }
    }
    let mut counted: HashSet<u64> = HashSet::new();
    let mut owners = Vec::new();
    while owners.len() < MOST_OWNERS {
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
        let known = found.owners.start_time(pid);
        let (command, open_fds, fd_limit) = match read_process(proc_root, pid) {
            Ok(Some(process)) if known == Some(process.start_time) => {
                (process.command, process.open_fds, process.fd_limit)
            }
            // It has ended since, and its sockets are closed, or another's.
            Ok(_) => continue,
            // It holds them, and no more is known of it.
            Err(_) => (None, None, None),
        };
        let share = take(digest, &inodes, cgroups);
        let ages = inodes
            .iter()
            .filter_map(|inode| digest.remembered.get(inode)?.1.at_least);
        let waits = pairs(ages.collect(), closed.remove(&pid).unwrap_or_default());
        let holders = inodes.iter().flat_map(|&inode| found.owners.of(inode));
        let mut sharers: BTreeSet<u32> = holders.map(|holder| holder.pid).collect();
        sharers.remove(&pid);
        counted.extend(inodes);
        let kind = LeakOwnerKind::Process {
            pid,
            command,
            open_fds,
            fd_limit,
        };
        owners.push(LeakOwner {
            others: sharers.len() as u64,
            waits,
            or_more: found.or_more(pid),
            ..owner(kind, share)
        });
    }
    for (pid, mut inodes) in held {
        // Who holds only what another one was counted for is no leaker more.
        inodes.retain(|&inode| counted.insert(inode));
        if !inodes.is_empty() {
            others.processes += 1;
            others.add(take(digest, &inodes, cgroups));
            others.or_more |= found.or_more(pid);
        }
    }
    owners
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
fn units(proc_root: &ProcRoot, cgroups: &BTreeMap<CgroupId, Share>) -> Vec<LeakOwner> {
    let left = || cgroups.iter().filter(|(_, share)| share.leaked > 0);
    let resolved = ownership::cgroups(proc_root, left().map(|(&id, _)| id));
    let unit = |id| {
        let cgroup: &Cgroup = resolved.get(id)?;
        cgroup.unit.as_ref()
    };
    left()
        .filter_map(|(id, &share)| Some(owner(LeakOwnerKind::Unit(unit(id)?.to_string()), share)))
        .collect()
}
