//! The /proc that is read, wherever it is mounted.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::KernelError;

/// A directory that is, or looks like, /proc.
#[derive(Debug, Clone)]
pub struct ProcRoot {
    root: PathBuf,
    /// Where the network files are, below the root. `net` is a link to the
    /// *process*, and after setns(2) a thread can be in another namespace than
    /// its process; a copy of /proc has no `thread-self`.
    net: PathBuf,
}

impl ProcRoot {
    /// The /proc at a path.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let own = root.join("thread-self/net");
        let net = if own.is_dir() { own } else { root.join("net") };
        Self {
            root: root.to_owned(),
            net,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// A file below /proc.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file below /proc/net.
    #[must_use]
    pub fn net_file(&self, name: &str) -> PathBuf {
        self.net.join(name)
    }

    /// The inode of our network namespace as this /proc shows it; `None` where
    /// it shows no process of ours.
    #[must_use]
    pub fn netns_inode(&self) -> Option<u64> {
        let link = self
            .root
            .join("thread-self/ns/net")
            .read_link()
            .or_else(|_| self.root.join("self/ns/net").read_link())
            .ok()?;
        let text = link.to_str()?;
        text.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
    }

    /// Whether it is the /proc of this system, where it always is.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/proc")
    }

    /// Whether this /proc shows the network namespace that we run in. A copied
    /// tree, or another host's, doesn't.
    #[must_use]
    pub fn shows_our_netns(&self) -> bool {
        let ours = Self::new(Path::new("/proc")).netns_inode();
        ours.is_some() && self.netns_inode() == ours
    }

    /// An error about a file of this root.
    pub(crate) fn error(&self, path: PathBuf, source: io::Error) -> KernelError {
        KernelError::Proc {
            path,
            root: self.root.clone(),
            source,
        }
    }
}

/// More than any setting or table of counters has. Under a root that isn't the
/// kernel's, a name can stand for anything.
const SMALL: u64 = 64 * 1024;

/// Reads a small file whole into a buffer that is used again; `None` when it
/// can't be read, which for a setting or a counter means "unknown".
pub(crate) fn read_small<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
    buffer.clear();
    // The limit also keeps the library from asking how long the file is, which
    // /proc doesn't know: two calls less for each of some twenty files.
    let file = File::open(path).ok()?;
    file.take(SMALL).read_to_end(buffer).ok()?;
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_proc_shows_our_namespace_and_a_copy_does_not() {
        assert!(ProcRoot::new(Path::new("/proc")).shows_our_netns());
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("net")).unwrap();
        let copied = ProcRoot::new(copy.path());
        assert!(!copied.shows_our_netns());
        assert_eq!(copied.net_file("tcp"), copy.path().join("net/tcp"));
    }
}
