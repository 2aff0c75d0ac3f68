use super::super::super::testing::socket;
use super::*;
use crate::model::PortRange;

fn settings() -> PortSettings {
    PortSettings {
        range: PortRange::new(32_768, 60_999),
        reserved: Some(PortSet::default()),
    }
}

/// A sample that is the same every time.
fn snapshot() -> PortSample {
    without(&PortSet::default())
}

fn without(listened: &PortSet) -> PortSample {
    let mut random = fastrand::Rng::with_seed(7);
    let choose = |ports: &mut dyn Iterator<Item = u16>| {
        random.choose_multiple(ports, SAMPLE).into_iter().collect()
    };
    PortSample::new(&settings(), listened, choose).unwrap()
}

/// A share of the range as connect() takes it: first the even ports.
fn by_connect(share: f64) -> Vec<u16> {
    let ports = (32_768..60_999)
        .step_by(2)
        .chain((32_769..60_999).step_by(2));
    of_all(ports, share)
}

/// A share of the range as bind() takes it: first the odd ports.
fn by_bind(share: f64) -> Vec<u16> {
    let ports = (32_769..60_999)
        .step_by(2)
        .chain((32_768..60_999).step_by(2));
    of_all(ports, share)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share"
)]
fn of_all(ports: impl Iterator<Item = u16>, share: f64) -> Vec<u16> {
    ports.take((28_232.0 * share) as usize).collect()
}

fn connect(snapshot: &mut PortSample, local: &str, remote: &str, ports: &[u16]) {
    for port in ports {
        snapshot.add(&socket(&format!("{local}:{port}"), remote).build());
    }
}

const NOTHING: u32 = 0;

/// The most that the sample allows for, where it rules exhaustion out.
fn ruled_out(snapshot: &PortSample, bound_at_most: u32) -> Option<f64> {
    match snapshot.rule_out(bound_at_most)? {
        PortReading::Sampled { used_at_most } => Some(used_at_most),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_destination_with_four_fifths_of_its_ports_taken_is_never_ruled_out() {
    let mut random = fastrand::Rng::with_seed(3);
    let taken: PortSet = by_connect(0.8).into_iter().collect();
    for _ in 0..2_000 {
        let ports = random.choose_multiple(32_768..=60_999, SAMPLE);
        let hits = ports.iter().filter(|&&port| taken.contains(port)).count();
        let at_most = at_most(u32::try_from(hits).unwrap(), 128).unwrap();
        assert!(at_most > 0.8, "{hits} of the sample: {at_most}");
    }
}

#[test]
fn many_connections_to_many_destinations_are_ruled_out() {
    let mut snapshot = snapshot();
    for host in 1..=4 {
        let remote = format!("192.0.2.{host}:443");
        connect(&mut snapshot, "10.0.0.5", &remote, &by_connect(0.45));
    }
    let most = ruled_out(&snapshot, NOTHING).unwrap();
    assert!((0.45..0.8).contains(&most), "{most}");
}

#[test]
fn nearly_all_ports_to_one_destination_among_many_are_not() {
    let mut snapshot = snapshot();
    connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &by_connect(0.8));
    for host in 2..=9 {
        let remote = format!("192.0.2.{host}:443");
        connect(&mut snapshot, "10.0.0.6", &remote, &by_connect(0.1));
    }
    assert_eq!(ruled_out(&snapshot, NOTHING), None);
}

/// bind() gives a port of an address out once, so its destinations are each far
/// from the end, and together at it.
#[test]
fn a_pool_of_bind_is_not_ruled_out_by_its_parts() {
    let mut snapshot = snapshot();
    for (host, ports) in by_bind(0.85).chunks(2_400).enumerate() {
        connect(
            &mut snapshot,
            "10.0.0.5",
            &format!("192.0.2.{host}:443"),
            ports,
        );
    }
    assert_eq!(ruled_out(&snapshot, NOTHING), None);
}

/// On the wildcard address it gives a port out once for all local addresses: each
/// had a few of them, and that was fine.
#[test]
fn a_pool_of_all_addresses_is_not_ruled_out_by_its_parts() {
    let mut snapshot = snapshot();
    for (host, ports) in by_bind(0.85).chunks(300).enumerate() {
        let local = format!("10.0.0.{host}");
        connect(&mut snapshot, &local, "192.0.2.1:443", ports);
    }
    assert_eq!(ruled_out(&snapshot, NOTHING), None);
}

/// What bind() gave out is lost to connect(), whatever its own address.
#[test]
fn ports_of_bind_are_taken_from_those_of_connect() {
    let with_pool = |share| {
        let mut snapshot = snapshot();
        connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &by_connect(0.3));
        connect(&mut snapshot, "10.0.0.6", "192.0.2.2:443", &by_bind(share));
        ruled_out(&snapshot, NOTHING)
    };
    assert!(with_pool(0.0).is_some_and(|most| most < 0.6));
    assert!(with_pool(0.1).is_some_and(|most| most > 0.6));
    assert_eq!(
        with_pool(0.4),
        None,
        "0.3 of the 0.6 that are left, and doubt"
    );
}

/// connect() passes them by whatever the address, so those of several addresses
/// add up as far as they differ.
#[test]
fn ports_of_bind_at_several_addresses_add_up() {
    let with_pools = |pools: u16| {
        let mut snapshot = snapshot();
        connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &by_connect(0.3));
        let pool = by_bind(0.3);
        for (host, ports) in (0..pools).zip(pool.chunks(pool.len() / 10)) {
            let local = format!("10.0.1.{host}");
            connect(&mut snapshot, &local, "192.0.2.2:443", ports);
        }
        ruled_out(&snapshot, NOTHING)
    };
    assert!(with_pools(1).is_some());
    assert_eq!(with_pools(10), None, "0.3 of the 0.7 that are left");
}

/// A pool that had used its parity up went on with connect()'s, and some of its
/// ports are free again: the ten of them leave next to nothing, and none of them
/// is near its end.
#[test]
fn ports_of_bind_beyond_its_parity_add_up_as_well() {
    let mut snapshot = snapshot();
    let (odd, even) = (by_bind(0.45), by_connect(0.5));
    for (host, more) in even.chunks(even.len().div_ceil(10)).enumerate() {
        let pool = [&odd[..], more].concat();
        for (to, ports) in pool.chunks(150).enumerate() {
            let local = format!("10.0.1.{host}");
            connect(&mut snapshot, &local, &format!("192.0.2.{to}:443"), ports);
        }
    }
    assert_eq!(ruled_out(&snapshot, NOTHING), None);
}

#[test]
fn bound_sockets_are_reckoned_with() {
    let mut snapshot = snapshot();
    connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &by_connect(0.3));
    let none = ruled_out(&snapshot, NOTHING).unwrap();
    let some = ruled_out(&snapshot, 2_000).unwrap();
    assert!(some > none);
    assert_eq!(ruled_out(&snapshot, 15_000), None);
    // Of themselves they are a finding.
    assert_eq!(ruled_out(&self::snapshot(), 25_000), None);
    assert_eq!(ruled_out(&self::snapshot(), u32::MAX), None);
}

/// Clients of a listener in the range share its port.
#[test]
fn ports_of_listeners_are_no_part_of_the_sample() {
    let listened: PortSet = (32_768..42_768).collect();
    let mut snapshot = without(&listened);
    assert_eq!(snapshot.ports().count_in(PortRange::ALL), 128);
    assert!(
        snapshot
            .ports()
            .ranges()
            .iter()
            .all(|range| range.first >= 42_768)
    );
    let all: Vec<u16> = (32_768..42_768).collect();
    connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &all);
    assert!(ruled_out(&snapshot, NOTHING).is_some_and(|most| most < 0.15));
    // Each other port is a greater part of those that are left.
    let other: Vec<u16> = (42_768..50_000).collect();
    connect(&mut snapshot, "10.0.0.5", "192.0.2.1:443", &other);
    assert!(ruled_out(&snapshot, NOTHING).is_some_and(|most| most > 0.5));
}

#[test]
fn only_connections_are_counted() {
    let mut snapshot = snapshot();
    for port in by_connect(1.0) {
        snapshot.add(
            &socket(&format!("0.0.0.0:{port}"), "0.0.0.0:0")
                .in_state(crate::model::TcpState::Listen)
                .build(),
        );
    }
    assert!(ruled_out(&snapshot, NOTHING).is_some_and(|most| most < 0.15));
}

/// Worked out by hand: without a hit the most is 1 - 1e-6^(1/n).
#[test]
fn the_most_that_a_sample_allows_for() {
    let close = |taken, of, expected: f64| {
        let most = at_most(taken, of).unwrap();
        assert!((most - expected).abs() < 5e-4, "{taken} of {of}: {most}");
    };
    close(0, 128, 0.1023);
    close(64, 128, 0.7203);
    close(128, 128, 1.0);
    close(0, 1, 1.0);
    assert_eq!(at_most(0, 0), None);
    let all: Vec<f64> = (0..=128).filter_map(|k| at_most(k, 128)).collect();
    assert!(all.is_sorted());
}
