//! Whose sockets are.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::listeners::Listeners;
use super::process::{Growth, Held};
use super::report::Unowned;
use crate::model::{Holder, Process, ScanCoverage, Socket};

/// Who holds a socket.
pub trait HoldersOf {
    /// The holders of the socket with an inode, by pid and descriptor.
    fn holders_of(&self, inode: u64) -> &[Holder];
}

/// What is known of owners.
#[derive(Clone, Copy)]
pub struct Owners<'a> {
    /// Who holds which socket.
    pub holders: &'a dyn HoldersOf,
    /// What is known of each of these processes; one that isn't in it has
    /// ended.
    pub processes: &'a HashMap<u32, Process>,
    /// The LISTEN sockets.
    pub listeners: &'a Listeners,
    /// How much was searched; `None`: nothing.
    pub scan: Option<ScanCoverage>,
    /// How many CLOSE_WAIT sockets processes, by pid and start time, had at an
    /// earlier reading.
    pub earlier: Option<&'a HashMap<(u32, u64), u64>>,
}

impl<'a> Owners<'a> {
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
            .flat_map(|inode| holders.holders_of(inode))
            .map(|holder| holder.pid)
    }

    /// Enters a socket with each of its holders.
    pub(super) fn hold(
        &self,
        inode: u64,
        index: usize,
        by_process: &mut BTreeMap<u32, Vec<Held>>,
    ) -> Result<(), Unowned> {
        // Holders come ordered by pid. One that has ended since holds nothing.
        let alive = |holder: &&Holder| self.processes.contains_key(&holder.pid);
        let holders: Vec<&Holder> = self
            .holders
            .holders_of(inode)
            .iter()
            .filter(alive)
            .collect();
        if holders.is_empty() {
            return Err(self.unowned());
        }
        for of_process in holders.chunk_by(|one, another| one.pid == another.pid) {
            let Some(pid) = of_process.first().map(|holder| holder.pid) else {
                continue;
            };
            let mut shared_with: Vec<u32> = holders.iter().map(|holder| holder.pid).collect();
            shared_with.dedup();
            shared_with.retain(|&other| other != pid);
            by_process.entry(pid).or_default().push(Held {
                index,
                fds: of_process.iter().map(|holder| holder.fd).collect(),
                shared_with,
            });
        }
        Ok(())
    }

    pub(super) fn unowned(&self) -> Unowned {
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
