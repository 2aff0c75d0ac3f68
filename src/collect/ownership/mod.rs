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
use crate::kernel::processes::{
    CgroupPaths, CgroupTree, SocketDescriptors, Which, find_hidden, find_owners, read_process,
};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Cgroup, CgroupId, Inodes, Owners, Processes, ScanCoverage, Unit};

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
        Budget::Everywhere => everywhere(proc_root, inodes, &likely),
        Budget::Descriptors(most) => quick::find(proc_root, inodes, likely, most),
    }
}

/// Looks in the tables of all processes, and for what has no owner in these
/// wherever else it may be: a normal search pays nothing for that.
fn everywhere(
    proc_root: &ProcRoot,
    inodes: &Inodes,
    likely: &[u32],
) -> Result<Owners, KernelError> {
    let mut owners = find_owners(proc_root, inodes, Which::All { first: likely })?;
    let mut unowned = inodes.clone();
    unowned.retain(|&inode| owners.of(inode).is_empty());
    if !unowned.is_empty() {
        let all = Which::All { first: &[] };
        let mut hidden = find_hidden(proc_root, all, &|inode| unowned.contains(&inode))?;
        owners.coverage.add(std::mem::take(&mut hidden.coverage));
        owners.add(hidden);
    }
    Ok(owners)
}

/// The sockets that some processes hold, by whatever means, and how much of
/// these processes was seen.
///
/// # Errors
///
/// When the root of /proc can't be read.
pub fn held_by(proc_root: &ProcRoot, pids: &[u32]) -> Result<(Inodes, ScanCoverage), KernelError> {
    let which = Which::Only(pids);
    let descriptors = SocketDescriptors::collect(proc_root, which)?;
    let hidden = find_hidden(proc_root, which, &|_| true)?;
    let hidden = hidden.iter().map(|(inode, _)| inode);
    let inodes = descriptors.inodes().chain(hidden).collect();
    Ok((inodes, descriptors.coverage()))
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
    let paths = CgroupReader(tree.paths(ids.iter().copied()));
    ids.into_iter().map(|id| (id, paths.of(id))).collect()
}

/// The cgroups of a tree, whose sockets come one by one.
#[derive(Debug)]
pub struct CgroupReader(CgroupPaths);

impl CgroupReader {
    /// All that there are now; `None` where there is no cgroup2.
    #[must_use]
    pub fn all(proc_root: &ProcRoot) -> Option<Self> {
        CgroupTree::of(proc_root).map(|tree| Self(tree.all_paths()))
    }

    /// One of them.
    #[must_use]
    pub fn of(&self, id: CgroupId) -> Cgroup {
        let path = self.0.get(id);
        Cgroup {
            id,
            path: path.map(str::to_owned),
            removed: self.0.is_removed(id),
            unit: path.and_then(Unit::from_cgroup_path),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::model::HeldVia;

    fn process(root: &Path, pid: u32, fds: &[(u32, &str)]) {
        let directory = root.join(pid.to_string());
        fs::create_dir_all(directory.join("fd")).unwrap();
        let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
        fs::write(directory.join("stat"), stat).unwrap();
        for (fd, target) in fds {
            symlink(target, directory.join(format!("fd/{fd}"))).unwrap();
        }
    }

    /// 8 sockets of io_uring were "unattributed: permission".
    #[test]
    fn what_has_no_descriptor_is_looked_for_elsewhere_and_only_then() {
        let root = tempfile::tempdir().unwrap();
        process(
            root.path(),
            7,
            &[(3, "socket:[50]"), (4, "anon_inode:[io_uring]")],
        );
        fs::create_dir(root.path().join("7/fdinfo")).unwrap();
        let files = "UserFiles:\t2\n    0: socket:[50]\n    1: socket:[51]\nUserBufs:\t0\n";
        fs::write(root.path().join("7/fdinfo/4"), files).unwrap();
        let proc_root = ProcRoot::new(root.path());
        let find = |inodes: &[u64]| {
            let inodes = inodes.iter().copied().collect();
            find(&proc_root, &inodes, &Hints::default(), Budget::Everywhere).unwrap()
        };
        let via = |owners: &Owners, inode| -> Vec<HeldVia> {
            owners.of(inode).iter().map(|holder| holder.via).collect()
        };
        assert_eq!(via(&find(&[50]), 50), [HeldVia::Descriptor]);
        let both = find(&[50, 51]);
        assert_eq!(via(&both, 50), [HeldVia::Descriptor]);
        assert_eq!(via(&both, 51), [HeldVia::IoUring]);
        assert_eq!(both.coverage.scan.processes_scanned, 1);
        let (inodes, _) = held_by(&proc_root, &[7]).unwrap();
        assert_eq!(inodes, Inodes::from_iter([50, 51]));
    }

    #[test]
    fn a_quick_search_looks_in_other_processes_for_the_rest() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 7, &[(3, "socket:[50]")]);
        process(root.path(), 8, &[(3, "socket:[51]")]);
        let proc_root = ProcRoot::new(root.path());
        let hints = Hints {
            pids: vec![7],
            cgroups: Vec::new(),
        };
        let found = find(&proc_root, &Inodes::from_iter([50]), &hints, QUICK).unwrap();
        assert_eq!(
            (found.pids(), found.coverage.scan.processes_scanned),
            (vec![7], 1)
        );
        let found = find(&proc_root, &Inodes::from_iter([50, 51]), &hints, QUICK).unwrap();
        assert_eq!(found.pids(), [7, 8]);
        assert!(!found.was_searched_everywhere(51));
    }
}
