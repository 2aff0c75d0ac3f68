//! Sockets to processes: every descriptor that refers to one of some sockets.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::readlinkat_raw;
use rustix::io::Errno;
use rustix::path::DecInt;

use super::descriptors::LINK_BUFFER;
use super::directory::other_threads;
use super::hidden::is_registered;
use super::scan::scan;
use super::{Which, directory, stat};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{HeldVia, Holder, Inodes, OwnerCoverage, Owners};

/// Finds every holder of the sockets with these inodes: all descriptors of
/// the processes, to the end, since a socket that was found once can be held
/// again elsewhere.
///
/// What no table of a process shows [`find_hidden`](super::find_hidden) finds.
/// Processes outside the pid namespace of this /proc are not seen.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find_owners(
    proc_root: &ProcRoot,
    wanted: &Inodes,
    which: Which<'_>,
) -> Result<Owners, KernelError> {
    if wanted.is_empty() {
        return Ok(Owners::default());
    }
    let scan = scan(proc_root, which, &|inode| wanted.contains(&inode))?;
    let coverage = OwnerCoverage {
        scan: scan.coverage,
        unread: scan.unread,
        ..OwnerCoverage::default()
    };
    Ok(Owners::new(scan.found, scan.start_times, coverage))
}

/// Forgets the sockets that are not wanted any more, and every holder that is
/// none any more: its descriptor is closed or refers to something else, or it
/// has ended. Who can't be looked into any more isn't known to hold anything.
/// Holders that came since are not found, and the coverage stays as it is.
///
/// # Errors
///
/// When the root of /proc can't be opened: then nobody is known to hold
/// anything any more.
pub fn recheck(
    proc_root: &ProcRoot,
    owners: &mut Owners,
    wanted: impl Fn(u64) -> bool,
) -> Result<(), KernelError> {
    let (mut known, start_times) = owners.take();
    known.retain(|&(inode, _)| wanted(inode));
    let started = |pid| start_times.get(&pid).copied();
    let kept = kept(proc_root, known, started)?;
    owners.put(kept, start_times);
    Ok(())
}

/// Those of some holders, each with the inode of its socket, that are still
/// there. `started` says when a process that is a holder started.
fn kept(
    proc_root: &ProcRoot,
    mut known: Vec<(u64, Holder)>,
    started: impl Fn(u32) -> Option<u64>,
) -> Result<Vec<(u64, Holder)>, KernelError> {
    let root = directory::open_root(proc_root)?;
    known.sort_unstable_by_key(|&(_, holder)| holder);
    let mut kept = Vec::with_capacity(known.len());
    for of_process in known.chunk_by(|(_, one), (_, another)| one.pid == another.pid) {
        if let Some((_, first)) = of_process.first() {
            let (pid, before) = (first.pid, kept.len());
            check(root.as_fd(), &format!("{pid}/fd"), of_process, &mut kept);
            // The descriptors of a process whose first thread has ended are
            // those of another one.
            if kept.len() == before
                && let Ok(threads) = other_threads(root.as_fd(), pid)
                && let Some(thread) = threads.first()
            {
                let directory = format!("{pid}/task/{thread}/fd");
                check(root.as_fd(), &directory, of_process, &mut kept);
            }
            // Asked last: only then were they those of the same process.
            match stat::read(&root, &format!("{pid}/stat")) {
                Ok(stat) if Some(stat.start_time) == started(pid) => {}
                Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                    return Err(proc_root.error(proc_root.file(&pid.to_string()), errno.into()));
                }
                _ => kept.truncate(before),
            }
        }
    }
    Ok(kept)
}

/// Adds those descriptors of a process that still refer to their sockets.
fn check(root: BorrowedFd<'_>, path: &str, known: &[(u64, Holder)], kept: &mut Vec<(u64, Holder)>) {
    let mut buffer = [MaybeUninit::uninit(); LINK_BUFFER];
    let directory = directory::open(root, path).ok();
    for &(inode, holder) in known {
        let still = match (holder.via, &directory) {
            (HeldVia::Descriptor, None) => false,
            (HeldVia::Descriptor, Some(directory)) => {
                let target = readlinkat_raw(directory, DecInt::new(holder.fd), &mut buffer);
                target.is_ok_and(|(target, _)| directory::socket_inode(target) == Some(inode))
            }
            (HeldVia::ThreadTable(thread), _) => {
                let path = format!("{}/task/{thread}/fd/{}", holder.pid, holder.fd);
                let target = readlinkat_raw(root, path, &mut buffer);
                target.is_ok_and(|(target, _)| directory::socket_inode(target) == Some(inode))
            }
            (HeldVia::IoUring, _) => is_registered(root, holder, inode),
        };
        if still {
            kept.push((inode, holder));
        }
    }
}
