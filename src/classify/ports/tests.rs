use super::super::testing::socket;
use super::*;
use crate::model::{Family, PortRange, Socket, TcpState};
use proptest::prelude::*;
use std::collections::BTreeSet;

const ALWAYS: ReusePolicy = ReusePolicy {
    reuse: Reuse::Always,
    delay_ms: 1_000,
};

fn settings(range: PortRange, reserved: &[u16]) -> PortSettings {
    PortSettings {
        range: Some(range),
        reserved: Some(reserved.iter().copied().collect()),
    }
}

fn connection(port: u16, remote: &str) -> Socket {
    socket(&format!("10.0.0.5:{port}"), remote).build()
}

fn grouped(tally: PortTally) -> Vec<Destination> {
    tally.finish(None).0.destinations
}

/// Ports of a small range, some taken in every way.
#[derive(Debug, Clone)]
struct Situation {
    range: PortRange,
    reserved: Vec<u16>,
    listened: Vec<u16>,
    bound: Vec<u16>,
    /// Port, destination, and ms to the end of its TIME_WAIT if it is in that.
    sockets: BTreeSet<(u16, u8, Option<u32>)>,
}

fn situations() -> impl Strategy<Value = Situation> {
    (1_000_u16..1_010, 1_u16..40).prop_flat_map(|(first, more)| {
        let range = PortRange::new(first, first + more).unwrap();
        let ports = || proptest::collection::vec(990_u16..1_060, 0..8);
        // Of the parity that connect() begins with, so that none looks bound.
        let port = (0_u16..30).prop_map(move |step| first - 8 + 2 * step);
        let waiting = prop_oneof![
            Just(None),
            (0_u32..60_000).prop_map(Some),
            Just(Some(59_500)),
        ];
        let sockets = proptest::collection::btree_set((port, 0_u8..3, waiting), 0..30);
        (Just(range), ports(), ports(), ports(), sockets).prop_map(
            |(range, reserved, listened, bound, sockets)| Situation {
                range,
                reserved,
                listened,
                bound,
                sockets,
            },
        )
    })
}

proptest! {
    /// Counting gives what trying every port of the range gives.
    #[test]
    fn free_ports_are_those_that_could_be_connected(situation in situations()) {
        let Situation { range, reserved, listened, bound, sockets } = situation;
        // A port has one socket towards a destination.
        let mut tuples = BTreeSet::new();
        let sockets: Vec<_> = sockets
            .into_iter()
            // connect() gave these ports, so nobody else has them.
            .filter(|(port, to, _)| !bound.contains(port) && tuples.insert((*port, *to)))
            .collect();
        let mut tally = PortTally::new(
            settings(range, &reserved),
            listened.iter().copied().collect(),
            ALWAYS,
        );
        for (port, to, waiting) in &sockets {
            let pair = socket(&format!("10.0.0.5:{port}"), &format!("10.0.0.9:{to}"));
            tally.add(&match waiting {
                Some(expires) => pair.in_time_wait(*expires).build(),
                None => pair.build(),
            });
        }
        let (ports, _) = tally.finish(Some(&bound.iter().copied().collect()));
        for destination in ports.destinations {
            let free = range
                .ports()
                .filter(|port| ![&reserved, &listened, &bound].iter().any(|set| set.contains(port)))
                .filter(|port| {
                    sockets.iter().all(|(taken, to, waiting)| {
                        (taken, u16::from(*to)) != (port, destination.remote.port)
                            || waiting.is_some_and(|expires| 60_000 - expires > 1_000)
                    })
                })
                .count();
            prop_assert_eq!(destination.free(), u32::try_from(free).ok());
        }
    }
}

/// The same address on two interfaces is two hosts, and sockets that are bound to
/// two devices don't get in each other's way. Together they looked like one
/// destination without a port left, and a page.
#[test]
fn two_interfaces_have_ports_of_their_own() {
    let range = PortRange::new(1_000, 1_009).unwrap();
    let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
    for port in [1_000, 1_002, 1_004, 1_006, 1_008] {
        for zone in 2..4 {
            let (local, remote) = (
                format!("[fe80::1%{zone}]:{port}"),
                format!("[fe80::9%{zone}]:80"),
            );
            tally.add(&socket(&local, &remote).build());
            let mut bound = connection(port, "10.0.0.9:80");
            bound.interface = Some(zone);
            tally.add(&bound);
        }
    }
    let mut found: Vec<_> = grouped(tally)
        .iter()
        .map(|d| (d.local(), d.remote.to_string(), d.in_use, d.free()))
        .collect();
    found.sort();
    let expected = [
        ("10.0.0.5%2", "10.0.0.9:80"),
        ("10.0.0.5%3", "10.0.0.9:80"),
        ("fe80::1%2", "[fe80::9%2]:80"),
        ("fe80::1%3", "[fe80::9%3]:80"),
    ];
    let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned(), 5, Some(5)));
    assert_eq!(found, expected);
}

#[test]
fn one_destination_is_a_pair_of_addresses_and_a_port_whatever_the_family() {
    let range = PortRange::new(1_000, 1_999).unwrap();
    let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
    for (local, remote) in [
        ("10.0.0.5:1000", "10.0.0.9:80"),
        ("[::ffff:10.0.0.5]:1002", "[::ffff:10.0.0.9]:80"),
        ("10.0.0.6:1000", "10.0.0.9:80"),
        ("10.0.0.5:1000", "10.0.0.9:81"),
        ("[2001:db8::5]:1000", "[2001:db8::9]:80"),
    ] {
        tally.add(&socket(local, remote).build());
    }
    let mut found: Vec<(String, String, u32)> = grouped(tally)
        .iter()
        .map(|d| (d.local_address.to_string(), d.remote.to_string(), d.in_use))
        .collect();
    found.sort();
    let expected = [
        ("10.0.0.5", "10.0.0.9:80", 2),
        ("10.0.0.5", "10.0.0.9:81", 1),
        ("10.0.0.6", "10.0.0.9:80", 1),
        ("2001:db8::5", "[2001:db8::9]:80", 1),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c));
    assert_eq!(found, expected);
}

#[test]
fn clients_of_ours_make_no_entry() {
    let range = PortRange::new(1_000, 1_999).unwrap();
    let listened = [80, 1_500].into_iter().collect();
    let mut tally = PortTally::new(settings(range, &[]), listened, ALWAYS);
    for client in 2_000..3_000 {
        let from = format!("192.0.2.7:{client}");
        tally.add(&socket("10.0.0.5:80", &from).in_time_wait(5_000).build());
        tally.add(&socket("10.0.0.5:1500", &from).build());
    }
    tally.add(
        &socket("10.0.0.5:999", "10.0.0.9:80")
            .in_time_wait(0)
            .build(),
    );
    tally.add(
        &socket("10.0.0.5:1000", "10.0.0.9:80")
            .in_time_wait(59_999)
            .build(),
    );
    let (ports, time_wait) = tally.finish(None);
    assert_eq!(ports.destinations.len(), 1);
    assert_eq!(ports.listened, Some(1));
    assert_eq!(time_wait.server_side, 1_000);
    assert_eq!(time_wait.other, 1, "neither in the range nor a listener's");
    assert_eq!(time_wait.client_side, 1);
    assert_eq!(time_wait.ages, [1, 0, 0, 0, 0, 1_001]);
}

#[test]
fn ports_from_bind_are_lost_to_every_other_destination() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
    for step in 0..10 {
        tally.add(&connection(1_001 + 2 * step, "10.0.0.9:80"));
    }
    for step in 0..5 {
        tally.add(&connection(1_051 + 2 * step, "10.0.0.9:81"));
    }
    tally.add(&connection(1_000, "10.0.0.9:82"));
    let (ports, _) = tally.finish(None);
    let of = |port| {
        let found = ports.destinations.iter().find(|d| d.remote.port == port);
        found.map(|d| (d.bound_first, d.usable))
    };
    // bind() passes the port of connect() by too.
    assert_eq!(of(80), Some((true, Some(94))));
    assert_eq!(of(81), Some((true, Some(89))));
    assert_eq!(of(82), Some((false, Some(85))));
    assert_eq!(ports.shared_pools.len(), 1);
    assert_eq!(ports.shared_pools[0].in_use, 15);
    assert_eq!(ports.shared_pools[0].destinations, 2);
}

#[test]
fn without_settings_nothing_is_claimed() {
    let mut tally = PortTally::new(
        PortSettings::default(),
        [80].into_iter().collect(),
        ReusePolicy::default(),
    );
    tally.add(&connection(1_000, "10.0.0.9:80"));
    tally.add(&socket("10.0.0.5:80", "10.0.0.9:1000").build());
    assert!(!tally.could_matter(None));
    let (ports, _) = tally.finish(Some(&PortSet::default()));
    assert_eq!((ports.listened, ports.bound), (None, None), "0 of no range");
    let destinations = ports.destinations;
    assert_eq!(destinations.len(), 1);
    assert_eq!(destinations[0].usable, None);
    assert_eq!(destinations[0].used_ratio(), None);
    assert_eq!(destinations[0].sustainable_per_s, None);
}

#[test]
fn what_can_be_borne_depends_on_how_long_a_port_waits() {
    let range = PortRange::new(32_768, 60_999).unwrap();
    for (policy, expected) in [
        (ReusePolicy::default(), Some(28_231.0 / 60.0)),
        (ALWAYS, Some(28_231.0)),
        (
            ReusePolicy {
                delay_ms: 3_600_000,
                ..ALWAYS
            },
            Some(28_231.0 / 60.0),
        ),
        // Then the ports aren't what limits.
        (
            ReusePolicy {
                delay_ms: 0,
                ..ALWAYS
            },
            None,
        ),
    ] {
        let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), policy);
        tally.add(&connection(32_768, "10.0.0.9:80"));
        assert_eq!(grouped(tally)[0].sustainable_per_s, expected);
    }
}

#[test]
fn growth_foretells_the_end() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let at = |count| {
        let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
        for step in 0..count {
            tally.add(&connection(1_000 + 2 * step, "10.0.0.9:80"));
        }
        tally.finish(None).0
    };
    let mut now = at(20);
    compare(&mut now, &at(10), Duration::from_secs(2));
    assert_eq!(now.destinations[0].growth_per_s, Some(5.0));
    assert_eq!(now.destinations[0].exhausted_in_s(), Some(16.0));
    let mut shrinking = at(10);
    compare(&mut shrinking, &at(20), Duration::from_secs(2));
    assert_eq!(shrinking.destinations[0].growth_per_s, Some(-5.0));
    assert_eq!(shrinking.destinations[0].exhausted_in_s(), None);
}

/// At a steady rate that the ports bear forever they were foretold to run out,
/// whenever a sample had more of them than the one before.
#[test]
fn what_enters_time_wait_at_a_rate_that_lasts_foretells_nothing() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let mut tally = PortTally::new(
        settings(range, &[]),
        PortSet::default(),
        ReusePolicy::default(),
    );
    for step in 0..30 {
        let from = format!("10.0.0.5:{}", 1_000 + 2 * step);
        tally.add(&socket(&from, "10.0.0.9:80").in_time_wait(59_000).build());
    }
    let mut destination = tally.finish(None).0.destinations.remove(0);
    assert_eq!(destination.recent_time_wait, 30);
    let mut foretold = |entered, growth| {
        destination.recent_time_wait = entered;
        destination.growth_per_s = Some(growth);
        destination.exhausted_in_s()
    };
    // 100 ports bear 1.66 connections a second.
    assert_eq!(foretold(15, 1.5), None, "begun a moment ago");
    assert_eq!(foretold(15, 0.2), None, "as many leave, nearly");
    assert_eq!(foretold(30, 3.0), Some(70.0 / 3.0), "more than they bear");
    assert_eq!(foretold(15, 3.5), Some(35.0), "others stay open");
}

#[test]
fn few_connections_prove_that_nothing_runs_out() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    assert!(is_ruled_out(79, 100, range));
    assert!(!is_ruled_out(80, 100, range));
    // Ports that are left to nobody prove nothing.
    assert!(is_ruled_out(0, 21, range));
    assert!(!is_ruled_out(0, 20, range));
    assert!(!is_ruled_out(0, 0, range));
}

#[test]
fn bound_sockets_matter_where_there_may_be_many() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let with = |connections| {
        let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
        for step in 0..connections {
            tally.add(&connection(1_000 + 2 * step, "10.0.0.9:80"));
        }
        tally
    };
    assert!(!with(0).could_matter(Some(49)));
    assert!(with(0).could_matter(Some(50)), "of the range");
    assert!(with(0).could_matter(None));
    assert!(!with(29).could_matter(Some(20)));
    assert!(with(30).could_matter(Some(20)), "of a destination");
    assert!(!with(50).could_matter(Some(0)), "there is none");
}

/// A dual-stack socket takes the port that one of IPv4 would.
#[test]
fn ports_of_both_families_count_and_those_of_one_are_shown() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let shown = |family| {
        let mut tally =
            PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS).showing(family);
        tally.add(&connection(1_000, "10.0.0.9:80"));
        tally.add(&socket("[::ffff:10.0.0.5]:1002", "[::ffff:10.0.0.9]:80").build());
        tally.add(&socket("[2001:db8::5]:1000", "[2001:db8::9]:80").build());
        let found = grouped(tally);
        found.iter().map(|d| d.in_use).collect::<Vec<_>>()
    };
    assert_eq!(shown(None), [2, 1]);
    assert_eq!(shown(Some(Family::Ipv4)), [2]);
    assert_eq!(shown(Some(Family::Ipv6)), [1]);
}

#[test]
fn a_handshake_that_a_peer_began_takes_no_port() {
    let range = PortRange::new(1_000, 1_099).unwrap();
    let mut tally = PortTally::new(settings(range, &[]), PortSet::default(), ALWAYS);
    tally.add(
        &socket("10.0.0.5:1000", "10.0.0.9:80")
            .in_syn_recv(0)
            .build(),
    );
    tally.add(
        &socket("10.0.0.5:1000", "0.0.0.0:0")
            .in_state(TcpState::Close)
            .build(),
    );
    assert_eq!(grouped(tally), []);
}
