//! Reads a sample: what `summary` shows once, and `watch` again and again.

mod ports;

use std::time::{Duration, Instant};

pub(super) use self::ports::PortRead;
use self::ports::PortReader;
use super::leak_owners;
use crate::classify::close_wait::{Digest, Earlier, Judge, MIN_AGE};
use crate::classify::count::{self, Reading, Scope};
use crate::classify::listeners::ListenerTally;
use crate::classify::silence::SilenceTally;
use crate::collect::Namespace;
use crate::collect::ownership::OwnerCache;
use crate::kernel::KernelError;
use crate::model::{
    Collection, Host, PortReading, Pressure, Query, Snapshot, Socket, Sockstat, SourceKind,
    StateCounts, StateSet, StateTally, Sysctl, TcpState,
};

/// What is asked beyond the counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'e> {
    /// Younger CLOSE_WAIT sockets are not called leaked.
    pub(super) min_age: Duration,
    /// An earlier reading, to judge CLOSE_WAIT by.
    pub(super) earlier: Option<&'e Earlier>,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            min_age: MIN_AGE,
            earlier: None,
        }
    }
}

/// What a sample shall hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'e> {
    /// Which sockets count.
    pub(super) scope: Scope,
    /// Whether every socket must be looked at.
    pub(super) exact: bool,
    /// Whether connections are grouped by destination.
    pub(super) ports: PortRead,
    /// What is asked beyond the counts.
    pub(super) terms: Terms<'e>,
}

/// Reads everything that the summary shows. Each socket that is looked at on
/// the way is shown to `observer`, some of them twice where a first attempt to
/// count could not be trusted. `owners` are those that are known from the
/// sample before, if there was one.
pub(super) fn read(
    namespace: &mut Namespace,
    wanted: Wanted<'_>,
    owners: &mut OwnerCache,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Snapshot, KernelError> {
    let (snapshot, ports) = read_in_part(namespace, wanted, owners, observer)?;
    ports?;
    Ok(snapshot)
}

/// The same, but where only the ports can't be read, the sample is without them
/// and the error beside it.
pub(super) fn read_in_part(
    namespace: &mut Namespace,
    wanted: Wanted<'_>,
    owners: &mut OwnerCache,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(Snapshot, Result<(), KernelError>), KernelError> {
    let Wanted { scope, terms, .. } = wanted;
    let host = namespace.host();
    let taken_at = namespace.now();
    let start = Instant::now();
    let sockstat = namespace.sockstat();
    // Only the host's own namespace shows the limits of the whole host.
    let elsewhere_at_most = sockstat
        .in_other_namespaces_at_most()
        .filter(|_| namespace.shows_host_limits());
    let sysctls = namespace.sysctls(Sysctl::SUMMARY);
    let ports = namespace.is_live().then(|| {
        let (read, family) = (wanted.ports, scope.family);
        PortReader::begin(read, namespace, &sockstat, &sysctls, family)
    });
    let mut counted = count_sockets(namespace, sockstat, wanted, &host, observer)?;
    let elapsed = start.elapsed();
    let leaks = leak_owners::name(
        &counted.digest,
        terms.min_age,
        namespace.proc_root(),
        owners,
    );
    let counters = namespace.counters();
    let ports = match ports {
        Some(reader) => reader.finish(namespace.sockets(), scope.family, &mut counted, &host),
        None => Ok(PortReading::NotRead),
    };
    let (ports, outcome) = match ports {
        Ok(ports) => (ports, Ok(())),
        Err(error) => (PortReading::Failed, Err(error)),
    };
    let snapshot = Snapshot {
        taken_at,
        elapsed,
        host,
        collection: counted.collection,
        states: counted.states,
        elsewhere_at_most,
        leaks: Some(leaks),
        sysctls,
        counters,
        read_at: namespace.is_live().then_some(start),
        pressure: Pressure {
            ports,
            listeners: Some(counted.listeners.finish()),
            silence: Some(counted.silence.finish()),
            ..Pressure::default()
        },
    };
    Ok((snapshot, outcome))
}

/// What the sockets came to.
struct Counted {
    states: StateCounts,
    digest: Digest,
    /// Listeners with their accept and SYN queues.
    listeners: ListenerTally,
    silence: SilenceTally,
    collection: Collection,
}

/// Counts the cheap way where that can be trusted, and looks at every socket
/// where it can't.
fn count_sockets(
    namespace: &mut Namespace,
    sockstat: Sockstat,
    wanted: Wanted<'_>,
    host: &Host,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Counted, KernelError> {
    let scope = wanted.scope;
    // Only netlink saves by leaving states out.
    if !wanted.exact
        && namespace.source() == SourceKind::Netlink
        && let Some(states) = scope.derived_states(host.kernel)
    {
        // Few rows are left, so tcp_info costs next to nothing: CLOSE_WAIT is
        // judged in the same walk.
        let (seen, collection) = look_again(namespace, states, wanted, true, observer)?;
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
                silence: seen.silence,
                collection,
            });
        }
    }
    let (mut seen, mut collection) =
        look_again(namespace, scope.all_states(), wanted, false, observer)?;
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
        let close_wait = StateSet::NONE.with(TcpState::CloseWait);
        let (again, second) = look_again(namespace, close_wait, wanted, true, &mut |_| {})?;
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
        silence: seen.silence,
        collection,
    })
}

/// What sockets come to while they stream by.
struct Seen {
    tally: StateTally,
    digest: Digest,
    listeners: ListenerTally,
    silence: SilenceTally,
}

/// Looks, and looks anew where the source failed in mid-dump and has another to
/// go on with: nothing is printed yet, so what was seen can be forgotten.
fn look_again(
    namespace: &mut Namespace,
    states: StateSet,
    wanted: Wanted<'_>,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(Seen, Collection), KernelError> {
    namespace.with_fallback(|namespace| look(namespace, states, wanted, tcp_info, observer))
}

fn look(
    namespace: &mut Namespace,
    states: StateSet,
    wanted: Wanted<'_>,
    tcp_info: bool,
    observer: &mut dyn FnMut(&Socket),
) -> Result<(Seen, Collection), KernelError> {
    let judge = Judge {
        min_age: wanted.terms.min_age,
        uptime: namespace.uptime(),
        earlier: wanted.terms.earlier,
    };
    let query = Query {
        family: wanted.scope.family,
        tcp_info,
        ..Query::states(states)
    };
    let mut seen = Seen {
        tally: StateTally::default(),
        digest: Digest::default(),
        // Their rows come by anyway.
        listeners: ListenerTally::in_passing(),
        silence: SilenceTally::default(),
    };
    let collection = namespace.sockets().visit(&query, &mut |socket| {
        seen.tally.add(socket);
        seen.digest.add(socket, &judge);
        seen.listeners.add_listener(socket);
        seen.listeners.add(socket);
        seen.silence.add(socket);
        observer(socket);
    })?;
    Ok((seen, collection))
}

#[cfg(test)]
mod tests;
