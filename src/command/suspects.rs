//! Naming who leaks, cheaply: for views that answer more than this.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::classify::close_wait::{Digest, Share};
use crate::kernel::ProcRoot;
use crate::kernel::processes::{CgroupTree, Holders, Which, read_process};
use crate::model::{AgeBounds, CgroupId, LeakDigest, Suspect, Unit, Who};

/// Where cgroup2 is mounted.
const CGROUPS: &str = "/sys/fs/cgroup";
/// Descriptors that may be read, at 1 to 2 µs each: the process that leaks
/// most is named, and no summary waits for a host with a million files open.
const MOST_FDS: u64 = 25_000;
/// Processes whose number of descriptors may be asked for.
const MOST_PROCESSES: usize = 1_000;
/// Cgroups whose processes are candidates.
const MOST_CGROUPS: usize = 8;
/// Suspects that are named; `tcpstate leaks` names all.
const MOST_SUSPECTS: usize = 5;

/// Names are kept for so long: a socket may change hands, and the number of
/// descriptors does.
const KEPT: Duration = Duration::from_secs(10);

/// The names that were found last. Looking for them again for each sample would
/// cost more than the sample.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    at: Instant,
    leaked: Leaked,
    suspects: Vec<Suspect>,
}

/// Which sockets leak, without their ages.
#[derive(Debug, PartialEq, Eq)]
struct Leaked {
    total: u64,
    inodes: HashSet<u64>,
    cgroups: HashMap<CgroupId, u64>,
    ports: HashMap<u16, u64>,
}

impl Leaked {
    fn of(digest: &Digest) -> Self {
        let count = |share: &Share| share.leaked;
        let cgroups = digest.cgroups.iter();
        let ports = digest.ports.iter();
        Self {
            total: digest.leaked.leaked,
            inodes: digest.remembered.keys().copied().collect(),
            cgroups: cgroups.map(|(&id, share)| (id, count(share))).collect(),
            ports: ports.map(|(&port, share)| (port, count(share))).collect(),
        }
    }
}

impl Names {
    /// What a sample says of CLOSE_WAIT, with names where these are cheap to
    /// have. Without a /proc that belongs to the sockets nobody is named.
    pub(super) fn name(
        &mut self,
        digest: &Digest,
        min_age: Duration,
        proc_root: Option<&ProcRoot>,
    ) -> LeakDigest {
        LeakDigest {
            min_age,
            counts: digest.counts,
            oldest: digest.leaked.oldest,
            suspects: self.suspects(digest, Instant::now(), || suspects(digest, proc_root)),
        }
    }

    /// The suspects of the last search while the same sockets leak, or those of
    /// a new one.
    fn suspects(
        &mut self,
        digest: &Digest,
        now: Instant,
        search: impl FnOnce() -> Vec<Suspect>,
    ) -> Vec<Suspect> {
        let leaked = Leaked::of(digest);
        if let Some(found) = &self.found {
            let since = now.saturating_duration_since(found.at);
            if since < KEPT && found.leaked == leaked {
                let suspects = found.suspects.iter().cloned();
                return suspects.map(|suspect| aged(suspect, since)).collect();
            }
        }
        let suspects = search();
        self.found = Some(Found {
            at: now,
            leaked,
            suspects: suspects.clone(),
        });
        suspects
    }
}

/// The same sockets, so much later.
fn aged(suspect: Suspect, since: Duration) -> Suspect {
    let older = |age: Duration| age.saturating_add(since);
    Suspect {
        oldest: AgeBounds {
            at_least: suspect.oldest.at_least.map(older),
            at_most: suspect.oldest.at_most.map(older),
        },
        ..suspect
    }
}

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
    if let Some(proc_root) = proc_root
        && !digest.remembered.is_empty()
    {
        let tree = CgroupTree::find(Path::new(CGROUPS));
        suspects.extend(processes(digest, proc_root, tree.as_ref(), &mut cgroups));
        suspects.extend(units(tree.as_ref(), &cgroups));
    }
    // What is left over after all names.
    let named: u64 = suspects.iter().map(|suspect| suspect.leaked).sum();
    if let Some(rest @ 1..) = digest.leaked.leaked.checked_sub(named)
        && !suspects.iter().any(|suspect| suspect.or_more)
    {
        let share = Share {
            leaked: rest,
            oldest: digest.leaked.oldest,
        };
        suspects.push(suspect(Who::Unknown, share));
    }
    suspects.sort_by_key(|suspect| std::cmp::Reverse(suspect.leaked));
    suspects.truncate(MOST_SUSPECTS);
    suspects
}

fn suspect(who: Who, share: Share) -> Suspect {
    Suspect {
        who,
        leaked: share.leaked,
        or_more: false,
        oldest: share.oldest,
    }
}

/// The processes that hold remembered sockets, as far as a small search finds
/// them. What they hold is taken off the shares of the cgroups.
fn processes(
    digest: &Digest,
    proc_root: &ProcRoot,
    tree: Option<&CgroupTree>,
    cgroups: &mut BTreeMap<CgroupId, Share>,
) -> Vec<Suspect> {
    let candidates = affordable(proc_root, candidates(proc_root, tree, cgroups));
    let wanted = digest.remembered.keys().copied();
    let Ok(holders) = Holders::find(proc_root, wanted, Which::Only(&candidates)) else {
        return Vec::new();
    };
    let mut shares: HashMap<u32, Share> = HashMap::new();
    for (inode, of_socket) in holders.iter() {
        let Some(&(cgroup, age)) = digest.remembered.get(&inode) else {
            continue;
        };
        for of_process in of_socket.chunk_by(|one, another| one.pid == another.pid) {
            if let Some(holder) = of_process.first() {
                shares.entry(holder.pid).or_default().add(age);
            }
        }
        if let Some(share) = cgroup.and_then(|id| cgroups.get_mut(&id)) {
            share.leaked = share.leaked.saturating_sub(1);
        }
    }
    shares
        .into_iter()
        .filter_map(|(pid, share)| {
            let process = read_process(proc_root, pid)
                .filter(|process| holders.start_time(pid) == Some(process.start_time))?;
            let who = Who::Process {
                pid,
                command: process.command,
                open_fds: process.open_fds,
                fd_limit: process.fd_limit,
            };
            Some(Suspect {
                or_more: !digest.remembers_all(),
                ..suspect(who, share)
            })
        })
        .collect()
}

/// The processes of the cgroups that leak most; all, where the sockets don't
/// say where they were made.
fn candidates(
    proc_root: &ProcRoot,
    tree: Option<&CgroupTree>,
    cgroups: &BTreeMap<CgroupId, Share>,
) -> Vec<u32> {
    let mut worst: Vec<(CgroupId, u64)> = cgroups
        .iter()
        .map(|(&id, share)| (id, share.leaked))
        .collect();
    worst.sort_by_key(|&(_, leaked)| std::cmp::Reverse(leaked));
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
        .take(MOST_PROCESSES)
        .collect()
}

/// Those candidates whose descriptors can be read within the limit, those with
/// most descriptors first: a leak makes many.
fn affordable(proc_root: &ProcRoot, candidates: Vec<u32>) -> Vec<u32> {
    let mut sized: Vec<(u64, u32)> = candidates
        .into_iter()
        .take(MOST_PROCESSES)
        .filter_map(|pid| {
            // The size of the directory is the number of descriptors since
            // Linux 6.2, and 0 before.
            let directory = proc_root.file(&format!("{pid}/fd"));
            Some((fs::metadata(directory).ok()?.len(), pid))
        })
        .collect();
    sized.sort_unstable_by(|one, another| another.cmp(one));
    let mut left = MOST_FDS;
    let mut affordable = Vec::new();
    for (fds, pid) in sized {
        // An unknown number counts as a usual limit of descriptors.
        let cost = if fds == 0 { 1_024 } else { fds };
        if cost <= left {
            left -= cost;
            affordable.push(pid);
        }
    }
    affordable
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn leaking(inodes: impl IntoIterator<Item = u64>) -> Digest {
        let mut digest = Digest::default();
        for inode in inodes {
            digest.leaked.add(AgeBounds::default());
            digest
                .remembered
                .insert(inode, (None, AgeBounds::default()));
        }
        digest
    }

    /// Each sample looked through the descriptors of whoever leaks.
    #[test]
    fn names_are_not_searched_for_while_the_same_sockets_leak() {
        let mut names = Names::default();
        let start = Instant::now();
        let mut searches = 0;
        let mut ask = |digest: &Digest, now| {
            let mut found = names.suspects(digest, now, || {
                searches += 1;
                let oldest = AgeBounds {
                    at_least: Some(SECOND * 60),
                    at_most: None,
                };
                vec![suspect(Who::Unknown, Share { leaked: 2, oldest })]
            });
            (searches, found.pop().unwrap().oldest.at_least.unwrap())
        };
        assert_eq!(ask(&leaking([1, 2]), start), (1, SECOND * 60));
        let later = start + SECOND * 9;
        assert_eq!(ask(&leaking([2, 1]), later), (1, SECOND * 69), "they aged");
        assert_eq!(ask(&leaking([1, 3]), later).0, 2, "others leak");
        assert_eq!(ask(&leaking([1, 3]), later + KEPT).0, 3, "too long ago");
        assert_eq!(ask(&leaking([1]), later + KEPT).0, 4, "one is closed");
    }
}
