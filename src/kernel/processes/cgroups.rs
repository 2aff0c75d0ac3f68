//! The tree of cgroup2: from a socket's cgroup to its path and processes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::model::CgroupId;

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
    /// The cgroup2 at `directory` or at `unified` in it; `None` when there is
    /// none. The directory is /sys/fs/cgroup, unless a test stages one.
    #[must_use]
    pub fn find(directory: &Path) -> Option<Self> {
        let _ = directory;
        None
    }

    /// The paths of cgroups, `/` being the root of this tree.
    #[must_use]
    pub fn paths(&self, ids: impl IntoIterator<Item = CgroupId>) -> CgroupPaths {
        let _ = ids.into_iter().count();
        CgroupPaths::default()
    }

    /// The processes that are in a cgroup now (`cgroup.procs`), not those below
    /// it; none when that can't be read.
    #[must_use]
    pub fn processes(&self, path: &str) -> Vec<u32> {
        let _ = (path, &self.root);
        Vec::new()
    }
}

impl CgroupPaths {
    /// The path of a cgroup; `None` when it is not in the tree.
    #[must_use]
    pub fn get(&self, id: CgroupId) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// Whether a cgroup was removed: it is not in the tree, and the tree is the
    /// host's whole. In a cgroup namespace (a container) one that isn't found
    /// may as well be outside.
    #[must_use]
    pub fn is_removed(&self, id: CgroupId) -> bool {
        self.whole && !self.paths.contains_key(&id)
    }
}
