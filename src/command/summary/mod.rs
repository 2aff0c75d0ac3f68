//! `tcpstate summary`: how many connections are in each state, and is anything
//! wrong?

mod ports;

use std::time::{Duration, Instant, SystemTime};

use super::{Outcome, outcome, output, source, suspects};
use crate::classify::assess;
use crate::classify::close_wait::{Digest, Earlier, Judge, MIN_AGE};
use crate::classify::count::{self, Reading, Scope};
use crate::classify::listeners::ListenerTally;
use crate::cli::{CommonArgs, SummaryArgs, SummaryFormat};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_sockstat, read_sysctls,
    read_uptime,
};
use crate::model::{
    Collection, Counters, Host, PortReading, Pressure, Query, Sample, Sockstat, SourceKind,
    StateCounts, StateSet, StateTally, Sysctl, Sysctls, TcpState,
};
use crate::render::summary;

/// Prints the summary.
pub(super) fn run(common: &CommonArgs, args: &SummaryArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, SummaryFormat::Json)?;
    let proc_root = ProcRoot::new(&common.proc_root);
    let mut source = source::open(common, &proc_root)?;
    let scope = Scope {
        family: source::family(common),
        bound: args.bound,
    };
    let sample = read(
        source.as_mut(),
        &proc_root,
        scope,
        args.exact,
        Terms::default(),
    )?;
    if let Some(reason) = &sample.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages, cgroups and limits of accept queues \
             are unknown"
        ));
    }
    if common.verbose > 0 {
        output::note(&summary::provenance(&sample));
    }
    let assessment = assess(&sample, None);
    let text = match format {
        SummaryFormat::Table => summary::table(&sample, &assessment, &output::style(common.color)),
        SummaryFormat::Json => summary::json(&sample, &assessment)?,
        SummaryFormat::Csv => summary::csv(&sample)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}

/// What is asked beyond the counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'e> {
    /// Younger CLOSE_WAIT sockets are not called leaked.
    pub(super) min_age: Duration,
    /// An earlier reading, to judge CLOSE_WAIT by.
    pub(super) earlier: Option<&'e Earlier>,
    /// Groups connections by destination even where there are so many that it
    /// takes a while.
    pub(super) group_ports: bool,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            min_age: MIN_AGE,
            earlier: None,
            group_ports: false,
        }
    }
}

/// Reads everything that the summary shows.
pub(super) fn read(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    scope: Scope,
    exact: bool,
    terms: Terms<'_>,
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
    let counted = count_sockets(source, proc_root, scope, exact, &host, terms)?;
    let elapsed = start.elapsed();
    let leaks = suspects::name(
        &counted.digest,
        terms.min_age,
        (!recorded).then_some(proc_root),
    );
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
        ports::read(source, proc_root, scope.family, &counted, &sysctls, terms)?
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
    /// Listeners with their accept and SYN queues.
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
    terms: Terms<'_>,
) -> Result<Counted, KernelError> {
    // Only netlink saves by leaving states out.
    if !exact
        && source.kind() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        // Few rows are left, so tcp_info costs next to nothing: CLOSE_WAIT is
        // judged in the same walk.
        let (seen, collection) =
            source::ask(source, |source| look(source, states, scope, true, terms))?;
        let reading = Reading {
            tally: &seen.tally,
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
                digest: seen.digest,
                listeners: seen.listeners,
                collection,
            });
        }
    }
    let (mut seen, collection) = source::ask(source, |source| {
        look(source, scope.all_states(), scope, false, terms)
    })?;
    let recorded = collection.source == SourceKind::Replay;
    let reading = Reading {
        tally: &seen.tally,
        source: collection.source,
        sockstat: if recorded {
            Sockstat::default()
        } else {
            read_sockstat(proc_root)
        },
        kernel: host.kernel,
    };
    let states = count::from_dump(&reading, scope);
    // Now tcp_info would cost a sixth of the whole; CLOSE_WAIT alone has few
    // rows, mostly none.
    if seen.digest.counts.total() > 0 && source.kind() == SourceKind::Netlink {
        let close_wait = StateSet::NONE.with(TcpState::CloseWait);
        let again = source::ask(source, |source| {
            look(source, close_wait, scope, true, terms)
        });
        seen.digest = again?.0.digest;
    }
    Ok(Counted {
        states,
        digest: seen.digest,
        listeners: seen.listeners,
        collection,
    })
}

/// What sockets come to while they stream by.
struct Seen {
    tally: StateTally,
    digest: Digest,
    listeners: ListenerTally,
}

fn look(
    source: &mut dyn SocketSource,
    states: StateSet,
    scope: Scope,
    tcp_info: bool,
    terms: Terms<'_>,
) -> Result<(Seen, Collection), KernelError> {
    let judge = Judge {
        min_age: terms.min_age,
        // A recorded dump is of another time, perhaps of another host.
        uptime: (source.kind() != SourceKind::Replay)
            .then(read_uptime)
            .flatten(),
        earlier: terms.earlier,
    };
    let query = Query {
        family: scope.family,
        tcp_info,
        ..Query::states(states)
    };
    let mut seen = Seen {
        tally: StateTally::default(),
        digest: Digest::default(),
        // Their rows come by anyway.
        listeners: ListenerTally::in_passing(),
    };
    let collection = source.visit(&query, &mut |socket| {
        seen.tally.add(socket);
        seen.digest.add(socket, &judge);
        seen.listeners.add_listener(socket);
        seen.listeners.add(socket);
    })?;
    Ok((seen, collection))
}
