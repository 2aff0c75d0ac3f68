use super::super::assess::assess;
use super::super::change::Past;
use super::super::finding::Severity;
use super::super::listeners::ListenerTally;
use super::super::metric::Measured;
use super::super::testing::{java, leak_digest, snapshot, socket, unanswered};
use super::*;
use crate::model::float;
use crate::model::{
    Counter, CounterSnapshot, Destination, Endpoint, HostWide, Listeners, PortReading, Ports,
    Pressure, Snapshot, Sysctl, TcpState, UnresponsivePeers, Verdict,
};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn names_are_unique_plain_and_found() {
    let mut names = BTreeSet::new();
    for metric in metrics() {
        assert!(names.insert(metric.name), "{}", metric.name);
        assert!(
            metric
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
            "{}",
            metric.name
        );
        assert!(find_metric(metric.name).is_some());
    }
    assert!(find_metric("close_wait_growth").is_some_and(|id| id.growth));
    assert!(find_metric("time_wait_used_growth").is_none());
    assert!(find_metric("nonsense").is_none());
}

#[test]
fn every_state_has_a_metric_of_its_own_count() {
    for (count, state) in (1..).zip(TcpState::NAMED) {
        if state == TcpState::BoundInactive {
            continue;
        }
        let snapshot = snapshot().with_state(state, count).build();
        let reading = Observation::of(&snapshot, None);
        let id = find_metric(state.key()).unwrap();
        assert_eq!(id.read(&reading), Ok(float(count)), "{state}");
    }
}

/// The severity of the worst finding of a rule, if one is wrong.
fn severity(of: &Rule, snapshot: &Snapshot) -> Option<Severity> {
    match of.judge(&Observation::of(snapshot, None), &of.defaults()) {
        Judgement::Found(findings) => findings.iter().map(|finding| finding.severity).max(),
        _ => None,
    }
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
        interface: None,
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
            unresponsive: Some(UnresponsivePeers {
                connects: unanswered(&[("10.0.0.9:5432", waiting)]),
                ..UnresponsivePeers::default()
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
    let shown = |metric: &Metric| metric.warn.is_some() || metric.crit.is_some();
    let of_rules = RULES.iter().filter(|rule| !rule.needs_past);
    let judged: Vec<(&Rule, &Metric)> = of_rules
        .filter_map(|rule| Some((rule, rule.value.as_ref()?)))
        .filter(|(_, metric)| shown(metric))
        .collect();
    assert!(judged.len() >= 7);
    for count in 0..1_100 {
        let snapshot = so_much(count);
        let observation = Observation::of(&snapshot, None);
        for (rule, metric) in &judged {
            let value = metric.read(&observation).unwrap();
            let expected = rule.defaults().severity(Some(value), None);
            assert_eq!(
                severity(rule, &snapshot),
                expected,
                "{} at {count}",
                rule.name
            );
        }
    }
}

/// One that stood before the rule that covers it would be told twice.
#[test]
fn what_covers_a_rule_stands_before_it() {
    for (place, rule) in RULES.iter().enumerate() {
        for name in rule.covered_by {
            let covers = RULES.iter().position(|other| other.name == *name);
            assert!(covers.is_some_and(|covers| covers < place), "{name}");
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
        let reading = Observation::of(&snapshot, None);
        find_metric("ports_used").unwrap().read(&reading)
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
    let mark = CounterSnapshot {
        counters: then.counters,
        values: [("close_wait".to_owned(), 12.0)].into(),
        ..CounterSnapshot::default()
    };
    let reading = Observation {
        past: (seconds > 0).then_some(Past {
            counters: &mark.counters,
            drops: None,
            ago: Some(Duration::from_secs(seconds)),
        }),
        long_before: (seconds > 0).then_some((&mark, Duration::from_secs(seconds))),
        ..Observation::of(&now, None)
    };
    find_metric(name).unwrap().read(&reading)
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
    let reading = Observation::of(&snapshot, None);
    let id = find_metric("close_wait").unwrap();
    assert_eq!(id.read(&reading), Err(Missing::Unread));
}

/// A dump that had lost rows was followed by "ok".
#[test]
fn rules_about_sockets_call_nothing_fine_when_rows_are_missing() {
    let pressure = Pressure {
        ports: PortReading::Grouped(Ports::default()),
        listeners: Some(Listeners::default()),
        ..Pressure::default()
    };
    let mut snapshot = snapshot()
        .with_leaks(leak_digest(&[], Vec::new()))
        .with_pressure(pressure)
        .build();
    let topics = ["CLOSE_WAIT", "ports", "accept queues", "SYN_RECV"];
    for topic in topics {
        assert!(RULES.iter().any(|rule| rule.topic == topic), "{topic}");
        assert!(assess(&snapshot, None).fine.contains(&topic), "{topic}");
    }
    snapshot.collection.complete = false;
    let assessment = assess(&snapshot, None);
    for topic in topics {
        assert!(assessment.unknown.contains(&topic), "{topic}");
    }
}

#[test]
fn every_rule_is_explained() {
    for rule in RULES {
        assert!(rule.explanation.ends_with('.'), "{}", rule.name);
    }
}
