use super::super::super::testing::snapshot;
use super::super::testing::{judged_by, severity};
use super::*;
use crate::model::{
    Endpoint, PortRange, PortSet, PortSettings, Ports, Pressure, SharedPool, Sysctl,
};

fn destination(in_use: u32, reusable: u32) -> Destination {
    Destination {
        local_address: "10.0.0.5".parse().unwrap(),
        interface: None,
        remote: Endpoint::new("10.0.0.9".parse().unwrap(), 5_432),
        in_use,
        time_wait: in_use,
        reusable,
        recent_time_wait: 0,
        usable: Some(1_000),
        bound_first: false,
        sustainable_per_s: None,
        growth_per_s: None,
        pool_growth_per_s: None,
    }
}

fn settings() -> PortSettings {
    PortSettings {
        range: PortRange::new(50_000, 50_999),
        reserved: Some(PortSet::default()),
    }
}

fn judged(destination: Destination) -> Judgement {
    let pressure = Pressure {
        ports: PortReading::Grouped(Ports {
            settings: settings(),
            destinations: vec![destination],
            ..Ports::default()
        }),
        ..Pressure::default()
    };
    let snapshot = snapshot()
        .with_sysctl(Sysctl::TcpTwReuse, 2)
        .with_sysctl(Sysctl::TcpTimestamps, 1)
        .with_pressure(pressure);
    judged_by(&PORTS_EXHAUSTION, &snapshot.build(), None)
}

#[test]
fn fires_at_eighty_percent_and_is_critical_at_ninety_five() {
    for (in_use, reusable, expected) in [
        (799, 0, None),
        (800, 0, Some(Severity::Warning)),
        (949, 0, Some(Severity::Warning)),
        (950, 0, Some(Severity::Critical)),
        // What connect() takes over blocks nothing.
        (799, 300, None),
        // But only if the peer used timestamps.
        (800, 300, Some(Severity::Info)),
        (1_000, 300, Some(Severity::Info)),
        (1_000, 100, Some(Severity::Warning)),
    ] {
        let judgement = judged(destination(in_use, reusable));
        assert_eq!(severity(&judgement), expected, "{in_use} {reusable}");
    }
}

#[test]
fn one_that_is_full_within_a_minute_is_critical() {
    let growing = |growth| Destination {
        growth_per_s: Some(growth),
        ..destination(850, 0)
    };
    assert_eq!(severity(&judged(growing(2.5))), Some(Severity::Critical));
    assert_eq!(severity(&judged(growing(2.49))), Some(Severity::Warning));
    assert_eq!(severity(&judged(growing(-9.0))), Some(Severity::Warning));
}

/// 690 of 1,000 and full in 13 s was no finding: by the next look connect()
/// failed.
#[test]
fn ports_that_are_gone_within_a_minute_are_a_warning_from_half_on() {
    let growing = |in_use, growth| {
        severity(&judged(Destination {
            growth_per_s: Some(growth),
            ..destination(in_use, 0)
        }))
    };
    assert_eq!(growing(690, 23.0), Some(Severity::Warning), "13 s");
    assert_eq!(growing(500, 9.0), Some(Severity::Warning), "56 s");
    assert_eq!(growing(500, 8.0), None, "63 s");
    assert_eq!(growing(499, 50.0), None, "a burst, perhaps");
}

#[test]
fn the_words_name_the_cause() {
    let Judgement::Found(findings) = judged(destination(900, 0)) else {
        panic!("90 % are a warning");
    };
    assert_eq!(
        findings[0].message,
        "900 of the 1,000 ports from 10.0.0.5 to 10.0.0.9:5432 are taken, 900 of them in \
         TIME_WAIT and none reusable (tcp_tw_reuse=2 helps loopback only); 100 more \
         connections, then connect() fails with EADDRNOTAVAIL"
    );
    assert!(findings[0].advice.contains("tcp_tw_reuse=1"));
    assert!(!findings[0].advice.contains("recycle"));
}

/// "0 more connections, then connect() fails" was said where it failed already.
#[test]
fn what_fails_now_is_not_said_to_fail_later() {
    let Judgement::Found(findings) = judged(Destination {
        growth_per_s: Some(9.0),
        ..destination(1_000, 0)
    }) else {
        panic!("no port is left");
    };
    let ends = "; no connection is left: connect() fails with EADDRNOTAVAIL now";
    assert!(findings[0].message.ends_with(ends));
}

/// Open connections have an owner, and the advice left out how to find it.
#[test]
fn who_holds_open_connections_is_told_how_to_be_found() {
    let advised = |address: &str, port| {
        let open = Destination {
            time_wait: 0,
            remote: Endpoint::new(address.parse().unwrap(), port),
            ..destination(900, 0)
        };
        match judged(open) {
            Judgement::Found(findings) => findings[0].advice.clone(),
            _ => panic!("90 % are a warning"),
        }
    };
    assert!(advised("10.0.0.9", 5_432).contains("ss -tnp dst 10.0.0.9:5432; or"));
    assert!(advised("fe80::9", 80).contains("ss -tnp dst '[fe80::9]:80'; or"));
}

#[test]
fn what_was_not_looked_at_has_no_verdict() {
    let with = |ports| {
        let pressure = Pressure {
            ports,
            ..Pressure::default()
        };
        judged_by(
            &PORTS_EXHAUSTION,
            &snapshot().with_pressure(pressure).build(),
            None,
        )
    };
    assert_eq!(with(PortReading::NotRead), Judgement::NotAsked);
    assert_eq!(with(PortReading::Failed), Judgement::Unknown);
    let few = PortReading::RuledOut {
        connections: 10,
        usable: 28_000,
    };
    assert_eq!(with(few.clone()), Judgement::Fine);
    let pressure = Pressure {
        ports: few,
        ..Pressure::default()
    };
    let mut lossy = snapshot().with_pressure(pressure).build();
    lossy.collection.complete = false;
    assert_eq!(
        judged_by(&PORTS_EXHAUSTION, &lossy, None),
        Judgement::Unknown
    );
    let unknown = Destination {
        usable: None,
        ..destination(1_000, 0)
    };
    assert_eq!(judged(unknown), Judgement::Unknown);
}

#[test]
fn a_pool_of_bind_that_runs_out_is_found_once() {
    let judged_at = |address: &str, taken, growth_per_s| {
        let of_pool = |port| Destination {
            remote: Endpoint::new("10.0.0.9".parse().unwrap(), port),
            bound_first: true,
            usable: Some(1_000 - taken / 2),
            ..destination(taken / 2, 0)
        };
        let pressure = Pressure {
            ports: PortReading::Grouped(Ports {
                settings: settings(),
                destinations: vec![of_pool(80), of_pool(81)],
                shared_pools: vec![SharedPool {
                    local_address: address.parse().unwrap(),
                    interface: None,
                    in_use: taken,
                    taken,
                    destinations: 2,
                    usable: Some(1_000),
                    growth_per_s,
                }],
                ..Ports::default()
            }),
            ..Pressure::default()
        };
        judged_by(
            &PORTS_EXHAUSTION,
            &snapshot().with_pressure(pressure).build(),
            None,
        )
    };
    let judged_of = |address, taken| judged_at(address, taken, None);
    let judged = |taken| judged_of("10.0.0.5", taken);
    assert_eq!(severity(&judged(798)), None);
    assert_eq!(severity(&judged(800)), Some(Severity::Warning));
    let Judgement::Found(findings) = judged(1_000) else {
        panic!("no port is left");
    };
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Critical);
    assert_eq!(
        findings[0].message,
        "1,000 of the 1,000 ports of 10.0.0.5 are taken, and bind() gives each out once for all \
         2 destinations; no connection is left: bind() before connect() fails with EADDRINUSE now"
    );
    let Judgement::Found(findings) = judged_of("0.0.0.0", 1_000) else {
        panic!("no port is left");
    };
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].message,
        "1,000 of the 1,000 ports of all local addresses together are taken, and bind() on the \
         wildcard address gives each out once for all 2 destinations; no connection is left: \
         bind() before connect() fails with EADDRINUSE now"
    );
    assert!(!findings[0].advice.contains("add local addresses"));
    // Each destination had a quarter of what was left of its ports, and 650 of
    // 1,000 gone within 4 s were no finding.
    let growing = |taken, growth| judged_at("10.0.0.5", taken, Some(growth));
    assert_eq!(severity(&growing(650, 90.0)), Some(Severity::Warning));
    assert_eq!(severity(&growing(650, 5.8)), None, "60.3 s");
    assert_eq!(severity(&growing(498, 90.0)), None, "a burst, perhaps");
    let Judgement::Found(findings) = growing(800, 90.0) else {
        panic!("2 s are left");
    };
    assert_eq!(findings[0].severity, Severity::Critical);
    let ends = "then bind() before connect() fails with EADDRINUSE, at this rate in 2 s";
    assert!(
        findings[0].message.ends_with(ends),
        "{}",
        findings[0].message
    );
}

#[test]
fn ports_of_bind_fail_with_the_error_of_bind() {
    let Judgement::Found(findings) = judged(Destination {
        bound_first: true,
        ..destination(999, 0)
    }) else {
        panic!("one port is left");
    };
    assert!(
        findings[0]
            .message
            .ends_with("1 more connection, then bind() before connect() fails with EADDRINUSE")
    );
}

/// Seen on Linux 6.18: with 20 of 20 ports bound and no connection at all
/// connect() fails.
#[test]
fn a_range_that_others_have_is_found_without_any_connection() {
    let judged = |listened, bound| {
        let pressure = Pressure {
            ports: PortReading::Grouped(Ports {
                settings: settings(),
                listened: Some(listened),
                bound,
                ..Ports::default()
            }),
            ..Pressure::default()
        };
        judged_by(
            &PORTS_EXHAUSTION,
            &snapshot().with_pressure(pressure).build(),
            None,
        )
    };
    assert_eq!(severity(&judged(799, None)), None);
    assert_eq!(severity(&judged(700, Some(99))), None);
    assert_eq!(severity(&judged(700, Some(100))), Some(Severity::Warning));
    assert_eq!(severity(&judged(0, Some(999))), Some(Severity::Warning));
    let Judgement::Found(findings) = judged(1, Some(999)) else {
        panic!("no port is left");
    };
    assert_eq!(findings[0].severity, Severity::Critical);
    assert_eq!(
        findings[0].message,
        "of the 1,000 ports of 50000-50999 1 listener, 999 bound sockets take most away; none is \
         left, and connect() fails with EADDRNOTAVAIL whatever its destination"
    );
}
