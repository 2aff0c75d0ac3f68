//! What the view of leaks needs besides: the sockets in CLOSE_WAIT judged, and
//! whose they are.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::Namespace;
use super::super::close_wait::{close_wait, held_fin_wait2, listeners_of, owners};
use super::super::cpu_budget::{Clock, CpuBudget};
use super::super::ownership::{self, Budget, OwnerCache};
use crate::classify::close_wait::{
    Earlier, Judge, LeakReport, MIN_AGE, Ownership, Selection, Unowned,
};
use crate::classify::history::{CloseWaitMemory, Leaks, Search};
use crate::kernel::KernelError;
use crate::model::{Inodes, SourceKind};

/// A reading may take one part of so many of a core in the long run.
const PARTS: u32 = 50;

/// Reads leaks, each time beside the time before.
#[derive(Debug)]
pub(super) struct LeakReader {
    before: Option<Before>,
    /// For the reading, but for the search in it, which has a budget of its own.
    budget: CpuBudget,
}

/// What is remembered of a reading.
#[derive(Debug)]
struct Before {
    sockets: Earlier,
    /// Where it came from.
    source: SourceKind,
    /// When it began and ended.
    time: (Instant, Instant),
    /// How many sockets processes had, by pid and start time; `None` where some
    /// were still to be looked for.
    counts: Option<HashMap<(u32, u64), u64>>,
}

impl LeakReader {
    /// Nothing was read yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            before: None,
            budget: CpuBudget::new(clock, PARTS),
        }
    }

    /// Reads who leaks, for a sample that began at `now`; `None` where that is
    /// too soon after the last time. `memory` knows the ages of sockets that
    /// were seen entering CLOSE_WAIT.
    pub(super) fn read(
        &mut self,
        namespace: &mut Namespace,
        memory: &CloseWaitMemory,
        cache: &mut OwnerCache,
        now: Instant,
    ) -> Result<Option<Leaks>, KernelError> {
        if !self.budget.is_due(now) {
            return Ok(None);
        }
        // What fails is tried again with the next sample.
        self.budget.forget();
        let begun = self.budget.now();
        let mut reading = close_wait(namespace.sockets())?;
        let uptime = namespace.since_boot();
        let next = Earlier::new(&reading.sockets, uptime);
        let listeners = listeners_of(
            namespace.all_sockets(),
            &reading.sockets,
            &mut reading.collection,
        )?;
        let fin_wait2 = held_fin_wait2(namespace.all_sockets(), &reading.sockets)?;
        // A recording isn't watched: it has no processes.
        let Some(proc_root) = namespace.proc_root() else {
            return Ok(None);
        };
        let closed = fin_wait2.iter().filter_map(|socket| socket.inode);
        let wanted = owners::wanted(&reading.sockets, &listeners);
        let wanted: Inodes = wanted.chain(closed).collect();
        let hints = || owners::hints(proc_root, &reading.sockets);
        let searched = cache.update(proc_root, &wanted, hints, Budget::Everywhere)?;
        let processes = ownership::processes(proc_root, cache.owners())?;
        let time = (reading.begun, reading.ended);
        // Two sources know sockets by different names: all would look new.
        let origin = reading.collection.source;
        let before = self.before.take();
        let seen = || memory.watched(now, Duration::ZERO);
        let (earlier, counts) = match before.filter(|before| before.source == origin) {
            Some(before) => {
                let since = reading.since(before.time);
                let earlier = before.sockets.ago(since);
                let earlier = earlier.and_watched(seen(), memory.since_origin(now));
                (Some(earlier), before.counts)
            }
            None => (None, None),
        };
        let watched;
        let judge = Judge {
            min_age: MIN_AGE,
            uptime,
            earlier: if earlier.is_some() {
                earlier.as_ref()
            } else {
                watched = Earlier::watched(seen(), memory.since_origin(now));
                Some(&watched)
            },
        };
        let judged = judge.judge_all(reading.sockets);
        let owners = Ownership {
            holders: cache.owners(),
            processes: &processes,
            listeners: &listeners,
            scan: Some(cache.owners().coverage.scan),
            unseen: &[],
            fin_wait2: &fin_wait2,
            earlier: counts.as_ref(),
        };
        let report = LeakReport::new(
            MIN_AGE,
            judged,
            owners,
            Selection::default(),
            earlier.as_ref(),
        );
        self.before = Some(Before {
            sockets: next,
            source: origin,
            time,
            counts: counts_of(&report),
        });
        let spent = self.budget.now().saturating_sub(begun);
        let run = self.budget.spend(now, spent.saturating_sub(searched));
        Ok(Some(Leaks {
            report,
            cost: run.cost,
            every: run.every,
            search: cache.last_search().map(|last| Search {
                ago: last.ago(now),
                cost: last.cost,
                every: last.every,
            }),
        }))
    }

    /// The sample is taken again from another source: what was read for it
    /// counts for nothing.
    pub(super) fn read_again(&mut self) {
        self.before = None;
        self.budget.forget();
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.before.as_ref().map_or(0, |before| {
            before.sockets.len() + before.counts.as_ref().map_or(0, HashMap::len)
        })
    }

    /// The view is closed: the next reading has none before it.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.budget.clock());
    }
}

fn counts_of(report: &LeakReport) -> Option<HashMap<(u32, u64), u64>> {
    let mut unowned = report.unattributed.iter();
    if unowned.any(|entry| entry.why == Unowned::NotYet) {
        return None;
    }
    let counts = report
        .processes
        .iter()
        .map(|leaks| {
            let process = (leaks.process.pid, leaks.process.start_time);
            (process, leaks.counts.total())
        })
        .collect();
    Some(counts)
}
