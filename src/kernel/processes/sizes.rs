//! How many descriptors a process has, before they are read.
//!
//! Since Linux 6.2 the size of /proc/PID/fd tells. Before, and for all users
//! too, /proc/PID/status tells how many places its table has (`FDSize`): a power
//! of two, 64 at least, and up to twice what was ever open at once.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, PROC_SUPER_MAGIC, fstatfs, statat};
use rustix::io::Errno;

use super::directory;
use super::directory::other_threads;
use super::stat::words_after;
use crate::kernel::ProcRoot;

/// What counts for a process of which nothing is told: a usual limit.
const UNTOLD: u32 = 1_024;

/// The places of the smallest table, and what counts for it: most processes
/// have one, and a few descriptors in it.
const SMALLEST: u32 = 64;
const IN_THE_SMALLEST: u32 = 16;

/// More of a status is left unread: it has some 60 short lines.
const LONGEST_STATUS: u64 = 16 * 1024;

/// Those of these processes that may have descriptors, with how many at most,
/// or with how many as a rule, where a table is of the smallest. Kernel threads,
/// zombies and processes that are gone are left out.
#[must_use]
pub fn with_descriptors(
    proc_root: &ProcRoot,
    pids: impl IntoIterator<Item = u32>,
) -> Vec<(u64, u32)> {
    let Ok(root) = directory::open_root(proc_root) else {
        return Vec::new();
    };
    let told = are_told(&root);
    pids.into_iter()
        .filter_map(|pid| {
            let root = root.as_fd();
            let size = match size(root, &format!("{pid}/fd")) {
                // So it is told too of a process whose first thread has ended.
                Ok(0) if told && other_threads(root, pid) != Ok(Vec::new()) => UNTOLD,
                Ok(size) if told => size,
                Ok(_) => match places(root, pid) {
                    Some(places @ 1..=SMALLEST) => places.min(IN_THE_SMALLEST),
                    Some(places) => places,
                    None => UNTOLD,
                },
                Err(_) => 0,
            };
            (size > 0).then_some((u64::from(size), pid))
        })
        .collect()
}

/// The size of a directory of descriptors, for which nobody needs a right.
pub(super) fn size(root: BorrowedFd<'_>, directory: &str) -> Result<u32, Errno> {
    let stat = statat(root, directory, AtFlags::empty())?;
    Ok(u32::try_from(stat.st_size).unwrap_or(u32::MAX))
}

/// How many places the table of a process has; 0 of one that has no table, and
/// of a kernel thread, whose table is empty. `None` where that isn't known: its
/// first thread has ended and others go on, or its status can't be read.
pub(super) fn places(root: BorrowedFd<'_>, pid: u32) -> Option<u32> {
    let file = directory::open_file(root, format!("{pid}/status")).ok()?;
    let mut status = Vec::with_capacity(2048);
    let file = std::fs::File::from(file);
    file.take(LONGEST_STATUS).read_to_end(&mut status).ok()?;
    let number = |name: &[u8]| words_after(&status, name).next()?.parse::<u32>().ok();
    let places = number(b"FDSize:")?;
    // Neither a kernel thread nor a thread that has ended has memory.
    if words_after(&status, b"VmSize:").next().is_some() {
        return Some(places);
    }
    (number(b"Threads:")? <= 1).then_some(0)
}

/// Whether the size of a directory of descriptors is their number. We have at
/// least one ourselves.
pub(super) fn are_told(root: impl AsFd) -> bool {
    is_proc(&root) && statat(root, "self/fd", AtFlags::empty()).is_ok_and(|stat| stat.st_size > 0)
}

/// Whether a directory is the kernel's, and not a copy, in which sizes and
/// positions mean something else.
pub(in crate::kernel) fn is_proc(directory: impl AsFd) -> bool {
    fstatfs(directory).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn staged(statuses: &[(u32, &str)]) -> (tempfile::TempDir, ProcRoot) {
        let root = tempfile::tempdir().unwrap();
        for (pid, status) in statuses {
            fs::create_dir_all(root.path().join(format!("{pid}/fd"))).unwrap();
            fs::write(root.path().join(format!("{pid}/status")), status).unwrap();
        }
        let proc_root = ProcRoot::new(root.path());
        (root, proc_root)
    }

    /// Lines as Linux 6.1 prints them.
    #[test]
    fn where_no_number_is_told_the_places_of_the_table_bound_it() {
        let (_root, proc_root) = staged(&[
            (2, "Name:\tkthreadd\nFDSize:\t64\nThreads:\t1\n"),
            (7, "Name:\tx\nFDSize:\t256\nVmSize:\t 1 kB\nThreads:\t4\n"),
            (6, "Name:\ty\nFDSize:\t64\nVmSize:\t 1 kB\nThreads:\t1\n"),
            (8, "Name:\tzombie\nFDSize:\t0\nThreads:\t1\n"),
            (9, "Name:\tfirst ended\nFDSize:\t0\nThreads:\t2\n"),
            (10, "no status"),
        ]);
        assert_eq!(
            with_descriptors(&proc_root, [2, 6, 7, 8, 9, 10, 11]),
            [
                (16, 6),
                (256, 7),
                (u64::from(UNTOLD), 9),
                (u64::from(UNTOLD), 10)
            ]
        );
    }

    #[test]
    fn the_live_kernel_bounds_our_own_and_its_threads_have_none() {
        let proc_root = ProcRoot::new(std::path::Path::new("/proc"));
        let own = std::process::id();
        let open = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        let of_own = with_descriptors(&proc_root, [own]);
        assert!(matches!(of_own[..], [(size, _)] if size >= open.min(3)));
        let root = fs::File::open("/proc").unwrap();
        assert!(places(root.as_fd(), own) >= Some(64));
        // In a pid namespace of one's own there is no kernel thread.
        if fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
            assert_eq!(places(root.as_fd(), 2), Some(0));
            assert_eq!(with_descriptors(&proc_root, [2]), []);
        }
    }
}
