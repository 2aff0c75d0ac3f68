//! Reads a sample: what `summary` shows once, and `watch` again and again.

use std::time::{Instant, SystemTime};

use super::suspects;
use crate::classify::close_wait::{Digest, Judge, MIN_AGE};
use crate::classify::count::{self, Scope};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_sockstat, read_sysctls,
    read_uptime,
};
use crate::model::{
    Collection, Counters, Host, Query, Sample, Socket, SourceKind, StateCounts, StateSet,
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
    } = match count_sockets(source, proc_root, wanted, &host, observer) {
        // A dump that broke off has made the source fall back, and what was
        // counted until then is forgotten.
        Err(KernelError::Netlink(_)) if source.kind() == SourceKind::Procfs => {
            count_sockets(source, proc_root, wanted, &host, observer)?
        }
        counted => counted?,
    };
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
        let (tally, digest, collection) = tally(source, states, scope, true, observer)?;
        let sockstat = read_sockstat(proc_root);
        // Rows that were lost would be counted as ESTABLISHED.
        if collection.source == SourceKind::Netlink
            && collection.complete
            && let Some(counts) = count::derive(
                &tally,
                &sockstat,
                scope,
                scope.tells_bound(collection.source, host.kernel),
            )
        {
            return Ok(Counted {
                states: counts,
                digest,
                collection,
            });
        }
    }
    let (all, mut digest, collection) = tally(source, scope.all_states(), scope, false, observer)?;
    // Now tcp_info would cost a sixth of the whole; CLOSE_WAIT alone has few
    // rows, mostly none.
    if digest.counts.total() > 0 && source.kind() == SourceKind::Netlink {
        let close_wait = StateSet::NONE.with(TcpState::CloseWait);
        (_, digest, _) = tally(source, close_wait, scope, true, &mut |_| {})?;
    }
    let tells_bound = scope.tells_bound(collection.source, host.kernel);
    Ok(Counted {
        states: count::from_dump(&all, scope, tells_bound),
        digest,
        collection,
    })
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
