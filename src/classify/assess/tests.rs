use std::time::Duration;

use super::super::change::Past;
use super::super::listeners::ListenerTally;
use super::super::metric::{About, Bound, Bounds};
use super::super::testing::{SnapshotBuilder, java, leak_digest, snapshot, socket, unanswered};
use super::super::thresholds::Name;
use super::*;
use crate::model::StateSet;
use crate::model::{
    Counter, CounterSnapshot, Counters, HostWide, LeakOwner, LeakOwnerKind, Listeners, PortReading,
    Pressure, Selection, Snapshot, SourceKind, Sysctl, TcpState, UnresponsivePeers,
    Verdict as Leak,
};

/// Everything known, nothing wrong.
fn healthy() -> SnapshotBuilder {
    Counter::ALL
        .iter()
        .fold(snapshot(), |builder, &counter| {
            builder.with_counter(counter, 0)
        })
        .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 1_000)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .with_minisockets(0)
        .with_pressure(Pressure {
            unresponsive: Some(UnresponsivePeers::default()),
            ports: PortReading::Grouped(crate::model::Ports::default()),
            listeners: Some(Listeners::default()),
            time_wait: None,
            host_wide: HostWide {
                orphans: Some(0),
                memory_pages: Some(0),
                // As in a child namespace.
                max_orphans: None,
                memory_limits: None,
            },
        })
        .with_leaks(leak_digest(&[], Vec::new()))
}

/// The same, and java leaks so many sockets.
fn leaking(count: u64) -> SnapshotBuilder {
    let owners = vec![java(count, 100)];
    healthy().with_leaks(leak_digest(&[(Leak::NotClosed, count)], owners))
}

fn thresholds(warn: &[&str], crit: &[&str]) -> Thresholds {
    let parse = |texts: &[&str]| {
        let parsed = texts
            .iter()
            .map(|text| Thresholds::threshold(text).unwrap());
        parsed.collect()
    };
    Thresholds {
        warn: parse(warn),
        crit: parse(crit),
        ..Thresholds::default()
    }
}

fn judged(snapshot: &Snapshot, thresholds: &Thresholds) -> Verdict {
    judge(&Observation::of(snapshot, None), thresholds)
}

#[test]
fn a_healthy_host_is_ok_with_every_metric_but_the_rates() {
    let verdict = judged(&healthy().build(), &Thresholds::default());
    assert_eq!(verdict.status(), Status::Ok, "{verdict:?}");
    assert_eq!(verdict.problems, []);
    let lasting = metrics().map(MetricId::value).filter(|id| !id.is_rate());
    assert_eq!(verdict.gauges.len(), lasting.count());
}

#[test]
fn a_rule_gives_its_severity_and_its_words() {
    let verdict = judged(&leaking(2).build(), &Thresholds::default());
    assert_eq!(verdict.status(), Status::Warning);
    let finding = verdict.findings().next().unwrap();
    assert_eq!(finding.rule, "close_wait_leak");
    let verdict = judged(&leaking(1).build(), &Thresholds::default());
    assert_eq!(verdict.status(), Status::Ok, "one may be chance");
    assert_eq!(verdict.findings().count(), 0);
}

#[test]
fn a_range_of_the_users_replaces_the_rule_and_keeps_its_words() {
    let mut lax = thresholds(
        &["close_wait_leaked_by_one=100"],
        &["close_wait_leaked_by_one=200"],
    );
    lax.ignore = vec![Name::find("close_wait_leaked").unwrap()];
    assert_eq!(judged(&leaking(100).build(), &lax).status(), Status::Ok);
    assert_eq!(
        judged(&leaking(101).build(), &lax).status(),
        Status::Warning
    );
    let verdict = judged(&leaking(201).build(), &lax);
    assert_eq!(verdict.status(), Status::Critical);
    assert_eq!(verdict.problems.len(), 1, "judged once");
    assert!(
        verdict
            .findings()
            .next()
            .unwrap()
            .message
            .starts_with("java[2231]")
    );
    // The end that wasn't set stays what it was.
    let strict = thresholds(&["close_wait_leaked_by_one=0"], &[]);
    assert_eq!(
        judged(&leaking(1).build(), &strict).status(),
        Status::Warning
    );
    assert_eq!(
        judged(&leaking(50).build(), &strict).status(),
        Status::Warning
    );
    assert_eq!(
        judged(&leaking(51).build(), &strict).status(),
        Status::Critical
    );
}

#[test]
fn what_is_about_everything_is_not_judged_by_a_part() {
    let mut part = Thresholds {
        selection: Some(Selection {
            words: "sport = 80".to_owned(),
            states: StateSet::ALL,
            unowned: true,
        }),
        ..Thresholds::default()
    };
    let snapshot = leaking(2).with_sysctl(Sysctl::TcpSyncookies, 0).build();
    let verdict = judged(&snapshot, &part);
    assert_eq!(verdict.findings().count(), 1, "{verdict:?}");
    assert!(
        verdict
            .gauges
            .iter()
            .all(|gauge| gauge.id.metric.about != About::Everything)
    );
    assert_eq!(part.check(), Ok(()));
    part.warn = vec![Thresholds::threshold("time_wait_used=3").unwrap()];
    assert!(part.check().is_err());
}

#[test]
fn the_last_of_several_ranges_counts() {
    let snapshot = healthy().with_state(TcpState::Listen, 5).build();
    let twice = thresholds(&["listen=1", "listen=10"], &[]);
    assert_eq!(judged(&snapshot, &twice).status(), Status::Ok);
}

#[test]
fn per_cent_are_of_the_limit_and_unknown_without_it() {
    let with = |count| healthy().with_state(TcpState::TimeWait, count);
    let half = thresholds(&[], &["time_wait=50%"]);
    assert_eq!(judged(&with(500).build(), &half).status(), Status::Ok);
    let verdict = judged(&with(501).build(), &half);
    assert_eq!(verdict.status(), Status::Critical);
    let gauge = verdict
        .gauges
        .iter()
        .find(|gauge| gauge.id.metric.name == "time_wait");
    assert_eq!(gauge.unwrap().crit.unwrap().to_string(), "500");
    let blind = snapshot()
        .with_state(TcpState::TimeWait, 501)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 1_000)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .build();
    assert_eq!(judged(&blind, &half).status(), Status::Unknown);
}

#[test]
fn what_a_rule_cannot_read_is_never_ok() {
    let verdict = judged(&snapshot().build(), &Thresholds::default());
    assert_eq!(verdict.status(), Status::Unknown);
    assert_eq!(verdict.problems.len(), 1, "one problem names them all");
}

#[test]
fn a_part_of_the_sockets_is_never_ok_and_can_still_be_critical() {
    let mut part = healthy().build();
    part.collection.complete = false;
    assert_eq!(
        judged(&part, &Thresholds::default()).status(),
        Status::Unknown
    );
    let mut part = leaking(51).build();
    part.collection.complete = false;
    let verdict = judged(&part, &Thresholds::default());
    assert_eq!(
        verdict.status(),
        Status::Critical,
        "it is at least that many"
    );
}

#[test]
fn only_and_ignore_choose() {
    let snapshot = leaking(2).with_sysctl(Sysctl::TcpSyncookies, 0).build();
    let choose = |only: &[&str], ignore: &[&str]| {
        let names = |texts: &[&str]| texts.iter().map(|text| Name::find(text).unwrap()).collect();
        judged(
            &snapshot,
            &Thresholds {
                only: names(only),
                ignore: names(ignore),
                ..Thresholds::default()
            },
        )
    };
    let rules = |verdict: &Verdict| -> Vec<&str> {
        verdict.findings().map(|finding| finding.rule).collect()
    };
    let both = choose(&[], &[]);
    assert_eq!(rules(&both), ["close_wait_leak", "tcp_syncookies"]);
    assert_eq!(
        rules(&choose(&["close_wait_leaked_by_one"], &[])),
        ["close_wait_leak"]
    );
    assert_eq!(rules(&choose(&["tcp_syncookies"], &[])), ["tcp_syncookies"]);
    assert_eq!(
        rules(&choose(&[], &["close_wait_leak"])),
        ["tcp_syncookies"]
    );
    let neither = choose(&[], &["close_wait_leaked_by_one", "tcp_syncookies"]);
    assert_eq!(neither.status(), Status::Ok);
    assert_eq!(choose(&["listen"], &[]).status(), Status::Ok);
    assert_eq!(choose(&["listen"], &[]).gauges.len(), 1);
}

#[test]
fn a_rate_that_is_not_known_yet_is_no_alarm() {
    let mut eager = thresholds(&[], &["resets_per_second=5", "close_wait_growth=10"]);
    eager.rates = true;
    let snapshot = healthy().with_counter(Counter::EstabResets, 600).build();
    let first = judged(&snapshot, &eager);
    assert_eq!(first.status(), Status::Ok);
    assert!(first.pending().count() > 2);
    let mark = CounterSnapshot {
        counters: healthy().build().counters,
        values: [("close_wait".to_owned(), 0.0)].into(),
        ..CounterSnapshot::default()
    };
    let reading = Observation {
        past: Some(Past {
            counters: &mark.counters,
            drops: None,
            ago: Some(Duration::from_secs(60)),
        }),
        long_before: Some((&mark, Duration::from_secs(60))),
        ..Observation::of(&snapshot, None)
    };
    let second = judge(&reading, &eager);
    assert_eq!(second.status(), Status::Critical);
    assert_eq!(second.pending().count(), 0);
    assert_eq!(second.problems.len(), 1);
}

#[test]
fn a_rate_that_will_never_be_known_is_unknown_where_it_was_asked_for() {
    let forgetful = |thresholds: &Thresholds| {
        let snapshot = healthy().build();
        let reading = Observation {
            continues: false,
            ..Observation::of(&snapshot, None)
        };
        judge(&reading, thresholds).status()
    };
    let mut thresholds = thresholds(&[], &["resets_per_second=5"]);
    thresholds.rates = true;
    assert_eq!(forgetful(&thresholds), Status::Unknown);
    thresholds.crit.clear();
    assert_eq!(forgetful(&thresholds), Status::Ok);
}

/// A warning of the user's takes nobody's critical away.
#[test]
fn a_warning_alone_keeps_the_severity_that_a_rule_has_without_a_range() {
    let full = |dropping: bool| {
        let mut listeners = ListenerTally::in_passing();
        let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(2, Some(1));
        listeners.add_listener(&listening.build());
        let mut snapshot = healthy().build();
        snapshot.pressure.listeners = Some(listeners.finish());
        if dropping {
            snapshot.counters.set(Counter::ListenOverflows, 100);
            snapshot.counters.set(Counter::ListenDrops, 100);
        }
        snapshot
    };
    let now = full(true);
    let before = CounterSnapshot {
        counters: full(false).counters,
        ..CounterSnapshot::default()
    };
    let reading = Observation {
        past: Some(Past {
            counters: &before.counters,
            drops: None,
            ago: Some(Duration::from_secs(60)),
        }),
        ..Observation::of(&now, None)
    };
    let by = |thresholds: &Thresholds| judge(&reading, thresholds).status();
    let mut alone = Thresholds {
        only: vec![Name::find("accept_queues_full").unwrap()],
        ..Thresholds::default()
    };
    assert_eq!(by(&alone), Status::Critical);
    alone.warn = vec![Thresholds::threshold("accept_queues_full=3").unwrap()];
    assert_eq!(by(&alone), Status::Critical);
    alone.crit = vec![Thresholds::threshold("accept_queues_full=5").unwrap()];
    assert_eq!(by(&alone), Status::Ok, "both ends are the user's");
    alone.warn.clear();
    assert_eq!(by(&alone), Status::Warning, "the rule still warns");
}

#[test]
fn a_range_of_the_users_outlives_the_rule_that_is_ignored() {
    let mut strict = thresholds(&[], &["close_wait_leaked_by_one=@1:"]);
    strict.ignore = vec![Name::find("close_wait_leak").unwrap()];
    assert_eq!(
        judged(&leaking(1).build(), &strict).status(),
        Status::Critical
    );
}

/// So many processes with one leaked socket each.
fn leaking_in(processes: u64) -> Snapshot {
    let named = processes.min(5);
    let mut owners: Vec<_> = (0..named).map(|_| java(1, 100)).collect();
    if processes > named {
        owners.push(LeakOwner {
            kind: LeakOwnerKind::Others {
                processes: processes - named,
                elsewhere: 0,
            },
            ..java(processes - named, 0)
        });
    }
    let digest = leak_digest(&[(Leak::NotClosed, processes)], owners);
    healthy().with_leaks(digest).build()
}

/// Fifty-one spare connections of fifty-one processes woke somebody up.
#[test]
fn the_total_is_judged_apart_from_who_leaks_most() {
    for (processes, status) in [
        (9, Status::Ok),
        (10, Status::Warning),
        (51, Status::Warning),
        (199, Status::Warning),
        (200, Status::Critical),
    ] {
        let verdict = judged(&leaking_in(processes), &Thresholds::default());
        assert_eq!(verdict.status(), status, "{processes}: {verdict:?}");
        assert!(verdict.problems.iter().all(|problem| {
            matches!(&problem.cause, Cause::Found(finding) if finding.rule == "close_wait_leaked")
        }));
    }
    let verdict = judged(&leaking_in(51), &Thresholds::default());
    let message = match &verdict.problems[0].cause {
        Cause::Found(finding) => &finding.message,
        cause => panic!("{cause:?}"),
    };
    assert!(
        message.starts_with("51 leaked CLOSE_WAIT sockets in 51 processes"),
        "{message}"
    );
    // A limit of the user's for the total leaves the rule for each alone.
    let lax = thresholds(&["close_wait_leaked=1000"], &["close_wait_leaked=1000"]);
    assert_eq!(
        judged(&leaking(51).build(), &lax).status(),
        Status::Critical
    );
    assert_eq!(judged(&leaking_in(200), &lax).status(), Status::Ok);
}

/// It fails soon, whatever took its descriptors.
#[test]
fn a_leaker_near_its_limit_of_descriptors_is_told() {
    let with = |leaked, open_fds| {
        let owners = vec![java(leaked, open_fds)];
        let digest = leak_digest(&[(Leak::NotClosed, leaked)], owners);
        judged(
            &healthy().with_leaks(digest).build(),
            &Thresholds::default(),
        )
        .status()
    };
    assert_eq!(with(1, 819), Status::Ok);
    assert_eq!(with(1, 820), Status::Warning);
    assert_eq!(with(1, 972), Status::Warning);
    assert_eq!(with(1, 973), Status::Critical);
    assert_eq!(with(0, 1_024), Status::Ok, "it leaks nothing");
}

/// What was never judged is no rule that found nothing.
#[test]
fn rules_that_came_to_a_judgement_are_named() {
    let whole = judged(&healthy().build(), &Thresholds::default());
    assert!(whole.judged.contains(&"close_wait_leak"));
    let mut part = healthy().build();
    part.collection.complete = false;
    let part = judged(&part, &Thresholds::default());
    assert!(!part.judged.contains(&"close_wait_leak"));
    let without = Thresholds {
        ignore: vec![Name::find("tcp_syncookies").unwrap()],
        ..Thresholds::default()
    };
    let without = judged(&healthy().build(), &without);
    assert!(!without.judged.contains(&"tcp_syncookies"));
}

/// It has thresholds by default, and nobody knows the number: no OK.
#[test]
fn a_rate_whose_counter_cannot_be_read_is_unknown() {
    let snapshot = healthy().build();
    let mut blind = snapshot.clone();
    blind.counters = Counters::default();
    let mut rates = Thresholds {
        only: vec![Name::find("resets_per_second").unwrap()],
        ..Thresholds::default()
    };
    rates.rates = true;
    assert_eq!(judged(&blind, &rates).status(), Status::Unknown);
    assert_eq!(
        judged(&snapshot, &rates).status(),
        Status::Ok,
        "not known yet"
    );
}

/// Ports that nobody grouped were told as a bound of what is used, and graphs
/// showed 22 % where 1.3 % were.
#[test]
fn ports_that_were_not_grouped_have_no_value() {
    let mut snapshot = healthy().build();
    snapshot.pressure.ports = PortReading::RuledOut {
        connections: 600,
        usable: 1_000,
    };
    let asked = judged(&snapshot, &thresholds(&[], &["ports_used=50"]));
    assert_eq!(asked.status(), Status::Unknown, "{asked:?}");
    let gauge = asked
        .gauges
        .iter()
        .find(|g| g.id.metric.name == "ports_used");
    assert_eq!(gauge.unwrap().value, Err(Missing::Unread));
}

/// Beside what nobody was found for, who leaks most leaks at least so much.
#[test]
fn the_most_of_one_is_a_bound_where_somebody_was_not_found() {
    let nobodys = LeakOwner {
        kind: LeakOwnerKind::Unknown,
        ..java(9, 0)
    };
    let digest = leak_digest(&[(Leak::NotClosed, 12)], vec![java(3, 100), nobodys]);
    let snapshot = healthy().with_leaks(digest).build();
    let by = |crit: &str| judged(&snapshot, &thresholds(&[], &[crit]));
    let verdict = by("close_wait_leaked_by_one=12");
    let gauge = |verdict: &Verdict, name: &str| {
        let mut gauges = verdict.gauges.iter();
        gauges.find(|g| g.id.metric.name == name).cloned().unwrap()
    };
    let most = gauge(&verdict, "close_wait_leaked_by_one");
    assert_eq!(most.value, Ok(3.0));
    assert_eq!(most.bound(), Some(Bound::AtLeast));
    assert_eq!(
        most.bounds,
        Some(Bounds {
            low: 3.0,
            high: 12.0
        })
    );
    assert!(verdict.problems.iter().all(|p| p.status == Status::Warning));
    assert_eq!(by("close_wait_leaked_by_one=2").status(), Status::Critical);
    let between = by("close_wait_leaked_by_one=11");
    let untold = |p: &Problem| p.status == Status::Unknown;
    assert!(between.problems.iter().any(untold), "{between:?}");
    let fds = gauge(&verdict, "leaker_fds_used");
    assert_eq!(fds.bound(), Some(Bound::AtLeast));
}

/// A total of 0 was OK there, and nobody knew whether it was one.
#[test]
fn where_no_ages_are_told_no_number_of_leaks_is_ok() {
    let digest = leak_digest(&[(Leak::Undated, 3)], Vec::new());
    let mut snapshot = healthy().with_leaks(digest).build();
    let status = |snapshot: &Snapshot, name: &str| {
        let only = Thresholds {
            only: vec![Name::find(name).unwrap()],
            ..Thresholds::default()
        };
        judged(snapshot, &only).status()
    };
    for name in [
        "close_wait_leaked",
        "close_wait_leaked_by_one",
        "leaker_fds_used",
    ] {
        snapshot.collection.source = SourceKind::Procfs;
        assert_eq!(status(&snapshot, name), Status::Unknown, "{name}");
        snapshot.collection.source = SourceKind::Netlink;
        assert_eq!(status(&snapshot, name), Status::Ok, "{name}");
    }
}

/// Two leak, and both are worth a call, whatever range says where that begins.
#[test]
fn a_range_of_the_users_does_not_silence_the_second_who_leaks() {
    let owners = vec![java(60, 100), java(55, 100), java(1, 100)];
    let digest = leak_digest(&[(Leak::NotClosed, 116)], owners);
    let snapshot = healthy().with_leaks(digest).build();
    let told = |thresholds: &Thresholds| {
        let verdict = judged(&snapshot, thresholds);
        let severities = |finding: &Finding| (finding.severity, finding.message.contains("60"));
        verdict
            .findings()
            .filter(|finding| finding.rule == "close_wait_leak")
            .map(severities)
            .collect::<Vec<_>>()
    };
    // One alone is no finding.
    let by_rule = [(Severity::Critical, true), (Severity::Critical, false)];
    assert_eq!(told(&Thresholds::default()), by_rule);
    assert_eq!(
        told(&thresholds(&["close_wait_leaked_by_one=5"], &[])),
        by_rule
    );
    let lax = thresholds(&[], &["close_wait_leaked_by_one=100"]);
    let warned = [(Severity::Warning, true), (Severity::Warning, false)];
    assert_eq!(told(&lax), warned);
}

/// A rule tells listener by listener, and last who is dropped.
#[test]
fn the_worst_that_a_rule_found_goes_first() {
    let mut verdict = judged(&healthy().build(), &Thresholds::default());
    let finding = |subject: &str, severity| {
        let snapshot = leaking(60).build();
        let verdict = judged(&snapshot, &Thresholds::default());
        let first = verdict.findings().next().unwrap().clone();
        Finding {
            subject: subject.to_owned(),
            severity,
            ..first
        }
    };
    let found = vec![
        finding("full", Severity::Warning),
        finding("dropped", Severity::Critical),
    ];
    for finding in found {
        verdict.take_in(finding);
    }
    let told: Vec<_> = verdict
        .findings()
        .map(|finding| (finding.subject.as_str(), finding.severity))
        .collect();
    assert_eq!(
        told,
        [("dropped", Severity::Critical), ("full", Severity::Warning)]
    );
}

/// A child namespace shows orphans and not how many there may be. That limit
/// "could not be read", as if something were broken.
#[test]
fn a_share_of_a_hidden_limit_is_hidden() {
    let verdict = judged(&healthy().build(), &thresholds(&["orphans=80%"], &[]));
    let causes: Vec<&Cause> = verdict.problems.iter().map(|p| &p.cause).collect();
    let hidden = Cause::NotJudged(vec!["orphans".to_owned()], Missing::Hidden);
    assert_eq!(causes, [&hidden]);
}

/// `--only tcp_memory_used` in a child namespace said OK and had judged nothing.
#[test]
fn what_is_asked_for_by_name_and_hidden_is_no_ok() {
    let only = |names: &[&str]| Thresholds {
        only: names.iter().map(|name| Name::find(name).unwrap()).collect(),
        ..Thresholds::default()
    };
    let snapshot = healthy().build();
    for name in ["tcp_memory_used", "tcp_memory", "orphans_used"] {
        let verdict = judged(&snapshot, &only(&[name]));
        assert_eq!(verdict.status(), Status::Unknown, "{name}");
        let causes: Vec<&Cause> = verdict.problems.iter().map(|p| &p.cause).collect();
        assert!(
            matches!(causes[..], [Cause::NotJudged(_, Missing::Hidden)]),
            "{causes:?}"
        );
    }
    // Nobody asked for it: the host's own check watches it.
    assert_eq!(
        judged(&snapshot, &only(&["close_wait_leaked"])).status(),
        Status::Ok
    );
    assert_eq!(
        judged(&snapshot, &Thresholds::default()).status(),
        Status::Ok
    );
}

/// The same of descriptors that only root may count.
#[test]
fn what_is_asked_for_by_name_and_denied_is_no_ok() {
    let mut hidden = java(5, 100);
    if let LeakOwnerKind::Process { open_fds, .. } = &mut hidden.kind {
        *open_fds = None;
    }
    let digest = leak_digest(&[(Leak::NotClosed, 5)], vec![hidden]);
    let snapshot = healthy().with_leaks(digest).build();
    let only = Thresholds {
        only: vec![Name::find("leaker_fds_used").unwrap()],
        ..Thresholds::default()
    };
    assert_eq!(judged(&snapshot, &only).status(), Status::Unknown);
}

/// Rows were lost, and a remark about those that were read made it OK.
#[test]
fn a_remark_about_a_part_of_the_rows_is_no_ok() {
    let mut snapshot = leaking(1).build();
    snapshot.pressure.unresponsive = Some(UnresponsivePeers {
        closes: unanswered(&[("10.0.0.9", 50)]),
        ..UnresponsivePeers::default()
    });
    for name in ["unanswered_connects", "unresponsive_peers"] {
        let only = Thresholds {
            only: vec![Name::find(name).unwrap()],
            ..Thresholds::default()
        };
        snapshot.collection.complete = true;
        let verdict = judged(&snapshot, &only);
        assert_eq!(verdict.status(), Status::Ok, "{name}");
        assert_eq!(verdict.notes.len(), 1);
        snapshot.collection.complete = false;
        let verdict = judged(&snapshot, &only);
        assert_eq!(verdict.status(), Status::Unknown, "{name}");
        assert_eq!(verdict.notes.len(), 1, "it is told all the same");
    }
    // What is wrong is wrong whatever else is.
    let mut snapshot = leaking(9).build();
    snapshot.collection.complete = false;
    let only = Thresholds {
        only: vec![Name::find("close_wait_leaked_by_one").unwrap()],
        ..Thresholds::default()
    };
    assert_eq!(judged(&snapshot, &only).status(), Status::Warning);
}

/// `-w unanswered_connects=5`, and the words were those about connections that our
/// side had closed.
#[test]
fn a_range_for_connects_that_hang_is_not_told_in_the_words_of_closes() {
    let with = |connects| {
        let mut snapshot = healthy().build();
        snapshot.pressure.unresponsive = Some(UnresponsivePeers {
            connects: unanswered(&[("10.0.0.9:80", connects)]),
            closes: unanswered(&[("10.0.0.9", 50)]),
            ..UnresponsivePeers::default()
        });
        judged(&snapshot, &thresholds(&["unanswered_connects=5"], &[]))
    };
    let few = with(7);
    assert_eq!(few.status(), Status::Warning);
    let causes: Vec<&Cause> = few.problems.iter().map(|p| &p.cause).collect();
    let [Cause::Found(finding)] = causes[..] else {
        panic!("{causes:?}");
    };
    assert_eq!(finding.subject, "10.0.0.9:80");
    assert_eq!(few.notes.len(), 1);
    let many = with(12);
    assert_eq!(many.status(), Status::Warning);
    let subjects: Vec<&str> = many.findings().map(|f| &*f.subject).collect();
    assert_eq!(subjects, ["10.0.0.9:80", "10.0.0.9"]);
    assert_eq!(many.problems.len(), 1);
}
