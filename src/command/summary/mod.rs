//! `tcpstate summary`: how many connections are in each state, and is anything
//! wrong?

mod ports;

use std::time::{Instant, SystemTime};

use super::{Outcome, outcome, output, source, suspects};
use crate::classify::assess;
use crate::classify::close_wait::{Digest, Judge, MIN_AGE};
use crate::classify::count::{self, Scope};
use crate::classify::listeners::ListenerTally;
use crate::cli::{CommonArgs, SummaryArgs, SummaryFormat};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_sockstat, read_sysctls,
    read_uptime,
};
use crate::model::{
    Collection, Counters, Host, PortReading, Pressure, Query, Sample, SourceKind, StateCounts,
    StateSet, StateTally, Sysctl, Sysctls, TcpState,
};
use crate::render::summary;

/// Prints the summary.
pub(super) fn run(common: &CommonArgs, args: &SummaryArgs) -> anyhow::Result<Outcome> {
    let proc_root = ProcRoot::new(&common.proc_root);
    let mut source = source::open(common, &proc_root)?;
    let scope = Scope {
        family: source::family(common),
        bound: args.bound,
    };
    let sample = read(source.as_mut(), &proc_root, scope, args.exact)?;
    if let Some(reason) = &sample.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages, cgroups and limits of accept queues \
             are unknown"
        ));
    }
    if common.verbose {
        output::note(&summary::provenance(&sample));
    }
    let assessment = assess(&sample, None);
    let format = if common.json {
        SummaryFormat::Json
    } else {
        args.format.unwrap_or_default()
    };
    let text = match format {
        SummaryFormat::Table => summary::table(&sample, &assessment, &output::style(common.color)),
        SummaryFormat::Json => summary::json(&sample, &assessment)?,
        SummaryFormat::Csv => summary::csv(&sample)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}

/// Reads everything that the summary shows.
fn read(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    scope: Scope,
    exact: bool,
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
    let counted = count_sockets(source, proc_root, scope, exact, &host)?;
    let elapsed = start.elapsed();
    let leaks = suspects::name(&counted.digest, MIN_AGE, (!recorded).then_some(proc_root));
    let (sysctls, counters) = if recorded {
        (
            Sysctls::read(Sysctl::SUMMARY, |_| None),
            Counters::default(),
        )
    } else {
        (
            read_sysctls(proc_root, Sysctl::SUMMARY),
            read_counters(proc_root),
        )
    };
    let ports = if recorded {
        PortReading::NotRead
    } else {
        ports::read(source, proc_root, scope.family, &counted, &sysctls)?
    };
    Ok(Sample {
        taken_at,
        elapsed,
        host,
        collection: counted.collection,
        states: counted.states,
        leaks: Some(leaks),
        sysctls,
        counters,
        read_at: (!recorded).then_some(start),
        pressure: Pressure {
            ports,
            listeners: Some(counted.listeners.finish()),
            ..Pressure::default()
        },
    })
}

/// What the sockets came to.
struct Counted {
    states: StateCounts,
    digest: Digest,
    /// Listeners with a full queue, and the ports of all.
    listeners: ListenerTally,
    collection: Collection,
}

/// Counts the cheap way where that can be trusted, and looks at every socket
/// where it can't.
fn count_sockets(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    scope: Scope,
    exact: bool,
    host: &Host,
) -> Result<Counted, KernelError> {
    // Only netlink saves by leaving states out.
    if !exact
        && source.kind() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        // Few rows are left, so tcp_info costs next to nothing: CLOSE_WAIT is
        // judged in the same walk.
        let (tally, digest, listeners, collection) = tally(source, states, scope, true)?;
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
                listeners,
                collection,
            });
        }
    }
    let (all, mut digest, listeners, collection) = tally(source, scope.all_states(), scope, false)?;
    // Now tcp_info would cost a sixth of the whole; CLOSE_WAIT alone has few
    // rows, mostly none.
    if digest.counts.total() > 0 && source.kind() == SourceKind::Netlink {
        let close_wait = StateSet::NONE.with(TcpState::CloseWait);
        (_, digest, _, _) = tally(source, close_wait, scope, true)?;
    }
    let tells_bound = scope.tells_bound(collection.source, host.kernel);
    Ok(Counted {
        states: count::from_dump(&all, scope, tells_bound),
        digest,
        listeners,
        collection,
    })
}

fn tally(
    source: &mut dyn SocketSource,
    states: StateSet,
    scope: Scope,
    tcp_info: bool,
) -> Result<(StateTally, Digest, ListenerTally, Collection), KernelError> {
    let mut tally = StateTally::default();
    let mut digest = Digest::default();
    // Their rows come by anyway.
    let mut listeners = ListenerTally::of_full_queues();
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
        listeners.add_listener(socket);
    })?;
    Ok((tally, digest, listeners, collection))
}
