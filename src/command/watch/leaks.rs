//! What the view of leaks needs besides: the sockets in CLOSE_WAIT judged, and
//! whose they are.

use std::collections::HashMap;
use std::time::Instant;

use super::super::leaks::{owners, read};
use crate::classify::close_wait::{Earlier, Judge, Judged, LeakReport, MIN_AGE, Selection};
use crate::classify::history::CloseWaitMemory;
use crate::kernel::{KernelError, ProcRoot, SocketSource, read_uptime};
use crate::model::{Family, Socket};

/// Reads leaks, each time beside the time before.
#[derive(Debug, Default)]
pub(super) struct LeakReader {
    before: Option<Before>,
}

/// What is remembered of a reading.
#[derive(Debug)]
struct Before {
    sockets: Earlier,
    /// When it began and ended.
    time: (Instant, Instant),
    /// How many sockets processes had, by pid and start time.
    counts: HashMap<(u32, u64), u64>,
}

impl LeakReader {
    /// Reads who leaks. `memory` knows the ages of sockets that were seen
    /// entering CLOSE_WAIT.
    pub(super) fn read(
        &mut self,
        source: &mut dyn SocketSource,
        proc_root: &ProcRoot,
        family: Option<Family>,
        memory: &CloseWaitMemory,
    ) -> Result<LeakReport, KernelError> {
        let filter = read::Filter {
            family,
            peers: &[],
            ports: &[],
        };
        let reading = read::close_wait(source, filter)?;
        let uptime = read_uptime();
        let next = Earlier::new(&reading.sockets, uptime);
        let found = owners::find(source, proc_root, &reading.sockets, &[])?;
        let time = (reading.begun, reading.ended);
        let (earlier, counts) = match self.before.take() {
            Some(before) => {
                let since = reading.since(before.time);
                (Some(before.sockets.ago(since)), Some(before.counts))
            }
            None => (None, None),
        };
        let judge = Judge {
            min_age: MIN_AGE,
            uptime,
            earlier: earlier.as_ref(),
        };
        let judged = reading.sockets.into_iter().map(|socket| {
            let judged = judge.judge(socket);
            refined(judged, memory, time.0)
        });
        let report = LeakReport::new(
            MIN_AGE,
            judged.collect(),
            found.owners(counts.as_ref()),
            Selection::default(),
            earlier.as_ref(),
        );
        self.before = Some(Before {
            sockets: next,
            time,
            counts: counts_of(&report),
        });
        Ok(report)
    }

    /// The view is closed: the next reading has none before it.
    pub(super) fn forget(&mut self) {
        self.before = None;
    }
}

fn refined(judged: Judged, memory: &CloseWaitMemory, now: Instant) -> Judged {
    let seen = |socket: &Socket| memory.seen(socket.cookie?);
    match seen(&judged.socket) {
        Some(seen) => Judged {
            age: seen.refine(judged.age, now),
            ..judged
        },
        None => judged,
    }
}

fn counts_of(report: &LeakReport) -> HashMap<(u32, u64), u64> {
    report
        .processes
        .iter()
        .map(|leaks| {
            let process = (leaks.process.pid, leaks.process.start_time);
            (process, leaks.counts.total())
        })
        .collect()
}
