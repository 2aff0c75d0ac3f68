//! The /proc that is read, wherever it is mounted.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::KernelError;
use crate::model::{Entrance, NamespaceEntry, NetnsKey};

/// A directory that is, or looks like, /proc.
#[derive(Debug, Clone)]
pub struct ProcRoot {
    root: PathBuf,
    /// Where the network files are, below the root. `net` is a link to the
    /// *process*, and after setns(2) a thread can be in another namespace than
    /// its process; a copy of /proc has no `thread-self`.
    net: PathBuf,
    /// The directory of the process or thread whose network files these are,
    /// where they aren't ours.
    of: Option<String>,
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
            of: None,
        }
    }

    /// The same /proc with the network files of another namespace, as one of its
    /// processes shows them to everybody; `None` where none does any more. The
    /// settings of that namespace are not to be seen so.
    #[must_use]
    pub fn of_namespace(&self, namespace: &NamespaceEntry) -> Option<Self> {
        if namespace.is_own {
            return Some(self.clone());
        }
        let shown = namespace.entrances.iter().filter_map(|entrance| {
            let of = match entrance {
                Entrance::Process(pid) => pid.to_string(),
                Entrance::Thread { pid, thread } => format!("{pid}/task/{thread}"),
                Entrance::Pin(_) | Entrance::Descriptor { .. } => return None,
            };
            Some(Self {
                root: self.root.clone(),
                net: self.root.join(&of).join("net"),
                of: Some(of),
            })
        });
        // A pid may be another process's by now.
        let is_same = |one: &Self| one.shows(namespace.key);
        shown.into_iter().find(is_same)
    }

    /// Whether the network files are those of this namespace.
    fn shows(&self, key: NetnsKey) -> bool {
        let inode = |path: &Path| path.metadata().ok().map(|metadata| metadata.ino());
        match key {
            NetnsKey::Inode(wanted) => {
                let link = self.of.as_ref().map(|of| format!("{of}/ns/net"));
                let link = link.and_then(|link| rustix::fs::readlink(self.file(&link), []).ok());
                link.is_some_and(|link| netns_of_link(link.to_bytes()) == Some(wanted))
            }
            NetnsKey::SocketTable(wanted) => inode(&self.net_file("tcp")) == Some(wanted),
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

    /// A setting of the network namespace (`net/ipv4/…`); `None` where only
    /// our own could be read instead.
    #[must_use]
    pub fn net_setting(&self, name: &str) -> Option<PathBuf> {
        self.of.is_none().then(|| self.file(&format!("sys/{name}")))
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
        self.netns().map(|namespace| namespace.ino())
    }

    /// The inode of the network namespace of a process; `None` when it is gone,
    /// or may not be looked into.
    #[must_use]
    pub fn netns_inode_of(&self, pid: u32) -> Option<u64> {
        let namespace = self.netns_at(&format!("{pid}/ns/net"))?;
        Some(namespace.ino())
    }

    /// Whether a process is known to be in another network namespace than we.
    #[must_use]
    pub fn is_elsewhere(&self, pid: u32) -> bool {
        let (ours, theirs) = (self.netns_inode(), self.netns_inode_of(pid));
        ours.is_some() && theirs.is_some() && theirs != ours
    }

    fn netns(&self) -> Option<Metadata> {
        if let Some(of) = &self.of {
            return self.netns_at(&format!("{of}/ns/net"));
        }
        ["thread-self/ns/net", "self/ns/net"]
            .into_iter()
            .find_map(|link| self.netns_at(link))
    }

    /// The namespace itself. In a copy of a /proc the link leads nowhere,
    /// whatever its text says.
    fn netns_at(&self, link: &str) -> Option<Metadata> {
        self.root.join(link).metadata().ok()
    }

    /// Whether the pids of this /proc are those that we may use in system
    /// calls: it shows us under the pid that we know ourselves by.
    #[must_use]
    pub fn shows_us(&self) -> bool {
        let shown = self.root.join("self").read_link().ok();
        shown.is_some_and(|pid| pid.as_os_str() == std::process::id().to_string().as_str())
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
        let identity = |namespace: Metadata| (namespace.dev(), namespace.ino());
        let ours = Self::new(Path::new("/proc")).netns().map(identity);
        ours.is_some() && self.netns().map(identity) == ours
    }

    /// Whether the network files are those of processes of another namespace
    /// ([`Self::of_namespace`]).
    #[must_use]
    pub const fn is_of_others(&self) -> bool {
        self.of.is_some()
    }

    /// Whether a netlink socket of this thread answers for the namespace whose
    /// files these are.
    #[must_use]
    pub fn is_of_this_thread(&self) -> bool {
        self.of.is_none() && (self.is_live() || self.shows_our_netns())
    }

    /// An error about a file of this root.
    pub(crate) fn error(&self, path: PathBuf, cause: io::Error) -> KernelError {
        KernelError::Proc {
            path,
            root: self.root.clone(),
            cause,
        }
    }
}

/// The inode in `net:[1234]`; `None` for what is no network namespace.
pub(crate) fn netns_of_link(link: &[u8]) -> Option<u64> {
    decimal(link.strip_prefix(b"net:[")?.strip_suffix(b"]")?)
}

/// Opens a file of /proc. Under a root that isn't the kernel's it may be a pipe
/// that nobody writes to, which must not stop us.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
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
    let file = open(path).ok()?;
    file.take(SMALL).read_to_end(buffer).ok()?;
    Some(buffer)
}

/// Reads a file whole, if it isn't longer than so many bytes; then, and where it
/// can't be read, `None`.
pub(crate) fn read_limited(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)
        .ok()?
        .take(most + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    u64::try_from(bytes.len())
        .is_ok_and(|length| length <= most)
        .then_some(bytes)
}

/// A number that is nothing but digits; `None` for an empty text, a sign, a
/// space, and what 64 bits don't hold.
pub(super) fn number(digits: &[u8], base: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = char::from(byte).to_digit(base)?;
        value
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))
    })
}

/// The same in base 10.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    number(digits, 10)
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
        let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
        std::fs::create_dir_all(copy.path().join("self/ns")).unwrap();
        std::os::unix::fs::symlink(ours, copy.path().join("self/ns/net")).unwrap();
        assert!(
            !copied.shows_our_netns(),
            "the text of a link is no namespace"
        );
        assert!(!copied.shows_us());
        let live = ProcRoot::new(Path::new("/proc"));
        assert!(live.shows_us());
        assert_eq!(live.netns_inode_of(std::process::id()), live.netns_inode());
        assert_eq!(live.netns_inode_of(u32::MAX), None);
        assert_eq!(copied.net_file("tcp"), copy.path().join("net/tcp"));
    }
}
