use std::time::Duration;

use super::super::super::testing::{SampleBuilder, sample};
use super::super::wishes::Name;
use super::*;
use crate::model::{Counter, Memory, Sysctl, TcpState};

/// Everything known, nothing wrong.
fn healthy() -> SampleBuilder {
    Counter::ALL
        .iter()
        .fold(sample(), |builder, &counter| {
            builder.with_counter(counter, 0)
        })
        .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 1_000)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
}

fn wishes(warn: &[&str], crit: &[&str]) -> Wishes {
    let thresholds = |texts: &[&str]| {
        let parsed = texts.iter().map(|text| Wishes::threshold(text).unwrap());
        parsed.collect()
    };
    Wishes {
        warn: thresholds(warn),
        crit: thresholds(crit),
        ..Wishes::default()
    }
}

fn judged(sample: &Sample, wishes: &Wishes) -> Verdict {
    let reading = Reading {
        sample,
        before: None,
    };
    judge(&reading, None, wishes)
}

#[test]
fn a_healthy_host_is_ok_with_every_metric_but_the_rates() {
    let verdict = judged(&healthy().build(), &Wishes::default());
    assert_eq!(verdict.status(), Status::Ok, "{verdict:?}");
    assert_eq!(verdict.problems, []);
    let rates = METRICS.iter().filter(|metric| {
        MetricId {
            metric,
            growth: false,
        }
        .is_rate()
    });
    assert_eq!(verdict.gauges.len(), METRICS.len() - rates.count());
}

#[test]
fn a_rule_gives_its_severity_and_its_words() {
    let many = healthy().with_state(TcpState::CloseWait, 60).build();
    let verdict = judged(&many, &Wishes::default());
    assert_eq!(verdict.status(), Status::Warning);
    assert_eq!(verdict.findings().next().unwrap().rule, "close_wait_pileup");
}

#[test]
fn a_range_of_the_users_replaces_the_rule() {
    let with = |count| healthy().with_state(TcpState::CloseWait, count).build();
    let lax = wishes(&["close_wait=100"], &["close_wait=200"]);
    assert_eq!(judged(&with(100), &lax).status(), Status::Ok);
    assert_eq!(judged(&with(101), &lax).status(), Status::Warning);
    assert_eq!(judged(&with(201), &lax).status(), Status::Critical);
    // The end that wasn't set stays what it was.
    let strict = wishes(&["close_wait=3"], &[]);
    assert_eq!(judged(&with(4), &strict).status(), Status::Warning);
    assert_eq!(judged(&with(999), &strict).status(), Status::Warning);
    assert_eq!(judged(&with(1_000), &strict).status(), Status::Critical);
    assert_eq!(
        judged(&with(1_000), &strict).problems.len(),
        1,
        "judged once"
    );
}

#[test]
fn the_last_of_several_ranges_counts() {
    let sample = healthy().with_state(TcpState::Listen, 5).build();
    let twice = wishes(&["listen=1", "listen=10"], &[]);
    assert_eq!(judged(&sample, &twice).status(), Status::Ok);
}

#[test]
fn per_cent_are_of_the_limit_and_unknown_without_it() {
    let with = |count| healthy().with_state(TcpState::TimeWait, count);
    let half = wishes(&[], &["time_wait=50%"]);
    assert_eq!(judged(&with(500).build(), &half).status(), Status::Ok);
    let verdict = judged(&with(501).build(), &half);
    assert_eq!(verdict.status(), Status::Critical);
    let gauge = verdict
        .gauges
        .iter()
        .find(|gauge| gauge.id.metric.name == "time_wait");
    assert_eq!(gauge.unwrap().crit.unwrap().to_string(), "500");
    let blind = sample()
        .with_state(TcpState::TimeWait, 501)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 1_000)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .build();
    assert_eq!(judged(&blind, &half).status(), Status::Unknown);
}

#[test]
fn what_a_rule_cannot_read_is_never_ok() {
    let verdict = judged(&sample().build(), &Wishes::default());
    assert_eq!(verdict.status(), Status::Unknown);
    assert_eq!(verdict.problems.len(), 1, "one problem names them all");
}

#[test]
fn a_part_of_the_sockets_is_never_ok_and_can_still_be_critical() {
    let mut part = healthy().with_state(TcpState::CloseWait, 3).build();
    part.collection.complete = false;
    assert_eq!(judged(&part, &Wishes::default()).status(), Status::Unknown);
    let mut part = healthy().with_state(TcpState::CloseWait, 5_000).build();
    part.collection.complete = false;
    let verdict = judged(&part, &Wishes::default());
    assert_eq!(
        verdict.status(),
        Status::Critical,
        "it is at least that many"
    );
    let ranged = wishes(&["established=5"], &[]);
    assert_eq!(judged(&part, &ranged).status(), Status::Critical);
}

#[test]
fn only_and_ignore_choose() {
    let sample = healthy()
        .with_state(TcpState::CloseWait, 60)
        .with_sysctl(Sysctl::TcpSyncookies, 0)
        .build();
    let choose = |only: &[&str], ignore: &[&str]| {
        let names = |texts: &[&str]| texts.iter().map(|text| Name::find(text).unwrap()).collect();
        judged(
            &sample,
            &Wishes {
                only: names(only),
                ignore: names(ignore),
                ..Wishes::default()
            },
        )
    };
    let rules = |verdict: &Verdict| -> Vec<&str> {
        verdict.findings().map(|finding| finding.rule).collect()
    };
    let both = choose(&[], &[]);
    assert_eq!(rules(&both), ["close_wait_pileup", "tcp_syncookies"]);
    assert_eq!(rules(&choose(&["close_wait"], &[])), ["close_wait_pileup"]);
    assert_eq!(rules(&choose(&["tcp_syncookies"], &[])), ["tcp_syncookies"]);
    assert_eq!(
        rules(&choose(&[], &["close_wait_pileup"])),
        ["tcp_syncookies"]
    );
    let neither = choose(&[], &["close_wait", "tcp_syncookies"]);
    assert_eq!(neither.status(), Status::Ok);
    assert_eq!(choose(&["listen"], &[]).status(), Status::Ok);
    assert_eq!(choose(&["listen"], &[]).gauges.len(), 1);
}

#[test]
fn a_rate_that_is_not_known_yet_is_no_alarm() {
    let mut eager = wishes(&[], &["resets_per_second=5", "close_wait_growth=10"]);
    eager.rates = true;
    let sample = healthy().with_counter(Counter::EstabResets, 600).build();
    let first = judged(&sample, &eager);
    assert_eq!(first.status(), Status::Ok);
    assert!(first.pending().count() > 2);
    let memory = Memory {
        counters: healthy().build().counters,
        values: [("close_wait".to_owned(), 0.0)].into(),
        ..Memory::default()
    };
    let reading = Reading {
        sample: &sample,
        before: Some((&memory, Duration::from_secs(60))),
    };
    let second = judge(&reading, None, &eager);
    assert_eq!(second.status(), Status::Critical);
    assert_eq!(second.pending().count(), 0);
    assert_eq!(second.problems.len(), 1);
}
