//! Whose sockets are these? One engine answers it for every command.
//!
//! The places where an answer is likely come first: the processes of the
//! cgroups that the sockets were made in, then those with the most descriptors.
//! A search that its budget ends early says which sockets were not looked for
//! everywhere, and which processes were read in part.

mod cache;
mod quick;

use std::collections::{BTreeSet, HashMap};

pub use self::cache::OwnerCache;
use crate::kernel::processes::{CgroupTree, Which, find_owners, read_process};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Cgroup, CgroupId, Inodes, Owners, Processes, Unit};

/// Descriptors that a quick search may read, at 1 to 2 µs each: the process
/// that has most of what is looked for is found, and no summary waits for a
/// host with a million files open.
pub const QUICK: Budget = Budget::Descriptors(25_000);

/// Where the owners of some sockets are likely to be. It is only an order: a
/// wrong hint costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Processes.
    pub pids: Vec<u32>,
    /// The paths of cgroups, in cgroup2.
    pub cgroups: Vec<String>,
}

/// How much a search may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Every descriptor of every process: also a socket that was found once can
    /// be held again elsewhere.
    Everywhere,
    /// So many descriptors. It ends where every socket has an owner.
    Descriptors(u64),
}

/// Finds who holds the sockets with these inodes.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find(
    proc_root: &ProcRoot,
    inodes: &Inodes,
    hints: &Hints,
    budget: Budget,
) -> Result<Owners, KernelError> {
    if inodes.is_empty() {
        return Ok(Owners::default());
    }
    let likely = hints.processes(proc_root);
    match budget {
        Budget::Everywhere => find_owners(proc_root, inodes, Which::All { first: &likely }),
        Budget::Descriptors(most) => quick::find(proc_root, inodes, likely, most),
    }
}

impl Hints {
    /// The cgroups that sockets were made in, once they are resolved.
    #[must_use]
    pub fn of(cgroups: &HashMap<CgroupId, Cgroup>) -> Self {
        let paths = cgroups.values().filter_map(|cgroup| cgroup.path.clone());
        Self {
            pids: Vec::new(),
            cgroups: paths.collect(),
        }
    }

    /// The processes that are there now.
    fn processes(&self, proc_root: &ProcRoot) -> Vec<u32> {
        let mut pids = self.pids.clone();
        if !self.cgroups.is_empty()
            && let Some(tree) = CgroupTree::of(proc_root)
        {
            pids.extend(self.cgroups.iter().flat_map(|path| tree.processes(path)));
        }
        pids
    }
}

/// The cgroups that some sockets were made in: one walk over the tree for all.
/// Empty where there is no cgroup2.
#[must_use]
pub fn cgroups(
    proc_root: &ProcRoot,
    ids: impl IntoIterator<Item = CgroupId>,
) -> HashMap<CgroupId, Cgroup> {
    let ids: BTreeSet<CgroupId> = ids.into_iter().collect();
    let Some(tree) = CgroupTree::of(proc_root).filter(|_| !ids.is_empty()) else {
        return HashMap::new();
    };
    let paths = tree.paths(ids.iter().copied());
    let resolve = |id| {
        let path = paths.get(id);
        let cgroup = Cgroup {
            id,
            path: path.map(str::to_owned),
            removed: paths.is_removed(id),
            unit: path.and_then(Unit::from_cgroup_path),
        };
        (id, cgroup)
    };
    ids.into_iter().map(resolve).collect()
}

/// What is known of the processes that hold something. One that has ended since
/// isn't among them, nor is another one that got its number.
///
/// # Errors
///
/// When we are short of something, say descriptors.
pub fn processes(proc_root: &ProcRoot, owners: &Owners) -> Result<Processes, KernelError> {
    let mut processes = Processes::default();
    for pid in owners.pids() {
        if let Some(process) = read_process(proc_root, pid)?
            && owners.start_time(pid) == Some(process.start_time)
        {
            processes.insert(pid, process);
        }
    }
    Ok(processes)
}
