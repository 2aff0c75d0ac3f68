//! The tree of cgroup2: from a socket's cgroup to its path and processes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, fstat, openat};
use rustix::io::Errno;

use super::directory;
use super::directory::DIRECTORY_BUFFER;
use crate::kernel::ProcRoot;
use crate::model::CgroupId;

/// The inode of the root of the host's tree (kernfs numbers from 1). In a
/// cgroup namespace the root that is seen is another directory.
const HOST_ROOT: CgroupId = CgroupId(1);

/// Where cgroups are mounted, below the root of a system.
const CGROUPS: &str = "sys/fs/cgroup";

/// A mounted cgroup2, or a copy of its directories.
#[derive(Debug, Clone)]
pub struct CgroupTree {
    root: PathBuf,
}

/// Where some cgroups are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CgroupPaths {
    paths: HashMap<CgroupId, String>,
    whole: bool,
}

impl CgroupTree {
    /// The tree of the system whose /proc this is: mounted beside it at
    /// sys/fs/cgroup, as on every host, and where a host's root is mounted
    /// elsewhere, or staged. `None` when there is none.
    #[must_use]
    pub fn of(proc_root: &ProcRoot) -> Option<Self> {
        let beside = proc_root.path().parent();
        let beside = beside.and_then(|root| Self::find(&root.join(CGROUPS)));
        // A second mount of our own /proc has nothing beside it.
        beside.or_else(|| {
            let own = proc_root.shows_us();
            own.then(|| Self::find(&Path::new("/").join(CGROUPS)))?
        })
    }

    /// The cgroup2 at `directory`, or at `unified` in it where version 1 is
    /// mounted beside; `None` when there is none. The directory is
    /// /sys/fs/cgroup, unless a test stages one.
    #[must_use]
    pub fn find(directory: &Path) -> Option<Self> {
        // Version 1 has no such file.
        [directory.to_owned(), directory.join("unified")]
            .into_iter()
            .find(|root| root.join("cgroup.controllers").exists())
            .map(|root| Self { root })
    }

    /// Where the tree is mounted.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The paths of cgroups, `/` being the root of this tree: one walk that
    /// ends when all are found, and asks nothing of the directories in between.
    #[must_use]
    pub fn paths(&self, ids: impl IntoIterator<Item = CgroupId>) -> CgroupPaths {
        self.walk(Some(ids.into_iter().collect()))
    }

    /// The paths of all cgroups that there are.
    #[must_use]
    pub fn all_paths(&self) -> CgroupPaths {
        self.walk(None)
    }

    fn walk(&self, wanted: Option<HashSet<CgroupId>>) -> CgroupPaths {
        let mut walk = Walk {
            wanted,
            found: HashMap::new(),
            unread: 0,
        };
        let mut whole = false;
        if !walk.is_over()
            && let Ok(root) = directory::open(CWD, &self.root)
            && let Ok(stat) = fstat(&root)
        {
            let id = CgroupId(stat.st_ino);
            walk.look_at(id, "/");
            walk.walk(&root);
            whole = id == HOST_ROOT && walk.unread == 0;
        }
        CgroupPaths {
            paths: walk.found,
            whole,
        }
    }

    /// The processes that are in a cgroup now (`cgroup.procs`), not those below
    /// it; none when that can't be read, as with a threaded cgroup.
    #[must_use]
    pub fn processes(&self, path: &str) -> Vec<u32> {
        let directory = self.root.join(path.trim_start_matches('/'));
        // 0 stands for a process outside our pid namespace.
        fs::read_to_string(directory.join("cgroup.procs"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.parse().ok())
            .filter(|&pid| pid != 0)
            .collect()
    }
}

impl CgroupPaths {
    /// The path of a cgroup; `None` when it is not in the tree.
    #[must_use]
    pub fn get(&self, id: CgroupId) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// Whether a cgroup was removed: it was asked for, is not in the tree, and
    /// the tree is the host's whole. In a cgroup namespace (a container) one
    /// that isn't found may as well be outside.
    #[must_use]
    pub fn is_removed(&self, id: CgroupId) -> bool {
        self.whole && !self.paths.contains_key(&id)
    }
}

/// A walk through the tree.
struct Walk {
    /// Those that are not found yet; `None`: all are wanted.
    wanted: Option<HashSet<CgroupId>>,
    found: HashMap<CgroupId, String>,
    /// Directories that could not be read. One that was removed meanwhile is
    /// none.
    unread: u64,
}

impl Walk {
    fn is_over(&self) -> bool {
        self.wanted.as_ref().is_some_and(HashSet::is_empty)
    }

    fn look_at(&mut self, id: CgroupId, path: &str) {
        if self.wanted.as_mut().is_none_or(|wanted| wanted.remove(&id)) {
            self.found.insert(id, path.to_owned());
        }
    }

    /// Level by level: services and containers are near the root.
    fn walk(&mut self, root: &OwnedFd) {
        let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
        // Paths as they are shown; the root is the empty one.
        let mut level = vec![String::new()];
        while !level.is_empty() && !self.is_over() {
            let mut below = Vec::new();
            for path in level {
                if let Err(errno) = self.read(root, &path, &mut buffer, &mut below)
                    && errno != Errno::NOENT
                    && errno != Errno::NODEV
                {
                    self.unread += 1;
                }
            }
            level = below;
        }
    }

    /// Looks at the directories in one directory, and lists them in `below`.
    fn read(
        &mut self,
        root: &OwnedFd,
        path: &str,
        buffer: &mut Vec<u8>,
        below: &mut Vec<String>,
    ) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let directory = openat(root, format!(".{path}"), flags, Mode::empty())?;
        let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if entry.file_type() != FileType::Directory || name == b"." || name == b".." {
                continue;
            }
            let Ok(name) = std::str::from_utf8(name) else {
                // A path that can't be told, and neither those below it.
                self.unread += 1;
                continue;
            };
            let path = format!("{path}/{name}");
            self.look_at(CgroupId(entry.ino()), &path);
            below.push(path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    /// A copy of a tree with version 1 beside it.
    fn staged() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("unified");
        fs::create_dir_all(root.join("system.slice/nginx.service")).unwrap();
        fs::create_dir_all(root.join("a/b/c/\u{1b}[2J")).unwrap();
        fs::write(root.join("cgroup.controllers"), "").unwrap();
        fs::write(
            root.join("system.slice/nginx.service/cgroup.procs"),
            "12\n0\n4294967296\n7\n",
        )
        .unwrap();
        (directory, root)
    }

    fn id(path: PathBuf) -> CgroupId {
        CgroupId(fs::metadata(path).unwrap().ino())
    }

    #[test]
    fn an_id_is_the_inode_of_a_directory_at_any_depth() {
        let (directory, root) = staged();
        let tree = CgroupTree::find(directory.path()).unwrap();
        for path in [
            "/",
            "/system.slice",
            "/system.slice/nginx.service",
            "/a/b/c/\u{1b}[2J",
        ] {
            let id = id(root.join(path.trim_start_matches('/')));
            assert_eq!(tree.paths([id, CgroupId(u64::MAX)]).get(id), Some(path));
        }
        let nobody = tree.paths([CgroupId(u64::MAX)]);
        assert_eq!(nobody.get(CgroupId(u64::MAX)), None);
        // The root of a copy is not the host's.
        assert!(!nobody.is_removed(CgroupId(u64::MAX)));
        assert_eq!(tree.paths([]), CgroupPaths::default());
    }

    #[test]
    fn processes_are_those_that_we_can_name() {
        let (directory, _) = staged();
        let tree = CgroupTree::find(directory.path()).unwrap();
        assert_eq!(tree.processes("/system.slice/nginx.service"), [12, 7]);
        assert_eq!(tree.processes("/a"), [0; 0]);
        assert_eq!(tree.processes("/none"), [0; 0]);
    }

    #[test]
    fn the_tree_of_a_system_is_beside_its_proc() {
        let host = tempfile::tempdir().unwrap();
        let root = host.path().join("sys/fs/cgroup");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir(host.path().join("proc")).unwrap();
        let tree = || CgroupTree::of(&ProcRoot::new(&host.path().join("proc")));
        assert!(tree().is_none(), "and not the one of this host");
        fs::write(root.join("cgroup.controllers"), "").unwrap();
        let a = id(root.join("a"));
        assert_eq!(tree().unwrap().paths([a]).get(a), Some("/a"));
    }

    #[test]
    fn where_version_2_is_not_mounted_there_is_no_tree() {
        let directory = tempfile::tempdir().unwrap();
        assert!(CgroupTree::find(directory.path()).is_none());
        assert!(CgroupTree::find(&directory.path().join("none")).is_none());
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that can't be made says so")]
    fn the_live_tree_names_its_root() {
        let Some(tree) = CgroupTree::find(Path::new("/sys/fs/cgroup")) else {
            eprintln!("SKIPPED: no cgroup2 at /sys/fs/cgroup");
            return;
        };
        let root = id(tree.root.clone());
        let gone = CgroupId(u64::MAX);
        let paths = tree.paths([root, gone]);
        assert_eq!(paths.get(root), Some("/"));
        assert_eq!(paths.is_removed(gone), root == HOST_ROOT);
        assert!(!paths.is_removed(root));
    }
}
