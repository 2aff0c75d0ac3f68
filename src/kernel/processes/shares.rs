//! The tasks of a scan, handed out to threads.
//!
//! Whoever reads a descriptor takes locks of its process, and two threads that
//! read one process wait for each other: a tenth of the time where processes
//! are large. So each thread takes a process for itself while there are any,
//! and helps with the parts of others' only after that.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tasks::Task;

/// All tasks. Each is handed out once.
#[derive(Debug)]
pub(super) struct Shares<'t> {
    processes: Vec<Parts<'t>>,
    /// The first process that nobody has taken.
    next: AtomicUsize,
}

/// The tasks of one process.
#[derive(Debug)]
struct Parts<'t> {
    parts: &'t [Task],
    /// The first part that nobody has taken.
    next: AtomicUsize,
}

impl<'t> Shares<'t> {
    /// The tasks of a process stand side by side.
    pub(super) fn of(tasks: &'t [Task]) -> Self {
        let parts = tasks.chunk_by(|one, another| one.pid == another.pid);
        let parts = parts.map(|parts| Parts {
            parts,
            next: AtomicUsize::new(0),
        });
        Self {
            processes: parts.collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// What one thread has to do: it ends when every task is taken.
    pub(super) fn take(&self) -> impl Iterator<Item = Task> {
        let untaken = || {
            self.processes
                .get(self.next.fetch_add(1, Ordering::Relaxed))
        };
        iter::from_fn(untaken)
            .chain(&self.processes)
            .flat_map(|process| iter::from_fn(|| process.take()))
    }
}

impl Parts<'_> {
    fn take(&self) -> Option<Task> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.parts.get(next).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of processes 1 to 3, numbered by where they begin.
    fn tasks() -> Vec<Task> {
        let part = |pid, from| Task::part(pid, Some(from), Some(from + 1), 9);
        [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1)]
            .map(|(pid, from)| part(pid, from))
            .to_vec()
    }

    fn named(task: Task) -> (u32, u32) {
        (task.pid, task.start())
    }

    #[test]
    fn each_thread_has_a_process_of_its_own_and_then_helps() {
        let tasks = tasks();
        let shares = Shares::of(&tasks);
        let (mut one, mut another) = (shares.take().map(named), shares.take().map(named));
        assert_eq!(one.next(), Some((1, 0)));
        assert_eq!(another.next(), Some((2, 0)));
        assert_eq!(another.next(), Some((3, 0)));
        assert_eq!(another.next(), Some((3, 1)));
        assert_eq!(another.next(), Some((1, 1)), "nothing else is left");
        assert_eq!(one.next(), Some((1, 2)));
        assert_eq!((one.next(), another.next()), (None, None));
    }

    #[test]
    fn one_thread_alone_takes_all_in_their_order() {
        let tasks = tasks();
        let shares = Shares::of(&tasks);
        assert_eq!(shares.take().collect::<Vec<_>>(), tasks);
        assert_eq!(shares.take().next(), None);
    }
}
