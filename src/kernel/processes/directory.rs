//! Directories that are opened and listed, and the files in them.

use crate::kernel::proc_root::decimal;
use crate::kernel::{KernelError, ProcRoot};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, statat};
use rustix::io::Errno;
use rustix::path::Arg;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Room for some 1300 names of descriptors: larger is not faster.
pub(in crate::kernel) const DIRECTORY_BUFFER: usize = 32 * 1024;

/// Opens a directory below another one, or anywhere by its absolute path.
pub(in crate::kernel) fn open(below: impl AsFd, path: impl Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(below, path, flags, Mode::empty())
}

/// Opens a file to be read. A FIFO in its place, as a copy of a /proc may have
/// one, ends at once instead of waiting for a writer.
pub(super) fn open_file(below: impl AsFd, path: impl Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    openat(below, path, flags, Mode::empty())
}

/// Opens the root of /proc.
pub(in crate::kernel) fn open_root(proc_root: &ProcRoot) -> Result<OwnedFd, KernelError> {
    open(CWD, proc_root.path())
        .map_err(|errno| proc_root.error(proc_root.path().to_owned(), errno.into()))
}

/// The threads of a process but its first one.
pub(in crate::kernel) fn other_threads(root: BorrowedFd<'_>, pid: u32) -> Result<Vec<u32>, Errno> {
    let tasks = format!("{pid}/task");
    // The directory itself, its `.`, and a `..` for each thread: kernel threads
    // and zombies have one. Some file systems that a copy may lie on say 1.
    match statat(root, &tasks, AtFlags::empty()) {
        Ok(stat) if !matches!(stat.st_nlink, 2 | 3) => {}
        _ => return Ok(Vec::new()),
    }
    let mut threads = open(root, &tasks).and_then(listed)?;
    threads.retain(|&thread| thread != pid);
    Ok(threads)
}

/// Every pid that the root lists.
pub(in crate::kernel) fn listed(root: impl AsFd) -> Result<Vec<u32>, Errno> {
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    let mut entries = RawDir::new(root, buffer.spare_capacity_mut());
    let mut pids = Vec::new();
    while let Some(entry) = entries.next() {
        pids.extend(number(entry?.file_name().to_bytes()));
    }
    Ok(pids)
}

/// The number that is a whole name; `None` for `.`, `..`, and whatever else is
/// no decimal number of 32 bits.
pub(in crate::kernel) fn number(name: &[u8]) -> Option<u32> {
    u32::try_from(decimal(name)?).ok()
}

/// The inode of `socket:[1234]`; `None` for what isn't a socket.
pub(super) fn socket_inode(link: &[u8]) -> Option<u64> {
    decimal(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// Whether a descriptor is that of an io_uring.
pub(super) fn is_ring(link: &[u8]) -> bool {
    link == b"anon_inode:[io_uring]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[7]"), Some(7));
        assert_eq!(
            socket_inode(b"socket:[18446744073709551615]"),
            Some(u64::MAX)
        );
        for other in [
            &b"socket:[18446744073709551616]"[..],
            b"socket:[]",
            b"socket:[7",
            b"socket:[+7]",
            b"socket:[7] (deleted)",
            b"/tmp/socket:[7]",
            b"pipe:[7]",
            b"anon_inode:[eventpoll]",
            b"",
        ] {
            assert_eq!(socket_inode(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for other in [&b"4294967296"[..], b".", b"..", b"", b"self", b"-1", b"1a"] {
            assert_eq!(number(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn every_inode_is_read_back(inode: u64) {
            prop_assert_eq!(socket_inode(format!("socket:[{inode}]").as_bytes()), Some(inode));
        }

        #[test]
        fn nothing_else_is_taken_for_one(link: Vec<u8>) {
            if let Some(inode) = socket_inode(&link) {
                let digits = &link[8..link.len() - 1];
                prop_assert!(digits.iter().all(u8::is_ascii_digit));
                prop_assert_eq!(std::str::from_utf8(digits).unwrap().parse::<u64>(), Ok(inode));
            }
        }
    }
}
