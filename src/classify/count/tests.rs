use super::*;
use crate::model::{Endpoint, Socket, SocketKind};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const KERNEL: Option<(u32, u32)> = Some((6, 18));

fn socket(state: TcpState, kind: SocketKind, family: Family) -> Socket {
    let address: IpAddr = match family {
        Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
        Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
    };
    let end = |port| Endpoint::new(address, port);
    Socket::new(family, state, kind, end(80), end(1024))
}

/// A reading of these over netlink.
fn reading(tally: &StateTally, sockstat: Sockstat) -> Reading<'_> {
    Reading {
        tally,
        source: SourceKind::Netlink,
        sockstat,
        kernel: KERNEL,
    }
}

/// What the kernel would count of these sockets.
fn sockstat_of(sockets: &[Socket]) -> Sockstat {
    let inuse = |family| {
        let full = sockets.iter().filter(|socket| {
            socket.family == family
                && socket.kind == SocketKind::Full
                && socket.state != TcpState::BoundInactive
        });
        Some(full.count() as u64)
    };
    let minisockets = sockets
        .iter()
        .filter(|socket| socket.kind == SocketKind::TimeWait);
    Sockstat {
        inuse_ipv4: inuse(Family::Ipv4),
        inuse_ipv6: inuse(Family::Ipv6),
        tw: Some(minisockets.count() as u64),
        ..Sockstat::default()
    }
}

fn tally_of(sockets: &[Socket], states: StateSet, family: Option<Family>) -> StateTally {
    let mut tally = StateTally::default();
    for socket in sockets {
        if states.contains(socket.state) && family.is_none_or(|wanted| wanted == socket.family) {
            tally.add(socket);
        }
    }
    tally
}

/// Any mix of sockets, each of a kind that its state can have.
fn sockets() -> impl Strategy<Value = Vec<Socket>> {
    let one = (0..TcpState::NAMED.len(), any::<bool>(), any::<bool>()).prop_map(
        |(state, ipv6, small)| {
            let state = TcpState::NAMED[state];
            let kind = match state {
                TcpState::TimeWait => SocketKind::TimeWait,
                TcpState::FinWait2 if small => SocketKind::TimeWait,
                TcpState::SynRecv if small => SocketKind::Request,
                _ => SocketKind::Full,
            };
            let family = if ipv6 { Family::Ipv6 } else { Family::Ipv4 };
            socket(state, kind, family)
        },
    );
    proptest::collection::vec(one, 0..300)
}

proptest! {
    /// On a table that stands still the cheap way and the full dump agree, for
    /// every scope.
    #[test]
    fn derived_counts_equal_the_dump(
        sockets in sockets(),
        family in prop_oneof![Just(None), Just(Some(Family::Ipv4)), Just(Some(Family::Ipv6))],
        bound in any::<bool>(),
    ) {
        let scope = Scope { family, bound };
        let tally = tally_of(&sockets, scope.all_states(), family);
        let dumped = from_dump(&reading(&tally, sockstat_of(&sockets)), scope);
        let states = scope.derived_states(KERNEL).unwrap();
        prop_assert!(!states.contains(TcpState::Established));
        let tally = tally_of(&sockets, states, family);
        let derived = derive(&reading(&tally, sockstat_of(&sockets)), scope).unwrap();
        prop_assert_eq!(derived.minisockets, dumped.minisockets);
        for state in TcpState::NAMED {
            let (derived, dumped) = (derived.of(state), dumped.of(state));
            prop_assert_eq!(
                derived.map(|count| count.total),
                dumped.map(|count| count.total),
                "{}", state
            );
            if state != TcpState::TimeWait {
                prop_assert_eq!(derived, dumped, "{}", state);
            }
        }
        prop_assert_eq!(derived.total(), dumped.total());
    }
}

#[test]
fn counts_that_belie_each_other_are_not_derived() {
    let scope = Scope::default();
    let tally = tally_of(
        &[
            socket(TcpState::CloseWait, SocketKind::Full, Family::Ipv6),
            socket(TcpState::FinWait2, SocketKind::TimeWait, Family::Ipv4),
        ],
        scope.all_states(),
        None,
    );
    let sockstat = Sockstat {
        inuse_ipv4: Some(0),
        inuse_ipv6: Some(1),
        tw: Some(1),
        ..Sockstat::default()
    };
    assert!(derive(&reading(&tally, sockstat), scope).is_some());
    for wrong in [
        Sockstat {
            inuse_ipv6: Some(0),
            ..sockstat
        },
        Sockstat {
            tw: Some(0),
            ..sockstat
        },
        Sockstat {
            tw: None,
            ..sockstat
        },
        Sockstat {
            inuse_ipv4: None,
            ..sockstat
        },
    ] {
        assert_eq!(derive(&reading(&tally, wrong), scope), None, "{wrong:?}");
    }
}

#[test]
fn a_kernel_that_counts_time_wait_for_the_host_is_not_trusted() {
    let scope = Scope::default();
    assert_eq!(scope.derived_states(Some((4, 10))), None);
    assert_eq!(scope.derived_states(Some((3, 10))), None);
    assert_eq!(scope.derived_states(None), None);
    assert!(scope.derived_states(Some((4, 11))).is_some());
}

#[test]
fn bound_sockets_are_unknown_unless_asked_for_and_told() {
    let bound = Scope {
        bound: true,
        ..Scope::default()
    };
    let tally = StateTally::default();
    for (scope, source, kernel, count) in [
        (bound, SourceKind::Netlink, Some((6, 8)), Some(0)),
        (bound, SourceKind::Netlink, Some((6, 7)), None),
        (bound, SourceKind::Netlink, None, None),
        (bound, SourceKind::Procfs, KERNEL, None),
        (bound, SourceKind::Replay, KERNEL, None),
        (Scope::default(), SourceKind::Netlink, KERNEL, None),
    ] {
        let reading = Reading {
            source,
            kernel,
            ..reading(&tally, Sockstat::default())
        };
        let counts = from_dump(&reading, scope);
        let told = counts.total_of(TcpState::BoundInactive);
        assert_eq!(told, count, "{source:?} {kernel:?}");
    }
}

/// `ss -t -D` leaves LISTEN and TIME_WAIT out, `ss -4 -D` a family, and the
/// file doesn't say so.
#[test]
fn what_a_recording_does_not_show_is_unknown_and_not_zero() {
    let tally = tally_of(
        &[socket(TcpState::CloseWait, SocketKind::Full, Family::Ipv4)],
        StateSet::RFC9293,
        None,
    );
    let recorded = Reading {
        source: SourceKind::Replay,
        kernel: None,
        ..reading(&tally, Sockstat::default())
    };
    let counts = from_dump(&recorded, Scope::default());
    assert_eq!(counts.of(TcpState::TimeWait), None);
    let close_wait = counts.of(TcpState::CloseWait).unwrap();
    assert_eq!((close_wait.total, close_wait.ipv4), (1, Some(1)));
    assert_eq!(close_wait.ipv6, None);
    let live = from_dump(&reading(&tally, Sockstat::default()), Scope::default());
    assert_eq!(live.total_of(TcpState::TimeWait), Some(0));
}

/// The limit is for both families together: one alone says nothing about it.
#[test]
fn minisockets_are_those_of_both_families() {
    let tally = tally_of(
        &[
            socket(TcpState::TimeWait, SocketKind::TimeWait, Family::Ipv6),
            socket(TcpState::FinWait2, SocketKind::TimeWait, Family::Ipv6),
            socket(TcpState::FinWait2, SocketKind::Full, Family::Ipv6),
        ],
        StateSet::RFC9293,
        None,
    );
    let ipv4 = Scope {
        family: Some(Family::Ipv4),
        ..Scope::default()
    };
    let counted = Sockstat {
        tw: Some(7),
        ..Sockstat::default()
    };
    let of = |sockstat, scope| from_dump(&reading(&tally, sockstat), scope).minisockets;
    assert_eq!(of(counted, Scope::default()), Some(2), "as dumped");
    assert_eq!(of(counted, ipv4), Some(7), "as the kernel counts");
    assert_eq!(of(Sockstat::default(), ipv4), None);
}
