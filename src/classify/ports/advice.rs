//! What to do about a destination that runs out of ports.

use super::super::finding::quoted;
use super::{Reuse, ReusePolicy, is_loopback};
use crate::model::{Destination, Endpoint, Snapshot, Sysctl};

/// Why the TIME_WAIT sockets of a destination give no port back, in words;
/// `None` when they do, or there are none.
#[must_use]
pub fn why_not_reusable(destination: &Destination, snapshot: &Snapshot) -> Option<&'static str> {
    if destination.time_wait == 0 || destination.reusable == destination.time_wait {
        return None;
    }
    if destination.bound_first {
        return Some("ports of bind() never are");
    }
    let policy = ReusePolicy::of(&snapshot.sysctls);
    if policy.covers(destination.local_address, destination.remote.address) {
        return Some(if destination.reusable == 0 {
            "all are too young"
        } else {
            "the others are too young"
        });
    }
    Some(match snapshot.sysctls.get(Sysctl::TcpTwReuse) {
        None => "tcp_tw_reuse is not known",
        Some(0) => "tcp_tw_reuse is 0",
        Some(_) if policy.reuse == Reuse::Never => "tcp_timestamps is 0",
        Some(_) => "tcp_tw_reuse=2 helps loopback only",
    })
}

/// How to find the culprit: the kernel knows who holds a connection that is
/// open.
fn who_holds(destination: &Destination) -> String {
    let Endpoint { address, port, .. } = destination.remote;
    format!(
        "see who holds them and use fewer connections: ss -tnp dst {}",
        quoted(address, Some(port))
    )
}

/// What to do, the best first.
#[must_use]
pub fn advice(destination: &Destination, snapshot: &Snapshot) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let who = who_holds(destination);
    if destination.bound_first {
        steps.push(
            "set IP_BIND_ADDRESS_NO_PORT before bind(), so that each destination has all ports",
        );
    }
    let mostly_waiting = destination.time_wait > destination.in_use / 2;
    if mostly_waiting {
        steps.push("keep connections open and use them again (pool, keep-alive)");
    }
    // No setting makes connect() take over what bind() gave out.
    if mostly_waiting && !destination.bound_first {
        let policy = ReusePolicy::of(&snapshot.sysctls);
        let covered = policy.covers(destination.local_address, destination.remote.address);
        let timestamps = snapshot.sysctls.get(Sysctl::TcpTimestamps);
        let loopback = is_loopback(destination.local_address, destination.remote.address);
        match (
            covered,
            timestamps,
            snapshot.sysctls.get(Sysctl::TcpTwReuse),
        ) {
            (true, ..) | (_, _, None) => {}
            (false, Some(0), Some(0)) => steps.push(
                "or let connect() take TIME_WAIT over, which needs tcp_timestamps=1 at both ends \
                 and tcp_tw_reuse=1 here",
            ),
            (false, Some(0), _) => steps.push(
                "or let connect() take TIME_WAIT over, which needs tcp_timestamps=1 at both ends",
            ),
            (false, _, Some(0)) if loopback => steps
                .push("or let connect() take TIME_WAIT over: sysctl -w net.ipv4.tcp_tw_reuse=2"),
            (false, ..) => steps.push(
                "or let connect() take TIME_WAIT over where the peer uses timestamps too: \
                 sysctl -w net.ipv4.tcp_tw_reuse=1",
            ),
        }
    } else if !destination.bound_first {
        steps.push(&who);
    }
    steps.push(if destination.bound_first {
        "or add local addresses"
    } else {
        "or spread connections over more local addresses or ports of the peer"
    });
    steps.push("or widen net.ipv4.ip_local_port_range");
    steps.join("; ")
}
