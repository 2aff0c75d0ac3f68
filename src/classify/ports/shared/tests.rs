use std::time::Duration;

use super::super::super::testing::socket;
use super::super::{PortTally, Reuse, ReusePolicy, compare};
use crate::model::{Destination, PortRange, PortSet, PortSettings, Ports, Socket};

const ALWAYS: ReusePolicy = ReusePolicy {
    reuse: Reuse::Always,
    delay_ms: 100,
};

fn range(first: u16, size: u16) -> PortRange {
    PortRange::new(first, first + size - 1).unwrap()
}

fn tally(range: PortRange, reserved: &[u16]) -> PortTally {
    let settings = PortSettings {
        range: Some(range),
        reserved: Some(reserved.iter().copied().collect()),
    };
    PortTally::new(settings, PortSet::default(), ALWAYS)
}

fn live(port: u16, to: u16) -> Socket {
    socket(&format!("10.0.0.5:{port}"), &format!("10.0.0.9:{to}")).build()
}

fn waiting(port: u16, to: u16, age_ms: u32) -> Socket {
    socket(&format!("10.0.0.5:{port}"), &format!("10.0.0.9:{to}"))
        .in_time_wait(60_000 - age_ms)
        .build()
}

/// The ports of a range in the order in which bind() gives them out.
fn by_bind(range: PortRange) -> impl Iterator<Item = u16> {
    let odd = range.ports().skip(1).step_by(2);
    odd.chain(range.ports().step_by(2))
}

/// The ports of a range in the order in which connect() takes them.
fn by_connect(range: PortRange) -> impl Iterator<Item = u16> {
    let even = range.ports().step_by(2);
    even.chain(range.ports().skip(1).step_by(2))
}

fn finished(tally: PortTally) -> Ports {
    tally.finish(None).0
}

fn towards(ports: &Ports, port: u16) -> &Destination {
    let mut found = ports.destinations.iter();
    found.find(|d| d.remote.port == port).unwrap()
}

/// Seen on Linux 6.18: when 10,000 of 10,000 ports are given out, the next
/// bind() fails with EADDRINUSE.
#[test]
fn a_pool_is_recognised_however_full_it_is() {
    let range = range(20_000, 10_000);
    for given_out in [8_u16, 4_000, 5_000, 6_000, 7_000, 9_000, 10_000] {
        for age_ms in [300, 30_000] {
            let mut tally = tally(range, &[]);
            for (port, to) in by_bind(range)
                .take(given_out.into())
                .zip((7_000..7_004).cycle())
            {
                tally.add(&if age_ms > 10_000 && given_out > 4_000 {
                    waiting(port, to, age_ms)
                } else {
                    live(port, to)
                });
            }
            let ports = finished(tally);
            let pool = ports.shared_pools.first();
            let pool = pool.unwrap_or_else(|| panic!("no pool of {given_out}"));
            assert_eq!(pool.taken, u32::from(given_out));
            assert_eq!(pool.destinations, 4);
            assert_eq!(pool.free(), Some(10_000 - u32::from(given_out)));
            for destination in &ports.destinations {
                assert!(destination.bound_first, "{given_out}");
                assert_eq!(destination.free(), pool.free(), "{given_out}");
            }
        }
    }
}

#[test]
fn a_pool_that_has_shrunk_is_known_by_ports_that_never_repeat() {
    let range = range(20_000, 10_000);
    let given_out = by_bind(range).zip((7_000..7_004).cycle()).take(9_000);
    let mut shrunk = tally(range, &[]);
    for (port, to) in given_out.step_by(3) {
        shrunk.add(&live(port, to));
    }
    let ports = finished(shrunk);
    assert_eq!(ports.shared_pools.len(), 1);
    // connect() towards each, which had held more before: they repeat.
    let mut repeating = tally(range, &[]);
    for to in 7_000..7_004 {
        for port in by_connect(range).skip(2_500).take(5_000).step_by(3) {
            repeating.add(&live(port, to));
        }
    }
    assert_eq!(finished(repeating).shared_pools, []);
}

/// Seen on Linux 6.18: 18 plain connections, of which the first 10 were closed:
/// 19 more towards another destination succeeded.
#[test]
fn what_one_destination_explains_is_no_pool() {
    let range = range(50_000, 20);
    let mut tally = tally(range, &[]);
    for port in by_connect(range).skip(10).take(8) {
        tally.add(&live(port, 7_000));
    }
    tally.add(&live(50_000, 7_001));
    let ports = finished(tally);
    assert!(!towards(&ports, 7_000).bound_first);
    assert_eq!(towards(&ports, 7_001).free(), Some(19));
    assert_eq!(ports.shared_pools, []);
}

#[test]
fn what_reservations_explain_is_no_pool() {
    // connect() prefers the parity of the first port, whichever that is.
    for first in [50_000, 50_001] {
        let range = range(first, 20);
        let connects: Vec<u16> = range.ports().step_by(2).collect();
        for reserved in [&connects[..], &connects[2..]] {
            let mut tally = tally(range, reserved);
            for step in 0..5 {
                tally.add(&live(first + 1 + 2 * step, 7_000));
            }
            tally.add(&live(first + 11, 7_001));
            let ports = finished(tally);
            assert!(!towards(&ports, 7_000).bound_first, "{first}");
            assert!(!towards(&ports, 7_001).bound_first, "{first}");
            let usable = 20 - u32::try_from(reserved.len()).unwrap();
            assert_eq!(towards(&ports, 7_001).free(), Some(usable - 1));
            assert_eq!(ports.shared_pools, []);
        }
    }
}

/// So many of connect()'s parity beside them are plain connections.
#[test]
fn ports_of_bind_must_be_more_than_four_times_those_of_connect() {
    let range = range(32_768, 28_232);
    // How many of bind()'s parity and of connect()'s each destination has.
    let judged = |destinations: &[(usize, usize)]| {
        let (mut binds, mut connects) = (by_bind(range), by_connect(range));
        let mut tally = tally(range, &[]);
        for (to, &(by_bind, by_connect)) in (7_000..).zip(destinations) {
            let ports = binds.by_ref().take(by_bind);
            for port in ports.chain(connects.by_ref().take(by_connect)) {
                tally.add(&live(port, to));
            }
        }
        let ports = finished(tally);
        (towards(&ports, 7_000).bound_first, ports.shared_pools.len())
    };
    assert_eq!(judged(&[(4, 1)]), (false, 0));
    assert_eq!(judged(&[(5, 1)]), (true, 0));
    // Those of several destinations count together.
    assert_eq!(judged(&[(4, 1), (4, 1)]), (false, 0));
    assert_eq!(judged(&[(4, 1), (5, 1)]), (true, 1));
}

/// Seen on Linux 6.18 with `tcp_tw_reuse` 1: connect() got 12 more ports, and
/// with 8 more to another destination bind() got 4.
#[test]
fn no_time_wait_gives_a_port_of_bind_back() {
    let range = range(50_000, 20);
    let given_out: Vec<u16> = by_bind(range).collect();
    let mut one = tally(range, &[]);
    let mut two = tally(range, &[]);
    for &port in &given_out[..8] {
        one.add(&waiting(port, 7_000, 300));
        two.add(&waiting(port, 7_000, 300));
    }
    for &port in &given_out[8..16] {
        two.add(&waiting(port, 7_001, 300));
    }
    let (one, time_wait) = one.finish(None);
    assert_eq!(time_wait.reusable, 0);
    assert_eq!(towards(&one, 7_000).reusable, 0);
    assert_eq!(towards(&one, 7_000).free(), Some(12));
    assert_eq!(towards(&one, 7_000).sustainable_per_s, Some(20.0 / 60.0));
    let two = finished(two);
    assert_eq!(towards(&two, 7_000).free(), Some(4));
    assert_eq!(towards(&two, 7_001).free(), Some(4));
    assert_eq!(two.shared_pools[0].free(), Some(4));
}

#[test]
fn what_a_burst_left_behind_was_not_bound() {
    let range = range(20_000, 10_000);
    let mut tally = tally(range, &[]);
    for port in by_connect(range).skip(5_000).take(3_000) {
        tally.add(&waiting(port, 7_000, 50_000));
    }
    let ports = finished(tally);
    assert!(!towards(&ports, 7_000).bound_first);
    assert_eq!(towards(&ports, 7_000).reusable, 3_000);
}

#[test]
fn a_few_ports_of_a_large_range_give_bind_away() {
    let range = range(32_768, 28_232);
    for (count, bound) in [(3, false), (4, true), (40, true)] {
        let mut tally = tally(range, &[]);
        for port in by_bind(range).take(count) {
            tally.add(&live(port, 7_000));
        }
        tally.add(&live(32_768, 7_001));
        let ports = finished(tally);
        assert_eq!(towards(&ports, 7_000).bound_first, bound, "{count}");
        assert!(!towards(&ports, 7_001).bound_first);
        assert_eq!(ports.shared_pools, [], "one destination shares with nobody");
    }
}

/// Seen on Linux 6.18: of 200 ports, 60 given out by bind() at each of two
/// local addresses, 83 of them different, connect() from a third had 117.
#[test]
fn ports_that_bind_gave_out_at_several_addresses_are_all_lost_to_connect() {
    let range = range(20_000, 200);
    let from = |host: u16, port: u16, to: u16| {
        let local = format!("10.0.0.{host}:{port}");
        socket(&local, &format!("10.0.0.9:{to}")).build()
    };
    let usable = |pools: &[(u16, usize)]| {
        let mut tally = tally(range, &[]);
        for &(host, skipped) in pools {
            let given_out = by_bind(range).skip(skipped).take(50);
            for (step, port) in (0..).zip(given_out) {
                tally.add(&from(host, port, 80 + step % 4));
            }
        }
        for port in by_connect(range).take(20) {
            tally.add(&from(7, port, 443));
        }
        towards(&finished(tally), 443).usable
    };
    assert_eq!(usable(&[(5, 0)]), Some(150));
    assert_eq!(usable(&[(5, 0), (6, 0)]), Some(150), "the same ports");
    assert_eq!(usable(&[(5, 0), (6, 30)]), Some(120));
    assert_eq!(usable(&[(5, 0), (6, 50)]), Some(100));
}

/// Each destination was said to last until it alone had taken what is left,
/// three times as long.
#[test]
fn what_is_left_of_a_pool_goes_to_all_its_destinations() {
    let range = range(1_000, 200);
    let at = |count: usize| {
        let mut tally = tally(range, &[]);
        for (port, to) in by_bind(range)
            .zip([80, 81, 82].into_iter().cycle())
            .take(count)
        {
            tally.add(&live(port, to));
        }
        finished(tally)
    };
    let mut now = at(90);
    compare(&mut now, &at(60), Duration::from_secs(10));
    assert_eq!(now.shared_pools[0].growth_per_s, Some(3.0));
    let left = 110.0 / 3.0;
    assert_eq!(now.shared_pools[0].exhausted_in_s(), Some(left));
    for destination in &now.destinations {
        assert_eq!(destination.growth_per_s, Some(1.0));
        assert_eq!(destination.exhausted_in_s(), Some(left));
    }
    // What was no pool then may have been one.
    let mut new = at(90);
    compare(&mut new, &at(0), Duration::from_secs(10));
    assert_eq!(new.shared_pools[0].growth_per_s, None);
}
