//! Holders that no table of a process's descriptors shows: a thread with a table
//! of its own, the registered files of an io_uring, descriptors in flight over
//! SCM_RIGHTS.

use super::descriptors::RING;
use super::directory::{DIRECTORY_BUFFER, listed, other_threads};
use super::scan::{look, scan};
use super::sizes::{are_told, size};
use super::tasks::Task;
use super::{Which, directory};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{HeldVia, Holder, InFlight, Inodes, OwnerCoverage, Owners};
use rustix::fs::readlinkat;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

/// Descriptors of the threads of one process that are read although their
/// number is that of the process: then their table is the same, as a rule.
const MOST_OF_ALIKE: u64 = 50_000;

/// More of a fdinfo is left unread: a line for each registered file.
const LONGEST_FDINFO: u64 = 4 << 20;

/// Finds what refers to some sockets besides the descriptors of processes. It
/// reads every descriptor once more, and tables of threads: it is for sockets
/// that nobody has otherwise. Descriptors in flight are only counted, for the
/// kernel doesn't tell what they are.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find_hidden(
    proc_root: &ProcRoot,
    which: Which<'_>,
    wanted: &(impl Fn(u64) -> bool + Sync),
) -> Result<Owners, KernelError> {
    let unix = unix_sockets(proc_root);
    let scan = scan(proc_root, which, &|inode| {
        inode == RING || unix.contains(&inode)
    })?;
    let root = directory::open_root(proc_root)?;
    let mut found = Vec::new();
    let mut start_times = scan.start_times;
    let mut coverage = OwnerCoverage::default();
    let mut counted = HashSet::new();
    for (inode, holder) in scan.found {
        let Some(info) = fdinfo(root.as_fd(), holder) else {
            continue;
        };
        if inode == RING {
            let via = HeldVia::IoUring;
            let sockets = registered_sockets(&info).filter(|&inode| wanted(inode));
            found.extend(sockets.map(|inode| (inode, Holder { via, ..holder })));
        } else if let Some(descriptors @ 1..) = in_flight(&info)
            && counted.insert(inode)
        {
            coverage.in_flight.push(InFlight {
                holder,
                descriptors,
            });
        }
    }
    let pids = match which {
        Which::All { .. } => listed(&root)
            .map_err(|errno| proc_root.error(proc_root.path().to_owned(), errno.into()))?,
        Which::Only(pids) | Which::Sample { of: pids, .. } => pids.to_vec(),
    };
    let told = are_told(&root);
    for pid in pids {
        threads(
            root.as_fd(),
            pid,
            told,
            wanted,
            &mut found,
            &mut start_times,
        );
    }
    found.sort_unstable();
    found.dedup();
    coverage.in_flight.sort_unstable();
    let held: HashSet<u32> = found.iter().map(|(_, holder)| holder.pid).collect();
    start_times.retain(|pid, _| held.contains(pid));
    Ok(Owners::new(found, start_times, coverage))
}

/// The inodes of the UNIX sockets of the network namespace.
fn unix_sockets(proc_root: &ProcRoot) -> Inodes {
    let lines = std::fs::read_to_string(proc_root.net_file("unix")).unwrap_or_default();
    // Num RefCount Protocol Flags Type St Inode Path
    let inode = |line: &str| line.split_ascii_whitespace().nth(6)?.parse().ok();
    lines.lines().filter_map(inode).collect()
}

/// What the kernel says of a descriptor.
fn fdinfo(root: BorrowedFd<'_>, holder: Holder) -> Option<Vec<u8>> {
    let path = format!("{}/fdinfo/{}", holder.pid, holder.fd);
    let file = File::from(directory::open_file(root, path).ok()?);
    let mut bytes = Vec::new();
    file.take(LONGEST_FDINFO).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether an io_uring still has a socket among its registered files.
pub(super) fn is_registered(root: BorrowedFd<'_>, holder: Holder, inode: u64) -> bool {
    fdinfo(root, holder).is_some_and(|info| registered_sockets(&info).any(|other| other == inode))
}

/// Looks into the tables of threads that may have one of their own.
fn threads(
    root: BorrowedFd<'_>,
    pid: u32,
    told: bool,
    wanted: &impl Fn(u64) -> bool,
    found: &mut Vec<(u64, Holder)>,
    start_times: &mut BTreeMap<u32, u64>,
) {
    // Whose threads can't be listed was counted by the search before.
    let Ok(threads) = other_threads(root, pid) else {
        return;
    };
    let of = |path: &str| size(root, path).map_or(0, u64::from);
    let shared = of(&format!("{pid}/fd"));
    let mut left = MOST_OF_ALIKE;
    let mut known = HashSet::new();
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    for thread in threads {
        if told {
            let own = of(&format!("{pid}/task/{thread}/fd"));
            if own == 0 {
                continue;
            }
            if own == shared {
                match left.checked_sub(own) {
                    Some(rest) => left = rest,
                    None => continue,
                }
            }
        }
        let task = Task::whole(pid).by_thread(thread);
        let seen = look(root, task, wanted, buffer.spare_capacity_mut());
        if let Some(start_time) = seen.visit.start_time {
            start_times.insert(pid, start_time);
        }
        for (inode, holder) in seen.visit.found {
            // Of several threads that share a table one is enough.
            if known.insert((inode, holder.fd)) {
                // It may have come into the table of all since that was read.
                let link = readlinkat(root, format!("{pid}/fd/{}", holder.fd), []);
                let is_shared =
                    link.is_ok_and(|link| directory::socket_inode(link.to_bytes()) == Some(inode));
                let via = if is_shared {
                    HeldVia::Descriptor
                } else {
                    HeldVia::ThreadTable(thread)
                };
                found.push((inode, Holder { via, ..holder }));
            }
        }
    }
}

/// The inodes of the sockets among the registered files of an io_uring: the
/// lines `N: socket:[INODE]` behind `UserFiles:`. A path can't look like one: it
/// begins with a slash, and the kernel escapes the newlines in it.
pub(super) fn registered_sockets(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .split(|&byte| byte == b'\n')
        .skip_while(|line| !line.starts_with(b"UserFiles:"))
        .skip(1)
        .take_while(|line| line.starts_with(b" "))
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            directory::socket_inode(line.get(colon + 1..)?.trim_ascii())
        })
}

/// How many descriptors wait in a UNIX socket to be received (`scm_fds: N`).
pub(super) fn in_flight(bytes: &[u8]) -> Option<u64> {
    super::stat::words_after(bytes, b"scm_fds:")
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::super::{find_owners, recheck};
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn put(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn descriptor(root: &Path, name: &str, target: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// Three processes of a copied /proc, each of which has something that its
    /// table doesn't show.
    fn staged() -> (tempfile::TempDir, ProcRoot) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for pid in [7, 8, 9] {
            let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0");
            put(root, &format!("{pid}/stat"), &stat);
            descriptor(root, &format!("{pid}/fd/0"), "/dev/null");
            descriptor(root, &format!("{pid}/task/{pid}/fd/0"), "/dev/null");
        }
        let files =
            "ino:\t5\nUserFiles:\t2\n    0: socket:[50]\n    1: socket:[51]\nUserBufs:\t0\n";
        descriptor(root, "7/fd/4", "anon_inode:[io_uring]");
        put(root, "7/fdinfo/4", files);
        descriptor(root, "8/fd/5", "socket:[900]");
        put(root, "8/fdinfo/5", "ino:\t900\nscm_fds: 12\n");
        let heading = "Num RefCount Protocol Flags Type St Inode Path\n";
        let unix = "0000000000000000: 00000003 00000000 00000000 0001 03 900\n";
        put(root, "net/unix", &format!("{heading}{unix}"));
        descriptor(root, "9/task/10/fd/0", "/dev/null");
        descriptor(root, "9/task/10/fd/3", "socket:[52]");
        let proc_root = ProcRoot::new(root);
        (directory, proc_root)
    }

    #[test]
    fn what_no_table_of_a_process_shows_is_found() {
        let (directory, proc_root) = staged();
        let wanted = Inodes::from_iter([50, 52, 53]);
        let all = Which::All { first: &[] };
        let mut plain = find_owners(&proc_root, &wanted, all).unwrap();
        assert_eq!(plain.iter().count(), 0);
        let found = find_hidden(&proc_root, all, &|inode| wanted.contains(&inode)).unwrap();
        let ring = Holder {
            pid: 7,
            fd: 4,
            via: HeldVia::IoUring,
        };
        let of_thread = Holder {
            pid: 9,
            fd: 3,
            via: HeldVia::ThreadTable(10),
        };
        assert_eq!(
            (found.of(50), found.of(52)),
            (&[ring][..], &[of_thread][..])
        );
        assert!(found.of(51).is_empty(), "not wanted");
        assert_eq!(
            (found.pids(), found.start_time(9)),
            (vec![7, 9], Some(4711))
        );
        let in_flight = InFlight {
            holder: Holder::descriptor(8, 5),
            descriptors: 12,
        };
        assert_eq!(found.coverage.in_flight, [in_flight]);
        // Looked at again, they are where they were.
        plain.add(found);
        recheck(&proc_root, &mut plain, |_| true).unwrap();
        assert_eq!(
            (plain.of(50), plain.of(52)),
            (&[ring][..], &[of_thread][..])
        );
        fs::remove_file(directory.path().join("9/task/10/fd/3")).unwrap();
        put(
            directory.path(),
            "7/fdinfo/4",
            "UserFiles:\t0\nUserBufs:\t0\n",
        );
        recheck(&proc_root, &mut plain, |_| true).unwrap();
        assert_eq!(plain.iter().count(), 0);
    }

    #[test]
    fn of_some_processes_only_these_are_looked_at() {
        let (_directory, proc_root) = staged();
        let only = |pid| find_hidden(&proc_root, Which::Only(&[pid]), &|_| true).unwrap();
        assert_eq!(only(7).pids(), [7]);
        assert_eq!(only(9).iter().count(), 1);
        assert_eq!(only(8).iter().count(), 0);
    }

    /// As Linux 6.18 prints it.
    const RING: &[u8] = b"pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t2073\nSqMask:\t0x7\n\
        SqThread:\t-1\nSqThreadCpu:\t-1\nSqTotalTime:\t0\nSqWorkTime:\t0\nUserFiles:\t4\n\
        \x20   0: socket:[526468]\n    1: /tmp/x\\040socket:[7]\n    2: socket:[526472]\n\
        \x20   3: /socket:[8]\nUserBufs:\t0\nPollList:\n  op=1, task_works=0\n    4: socket:[9]\n";

    #[test]
    fn registered_sockets_are_those_behind_their_heading() {
        let inodes: Vec<u64> = registered_sockets(RING).collect();
        assert_eq!(inodes, [526_468, 526_472]);
        assert_eq!(registered_sockets(b"    0: socket:[1]\n").count(), 0);
        assert_eq!(in_flight(RING), None);
    }

    #[test]
    fn descriptors_in_flight_are_counted() {
        assert_eq!(in_flight(b"pos:\t0\nino:\t5\nscm_fds: 12\n"), Some(12));
        assert_eq!(in_flight(b"scm_fds: x\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_harm(bytes: Vec<u8>) {
            let _ = registered_sockets(&bytes).count();
            let _ = in_flight(&bytes);
        }
    }
}
