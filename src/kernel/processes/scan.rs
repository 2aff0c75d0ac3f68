//! The walk over processes, on all cores.
//!
//! A process is read through a descriptor of its /proc/PID/fd, which stays with
//! that process: when it ends and its pid is used again, the directory is empty
//! and never the other's. So there is nothing to compare before and after; only
//! a process that is read in several parts is compared between the parts.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use rustix::io::Errno;

use super::descriptors::read_links;
use super::directory::{DIRECTORY_BUFFER, other_threads};
use super::shares::Shares;
use super::tasks::{Plan, Task, plan};
use super::{Which, directory, stat};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Holder, ScanCoverage};

/// What a walk has found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The descriptors of sockets that were to be kept, with the sockets'
    /// inodes, in no order.
    pub(super) found: Vec<(u64, Holder)>,
    /// When the processes started that something was found in.
    pub(super) start_times: BTreeMap<u32, u64>,
    /// The processes that could not be read to the end, and go on.
    pub(super) unread: BTreeSet<u32>,
    /// How much was seen.
    pub(super) coverage: ScanCoverage,
}

/// Reads the descriptors of processes and keeps the sockets that `keep` says.
pub(super) fn scan(
    proc_root: &ProcRoot,
    which: Which<'_>,
    keep: &(impl Fn(u64) -> bool + Sync),
) -> Result<Scan, KernelError> {
    let root = directory::open_root(proc_root)?;
    let plan = plan(&root, which)
        .map_err(|errno| proc_root.error(proc_root.path().to_owned(), errno.into()))?;
    let visits = visit_all(root.as_fd(), &plan, keep);
    Ok(sum_up(&plan, visits))
}

/// How the reading of a process ended. Of several parts the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Whole,
    Failed,
    Denied,
    Gone,
}

/// What one task gave.
#[derive(Debug)]
pub(super) struct Visit {
    pid: u32,
    end: End,
    /// Set when something was found.
    pub(super) start_time: Option<u64>,
    pub(super) found: Vec<(u64, Holder)>,
}

/// Takes the tasks in their order, on as many threads as they are worth.
fn visit_all(
    root: BorrowedFd<'_>,
    plan: &Plan,
    keep: &(impl Fn(u64) -> bool + Sync),
) -> Vec<Visit> {
    let shares = Shares::of(&plan.tasks);
    let work = || {
        let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
        shares
            .take()
            .map(|task| visit(root, task, keep, buffer.spare_capacity_mut()))
            .collect::<Vec<_>>()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        // A thread that can't be had is no loss: the others take its tasks.
        let others: Vec<_> = (1..plan.threads(cores))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut visits = work();
        for other in others {
            match other.join() {
                Ok(more) => visits.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        visits
    })
}

/// Reads one process, or a part of it.
fn visit(
    root: BorrowedFd<'_>,
    task: Task,
    keep: &impl Fn(u64) -> bool,
    buffer: &mut [MaybeUninit<u8>],
) -> Visit {
    let mut by_process = look(root, task, keep, buffer);
    if by_process.any || !task.is_untold() || !by_process.may_be_survived() {
        return by_process.visit;
    }
    // Nothing at all: its first thread may have ended, which the kernel tells
    // together with the number of descriptors, or not at all.
    let threads = match other_threads(root, task.pid) {
        Ok(threads) => threads,
        Err(errno) => {
            by_process.visit.end =
                end_after(errno, stat::read(root, &format!("{}/stat", task.pid)));
            return by_process.visit;
        }
    };
    for thread in threads {
        let by_thread = look(root, task.by_thread(thread), keep, buffer);
        if by_thread.any && by_thread.visit.end == End::Whole {
            by_process = by_thread;
            break;
        }
    }
    by_process.visit
}

/// What one directory of descriptors gave.
pub(super) struct Look {
    pub(super) visit: Visit,
    /// Whether there was any descriptor in it.
    any: bool,
    /// Whether the process has ended, but for threads that it may still have.
    is_zombie: bool,
}

impl Look {
    /// Of a process that has ended nobody but root may see that it shows no
    /// descriptors: without memory it belongs to no user any more.
    fn may_be_survived(&self) -> bool {
        match self.visit.end {
            End::Whole => true,
            End::Denied => self.is_zombie,
            End::Failed | End::Gone => false,
        }
    }
}

/// Reads the directory of one task.
pub(super) fn look(
    root: BorrowedFd<'_>,
    task: Task,
    keep: &impl Fn(u64) -> bool,
    buffer: &mut [MaybeUninit<u8>],
) -> Look {
    let mut visit = Visit {
        pid: task.pid,
        end: End::Whole,
        start_time: None,
        found: Vec::new(),
    };
    let (mut any, mut is_zombie) = (false, false);
    match directory::open(root, task.directory()) {
        Ok(directory) => {
            match read_links(&directory, task, keep, buffer, &mut visit.found) {
                Ok(some) => any = some,
                Err(errno) => {
                    visit.end = end_after(errno, stat::read(&directory, task.stat()));
                }
            }
            if !visit.found.is_empty() {
                match stat::read(&directory, task.stat()) {
                    Ok(stat) => visit.start_time = Some(stat.start_time),
                    Err(errno) => {
                        visit.end = end_after(errno, Err(errno));
                        visit.found.clear();
                    }
                }
            }
        }
        Err(errno) => {
            let stat = stat::read(root, &format!("{}/stat", task.pid));
            is_zombie = stat.is_ok_and(|stat| stat.is_zombie);
            visit.end = end_after(errno, stat);
        }
    }
    Look {
        visit,
        any,
        is_zombie,
    }
}

/// What an error says of a process, of which `stat` could be read or not. The
/// kernel refuses a process that has just ended in the same words as one that
/// we may not look into. That we are short of something says nothing about it.
fn end_after(errno: Errno, stat: Result<stat::Stat, Errno>) -> End {
    // ENOTDIR is a file among the processes of a copy.
    let is_gone = |errno| matches!(errno, Errno::NOENT | Errno::SRCH | Errno::NOTDIR);
    match (errno, stat) {
        (errno, _) | (_, Err(errno)) if is_gone(errno) => End::Gone,
        (_, Ok(stat)) if stat.is_kernel_thread => End::Whole,
        (Errno::ACCESS | Errno::PERM, Ok(_) | Err(Errno::ACCESS | Errno::PERM)) => End::Denied,
        _ => End::Failed,
    }
}

/// Puts the parts together.
fn sum_up(plan: &Plan, mut visits: Vec<Visit>) -> Scan {
    let mut scan = Scan::default();
    scan.coverage.processes_scanned = plan.without_descriptors;
    scan.coverage.processes_vanished = plan.gone;
    scan.coverage.processes_hidden = plan.hidden;
    scan.coverage.processes_denied = plan.denied.len() as u64;
    scan.coverage.processes_failed = plan.failed.len() as u64;
    scan.unread.extend(plan.denied.iter().chain(&plan.failed));
    // Of a pid that was used again between two parts, the last one to start.
    visits.sort_unstable_by_key(|visit| (visit.pid, visit.start_time));
    for parts in visits.chunk_by_mut(|a, b| a.pid == b.pid) {
        let start_time = parts.last().and_then(|part| part.start_time);
        let pid = parts.first().map_or(0, |part| part.pid);
        let end = parts.iter().map(|part| part.end).max();
        match end.unwrap_or(End::Whole) {
            End::Whole => scan.coverage.processes_scanned += 1,
            End::Failed => {
                scan.coverage.processes_failed += 1;
                scan.unread.insert(pid);
            }
            End::Denied => {
                scan.coverage.processes_denied += 1;
                scan.unread.insert(pid);
            }
            End::Gone => {
                scan.coverage.processes_vanished += 1;
                continue;
            }
        }
        if let Some(start_time) = start_time {
            scan.start_times.insert(pid, start_time);
        }
        for part in parts {
            if part.start_time == start_time {
                scan.found.append(&mut part.found);
            }
        }
    }
    scan
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn an_error_is_told_apart_by_what_else_is_known_of_the_process() {
        let stat = |is_kernel_thread| {
            Ok(stat::Stat {
                start_time: 1,
                is_kernel_thread,
                is_zombie: false,
            })
        };
        assert_eq!(end_after(Errno::ACCESS, stat(false)), End::Denied);
        assert_eq!(end_after(Errno::PERM, stat(false)), End::Denied);
        assert_eq!(end_after(Errno::ACCESS, stat(true)), End::Whole);
        assert_eq!(end_after(Errno::ACCESS, Err(Errno::NOENT)), End::Gone);
        assert_eq!(end_after(Errno::ACCESS, Err(Errno::SRCH)), End::Gone);
        assert_eq!(end_after(Errno::NOENT, stat(false)), End::Gone);
        assert_eq!(end_after(Errno::SRCH, Err(Errno::MFILE)), End::Gone);
        assert_eq!(end_after(Errno::NOMEM, stat(false)), End::Failed);
        assert_eq!(end_after(Errno::ACCESS, Err(Errno::ACCESS)), End::Denied);
        for short in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert_eq!(end_after(short, Err(short)), End::Failed);
            assert_eq!(end_after(Errno::ACCESS, Err(short)), End::Failed);
        }
    }

    #[test]
    fn a_part_holds_its_own_descriptors_only() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let far = rustix::io::fcntl_dupfd_cloexec(&listener, 900).unwrap();
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        let proc = std::fs::File::open("/proc").unwrap();
        let own = std::process::id();
        let told = |from, to, told| -> Vec<u32> {
            let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
            let task = Task::part(own, from, to, told);
            let visit = visit(
                proc.as_fd(),
                task,
                &|other| other == inode,
                buffer.spare_capacity_mut(),
            );
            assert_eq!(visit.end, End::Whole);
            visit.found.iter().map(|(_, holder)| holder.fd).collect()
        };
        let near = listener.as_raw_fd().cast_unsigned();
        let far = far.as_raw_fd().cast_unsigned();
        for number in [0, near + 1, 2000] {
            let fds_of = |from, to| told(from, to, number);
            assert_eq!(fds_of(None, None), [near, far]);
            assert_eq!(fds_of(None, Some(far)), [near]);
            assert_eq!(fds_of(Some(far), None), [far]);
            assert_eq!(fds_of(Some(near + 1), Some(far)), [0; 0]);
            assert_eq!(fds_of(Some(near), Some(near + 1)), [near]);
        }
    }

    #[test]
    fn parts_of_two_processes_with_one_pid_are_not_mixed() {
        let holder = |fd| Holder::descriptor(7, fd);
        let part = |start_time, fd| Visit {
            pid: 7,
            end: End::Whole,
            start_time: Some(start_time),
            found: vec![(50, holder(fd))],
        };
        let scan = sum_up(
            &Plan::default(),
            vec![part(2, 9000), part(1, 1), part(2, 3)],
        );
        assert_eq!(scan.found, [(50, holder(9000)), (50, holder(3))]);
        assert_eq!(scan.start_times.get(&7), Some(&2));
        assert_eq!(scan.coverage.processes_scanned, 1);
    }

    #[test]
    fn a_process_that_ends_between_two_parts_holds_nothing() {
        let visit = |end, found: Vec<(u64, Holder)>| Visit {
            pid: 7,
            end,
            start_time: (!found.is_empty()).then_some(1),
            found,
        };
        let first = visit(End::Whole, vec![(50, Holder::descriptor(7, 3))]);
        let scan = sum_up(&Plan::default(), vec![first, visit(End::Gone, Vec::new())]);
        assert_eq!(scan.found, []);
        assert_eq!(scan.coverage.processes_vanished, 1);
        assert_eq!(scan.coverage.processes_scanned, 0);
    }
}
