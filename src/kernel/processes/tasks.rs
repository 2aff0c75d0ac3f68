//! What a scan has to do, in which order, and how it is shared out.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::Which;
use super::directory::{listed, other_threads};
use super::sizes::{are_told, is_proc, places, size};

/// A process with more descriptors than this is read in parts, so that one
/// large server doesn't keep one core busy while the others wait.
const PART: u32 = 8192;

/// A sample of a process's descriptors is taken in so many places.
const STRIPES: u32 = 16;

/// So many descriptors (4 ms) are worth a thread, whose start takes 0.05 ms.
const DESCRIPTORS_A_THREAD: u64 = 2500;

/// The same where the kernel doesn't tell how many there are.
const PROCESSES_A_THREAD: usize = 64;

/// In /proc/PID/fd descriptor N is at position N + 2, after `.` and `..`.
const POSITION_OF_DESCRIPTOR_0: u64 = 2;

/// One process, or a part of its descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) pid: u32,
    /// The thread whose descriptors these are, where the first one has ended:
    /// then the process itself shows none.
    pub(super) thread: Option<u32>,
    /// The first descriptor; `None` for the first there is.
    from: Option<u32>,
    /// The descriptor to end before; `None` for no end.
    to: Option<u32>,
    /// How many descriptors the process has in all; 0 where the kernel doesn't
    /// tell. It was so a moment ago, and there may be gaps.
    told: u32,
}

impl Task {
    #[cfg(test)]
    pub(super) fn part(pid: u32, from: Option<u32>, to: Option<u32>, told: u32) -> Self {
        Self {
            pid,
            thread: None,
            from,
            to,
            told,
        }
    }

    /// All descriptors of a process of which nothing else is known.
    pub(super) fn whole(pid: u32) -> Self {
        Self {
            pid,
            thread: None,
            from: None,
            to: None,
            told: 0,
        }
    }

    /// The directory of the descriptors, below the root.
    pub(super) fn directory(self) -> String {
        let pid = self.pid;
        match self.thread {
            None => format!("{pid}/fd"),
            Some(thread) => format!("{pid}/task/{thread}/fd"),
        }
    }

    /// The stat of the process, below that directory.
    pub(super) fn stat(self) -> &'static str {
        match self.thread {
            None => "../stat",
            Some(_) => "../../../stat",
        }
    }

    /// The first descriptor that may be in this part.
    pub(super) fn start(self) -> u32 {
        self.from.unwrap_or(0)
    }

    /// The number to end before when names are tried: those below it are
    /// descriptors of this part if the process has no gaps.
    pub(super) fn tried_end(self) -> u32 {
        self.to.map_or(self.told, |to| to.min(self.told))
    }

    /// Where to begin in the directory to see a descriptor and those behind it;
    /// `None` for its beginning.
    pub(super) fn position(fd: u32) -> Option<u64> {
        (fd > 0).then(|| u64::from(fd) + POSITION_OF_DESCRIPTOR_0)
    }

    /// Whether this is all that is known of a process: its number, and not how
    /// many descriptors it has.
    pub(super) fn is_untold(self) -> bool {
        self.told == 0 && self.thread.is_none()
    }

    /// The same task, as a thread of the process shows it.
    pub(super) fn by_thread(self, thread: u32) -> Self {
        Self {
            thread: Some(thread),
            ..self
        }
    }

    /// Whether a descriptor is behind the end of this part.
    pub(super) fn ends_before(self, fd: u32) -> bool {
        self.to.is_some_and(|to| to <= fd)
    }
}

/// The tasks of a scan.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// In the order in which they are worth doing.
    pub(super) tasks: Vec<Task>,
    /// Processes that have no descriptors, so nothing to do: kernel threads,
    /// zombies.
    pub(super) without_descriptors: u64,
    /// Processes that are already gone.
    pub(super) gone: u64,
    /// Processes of which not even that may be asked (`hidepid=1`); kernel
    /// threads among them, which can't be told from the others then.
    pub(super) denied: Vec<u32>,
    /// Processes whose threads can't be listed for another reason.
    pub(super) failed: Vec<u32>,
    /// Whether other users' processes are not listed.
    pub(super) hidden: bool,
    /// Descriptors of all tasks; `None` when the kernel doesn't tell.
    descriptors: Option<u64>,
}

impl Plan {
    /// How many threads of at most `cores` the tasks are worth.
    pub(super) fn threads(&self, cores: usize) -> usize {
        let worth = match self.descriptors {
            Some(descriptors) => {
                usize::try_from(descriptors / DESCRIPTORS_A_THREAD).unwrap_or(usize::MAX)
            }
            None => self.tasks.len() / PROCESSES_A_THREAD,
        };
        worth.min(self.tasks.len()).min(cores).max(1)
    }
}

/// Lists the processes and orders them: those first that were hinted at, then
/// those with the most descriptors.
pub(super) fn plan(root: impl AsFd, which: Which<'_>) -> Result<Plan, Errno> {
    let root = root.as_fd();
    let (mut pids, hinted) = match which {
        Which::All { first } => (listed(root)?, first),
        Which::Only(only) | Which::Sample { of: only, .. } => (only.to_vec(), &[][..]),
    };
    pids.sort_unstable();
    pids.dedup();
    let is_proc = is_proc(root);
    let mut plan = Plan {
        // In every pid namespace there is a process 1.
        hidden: is_proc && matches!(which, Which::All { .. }) && pids.first() != Some(&1),
        ..Plan::default()
    };
    let known = are_told(root);
    plan.descriptors = known.then_some(0);
    let hinted: HashSet<u32> = hinted.iter().copied().collect();
    let mut processes = Vec::with_capacity(pids.len());
    for pid in pids {
        let count = match size(root, &format!("{pid}/fd")) {
            Ok(size) if known => size,
            Ok(_) => match which {
                // A sample is spread over what there may be.
                Which::Sample { most, .. } => places(root, pid)
                    .filter(|&places| places > most)
                    .unwrap_or(0),
                Which::All { .. } | Which::Only(_) => 0,
            },
            Err(Errno::NOENT | Errno::SRCH) => {
                plan.gone += 1;
                continue;
            }
            Err(Errno::ACCESS | Errno::PERM) => {
                plan.denied.push(pid);
                continue;
            }
            Err(_) => 0,
        };
        let survivor = match (known && count == 0).then(|| surviving_thread(root, pid)) {
            None => None,
            Some(Ok(survivor)) => Some(survivor),
            Some(Err(Errno::NOENT | Errno::SRCH)) => {
                plan.gone += 1;
                continue;
            }
            Some(Err(Errno::ACCESS | Errno::PERM)) => {
                plan.denied.push(pid);
                continue;
            }
            Some(Err(_)) => {
                plan.failed.push(pid);
                continue;
            }
        };
        let (thread, count) = match survivor {
            None => (None, count),
            Some(Some((thread, count))) => (Some(thread), count),
            Some(None) => {
                plan.without_descriptors += 1;
                continue;
            }
        };
        if let Some(descriptors) = &mut plan.descriptors {
            *descriptors += u64::from(count);
        }
        processes.push((!hinted.contains(&pid), Reverse(count), pid, thread));
    }
    processes.sort_unstable();
    plan.tasks.reserve(processes.len());
    for (_, Reverse(count), pid, thread) in processes {
        let of_thread = |task: Task| thread.map_or(task, |thread| task.by_thread(thread));
        match which {
            Which::Sample { most, .. } if count > most => {
                plan.tasks.extend(stripes(pid, count, most).map(of_thread));
            }
            _ => plan.tasks.extend(parts(pid, count).map(of_thread)),
        }
    }
    Ok(plan)
}

/// Stripes of a process with so many descriptors, together `most` wide. What
/// is leaked may lie before or behind whatever else a process has open.
fn stripes(pid: u32, descriptors: u32, most: u32) -> impl Iterator<Item = Task> {
    let width = (most / STRIPES).max(1);
    (0..STRIPES).map(move |stripe| {
        let start = u64::from(descriptors) * u64::from(stripe) / u64::from(STRIPES);
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        Task {
            pid,
            thread: None,
            from: (start > 0).then_some(start),
            to: Some(start.saturating_add(width)),
            told: descriptors,
        }
    })
}

/// The parts of a process with so many descriptors. Numbers have gaps, so the
/// last part has no end.
fn parts(pid: u32, descriptors: u32) -> impl Iterator<Item = Task> {
    let last = descriptors.saturating_sub(1) / PART;
    (0..=last).map(move |part| Task {
        pid,
        thread: None,
        from: (part > 0).then(|| part * PART),
        to: (part < last).then(|| (part + 1) * PART),
        told: descriptors,
    })
}

/// A thread that outlives the first one of its process, with the number of
/// descriptors: all threads have the same, as a rule.
fn surviving_thread(root: BorrowedFd<'_>, pid: u32) -> Result<Option<(u32, u32)>, Errno> {
    Ok(other_threads(root, pid)?.into_iter().find_map(|thread| {
        let count = size(root, &format!("{pid}/task/{thread}/fd")).ok()?;
        (count > 0).then_some((thread, count))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_process_cover_every_descriptor_once() {
        for descriptors in [0, 1, PART, PART + 1, 10 * PART, u32::MAX] {
            let parts: Vec<Task> = parts(7, descriptors).collect();
            assert_eq!(parts[0].start(), 0);
            assert_eq!(parts[parts.len() - 1].to, None);
            for pair in parts.windows(2) {
                assert!(pair[0].to.is_some());
                assert_eq!(pair[0].to, pair[1].from);
            }
            assert_eq!(
                u64::from(descriptors.max(1)).div_ceil(u64::from(PART)),
                parts.len() as u64
            );
        }
    }

    #[test]
    fn a_sample_is_spread_over_all_descriptors() {
        let stripes: Vec<Task> = stripes(7, 18_000, 8_000).collect();
        assert_eq!(stripes[0].from, None);
        assert!(stripes[15].from > Some(16_000));
        let width = |task: &Task| task.to.unwrap() - task.from.unwrap_or(0);
        assert_eq!(stripes.iter().map(width).sum::<u32>(), 8_000);
        for pair in stripes.windows(2) {
            assert!(pair[0].to <= pair[1].from, "nothing is read twice");
        }
    }

    #[test]
    fn a_sample_ends_soon_where_no_number_is_told_too() {
        let staged = tempfile::tempdir().unwrap();
        for (pid, places) in [(7, 131_072), (8, 256)] {
            let process = staged.path().join(pid.to_string());
            std::fs::create_dir_all(process.join("fd")).unwrap();
            let status = format!("FDSize:\t{places}\nVmSize:\t9 kB\nThreads:\t1\n");
            std::fs::write(process.join("status"), status).unwrap();
        }
        let staged = std::fs::File::open(staged.path()).unwrap();
        let of = &[7, 8];
        let tasks = plan(&staged, Which::Sample { of, most: 8_000 })
            .unwrap()
            .tasks;
        let of_large: Vec<&Task> = tasks.iter().filter(|task| task.pid == 7).collect();
        assert_eq!(of_large.len(), 16);
        assert!(of_large.iter().all(|task| task.to.is_some()), "each ends");
        assert!(of_large[15].from > Some(100_000));
        let of_small: Vec<&Task> = tasks.iter().filter(|task| task.pid == 8).collect();
        assert!(matches!(of_small[..], [task] if task.is_untold()));
    }

    #[test]
    fn threads_are_started_for_many_descriptors_only() {
        let plan = |descriptors, processes| Plan {
            tasks: (0..processes).flat_map(|pid| parts(pid, 0)).collect(),
            descriptors,
            ..Plan::default()
        };
        assert_eq!(plan(Some(0), 0).threads(8), 1);
        assert_eq!(plan(Some(4000), 100).threads(8), 1);
        assert_eq!(plan(Some(8000), 100).threads(8), 3);
        assert_eq!(plan(Some(1_000_000), 100).threads(8), 8);
        assert_eq!(plan(Some(1_000_000), 2).threads(8), 2);
        assert_eq!(plan(None, 100).threads(8), 1);
        assert_eq!(plan(None, 1000).threads(8), 8);
    }

    #[test]
    fn only_the_kernel_is_believed_how_many_descriptors_there_are() {
        let staged = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(staged.path().join("7/fd")).unwrap();
        let size = staged.path().join("7/fd").metadata().unwrap().len();
        let staged = std::fs::File::open(staged.path()).unwrap();
        let of_staged = plan(&staged, Which::Only(&[7])).unwrap();
        let told: Vec<u32> = of_staged.tasks.iter().map(|task| task.told).collect();
        assert_eq!(told, [0], "the directory has {size} bytes");
        let proc = std::fs::File::open("/proc").unwrap();
        let own = plan(&proc, Which::Only(&[std::process::id()])).unwrap();
        let tells = are_told(&proc);
        assert!(own.tasks.iter().all(|task| (task.told >= 3) == tells));
    }

    #[test]
    fn hints_come_first_and_name_nobody_twice() {
        let root = tempfile::tempdir().unwrap();
        for pid in ["5", "6", "7"] {
            std::fs::create_dir_all(root.path().join(pid).join("fd")).unwrap();
        }
        let directory = std::fs::File::open(root.path()).unwrap();
        let first = &[7, 7, 99];
        let plan = plan(&directory, Which::All { first }).unwrap();
        let pids: Vec<u32> = plan.tasks.iter().map(|task| task.pid).collect();
        assert_eq!(pids, [7, 5, 6]);
        assert_eq!(plan.gone, 0);
    }
}
