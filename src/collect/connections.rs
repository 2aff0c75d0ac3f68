//! Every connection, by destination and by listener: what `pressure` shows.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Instant;

use super::Namespace;
use super::counts::bound_ports;
use super::question::Question;
use crate::classify::change::time_between;
use crate::classify::count::{self, Scope};
use crate::classify::listeners::ListenerTally;
use crate::classify::ports::{self, PortTally, ReusePolicy};
use crate::classify::unresponsive::UnresponsiveTally;
use crate::kernel::KernelError;
use crate::model::{
    Collection, Endpoint, Extensions, PortReading, Ports, Pressure, Request, Snapshot, Socket,
    SourceKind, StateSet, StateTally, Sysctl, TcpState,
};

/// Reads every connection, and with them all that can run out.
pub(super) fn read(
    namespace: &mut Namespace,
    question: &Question<'_>,
    previous: Option<&Snapshot>,
) -> Result<Snapshot, KernelError> {
    let bound = question.bound;
    let mut snapshot = namespace.with_fallback(|namespace| read_once(namespace, bound))?;
    // What only one of two sources shows has not changed.
    if let Some(previous) = previous
        && previous.collection.source == snapshot.collection.source
    {
        compare(&mut snapshot, previous);
    }
    Ok(snapshot)
}

/// How ports grew since an earlier snapshot.
fn compare(snapshot: &mut Snapshot, earlier: &Snapshot) {
    let time = time_between(snapshot, earlier);
    if let (PortReading::Grouped(now), Some(then), Some(time)) = (
        &mut snapshot.pressure.ports,
        earlier.pressure.ports.grouped(),
        time,
    ) {
        ports::compare(now, then, time);
    }
}

fn read_once(namespace: &mut Namespace, bound: bool) -> Result<Snapshot, KernelError> {
    let family = namespace.family();
    let taken_at = namespace.now();
    let start = Instant::now();
    let host = namespace.host();
    let sysctls = namespace.sysctls(Sysctl::PRESSURE);
    // Listeners first, which cost next to nothing: by their ports the
    // other sockets are told apart.
    let mut states = StateTally::default();
    let mut listeners = ListenerTally::default();
    // All of them whatever is shown: they share the ports.
    let mut left_out = 0;
    let is_part = namespace.selection().is_some();
    let listening = visit(namespace, LISTEN, &mut |socket, shown| {
        if shown {
            states.add(socket);
            listeners.add_listener(socket);
        } else {
            listeners.pass_by(socket);
            left_out += u64::from(is_part);
        }
    })?;
    let settings = namespace.port_settings();
    let policy = ReusePolicy::of(&sysctls);
    let mut ports = PortTally::new(settings, listeners.ports().clone(), policy).showing(family);
    let mut unresponsive = UnresponsiveTally::default();
    let mut others = 0;
    let mut destinations = is_part.then(HashSet::new);
    let connected = StateSet::RFC9293.without(TcpState::Listen);
    let mut collection = visit(namespace, connected, &mut |socket, shown| {
        ports.add(socket);
        if shown {
            if let Some(destinations) = &mut destinations {
                destinations.insert((socket.remote.canonical_address(), socket.remote.port));
            }
            states.add(socket);
            listeners.add(socket);
            unresponsive.add(socket, listeners.ports());
        } else {
            others += 1;
        }
    })?;
    collection.sockets -= others;
    collection.add_losses(&listening);
    if collection.source == SourceKind::Netlink {
        let again = visit(namespace, LISTEN, &mut |socket, _| {
            listeners.add_again(socket);
        })?;
        collection.add_losses(&again);
    }
    let sockstat = namespace.sockstat();
    let offered = count::shows_bound(collection.source, host.kernel);
    let matter = bound || ports.could_matter(sockstat.unlisted_at_most());
    let bound = if offered && matter {
        bound_ports(namespace.all_sockets(), &mut collection)?
    } else {
        None
    };
    let read_at = namespace.since_boot();
    let counters = namespace.counters();
    collection.sockets += states.of(TcpState::Listen).total();
    let scope = Scope {
        family,
        bound: false,
    };
    let reading = count::Reading {
        tally: &states,
        source: collection.source,
        sockstat,
        kernel: host.kernel,
    };
    let states = count::from_dump(&reading, scope);
    let (mut ports, time_wait) = ports.finish(bound.as_ref());
    if let Some(destinations) = destinations {
        keep(&mut ports, &destinations);
    }
    let mut listeners = namespace.known_listeners(listeners.finish());
    if let Some(listeners) = &mut listeners {
        listeners.count += left_out;
    }
    let pressure = Pressure {
        ports: PortReading::Grouped(ports),
        listeners,
        unresponsive: Some(unresponsive.finish(true)),
        time_wait: (!is_part).then_some(time_wait),
        host_wide: namespace.host_wide(&sockstat),
    };
    Ok(Snapshot {
        taken_at,
        elapsed: start.elapsed(),
        host,
        collection,
        states,
        elsewhere_at_most: None,
        unlisted_at_most: sockstat.unlisted_at_most(),
        leaks: None,
        sysctls,
        counters,
        read_at,
        pressure,
        missing: Vec::new(),
    })
}

/// Leaves out destinations that no selected socket has. How many ports are taken
/// is told of each whole, by whatever sockets.
fn keep(ports: &mut Ports, destinations: &HashSet<(IpAddr, u16)>) {
    let all = ports.destinations.len();
    let is_kept = |end: &Endpoint| destinations.contains(&(end.canonical_address(), end.port));
    ports.destinations.retain(|one| is_kept(&one.remote));
    ports.left_out = (all - ports.destinations.len()) as u64;
}

const LISTEN: StateSet = StateSet::NONE.with(TcpState::Listen);

fn visit(
    namespace: &mut Namespace,
    states: StateSet,
    visitor: &mut dyn FnMut(&Socket, bool),
) -> Result<Collection, KernelError> {
    let mut request = Request::states(states);
    if states == LISTEN {
        request = request.with(Extensions::MEMORY);
    }
    namespace.visit_judged(&request, visitor)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::collect::FallbackSource;
    use crate::kernel::ProcRoot;
    use crate::kernel::sock_diag::testing::{RowBytes, ScriptedKernel, done, message};

    const PROC_NET_TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr \
                                tm->when retrnsmt\n   0: 0100007F:9C62 0100007F:CE33 01 \
                                00000000:00000000 00:00000000 00000000     0        0 4838 1 \
                                00000000be14b265 20 4 0 10 -1\n";
    const ENOMEM: i32 = -12;

    /// It gave up, although nothing was printed yet and /proc could be read.
    #[test]
    fn a_dump_that_fails_in_mid_way_is_read_anew_from_proc_and_once() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("net")).unwrap();
        fs::write(root.path().join("net/tcp"), PROC_NET_TCP).unwrap();
        let proc_root = ProcRoot::new(root.path());
        let cut = [RowBytes::new(1, 1).message(2), done(2, ENOMEM)].concat();
        let kernel = ScriptedKernel::answering([done(1, 0), cut]);
        let source = FallbackSource::over(kernel, &proc_root);
        let mut namespace = Namespace::over(source, proc_root.clone());
        let question = Question {
            bound: false,
            ..Question::default()
        };
        let read = read(&mut namespace, &question, None);
        let snapshot = read.unwrap();
        assert_eq!(snapshot.collection.source, SourceKind::Procfs);
        assert!(snapshot.collection.fallback_reason.is_some());
        assert_eq!(snapshot.states.total(), 1);
    }

    /// Ports that are bound and no more were too few, and that was fine.
    #[test]
    fn bound_sockets_that_are_lost_make_it_incomplete() {
        const DUMP_INTR: u16 = 16;
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("net/tcp", PROC_NET_TCP),
            ("sys/kernel/osrelease", "6.18.0\n"),
            ("sys/net/ipv4/ip_local_port_range", "1000\t1999\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let proc_root = ProcRoot::new(root.path());
        let row = RowBytes::new(7, 1);
        let disturbed = message(20, DUMP_INTR, 4, &row.payload());
        for (bound, complete, malformed, is_known) in [
            ([row.message(4), done(4, 0)].concat(), true, 0, true),
            ([disturbed, done(4, 0)].concat(), false, 0, true),
            (
                [message(20, 2, 4, &[10]), done(4, 0)].concat(),
                false,
                1,
                true,
            ),
            // /proc, to which it falls back, doesn't show them.
            (done(4, ENOMEM), false, 0, false),
            ([row.message(4), done(4, ENOMEM)].concat(), false, 0, false),
        ] {
            let answers = [done(1, 0), done(2, 0), done(3, 0), bound];
            let kernel = ScriptedKernel::answering(answers);
            let source = FallbackSource::over(kernel, &proc_root);
            let mut namespace = Namespace::over(source, proc_root.clone());
            let question = Question {
                bound: true,
                ..Question::default()
            };
            let read = read(&mut namespace, &question, None);
            let snapshot = read.unwrap();
            let collection = snapshot.collection;
            let lost = (collection.complete, collection.malformed);
            assert_eq!(lost, (complete, malformed));
            let ports = snapshot.pressure.ports;
            assert_eq!(ports.grouped().unwrap().bound.is_some(), is_known);
        }
    }

    /// A listener that can't be read has a port and a queue too.
    #[test]
    fn listeners_that_cannot_be_read_make_it_incomplete() {
        let root = tempfile::tempdir().unwrap();
        let proc_root = ProcRoot::new(root.path());
        let cut = |sequence| [message(20, 2, sequence, &[10]), done(sequence, 0)].concat();
        for answers in [
            [cut(1), done(2, 0), done(3, 0)],
            [done(1, 0), done(2, 0), cut(3)],
        ] {
            let kernel = ScriptedKernel::answering(answers);
            let source = FallbackSource::over(kernel, &proc_root);
            let mut namespace = Namespace::over(source, proc_root.clone());
            let question = Question {
                bound: false,
                ..Question::default()
            };
            let read = read(&mut namespace, &question, None);
            let collection = read.unwrap().collection;
            assert_eq!((collection.complete, collection.malformed), (false, 1));
        }
    }
}
