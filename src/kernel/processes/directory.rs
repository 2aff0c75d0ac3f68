//! Directories that are opened and listed, and the files in them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, statat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::link;
use crate::kernel::{KernelError, ProcRoot};

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
        pids.extend(link::number(entry?.file_name().to_bytes()));
    }
    Ok(pids)
}
