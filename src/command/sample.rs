//! Reads a sample: what `summary` shows once, and `watch` again and again.

use std::time::{Instant, SystemTime};

use crate::classify::count::{self, Scope};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_sockstat, read_sysctls,
};
use crate::model::{
    Collection, Counters, Host, Query, Sample, Socket, SourceKind, StateCounts, StateSet,
    StateTally, Sysctls,
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
    let (states, collection) = count_sockets(source, proc_root, wanted, &host, observer)?;
    let elapsed = start.elapsed();
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
        sysctls,
        counters,
    })
}

/// Counts the cheap way where that can be trusted, and looks at every socket
/// where it can't.
fn count_sockets(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    wanted: Wanted,
    host: &Host,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(StateCounts, Collection), KernelError> {
    let scope = wanted.scope;
    // Only netlink saves by leaving states out.
    if !wanted.exact
        && source.kind() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        let (tally, collection) = tally(source, states, scope, observer)?;
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
            return Ok((counts, collection));
        }
    }
    let (tally, collection) = tally(source, scope.all_states(), scope, observer)?;
    let tells_bound = scope.tells_bound(collection.source, host.kernel);
    let counts = count::from_dump(&tally, scope, tells_bound);
    Ok((counts, collection))
}

fn tally(
    source: &mut dyn SocketSource,
    states: StateSet,
    scope: Scope,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(StateTally, Collection), KernelError> {
    let mut tally = StateTally::default();
    let query = Query {
        family: scope.family,
        ..Query::states(states)
    };
    let collection = source.visit(&query, &mut |socket| {
        tally.add(socket);
        observer(socket);
    })?;
    Ok((tally, collection))
}
