//! Connections counted by state: what `summary` shows once, and `watch` again
//! and again.

mod ports;

use std::time::Instant;

use self::ports::PortReader;
pub(super) use self::ports::bound_ports;
use super::ownership::OwnerCache;
use super::question::{Connections, PortRead, Question};
use super::{Namespace, leak_owners};
use crate::classify::close_wait::{Digest, Judge};
use crate::classify::count::{self, Reading, Scope};
use crate::classify::listeners::ListenerTally;
use crate::classify::unresponsive::UnresponsiveTally;
use crate::kernel::KernelError;
use crate::model::{
    Collection, CountMethod, Extensions, Host, Part, PortReading, PortSet, Pressure, Request,
    Snapshot, Socket, Sockstat, SourceKind, StateCounts, StateSet, StateTally, Sysctl, TcpState,
    UnresponsivePeers,
};

/// Reads everything that the summary shows. Each socket that is looked at on
/// the way is shown to `observer`, some of them twice where a first attempt to
/// count could not be trusted. `owners` are those that are known from the
/// reading before, if there was one.
pub(super) fn read(
    namespace: &mut Namespace,
    question: &Question<'_>,
    owners: &mut OwnerCache,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Snapshot, KernelError> {
    let family = namespace.family();
    // The kernel's own counts are of all sockets, and so are the ports taken.
    let question = &match namespace.selection() {
        Some(_) => Question {
            connections: Connections::CountedOneByOne,
            ports: PortRead::Never,
            ..*question
        },
        None => *question,
    };
    let host = namespace.host();
    let taken_at = namespace.now();
    let start = Instant::now();
    let read_at = namespace.since_boot();
    let sockstat = namespace.sockstat();
    // Only the host's own namespace shows the limits of the whole host.
    let elsewhere_at_most = sockstat
        .in_other_namespaces_at_most()
        .filter(|_| namespace.shows_host_limits());
    let sysctls = namespace.sysctls(&[Sysctl::SUMMARY, &[Sysctl::TcpRetries2]].concat());
    let ports = namespace
        .is_live()
        .then(|| PortReader::begin(question.ports, namespace, &sockstat, &sysctls, family));
    let mut counted = count_sockets(namespace, sockstat, question, &host, observer)?;
    let elapsed = start.elapsed();
    let leaks = leak_owners::name(
        &counted.digest,
        question.min_age,
        namespace.proc_root(),
        owners,
    );
    let counters = namespace.counters();
    let saw_open = counted.states.method == CountMethod::Dump;
    let mut unresponsive = std::mem::take(&mut counted.unresponsive).finish(saw_open);
    if !saw_open && question.reads_established(&counters) {
        let (open, lost) = namespace
            .with_fallback(|namespace| look_at_open(namespace, counted.listeners.ports()))?;
        (unresponsive.data, unresponsive.zero_window) = (open.data, open.zero_window);
        counted.collection.add_losses(&lost);
    }
    let ports = match ports {
        Some(reader) => reader.finish(namespace.all_sockets(), family, &mut counted, &host),
        None => Ok(PortReading::NotRead),
    };
    let mut missing = Vec::new();
    let ports = match ports {
        Err(error) if question.partial => {
            missing.push((Part::Ports, error.to_string()));
            PortReading::Failed
        }
        ports => ports?,
    };
    Ok(Snapshot {
        taken_at,
        elapsed,
        host,
        collection: counted.collection,
        states: counted.states,
        elsewhere_at_most,
        unlisted_at_most: sockstat.unlisted_at_most(),
        leaks: Some(leaks),
        sysctls,
        counters,
        read_at,
        pressure: Pressure {
            ports,
            listeners: namespace.known_listeners(counted.listeners.finish()),
            unresponsive: Some(unresponsive),
            ..Pressure::default()
        },
        missing,
    })
}

/// What the sockets came to.
struct Counted {
    states: StateCounts,
    digest: Digest,
    /// Listeners with their accept and SYN queues.
    listeners: ListenerTally,
    unresponsive: UnresponsiveTally,
    collection: Collection,
}

/// Counts the cheap way where that can be trusted, and looks at every socket
/// where it can't.
fn count_sockets(
    namespace: &mut Namespace,
    sockstat: Sockstat,
    question: &Question<'_>,
    host: &Host,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Counted, KernelError> {
    let scope = Scope {
        family: namespace.family(),
        bound: question.bound,
    };
    // Only netlink saves by leaving states out.
    if question.connections == Connections::Counted
        && namespace.source() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        // Few rows are left, so tcp_info costs next to nothing: CLOSE_WAIT is
        // judged in the same walk.
        let (seen, collection) = look_again(namespace, states, question, true, observer)?;
        let reading = Reading {
            tally: &seen.tally,
            source: collection.source,
            sockstat,
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
                unresponsive: seen.unresponsive,
                collection,
            });
        }
    }
    let (mut seen, mut collection) =
        look_again(namespace, scope.all_states(), question, false, observer)?;
    let reading = Reading {
        tally: &seen.tally,
        source: collection.source,
        sockstat,
        kernel: host.kernel,
    };
    let states = count::from_dump(&reading, scope);
    // Now tcp_info would cost a sixth of the whole; CLOSE_WAIT alone has few
    // rows, mostly none.
    if seen.digest.counts.total() > 0 && namespace.source() == SourceKind::Netlink {
        let close_wait = StateSet::NONE
            .with(TcpState::CloseWait)
            .with(TcpState::FinWait2);
        let (again, second) = look_again(namespace, close_wait, question, true, observer)?;
        seen.digest = again.digest;
        // What it lost would be missing among those that leak, and where it
        // fell back to /proc there are no ages.
        collection.add_losses(&second);
        collection.source = second.source;
        collection.fallback_reason = second.fallback_reason;
    }
    Ok(Counted {
        states,
        digest: seen.digest,
        listeners: seen.listeners,
        unresponsive: seen.unresponsive,
        collection,
    })
}

/// Looks for data that nobody acknowledges on open connections, most of which
/// the walk that counts leaves out.
fn look_at_open(
    namespace: &mut Namespace,
    listened_on: &PortSet,
) -> Result<(UnresponsivePeers, Collection), KernelError> {
    const OPEN: StateSet = StateSet::NONE
        .with(TcpState::Established)
        .with(TcpState::CloseWait);
    let request = Request::states(OPEN);
    let mut tally = UnresponsiveTally::default();
    let lost = namespace
        .sockets()
        .visit_all(&request, &mut |socket| tally.add(socket, listened_on))?;
    Ok((tally.finish(true), lost))
}

/// What sockets come to while they stream by.
struct Seen {
    tally: StateTally,
    digest: Digest,
    listeners: ListenerTally,
    unresponsive: UnresponsiveTally,
}

/// Looks, and looks anew where the source failed in mid-dump and has another to
/// go on with: nothing is printed yet, so what was seen can be forgotten.
fn look_again(
    namespace: &mut Namespace,
    states: StateSet,
    question: &Question<'_>,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(Seen, Collection), KernelError> {
    namespace.with_fallback(|namespace| look(namespace, states, question, tcp_info, observer))
}

fn look(
    namespace: &mut Namespace,
    states: StateSet,
    question: &Question<'_>,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(Seen, Collection), KernelError> {
    let judge = Judge {
        min_age: question.min_age,
        uptime: namespace.since_boot(),
        earlier: question.earlier,
    };
    let mut request = Request::states(states);
    if tcp_info {
        // Few rows are left then, listeners among them.
        request = request.with(Extensions::TCP_INFO.with(Extensions::MEMORY));
    }
    let mut seen = Seen {
        tally: StateTally::default(),
        digest: Digest::default(),
        // Their rows come by anyway.
        listeners: ListenerTally::in_passing(),
        unresponsive: UnresponsiveTally::default(),
    };
    let collection = namespace.sockets().visit_all(&request, &mut |socket| {
        seen.tally.add(socket);
        seen.digest.add(socket, &judge);
        seen.listeners.add_listener(socket);
        seen.listeners.add(socket);
        seen.unresponsive.add(socket, seen.listeners.ports());
        observer(socket);
    })?;
    Ok((seen, collection))
}

#[cfg(test)]
mod tests;
