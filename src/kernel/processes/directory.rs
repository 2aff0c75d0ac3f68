//! Directories, opened to be listed.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::kernel::{KernelError, ProcRoot};

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
