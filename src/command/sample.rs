//! Reads a sample: what `summary` shows once, and `watch` again and again.

use std::time::{Instant, SystemTime};

use super::suspects;
use crate::classify::close_wait::{Digest, Judge, MIN_AGE};
use crate::classify::count::{self, Reading, Scope};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_sockstat, read_sysctls,
    read_uptime,
};
use crate::model::{
    Collection, Counters, Host, Query, Sample, Socket, Sockstat, SourceKind, StateCounts, StateSet,
    StateTally, Sysctls, TcpState,
};

/// What a sample shall hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Which sockets count.
    pub(super) scope: Scope,
    /// Whether every socket must be looked at.
    pub(super) exact: bool,
}

/// Reads everything that the summary shows. Each socket that is looked at on
/// the way is shown to `observer`, some of them twice where a first attempt to
/// count could not be trusted.
pub(super) fn read(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    wanted: Wanted,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Sample, KernelError> {
    // A recorded dump is of another time and perhaps another host: nothing that
    // could be read here belongs to it.
    let recorded = source.kind() == SourceKind::Replay;
    let host = if recorded {
        Host::default()
    } else {
        read_host(proc_root)
    };
    let taken_at = (!recorded).then(SystemTime::now);
    let start = Instant::now();
    let Counted {
        states,
        digest,
        collection,
    } = count_sockets(source, proc_root, wanted, &host, observer)?;
    let elapsed = start.elapsed();
    let leaks = suspects::name(&digest, MIN_AGE, (!recorded).then_some(proc_root));
    let (sysctls, counters) = if recorded {
        (Sysctls::default(), Counters::default())
    } else {
        (read_sysctls(proc_root), read_counters(proc_root))
    };
    Ok(Sample {
        taken_at,
        elapsed,
        host,
        collection,
        states,
        leaks: Some(leaks),
        sysctls,
        counters,
    })
}

/// What the sockets came to.
struct Counted {
    states: StateCounts,
    digest: Digest,
    collection: Collection,
}

/// Counts the cheap way where that can be trusted, and looks at every socket
/// where it can't.
fn count_sockets(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    wanted: Wanted,
    host: &Host,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Counted, KernelError> {
    let scope = wanted.scope;
    // Only netlink saves by leaving states out.
    if !wanted.exact
        && source.kind() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        // Few rows are left, so tcp_info costs next to nothing: CLOSE_WAIT is
        // judged in the same walk.
        let (tally, digest, collection) = tally_again(source, states, scope, true, observer)?;
        let reading = Reading {
            tally: &tally,
            source: collection.source,
            sockstat: read_sockstat(proc_root),
            kernel: host.kernel,
        };
        // Rows that were lost would be counted as ESTABLISHED.
        if collection.source == SourceKind::Netlink
            && collection.complete
            && let Some(states) = count::derive(&reading, scope)
        {
            return Ok(Counted {
                states,
                digest,
                collection,
            });
        }
    }
    let (all, mut digest, collection) =
        tally_again(source, scope.all_states(), scope, false, observer)?;
    let recorded = collection.source == SourceKind::Replay;
    let reading = Reading {
        tally: &all,
        source: collection.source,
        sockstat: if recorded {
            Sockstat::default()
        } else {
            read_sockstat(proc_root)
        },
        kernel: host.kernel,
    };
    // Now tcp_info would cost a sixth of the whole; CLOSE_WAIT alone has few
    // rows, mostly none.
    if digest.counts.total() > 0 && source.kind() == SourceKind::Netlink {
        let close_wait = StateSet::NONE.with(TcpState::CloseWait);
        (_, digest, _) = tally_again(source, close_wait, scope, true, &mut |_| {})?;
    }
    Ok(Counted {
        states: count::from_dump(&reading, scope),
        digest,
        collection,
    })
}

/// Counts, and counts anew where the source failed in mid-dump and has another
/// to go on with: nothing is printed yet, so what was counted can be forgotten.
fn tally_again(
    source: &mut dyn SocketSource,
    states: StateSet,
    scope: Scope,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(StateTally, Digest, Collection), KernelError> {
    let before = source.kind();
    match tally(source, states, scope, tcp_info, observer) {
        Err(_) if source.kind() != before => tally(source, states, scope, tcp_info, observer),
        outcome => outcome,
    }
}

fn tally(
    source: &mut dyn SocketSource,
    states: StateSet,
    scope: Scope,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(StateTally, Digest, Collection), KernelError> {
    let mut tally = StateTally::default();
    let mut digest = Digest::default();
    let judge = Judge {
        min_age: MIN_AGE,
        // A recorded dump is of another time, perhaps of another host.
        uptime: (source.kind() != SourceKind::Replay)
            .then(read_uptime)
            .flatten(),
        earlier: None,
    };
    let query = Query {
        family: scope.family,
        tcp_info,
        ..Query::states(states)
    };
    let collection = source.visit(&query, &mut |socket| {
        tally.add(socket);
        digest.add(socket, &judge);
        observer(socket);
    })?;
    Ok((tally, digest, collection))
}
