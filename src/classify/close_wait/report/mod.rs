//! Everything that is known of the CLOSE_WAIT sockets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::compare::Earlier;
use super::owners::{Ownership, Unowned};
use super::peers::peers;
use super::process::{Held, ProcessLeaks};
use super::queues::{QueueLeaks, Queues};
use super::verdict::Judged;
use super::waits::{Waits, ends, held_since, pairs};
use crate::model::{
    ClosedDescriptor, ClosedDescriptors, InFlight, ScanCoverage, Socket, SocketPast, VerdictCounts,
    milliseconds,
};

/// The answer to "which process forgot to close what?".
#[derive(Debug, Clone, PartialEq)]
pub struct LeakReport {
    /// Younger sockets are not called forgotten.
    pub min_age: Duration,
    /// Every socket that was judged; the lists below refer to it.
    pub sockets: Vec<Judged>,
    /// The same by verdict.
    pub counts: VerdictCounts,
    /// How many have a known owner.
    pub attributed: u64,
    /// How much of the host was searched for owners; `None`: it wasn't.
    pub scan: Option<ScanCoverage>,
    /// Processes that hold one, worst first.
    pub processes: Vec<ProcessLeaks>,
    /// Listeners that leave connections to themselves, worst first.
    pub listeners: Vec<QueueLeaks>,
    /// Processes and listeners that leak less than was asked for.
    pub left_out: u64,
    /// The processes that these are, or that listen there.
    pub left_out_pids: BTreeSet<u32>,
    /// Sockets without a known owner, oldest first.
    pub unattributed: Vec<Unattributed>,
    /// Descriptors in flight, of which these may be; looked for only where
    /// somebody has no owner.
    pub in_flight: Vec<InFlight>,
    /// Processes that were asked for and could not be looked into: sockets
    /// without a known owner may be theirs.
    pub unseen: Vec<u32>,
    /// Sockets that were closed while their owners were looked for, and are
    /// left out.
    pub closed_meanwhile: u64,
    /// Descriptors whose connection is gone; `None`: nobody looked.
    pub closed: Option<ClosedDescriptors>,
    /// How many of these an earlier look has seen too, their connection ended
    /// both times; `None`: it didn't look.
    pub closed_stayed: Option<u64>,
    /// What an earlier reading says.
    pub comparison: Option<Comparison>,
}

/// A socket without a known owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unattributed {
    /// Which of the report's sockets.
    pub index: usize,
    /// Why.
    pub why: Unowned,
}

/// Two readings beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The time between them, in milliseconds.
    #[serde(rename = "over_ms", serialize_with = "milliseconds::serialize")]
    #[schemars(with = "u64")]
    pub over: Duration,
    /// Sockets in CLOSE_WAIT both times.
    pub stayed: u64,
    /// Sockets in CLOSE_WAIT the second time only.
    pub new: u64,
    /// Sockets in CLOSE_WAIT the first time only. `None` with `--pid`: whose
    /// those were isn't known.
    pub gone: Option<u64>,
}

/// Which part of it all is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// Sockets of these processes only; all where it is empty.
    pub pids: &'a [u32],
    /// Processes and listeners that leak as many at least.
    pub min_count: u64,
}

impl LeakReport {
    /// Puts sockets and owners together.
    #[must_use]
    pub fn new(
        min_age: Duration,
        mut sockets: Vec<Judged>,
        owners: Ownership<'_>,
        selection: Selection<'_>,
        earlier: Option<&Earlier>,
    ) -> Self {
        if !selection.pids.is_empty() {
            sockets.retain(|judged| owners.may_be_of(selection.pids, &judged.socket));
        }
        // Whose those were that are gone by now isn't known.
        let gone_known = selection.pids.is_empty();
        let comparison = earlier.map(|earlier| Comparison::new(earlier, &sockets, gone_known));
        let mut counts = VerdictCounts::default();
        for judged in &sockets {
            counts.add(judged.verdict);
        }
        let mut by_process: BTreeMap<u32, Vec<Held>> = BTreeMap::new();
        let mut queues = Queues::default();
        let mut unattributed = Vec::new();
        for (index, judged) in sockets.iter().enumerate() {
            let found = match judged.socket.inode {
                Some(inode) => owners.hold(inode, index, &mut by_process),
                None => queues.add(index, judged, owners),
            };
            if let Err(why) = found {
                unattributed.push(Unattributed { index, why });
            }
        }
        let in_flight = &owners.holders.coverage.in_flight;
        tell_in_flight(&mut unattributed, &sockets, in_flight);
        let age = |entry: &Unattributed| sockets.get(entry.index).map(|s| s.age.at_least);
        unattributed.sort_by_cached_key(|entry| Reverse(age(entry)));
        let attributed = (sockets.len() - unattributed.len()) as u64;
        let over = earlier.map(|earlier| earlier.since().at_least);
        let mut processes: Vec<ProcessLeaks> = by_process
            .into_iter()
            .filter(|(pid, _)| selection.pids.is_empty() || selection.pids.contains(pid))
            .filter_map(|(pid, held)| {
                let process = owners.processes.get(&pid)?.clone();
                let growth = owners.growth(&process, held.len(), over);
                Some(ProcessLeaks::new(
                    process,
                    held,
                    &sockets,
                    growth,
                    owners.listeners,
                ))
            })
            .collect();
        if !owners.fin_wait2.is_empty() {
            wait_for(&mut processes, &sockets, &owners);
        }
        processes.sort_by_cached_key(ProcessLeaks::harm);
        let mut listeners = queues.into_sorted();
        let enough = |leaked: u64| leaked >= selection.min_count;
        let few = processes.extract_if(.., |process| !enough(process.counts.leaked()));
        let few: Vec<u32> = few.map(|leaks| leaks.process.pid).collect();
        let quiet: Vec<QueueLeaks> = listeners
            .extract_if(.., |listener| !enough(listener.not_accepted))
            .collect();
        let left_out = (few.len() + quiet.len()) as u64;
        let left_out_pids = quiet.iter().flat_map(|queue| &queue.pids).copied();
        let left_out_pids = few.into_iter().chain(left_out_pids).collect();
        Self {
            min_age,
            counts,
            attributed,
            scan: owners.scan,
            processes,
            listeners,
            left_out,
            left_out_pids,
            unattributed,
            in_flight: in_flight.clone(),
            unseen: owners.unseen.iter().map(|unseen| unseen.pid).collect(),
            closed_meanwhile: 0,
            closed: None,
            closed_stayed: None,
            comparison,
            sockets,
        }
    }

    /// One of the sockets.
    #[must_use]
    pub fn socket(&self, index: usize) -> Option<&Judged> {
        self.sockets.get(index)
    }

    /// Descriptors that refer, or may refer, to a connection that is gone. A
    /// socket that never had one is no leak of a connection.
    pub fn closed_descriptors(&self) -> impl Iterator<Item = &ClosedDescriptor> {
        self.closed
            .iter()
            .flat_map(|closed| &closed.sockets)
            .filter(|one| one.past != SocketPast::NeverConnected)
    }

    /// The leaked sockets without a known owner, each with its index.
    pub fn leaked_unattributed(&self) -> impl Iterator<Item = (usize, &Judged)> {
        self.unattributed
            .iter()
            .filter_map(|entry| Some((entry.index, self.socket(entry.index)?)))
            .filter(|(_, judged)| judged.verdict.is_leak())
    }
}

/// Says of each process which connections it has closed and its peers haven't.
fn wait_for(processes: &mut [ProcessLeaks], sockets: &[Judged], owners: &Ownership<'_>) {
    let inodes: HashMap<_, _> = sockets
        .iter()
        .filter_map(|judged| Some((ends(&judged.socket), judged.socket.inode?)))
        .collect();
    let mut waits: HashMap<u32, Vec<&Socket>> = HashMap::new();
    for socket in owners.fin_wait2 {
        let holders = |inode: Option<u64>| inode.map_or(&[][..], |inode| owners.holders.of(inode));
        // The other end of a connection within this namespace.
        let (local, remote) = ends(socket);
        let other = holders(inodes.get(&(remote, local)).copied());
        for of_process in holders(socket.inode).chunk_by(|one, another| one.pid == another.pid) {
            // Who has both ends waits for nobody else.
            if let Some(holder) = of_process.first()
                && other.iter().all(|one| one.pid != holder.pid)
            {
                waits.entry(holder.pid).or_default().push(socket);
            }
        }
    }
    for leaks in processes {
        let Some(waited) = waits.get(&leaks.process.pid) else {
            continue;
        };
        let leaked = leaks.sockets.iter().filter_map(|held| {
            let judged = sockets.get(held.index)?;
            judged.age.at_least.filter(|_| judged.verdict.is_leak())
        });
        let since = waited.iter();
        let since = since.filter_map(|socket| held_since(socket, Duration::ZERO));
        let pairs = pairs(leaked.collect(), since.collect());
        let others = waited.iter().filter_map(|socket| {
            let (local, remote) = ends(socket);
            inodes.get(&(remote, local))
        });
        let pids: BTreeSet<u32> = others
            .flat_map(|&inode| owners.holders.of(inode))
            .map(|holder| holder.pid)
            .collect();
        let command = |pid| owners.processes.get(&pid)?.command.clone();
        leaks.wait_for(Waits {
            pairs,
            peers: peers(waited.iter().copied()),
            holders: pids.into_iter().map(|pid| (pid, command(pid))).collect(),
        });
    }
}

/// Where no more sockets are without an owner than descriptors are in flight,
/// that explains all of them.
fn tell_in_flight(unattributed: &mut [Unattributed], sockets: &[Judged], in_flight: &[InFlight]) {
    let waiting: u64 = in_flight.iter().map(|one| one.descriptors).sum();
    let is_held = |entry: &Unattributed| {
        matches!(entry.why, Unowned::NoDescriptor | Unowned::Unseen(_))
            && sockets
                .get(entry.index)
                .is_some_and(|judged| judged.socket.inode.is_some())
    };
    let held = unattributed.iter().filter(|entry| is_held(entry)).count() as u64;
    if held > 0 && held <= waiting {
        for entry in unattributed.iter_mut().filter(|entry| is_held(entry)) {
            entry.why = Unowned::InFlight;
        }
    }
}

impl Comparison {
    fn new(earlier: &Earlier, now: &[Judged], gone_known: bool) -> Self {
        let stayed = now.iter().filter(|judged| judged.stayed == Some(true));
        let stayed = stayed.count();
        Self {
            over: earlier.since().at_least,
            stayed: stayed as u64,
            new: (now.len() - stayed) as u64,
            gone: gone_known.then(|| earlier.len().saturating_sub(stayed) as u64),
        }
    }
}

#[cfg(test)]
mod tests;
