//! Where the descriptors of one process point to.
//!
//! A new descriptor gets the lowest free number, so most tables have no gaps.
//! Where the kernel tells how many there are, names are therefore tried number
//! by number instead of being asked for: that spares a fifth of the time, which
//! getdents64 takes to look every name up a first time. Whoever has closed many
//! has gaps, and a try that fails takes longer than to list a name: where gaps
//! are frequent the rest is listed.
//!
//! Every number is looked at once, by trying or by listing, and the end is
//! always listed: a descriptor that is open all the time is found, however many
//! others are opened and closed meanwhile, and whatever their number was.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{RawDir, SeekFrom, readlinkat_raw, seek};
use rustix::io::Errno;
use rustix::path::{Arg, DecInt};

use super::directory;
use super::tasks::Task;
use crate::model::Holder;

/// `socket:[` and 20 digits and `]`, with room to see that a link is longer.
pub(super) const LINK_BUFFER: usize = 32;

/// Stands for an io_uring in place of a socket's inode, which is never 0.
pub(super) const RING: u64 = 0;

/// So many descriptors pay for one gap among them: a try that fails costs
/// 0.9 µs, and one that doesn't spares 0.3.
const A_GAP: u32 = 4;

/// Gaps that are allowed before the first descriptor.
const GAPS_AT_FIRST: u32 = 16;

/// Gaps that are allowed at once, however many descriptors came before.
const GAPS_AT_ONCE: u32 = 32;

/// Reads where the descriptors of a directory point to, and adds the sockets,
/// and the rings of io_uring as [`RING`], that `keep` says; whether there was any descriptor. One that is closed in
/// the meantime is none.
pub(super) fn read_links(
    directory: &OwnedFd,
    task: Task,
    keep: &impl Fn(u64) -> bool,
    buffer: &mut [MaybeUninit<u8>],
    found: &mut Vec<(u64, Holder)>,
) -> Result<bool, Errno> {
    let mut reader = Reader {
        directory,
        task,
        keep,
        link: [MaybeUninit::uninit(); LINK_BUFFER],
        any: false,
        found,
    };
    let next = reader.try_numbers()?;
    reader.list(next, buffer)?;
    Ok(reader.any)
}

struct Reader<'r, K> {
    directory: &'r OwnedFd,
    task: Task,
    keep: &'r K,
    link: [MaybeUninit<u8>; LINK_BUFFER],
    any: bool,
    found: &'r mut Vec<(u64, Holder)>,
}

impl<K: Fn(u64) -> bool> Reader<'_, K> {
    /// Tries the numbers that would be descriptors if there were no gaps, and
    /// says which was not tried any more.
    fn try_numbers(&mut self) -> Result<u32, Errno> {
        let mut allowance = GAPS_AT_FIRST * A_GAP;
        let mut fd = self.task.start();
        while fd < self.task.tried_end() && allowance > 0 {
            allowance = if self.look(DecInt::new(fd), fd)? {
                (allowance + 1).min(GAPS_AT_ONCE * A_GAP)
            } else {
                allowance.saturating_sub(A_GAP)
            };
            fd += 1;
        }
        Ok(fd)
    }

    /// Lists the descriptors from one on.
    fn list(&mut self, from: u32, buffer: &mut [MaybeUninit<u8>]) -> Result<(), Errno> {
        if self.task.ends_before(from) {
            return Ok(());
        }
        if let Some(position) = Task::position(from) {
            seek(self.directory, SeekFrom::Start(position))?;
        }
        let mut entries = RawDir::new(self.directory, buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(fd) = directory::number(name.to_bytes()) else {
                continue;
            };
            if self.task.ends_before(fd) {
                break;
            }
            self.look(name, fd)?;
        }
        Ok(())
    }

    /// Looks at one descriptor, and says whether it is there.
    fn look(&mut self, name: impl Arg, fd: u32) -> Result<bool, Errno> {
        let is_there = match readlinkat_raw(self.directory, name, &mut self.link) {
            Ok((target, _)) => {
                let inode = match directory::socket_inode(target) {
                    None if directory::is_ring(target) => Some(RING),
                    inode => inode,
                };
                if let Some(inode) = inode
                    && (self.keep)(inode)
                {
                    let pid = self.task.pid;
                    self.found.push((inode, Holder::descriptor(pid, fd)));
                }
                true
            }
            Err(Errno::NOENT) => false,
            // EINVAL is no link at all, in a staged tree; ENAMETOOLONG a file
            // whose path the kernel can't tell. Neither is a socket.
            Err(Errno::INVAL | Errno::NAMETOOLONG) => true,
            Err(errno) => return Err(errno),
        };
        self.any |= is_there;
        Ok(is_there)
    }
}

#[cfg(test)]
mod tests;
