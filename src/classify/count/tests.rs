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
    Socket {
        state,
        kind,
        family,
        local: Endpoint::new(address, 80),
        remote: Endpoint::new(address, 1024),
        interface: None,
        recv_q: 0,
        send_q: Some(0),
        timer: None,
        uid: None,
        inode: None,
        cookie: None,
        cgroup: None,
        shutdown: None,
        tcp_info: None,
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
        let dumped = from_dump(&tally_of(&sockets, scope.all_states(), family), scope, bound);
        let states = scope.derived_states(KERNEL).unwrap();
        prop_assert!(!states.contains(TcpState::Established));
        let tally = tally_of(&sockets, states, family);
        let derived = derive(&tally, &sockstat_of(&sockets), scope, bound).unwrap();
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
    assert!(derive(&tally, &sockstat, scope, false).is_some());
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
        assert_eq!(derive(&tally, &wrong, scope, false), None, "{wrong:?}");
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
    for (scope, source, kernel, tells) in [
        (bound, SourceKind::Netlink, Some((6, 8)), true),
        (bound, SourceKind::Netlink, Some((6, 7)), false),
        (bound, SourceKind::Netlink, None, false),
        (bound, SourceKind::Procfs, KERNEL, false),
        (bound, SourceKind::Replay, KERNEL, false),
        (Scope::default(), SourceKind::Netlink, KERNEL, false),
    ] {
        assert_eq!(
            scope.tells_bound(source, kernel),
            tells,
            "{source:?} {kernel:?}"
        );
    }
    let of = |tells_bound| {
        let counts = from_dump(&StateTally::default(), bound, tells_bound);
        counts.total_of(TcpState::BoundInactive)
    };
    assert_eq!(of(true), Some(0));
    assert_eq!(of(false), None);
}
