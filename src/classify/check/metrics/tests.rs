use super::super::super::listeners::ListenerTally;
use super::super::super::testing::{java, leak_digest, snapshot, socket};
use super::super::super::{Judgement, Severity};
use super::super::metric::MetricId;
use super::super::reading::{Measured, Missing, Reading};
use super::*;
use crate::model::{
    Destination, Endpoint, HostWide, Mark, PortReading, Ports, Pressure, Silence, SilentPeer,
    Snapshot, Verdict,
};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn names_are_unique_plain_and_found() {
    let mut names = BTreeSet::new();
    for metric in METRICS {
        assert!(names.insert(metric.name), "{}", metric.name);
        assert!(
            metric
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
            "{}",
            metric.name
        );
        assert!(MetricId::find(metric.name).is_some());
    }
    assert!(MetricId::find("close_wait_growth").is_some_and(|id| id.growth));
    assert!(MetricId::find("time_wait_used_growth").is_none());
    assert!(MetricId::find("nonsense").is_none());
}

#[test]
fn every_state_has_a_metric_of_its_own_count() {
    for (count, state) in (1..).zip(TcpState::NAMED) {
        if state == TcpState::BoundInactive {
            continue;
        }
        let snapshot = snapshot().with_state(state, count).build();
        let reading = Reading {
            snapshot: &snapshot,
            before: None,
            long_before: None,
            keeps: true,
        };
        let id = MetricId::find(state.key()).unwrap();
        assert_eq!(id.read(&reading), Ok(float(count)), "{state}");
    }
}

fn severity(of: &Metric, snapshot: &Snapshot) -> Option<Severity> {
    of.rules
        .iter()
        .filter_map(|rule| match (rule.judge)(snapshot, None) {
            Judgement::Found(findings) => findings.iter().map(|finding| finding.severity).max(),
            _ => None,
        })
        .max()
        .filter(|&severity| severity >= Severity::Warning)
}

/// `count` of 1,000 of everything that has a rule with a fixed range.
fn so_much(count: u64) -> Snapshot {
    let mut listeners = ListenerTally::in_passing();
    let waiting = u32::try_from(count).unwrap();
    let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(waiting.min(1), Some(0));
    if count > 0 {
        listeners.add_listener(&listening.build());
    }
    let destination = Destination {
        local_address: "10.0.0.5".parse().unwrap(),
        remote: Endpoint::new("10.0.0.9".parse().unwrap(), 5_432),
        in_use: waiting,
        time_wait: 0,
        reusable: 0,
        recent_time_wait: 0,
        usable: Some(1_000),
        bound_first: false,
        sustainable_per_s: None,
        growth_per_s: None,
        pool_growth_per_s: None,
    };
    snapshot()
        .with_leaks(leak_digest(
            &[(Verdict::NotClosed, count)],
            vec![java(count, 9)],
        ))
        .with_minisockets(count)
        .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
        .with_pressure(Pressure {
            silence: Some(Silence {
                connects: vec![SilentPeer {
                    address: "10.0.0.9".parse().unwrap(),
                    port: Some(5_432),
                    connections: waiting,
                    retransmits: 2,
                }],
                closes: Vec::new(),
            }),
            ports: PortReading::Grouped(Ports {
                destinations: vec![destination],
                ..Ports::default()
            }),
            listeners: Some(listeners.finish()),
            time_wait: None,
            host_wide: HostWide {
                orphans: Some(count),
                max_orphans: Some(1_000),
                memory_pages: Some(count),
                memory_limits: Some([900, 900, 1_000]),
            },
        })
        .build()
}

/// What the list and the perfdata show is what the rules do.
#[test]
fn shown_defaults_are_the_limits_of_their_rules() {
    let shown = |metric: &&Metric| metric.warn.is_some() || metric.crit.is_some();
    let judged: Vec<_> = METRICS
        .iter()
        .filter(|metric| !metric.rules.is_empty())
        .filter(shown)
        .collect();
    assert!(judged.len() >= 5, "{judged:?}");
    for count in 0..1_100 {
        let snapshot = so_much(count);
        let reading = Reading {
            snapshot: &snapshot,
            before: None,
            long_before: None,
            keeps: true,
        };
        for metric in &judged {
            let value = metric.read(&reading).unwrap();
            let alerts = |range: Option<Range>| range.is_some_and(|range| range.alerts(value));
            let shown = if alerts(metric.crit) {
                Some(Severity::Critical)
            } else if alerts(metric.warn) {
                Some(Severity::Warning)
            } else {
                None
            };
            assert_eq!(
                shown,
                severity(metric, &snapshot),
                "{} at {count}",
                metric.name
            );
        }
    }
}

#[test]
fn ports_are_known_as_far_as_anybody_looked() {
    let used = |ports| {
        let snapshot = snapshot()
            .with_pressure(Pressure {
                ports,
                ..Pressure::default()
            })
            .build();
        let reading = Reading {
            snapshot: &snapshot,
            before: None,
            long_before: None,
            keeps: true,
        };
        MetricId::find("ports_used").unwrap().read(&reading)
    };
    assert_eq!(used(PortReading::NotRead), Err(Missing::Unread));
    let few = PortReading::RuledOut {
        connections: 10,
        usable: 100,
    };
    assert_eq!(used(few), Err(Missing::Unread), "the number is a bound");
}

fn rate(name: &str, now: Option<u64>, before: Option<u64>, seconds: u64) -> Measured {
    let counters = |value: Option<u64>| {
        let mut builder = snapshot();
        if let Some(value) = value {
            builder = builder.with_counter(Counter::EstabResets, value);
        }
        builder.build()
    };
    let (now, then) = (counters(now), counters(before));
    let mark = Mark {
        counters: then.counters,
        values: [("close_wait".to_owned(), 12.0)].into(),
        ..Mark::default()
    };
    let reading = Reading {
        snapshot: &now,
        before: (seconds > 0).then_some((&mark, Duration::from_secs(seconds))),
        long_before: (seconds > 0).then_some((&mark, Duration::from_secs(seconds))),
        keeps: true,
    };
    MetricId::find(name).unwrap().read(&reading)
}

#[test]
fn a_rate_needs_two_looks_and_a_counter_that_did_not_fall() {
    let name = "resets_per_second";
    assert_eq!(rate(name, Some(160), Some(100), 30), Ok(2.0));
    assert_eq!(rate(name, Some(100), Some(100), 30), Ok(0.0));
    assert_eq!(rate(name, Some(99), Some(100), 30), Err(Missing::NotYet));
    assert_eq!(rate(name, Some(100), None, 0), Err(Missing::NotYet));
    assert_eq!(rate(name, Some(100), None, 30), Err(Missing::NotYet));
    assert_eq!(rate(name, None, Some(100), 30), Err(Missing::Unread));
}

#[test]
fn growth_is_an_hour_and_may_be_negative() {
    assert_eq!(rate("close_wait_growth", None, None, 1_800), Ok(-24.0));
    assert_eq!(
        rate("close_wait_growth", None, None, 0),
        Err(Missing::NotYet)
    );
    assert_eq!(rate("listen_growth", None, None, 60), Err(Missing::NotYet));
}

#[test]
fn counts_of_an_incomplete_dump_are_unknown() {
    let mut snapshot = snapshot().with_state(TcpState::CloseWait, 3).build();
    snapshot.collection.complete = false;
    let reading = Reading {
        snapshot: &snapshot,
        before: None,
        long_before: None,
        keeps: true,
    };
    let id = MetricId::find("close_wait").unwrap();
    assert_eq!(id.read(&reading), Err(Missing::Unread));
}
