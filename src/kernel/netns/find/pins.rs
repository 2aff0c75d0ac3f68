//! Files that a network namespace is mounted on.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use rustix::fs::{Mode, OFlags, fstat, fstatfs, open};

use super::Pin;
use crate::kernel::ProcRoot;
use crate::kernel::netns::NSFS_MAGIC;
use crate::kernel::proc_root::{netns_of_link, read_limited};

/// More of a mountinfo is left unread. A host with many containers has some
/// thousands of lines of 200 bytes.
const LONGEST_MOUNTINFO: u64 = 16 * 1024 * 1024;

/// More files in a directory of pins are left out.
const MOST_FILES: usize = 100_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    /// Each pin with the inode of its namespace.
    pub(super) pins: Vec<(u64, Pin)>,
    /// Files that look like pins, and that nothing is mounted on.
    pub(super) stale: Vec<PathBuf>,
}

/// Reads the mounts of our mount namespace and of the others that are known by a
/// process of each, and the directories where pins are kept.
pub(super) fn find(proc_root: &ProcRoot, mounts: &HashMap<Vec<u8>, u32, RandomState>) -> Pinned {
    let mut pinned = Pinned::default();
    let own = rustix::fs::readlink(proc_root.file("self/ns/mnt"), []).ok();
    let own = own.map(std::ffi::CString::into_bytes);
    let mut seen = HashSet::new();
    pinned.read(proc_root, "self", None, &mut seen);
    // The kernel copies mounts into other mount namespaces: those that we see
    // ourselves need no second way.
    let mut others: Vec<u32> = mounts
        .iter()
        .filter(|&(link, _)| own.as_ref() != Some(link))
        .map(|(_, &pid)| pid)
        .collect();
    others.sort_unstable();
    for pid in others {
        pinned.read(proc_root, &pid.to_string(), Some(pid), &mut seen);
    }
    pinned.list(proc_root);
    pinned
}

impl Pinned {
    /// Adds the pins in the mountinfo of a process.
    fn read(
        &mut self,
        proc_root: &ProcRoot,
        process: &str,
        seen_by: Option<u32>,
        seen: &mut HashSet<(u64, PathBuf)>,
    ) {
        let path = proc_root.file(&format!("{process}/mountinfo"));
        let Some(bytes) = read_limited(&path, LONGEST_MOUNTINFO) else {
            return;
        };
        for (inode, path) in bytes.split(|&byte| byte == b'\n').filter_map(pin_in) {
            if seen.insert((inode, path.clone())) {
                self.pins.push((inode, Pin { path, seen_by }));
            }
        }
    }

    /// Looks for files in the directories of pins that nothing is mounted on,
    /// and for pins that no mountinfo told of.
    fn list(&mut self, proc_root: &ProcRoot) {
        let system = proc_root.path().parent().unwrap_or(Path::new("/"));
        let mut directories = vec![system.join("run/netns"), system.join("run/docker/netns")];
        let users = fs::read_dir(system.join("run/user")).into_iter().flatten();
        directories.extend(
            users
                .filter_map(Result::ok)
                .take(MOST_FILES)
                .map(|entry| entry.path().join("netns")),
        );
        let known: HashSet<PathBuf> = self
            .pins
            .iter()
            .filter(|(_, pin)| pin.seen_by.is_none())
            .map(|(_, pin)| pin.path.clone())
            .collect();
        for directory in directories {
            let files = fs::read_dir(directory).into_iter().flatten();
            for file in files.filter_map(Result::ok).take(MOST_FILES) {
                let path = file.path();
                if known.contains(&path) {
                    continue;
                }
                match namespace_at(&path) {
                    Some(inode) => {
                        let seen_by = None;
                        self.pins.push((inode, Pin { path, seen_by }));
                    }
                    _ if file.file_type().is_ok_and(|kind| kind.is_file()) => {
                        self.stale.push(path);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The inode of the namespace that is mounted on a file, or that a link in /proc
/// leads to; `None` where there is none.
#[must_use]
pub fn namespace_at(path: &Path) -> Option<u64> {
    // Without O_PATH, opening a file of somebody's may wait, or do something.
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).ok()?;
    let is_namespace = fstatfs(&file).ok()?.f_type == NSFS_MAGIC;
    let inode = fstat(&file).ok()?.st_ino;
    is_namespace.then_some(inode)
}

/// Namespace and path in a line of mountinfo: `ID PARENT DEVICE ROOT PATH
/// OPTIONS… - TYPE SOURCE OPTIONS`, where the root of a namespace is
/// `net:[4026532001]` and its type is nsfs.
fn pin_in(line: &[u8]) -> Option<(u64, PathBuf)> {
    let mut fields = line.split(|&byte| byte == b' ');
    let inode = netns_of_link(fields.nth(3)?)?;
    let path = unescape(fields.next()?);
    fields.find(|&field| field == b"-")?;
    (fields.next()? == b"nsfs").then(|| (inode, PathBuf::from(OsStr::from_bytes(&path))))
}

/// A path as it was before the kernel wrote space, tab, newline and backslash as
/// three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<3>().filter(|_| first == b'\\');
        let octal = escaped.and_then(|digits| crate::kernel::proc_root::number(digits, 8));
        if let Some(byte) = octal.and_then(|number| u8::try_from(number).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_mount_of_a_network_namespace() {
        let path = |line: &str| pin_in(line.as_bytes());
        assert_eq!(
            path("48 26 0:4 net:[4026532001] /run/netns/blue rw shared:5 - nsfs nsfs rw"),
            Some((4_026_532_001, PathBuf::from("/run/netns/blue")))
        );
        assert_eq!(
            path("48 26 0:4 net:[7] /run/netns/a\\040b\\134c\\0 rw - nsfs nsfs rw"),
            Some((7, PathBuf::from("/run/netns/a b\\c\\0")))
        );
        for other in [
            "48 26 0:4 mnt:[4026532001] /run/x rw - nsfs nsfs rw",
            "48 26 0:4 net:[4026532001] /run/x rw - tmpfs tmpfs rw",
            "48 26 0:4 net:[4026532001] /run/x rw nsfs",
            "48 26 0:4 net:[1",
            "",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_harm(line: Vec<u8>) {
            let _ = pin_in(&line);
        }
    }
}
