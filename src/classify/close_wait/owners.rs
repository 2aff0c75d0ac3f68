//! Whose sockets are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::listeners::Listeners;
use super::process::{Growth, Held};
use crate::model::{
    CgroupId, HeldVia, IncompleteScan, Owners, Process, Processes, ScanCoverage, Socket,
};

/// A process that could not be looked into, by what sockets show of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    /// Its number.
    pub pid: u32,
    /// Its user.
    pub uid: Option<u32>,
    /// Its cgroup, unless that says nothing: the root of the tree.
    pub cgroup: Option<CgroupId>,
}

impl Unseen {
    /// Whether a socket that has no known owner may be its.
    fn may_hold(&self, socket: &Socket) -> bool {
        let same = |one: Option<u32>, another: Option<u32>| one.is_some() && one == another;
        same(self.uid, socket.uid) || (self.cgroup.is_some() && self.cgroup == socket.cgroup)
    }
}

/// Why a socket has no known owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unowned {
    /// Some processes could not be looked into; it may be in one of them.
    Unseen(IncompleteScan),
    /// Every process was looked into, and none has a descriptor: it is in
    /// flight over SCM_RIGHTS, in a pid namespace that this /proc doesn't
    /// show, or the kernel's own.
    NoDescriptor,
    /// Nobody has a descriptor, and as many wait in UNIX sockets to be received
    /// as there are such sockets at least (SCM_RIGHTS).
    InFlight,
    /// Nobody has accepted it, and its listener isn't to be seen.
    NoListener,
    /// Nobody searched: a recorded dump has no processes.
    NotSearched,
    /// The last search was before it came.
    NotYet,
}

impl Unowned {
    /// The word of the JSON output.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unseen(IncompleteScan::Denied(_) | IncompleteScan::Hidden) => "permission",
            Self::Unseen(IncompleteScan::Failed(_) | IncompleteScan::Unlisted) => "unreadable",
            Self::NoDescriptor => "no_descriptor",
            Self::InFlight => "in_flight",
            Self::NoListener => "no_listener",
            Self::NotSearched => "not_searched",
            Self::NotYet => "not_searched_yet",
        }
    }
}

/// What is known of owners.
#[derive(Clone, Copy)]
pub struct Ownership<'a> {
    /// Who holds which socket.
    pub holders: &'a Owners,
    /// What is known of each of these processes; one that isn't in it has
    /// ended.
    pub processes: &'a Processes,
    /// The LISTEN sockets.
    pub listeners: &'a Listeners,
    /// How much was searched; `None`: nothing.
    pub scan: Option<ScanCoverage>,
    /// Processes that were asked for and could not be looked into.
    pub unseen: &'a [Unseen],
    /// Sockets in FIN_WAIT2 that somebody holds.
    pub fin_wait2: &'a [Socket],
    /// How many CLOSE_WAIT sockets processes, by pid and start time, had at an
    /// earlier reading.
    pub earlier: Option<&'a HashMap<(u32, u64), u64>>,
}

impl<'a> Ownership<'a> {
    /// Every process that holds a socket, or that could accept it.
    pub(super) fn pids(&self, socket: &Socket) -> impl Iterator<Item = u32> + use<'a> {
        let waits_at = match socket.inode {
            Some(_) => &[],
            None => self.listeners.of(socket),
        };
        let holders = self.holders;
        let listeners = waits_at.iter().filter_map(|listener| listener.inode);
        socket
            .inode
            .into_iter()
            .chain(listeners)
            .flat_map(|inode| holders.of(inode))
            .map(|holder| holder.pid)
    }

    /// Whether a process that was asked for holds a socket, or may for all that
    /// is known.
    pub(super) fn may_be_of(&self, asked: &[u32], socket: &Socket) -> bool {
        let mut in_sight = self.pids(socket).peekable();
        if in_sight.peek().is_none() {
            return self.unseen.iter().any(|unseen| unseen.may_hold(socket));
        }
        in_sight.any(|pid| asked.contains(&pid))
    }

    /// Enters a socket with each of its holders.
    pub(super) fn hold(
        &self,
        inode: u64,
        index: usize,
        by_process: &mut BTreeMap<u32, Vec<Held>>,
    ) -> Result<(), Unowned> {
        let holders = self.holders.of(inode);
        // They come ordered by pid. One that has ended since holds nothing.
        let by_pid = || {
            holders
                .chunk_by(|one, another| one.pid == another.pid)
                .filter_map(|of_process| Some((of_process.first()?.pid, of_process)))
                .filter(|(pid, _)| self.processes.contains_key(pid))
        };
        let pids = || by_pid().map(|(pid, _)| pid);
        let Some(first) = pids().next() else {
            return Err(self.unowned(Some(inode)));
        };
        // Most sockets have the holders that the last one had.
        let last = by_process.get(&first).and_then(|held| held.last());
        let last = last.filter(|last| last.holders.iter().copied().eq(pids()));
        let pids = last.map_or_else(|| pids().collect(), |last| Arc::clone(&last.holders));
        for (pid, of_process) in by_pid() {
            by_process.entry(pid).or_default().push(Held {
                index,
                fds: of_process
                    .iter()
                    .filter(|holder| holder.via != HeldVia::IoUring)
                    .map(|holder| holder.fd)
                    .collect(),
                thread: of_process.iter().find_map(|holder| match holder.via {
                    HeldVia::ThreadTable(thread) => Some(thread),
                    _ => None,
                }),
                io_uring: of_process
                    .iter()
                    .find(|holder| holder.via == HeldVia::IoUring)
                    .map(|holder| holder.fd),
                holders: Arc::clone(&pids),
            });
        }
        Ok(())
    }

    /// Why nobody is known to hold the socket with an inode.
    pub(super) fn unowned(&self, inode: Option<u64>) -> Unowned {
        if inode.is_some_and(|inode| !self.holders.was_searched_everywhere(inode)) {
            return Unowned::NotYet;
        }
        match self.scan.map(|scan| scan.incomplete()) {
            None => Unowned::NotSearched,
            Some(Some(why)) => Unowned::Unseen(why),
            Some(None) => Unowned::NoDescriptor,
        }
    }

    pub(super) fn growth(
        &self,
        process: &Process,
        now: usize,
        over: Option<Duration>,
    ) -> Option<Growth> {
        let then = self.earlier?.get(&(process.pid, process.start_time));
        // A process that is new since has grown from nothing.
        let then = i64::try_from(then.copied().unwrap_or(0)).ok()?;
        Some(Growth {
            sockets: i64::try_from(now).ok()? - then,
            over: over?,
        })
    }
}
