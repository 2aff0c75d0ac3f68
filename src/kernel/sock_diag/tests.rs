use super::ahead::BUFFER_BYTES;
use super::testing::{RowBytes, ScriptedKernel, Step, done, error, message};
use super::*;
use crate::model::{End, PortSet, StateSet, TcpState};
use proptest::prelude::*;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EINVAL: i32 = 22;
const ENOMEM: i32 = 12;
const EOPNOTSUPP: i32 = 95;

fn all() -> Request {
    Request::states(StateSet::RFC9293)
}

/// Runs a query against a script, and gives what was visited with the outcome.
fn visit(
    source: &mut NetlinkSource<ScriptedKernel>,
    query: &Request,
) -> (Vec<Socket>, Result<Collection, KernelError>) {
    let mut sockets = Vec::new();
    let outcome = source.visit_all(query, &mut |socket| sockets.push(socket.clone()));
    (sockets, outcome)
}

fn visit_script(
    kernel: ScriptedKernel,
    query: &Request,
) -> (Vec<Socket>, Result<Collection, KernelError>) {
    visit(&mut NetlinkSource::over(kernel), query)
}

fn refused(outcome: Result<Collection, KernelError>) -> i32 {
    match outcome {
        Err(KernelError::Netlink(NetlinkFailure::Refused(error))) => error.raw_os_error().unwrap(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn both_families_come_in_one_walk_where_the_kernel_can() {
    let rows = [
        RowBytes::new(1, 1).message(1),
        RowBytes::new(10, 2).ipv6().message(1),
        done(1, 0),
    ];
    let mut source = NetlinkSource::over(ScriptedKernel::answering([rows.concat()]));
    let (sockets, outcome) = visit(&mut source, &all());
    let families: Vec<Family> = sockets.iter().map(|socket| socket.family).collect();
    assert_eq!(families, [Family::Ipv4, Family::Ipv6]);
    let collection = outcome.unwrap();
    assert!(collection.complete);
    assert_eq!((collection.sockets, collection.malformed), (2, 0));
    assert_eq!(collection.duplicates, None, "nobody looked");
    assert_eq!(source.transport.requests, [18]);
}

#[test]
fn a_kernel_without_the_one_walk_is_asked_twice_and_not_tried_again() {
    let mut source = NetlinkSource::over(ScriptedKernel::answering([
        error(1, -EOPNOTSUPP),
        [RowBytes::new(1, 1).message(2), done(2, 0)].concat(),
        [RowBytes::new(1, 2).ipv6().message(3), done(3, 0)].concat(),
        done(4, 0),
        done(5, 0),
    ]));
    let (sockets, outcome) = visit(&mut source, &all());
    assert_eq!(sockets.len(), 2);
    assert!(outcome.unwrap().complete);
    visit(&mut source, &all()).1.unwrap();
    assert_eq!(source.transport.requests, [18, 20, 20, 20, 20]);
}

/// Only these say that the kernel doesn't know the request; any other refusal
/// would be the same for the second one.
#[test]
fn only_an_unknown_request_is_asked_in_another_way() {
    const ENOSYS: i32 = 38;
    const EINVAL: i32 = 22;
    for unknown in [EOPNOTSUPP, EINVAL, ENOENT, ENOSYS] {
        let script = [error(1, -unknown), done(2, 0), done(3, 0)];
        let (_, outcome) = visit_script(ScriptedKernel::answering(script), &all());
        assert!(outcome.is_ok(), "{unknown}");
    }
    for refusal in [EPERM, ENOMEM] {
        let script = [error(1, -refusal)];
        let (_, outcome) = visit_script(ScriptedKernel::answering(script), &all());
        assert_eq!(refused(outcome), refusal);
    }
}

#[test]
fn one_family_is_asked_for_by_its_own_request() {
    let query = all().and(&Condition::Family(Family::Ipv6).into());
    let mut source = NetlinkSource::over(ScriptedKernel::answering([done(1, 0)]));
    visit(&mut source, &query).1.unwrap();
    assert_eq!(source.transport.requests, [20]);
}

#[test]
fn an_error_message_is_an_error() {
    let (sockets, outcome) = visit_script(ScriptedKernel::answering([error(1, -EPERM)]), &all());
    assert!(sockets.is_empty());
    assert_eq!(refused(outcome), EPERM);
}

/// Others read this as an empty table, and never fall back.
#[test]
fn a_negative_errno_inside_done_is_an_error() {
    let script = [error(1, -ENOENT), done(2, -ENOENT)];
    let (_, outcome) = visit_script(ScriptedKernel::answering(script), &all());
    assert_eq!(refused(outcome), ENOENT);
    let in_mid_dump = [RowBytes::new(1, 1).message(1), done(1, -ENOMEM)].concat();
    let (sockets, outcome) = visit_script(ScriptedKernel::answering([in_mid_dump]), &all());
    assert_eq!(sockets.len(), 1);
    assert_eq!(refused(outcome), ENOMEM);
}

/// It panicked: an error number need not be one that a kernel has.
#[test]
fn an_impossible_errno_is_an_error_and_not_a_panic() {
    for number in [-5_000, 70_000, i32::MIN, i32::MAX] {
        for answer in [done(1, number), error(1, number)] {
            let (_, outcome) = visit_script(ScriptedKernel::answering([answer]), &all());
            refused(outcome);
        }
    }
}

#[test]
fn interrupted_calls_are_made_again() {
    let mut kernel = ScriptedKernel::new([
        Step::Fails(io::ErrorKind::Interrupted.into()),
        Step::Fails(io::ErrorKind::Interrupted.into()),
        Step::Datagram(done(1, 0)),
    ]);
    kernel.interrupt_sends = 3;
    assert!(visit_script(kernel, &all()).1.unwrap().complete);
}

#[test]
fn other_failures_of_a_call_are_told() {
    let kernel = ScriptedKernel::new([Step::Fails(io::ErrorKind::TimedOut.into())]);
    assert!(matches!(
        visit_script(kernel, &all()).1,
        Err(KernelError::Netlink(NetlinkFailure::Receive(_)))
    ));
}

#[test]
fn an_answer_that_ends_before_it_is_done_is_garbled() {
    let (_, outcome) = visit_script(ScriptedKernel::answering([Vec::new()]), &all());
    assert!(matches!(
        outcome,
        Err(KernelError::Netlink(NetlinkFailure::Garbled(_)))
    ));
}

#[test]
fn an_interrupted_dump_and_lost_rows_are_incomplete() {
    const DUMP_INTR: u16 = 16;
    const OVERRUN: u16 = 4;
    for (spoiled, malformed) in [
        (message(20, DUMP_INTR, 1, &RowBytes::new(1, 1).payload()), 0),
        (message(OVERRUN, 0, 1, &[]), 0),
        (message(77, 0, 1, &[]), 1),
        (message(20, 0, 1, &[0; 71]), 1),
    ] {
        let script = [spoiled, done(1, 0)].concat();
        let collection = visit_script(ScriptedKernel::answering([script]), &all())
            .1
            .unwrap();
        assert!(!collection.complete);
        assert_eq!(collection.malformed, malformed);
    }
    let done_interrupted = message(3, DUMP_INTR, 1, &[0; 4]);
    let (_, outcome) = visit_script(ScriptedKernel::answering([done_interrupted]), &all());
    assert!(!outcome.unwrap().complete);
}

#[test]
fn a_datagram_longer_than_the_buffer_is_used_as_far_as_it_goes() {
    let row = RowBytes::new(1, 1).message(1);
    let long = row.repeat(BUFFER_BYTES / row.len() + 1);
    assert!(long.len() > BUFFER_BYTES);
    let kernel = ScriptedKernel::answering([long, done(1, 0)]);
    let (sockets, outcome) = visit_script(kernel, &all());
    assert_eq!(sockets.len(), BUFFER_BYTES / row.len());
    assert!(!outcome.unwrap().complete);
}

#[test]
fn answers_to_an_earlier_request_are_not_counted() {
    let script = [
        RowBytes::new(1, 1).message(9),
        done(9, 0),
        RowBytes::new(1, 2).message(1),
        done(1, 0),
    ];
    let (sockets, outcome) = visit_script(ScriptedKernel::answering([script.concat()]), &all());
    assert_eq!(sockets.len(), 1);
    assert!(outcome.unwrap().complete);
}

#[test]
fn a_socket_shown_twice_comes_once_where_that_is_asked_for() {
    let script = || {
        let rows = [1, 2, 1, 1, 3].map(|cookie| RowBytes::new(1, cookie).message(1));
        ScriptedKernel::answering([[rows.concat(), done(1, 0)].concat()])
    };
    let unique = Request {
        unique: true,
        ..all()
    };
    let (sockets, outcome) = visit_script(script(), &unique);
    assert_eq!(sockets.len(), 3);
    let collection = outcome.unwrap();
    assert_eq!(collection.duplicates, Some(2));
    assert_eq!(collection.sockets, 3);
    assert_eq!(visit_script(script(), &all()).0.len(), 5);
}

/// `list` wrote to a pipe that nobody read any more until the last socket.
#[test]
fn a_walk_ends_where_the_visitor_stops_it() {
    let datagram = |cookie| RowBytes::new(1, cookie).message(1);
    // The rest of the answer isn't received.
    let mut source = NetlinkSource::over(ScriptedKernel::answering([
        [datagram(1), datagram(2)].concat(),
        datagram(3),
    ]));
    let mut visited = 0;
    let outcome = source.visit(&all(), &mut |_| {
        visited += 1;
        ControlFlow::Break(())
    });
    assert_eq!((visited, outcome.unwrap().sockets), (1, 1));
    assert!(source.is_left, "the kernel has more to say on this socket");
}

/// The kernel refuses a second dump on a socket whose first one isn't over.
#[test]
fn the_live_kernel_is_asked_again_after_a_walk_that_was_stopped() {
    let _listeners: Vec<_> = (0..2)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let mut source = NetlinkSource::open().unwrap();
    for _ in 0..3 {
        let mut visited = 0;
        let listening = Request::states(StateSet::NONE.with(TcpState::Listen));
        let outcome = source.visit(&listening, &mut |_| {
            visited += 1;
            ControlFlow::Break(())
        });
        assert!(outcome.is_ok());
        assert_eq!(visited, 1);
    }
}

#[test]
fn what_was_not_asked_for_is_left_out_and_what_has_no_name_is_kept() {
    let rows = [1, 6, 14].map(|state| RowBytes::new(state, u64::from(state)).message(1));
    let query = Request::states(StateSet::RFC9293.without(TcpState::Established));
    let script = [rows.concat(), done(1, 0)].concat();
    let (sockets, _) = visit_script(ScriptedKernel::answering([script]), &query);
    let states: Vec<TcpState> = sockets.iter().map(|socket| socket.state).collect();
    assert_eq!(states, [TcpState::TimeWait, TcpState::Unknown(14)]);
}

#[test]
fn the_live_kernel_shows_a_listener_of_ours() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut source = NetlinkSource::open().unwrap();
    let mut found = Vec::new();
    let query = Request::states(StateSet::NONE.with(TcpState::Listen));
    let collection = source
        .visit_all(&query, &mut |socket| {
            if socket.local.port == port {
                found.push(socket.clone());
            }
        })
        .unwrap();
    assert!(collection.complete);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].accept_queue(), Some(0));
    assert!(found[0].accept_limit().is_some_and(|limit| limit > 0));
    assert!(found[0].inode.is_some());
    assert!(found[0].cookie.is_some());
}

/// A kernel that runs no filter, or something in its place, sends them all.
#[test]
fn other_local_ports_than_those_asked_for_are_left_out() {
    let rows = [79_u8, 80, 81].map(|port| RowBytes::new(1, port.into()).byte(5, port).message(1));
    let query = all().and(&Condition::PortIn(End::Local, [80].into_iter().collect()).into());
    let script = [rows.concat(), done(1, 0)].concat();
    let (sockets, outcome) = visit_script(ScriptedKernel::answering([script]), &query);
    let ports: Vec<u16> = sockets.iter().map(|socket| socket.local.port).collect();
    assert_eq!(ports, [80]);
    assert_eq!(outcome.unwrap().sockets, 1);
}

/// A kernel that doesn't know an operation refuses the whole program, whichever
/// dump it is of, and is asked for less.
#[test]
fn what_the_kernel_does_not_know_is_judged_by_us() {
    let rows = [2, 3, 4].map(|device| {
        let row = RowBytes::new(1, device.into()).field(40, device);
        row.message(3)
    });
    let query = all().and(&Condition::Device(Some(3)).into());
    let script = [
        error(1, -EINVAL),
        error(2, -EINVAL),
        [rows.concat(), done(3, 0)].concat(),
    ];
    let (sockets, outcome) = visit_script(ScriptedKernel::answering(script), &query);
    assert_eq!(sockets.len(), 1);
    assert_eq!(sockets[0].interface, Some(3));
    assert_eq!(outcome.unwrap().sockets, 1);
}

#[test]
fn marks_are_not_compared_by_halves_without_the_right_to() {
    let query = all().and(&Condition::Mark { value: 0, mask: 0 }.into());
    let script = [error(1, -EPERM)];
    let (sockets, outcome) = visit_script(ScriptedKernel::answering(script), &query);
    assert_eq!(sockets, []);
    assert!(matches!(outcome, Err(KernelError::MarkNotPermitted)));
}

#[test]
fn nothing_is_asked_where_nothing_can_match() {
    let state = |state| Filter::from(Condition::State(StateSet::NONE.with(state)));
    for filter in [
        Filter::NOTHING,
        state(TcpState::Listen).and(state(TcpState::Closing)),
        Filter::from(Condition::Family(Family::Ipv4)).and(Condition::Family(Family::Ipv6).into()),
    ] {
        let query = all().and(&filter);
        let (sockets, outcome) = visit_script(ScriptedKernel::answering([]), &query);
        assert_eq!(sockets, []);
        assert!(outcome.unwrap().complete);
    }
}

/// The program is one that the kernel admits and runs: it refuses a wrong one
/// whole.
#[test]
fn the_live_kernel_shows_the_local_ports_asked_for_and_no_other() {
    let listeners: Vec<_> = (0..8)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let port = |listener: &std::net::TcpListener| listener.local_addr().unwrap().port();
    let ports: Vec<u16> = listeners.iter().map(port).collect();
    for asked in [&ports[..1], &ports[1..4], &ports[..]] {
        // Beside ports that nobody has: longer programs.
        let asked: PortSet = asked.iter().copied().chain([1, 3, 5, 65_535]).collect();
        for family in [Filter::EVERYTHING, Condition::Family(Family::Ipv4).into()] {
            let at_ports = Filter::from(Condition::PortIn(End::Local, asked.clone()));
            let query = Request::states(StateSet::NONE.with(TcpState::Listen))
                .and(&at_ports)
                .and(&family);
            let mut found = PortSet::default();
            let mut source = NetlinkSource::open().unwrap();
            source
                .visit_all(&query, &mut |socket| {
                    found.insert(socket.local.port);
                })
                .unwrap();
            for &port in &ports {
                assert_eq!(found.contains(port), asked.contains(port), "{port}");
            }
        }
    }
}

proptest! {
    /// Whatever the kernel, or something in its place, sends: an outcome, and
    /// never a panic.
    #[test]
    fn any_bytes_have_an_outcome(datagrams in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..200), 0..4,
    )) {
        let last = done(1, 0);
        let script = datagrams.into_iter().chain([last.clone(), last]);
        let _ = visit_script(ScriptedKernel::answering(script), &all());
    }

    /// The same for well-framed messages with any content.
    #[test]
    fn any_rows_have_an_outcome(rows in proptest::collection::vec(
        (0_u16..40, proptest::collection::vec(any::<u8>(), 0..300)), 0..20,
    )) {
        let messages: Vec<u8> = rows
            .iter()
            .filter(|(kind, _)| *kind != 3 && *kind != 2)
            .flat_map(|(kind, payload)| message(*kind, 2, 1, payload))
            .chain(done(1, 0))
            .collect();
        let (sockets, outcome) = visit_script(ScriptedKernel::answering([messages]), &all());
        prop_assert_eq!(outcome.unwrap().sockets, sockets.len() as u64);
    }
}
