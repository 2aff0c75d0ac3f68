//! Every metric, in the order in which they are listed. A new one is a few
//! lines here, and appears in the list, the perfdata, JSON and Prometheus.

use super::super::rules::{self, CLOSE_WAIT_LEAK, SYN_RECV_BACKLOG, TIME_WAIT_BUCKETS};
use super::Range;
use super::metric::{Metric, Source, Unit};
use super::reading::{Measured, Missing, number, share};
use crate::model::{Counter, LeakDigest, Sysctl, TcpState, Verdict, Who};

/// Every metric.
pub const METRICS: &[Metric] = &[
    Metric::new(
        "close_wait_leaked",
        Unit::Count,
        "connections that an application forgot to close",
        Source::Of(|now| now.leaks(|leaks| Ok(number(leaks.counts.leaked())))),
    )
    .of_sockets()
    .judged_by(&[CLOSE_WAIT_LEAK])
    .warns(Range::from(number(rules::CLOSE_WAIT_WARNING)))
    .alarms(Range::from(number(rules::CLOSE_WAIT_CRITICAL))),
    Metric::new(
        "close_wait_leaked_by_one",
        Unit::Count,
        "the same, of the one process, unit or listener that leaks most",
        Source::Of(|now| {
            now.leaks(|leaks| {
                let most = leaks.suspects.iter().map(|suspect| suspect.leaked).max();
                Ok(number(most.unwrap_or(0)))
            })
        }),
    )
    .of_sockets(),
    Metric::new(
        "close_wait_oldest",
        Unit::Seconds,
        "how long the oldest of them has been forgotten, at least",
        Source::Of(|now| {
            now.leaks(|leaks| {
                let age = leaks.oldest.at_least.unwrap_or_default();
                Ok(if leaks.counts.leaked() == 0 {
                    0.0
                } else {
                    age.as_secs_f64()
                })
            })
        }),
    )
    .of_sockets(),
    Metric::new(
        "close_wait_undated",
        Unit::Count,
        "connections in CLOSE_WAIT whose age keepalives hide; a state file settles it",
        Source::Of(|now| now.leaks(|leaks| Ok(number(leaks.counts.of(Verdict::Undated))))),
    )
    .of_sockets(),
    Metric::new(
        "leaker_fds_used",
        Unit::Percent,
        "file descriptors in use of a process that leaks, of its limit",
        Source::Of(|now| now.leaks(fds_used)),
    )
    .of_sockets(),
    Metric::state(TcpState::CloseWait, "closed by the peer, not by us"),
    Metric::state(
        TcpState::TimeWait,
        "closed by us first; 100 % is tcp_max_tw_buckets",
    )
    .limited(|now| now.sysctl(Sysctl::TcpMaxTwBuckets)),
    Metric::new(
        "time_wait_used",
        Unit::Percent,
        "TIME_WAIT buckets in use, of tcp_max_tw_buckets",
        Source::Of(|now| {
            share(
                now.sockets(now.sample.states.minisockets),
                now.sysctl(Sysctl::TcpMaxTwBuckets),
            )
        }),
    )
    .judged_by(&[TIME_WAIT_BUCKETS])
    .warns(Range::from(rules::TIME_WAIT_WARNING * 100.0))
    .alarms(Range::from(rules::TIME_WAIT_CRITICAL * 100.0)),
    // Each one ended without the protection that TIME_WAIT is.
    Metric::new(
        "time_wait_overflows_per_second",
        Unit::PerSecond,
        "connections closed without TIME_WAIT, for want of buckets",
        Source::Rate(&[Counter::TcpTimeWaitOverflow]),
    )
    .warns(Range::above(0.0)),
    Metric::state(
        TcpState::SynRecv,
        "handshakes that aren't finished; 100 % is tcp_max_syn_backlog",
    )
    .limited(|now| now.sysctl(Sysctl::TcpMaxSynBacklog)),
    Metric::new(
        "syn_recv_used",
        Unit::Percent,
        "unfinished handshakes of all listeners, of tcp_max_syn_backlog",
        Source::Of(|now| {
            share(
                now.sockets(now.sample.states.total_of(TcpState::SynRecv)),
                now.sysctl(Sysctl::TcpMaxSynBacklog),
            )
        }),
    )
    .judged_by(&[SYN_RECV_BACKLOG])
    .warns(Range::from(rules::SYN_RECV_WARNING * 100.0)),
    // A connect storm after a restart sends some, too; cookies lose nobody.
    Metric::new(
        "syn_cookies_per_second",
        Unit::PerSecond,
        "SYN cookies sent: SYN queues overflow",
        Source::Rate(&[Counter::SyncookiesSent]),
    )
    .warns(Range::above(10.0)),
    // A client tries again after 1 s, then 3 s, then 7 s: users notice.
    Metric::new(
        "syn_drops_per_second",
        Unit::PerSecond,
        "SYNs and final ACKs that listeners dropped: a full queue, or no memory",
        Source::Rate(&[Counter::ListenDrops]),
    )
    .warns(Range::above(1.0))
    .alarms(Range::above(50.0)),
    Metric::new(
        "resets_per_second",
        Unit::PerSecond,
        "connections ended by a reset, by either side",
        Source::Rate(&[Counter::EstabResets]),
    )
    .warns(Range::above(100.0))
    .alarms(Range::above(1_000.0)),
    Metric::state(TcpState::Established, "open connections"),
    Metric::state(TcpState::SynSent, "connections that we try to open"),
    Metric::state(TcpState::FinWait1, "closed by us, not acknowledged"),
    Metric::state(TcpState::FinWait2, "closed by us, not by the peer"),
    Metric::state(
        TcpState::LastAck,
        "closed by the peer, then us, not acknowledged",
    ),
    Metric::state(
        TcpState::Closing,
        "closed by both at once, not acknowledged",
    ),
    Metric::state(TcpState::Listen, "listening sockets"),
    Metric::state(TcpState::Close, "not connected, yet in the table"),
    Metric::new(
        "sockets",
        Unit::Count,
        "TCP sockets in all states",
        Source::AllStates,
    ),
];

/// The fullest table of descriptors among those who leak.
fn fds_used(leaks: &LeakDigest) -> Measured {
    if leaks.counts.leaked() == 0 {
        return Ok(0.0);
    }
    let shares = leaks
        .suspects
        .iter()
        .filter_map(|suspect| match suspect.who {
            Who::Process {
                open_fds: Some(open),
                fd_limit: Some(limit),
                ..
            } => share(Ok(number(open)), Ok(number(limit))).ok(),
            Who::Process { .. } | Who::Unit(_) | Who::Listener(_) | Who::Unknown => None,
        });
    shares.reduce(f64::max).ok_or(Missing::Denied)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{java, leak_digest, sample};
    use super::super::super::{Judgement, Severity};
    use super::super::metric::MetricId;
    use super::super::reading::Reading;
    use super::*;
    use crate::model::{Memory, Sample};
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
            let sample = sample().with_state(state, count).build();
            let reading = Reading {
                sample: &sample,
                before: None,
            };
            let id = MetricId::find(state.key()).unwrap();
            assert_eq!(id.read(&reading), Ok(number(count)), "{state}");
        }
    }

    fn severity(of: &Metric, sample: &Sample) -> Option<Severity> {
        of.rules
            .iter()
            .filter_map(|rule| match (rule.judge)(sample, None) {
                Judgement::Found(findings) => findings.iter().map(|finding| finding.severity).max(),
                _ => None,
            })
            .max()
            .filter(|&severity| severity >= Severity::Warning)
    }

    /// What the list and the perfdata show is what the rules do.
    #[test]
    fn shown_defaults_are_the_limits_of_their_rules() {
        for count in 0..1_100 {
            let sample = sample()
                .with_leaks(leak_digest(
                    &[(Verdict::NotClosed, count)],
                    vec![java(count, 9)],
                ))
                .with_minisockets(count)
                .with_state(TcpState::SynRecv, count)
                .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
                .with_sysctl(Sysctl::TcpMaxSynBacklog, 1_000)
                .with_sysctl(Sysctl::TcpSyncookies, 1)
                .build();
            let reading = Reading {
                sample: &sample,
                before: None,
            };
            for metric in METRICS.iter().filter(|metric| !metric.rules.is_empty()) {
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
                    severity(metric, &sample),
                    "{} at {count}",
                    metric.name
                );
            }
        }
    }

    fn rate(name: &str, now: Option<u64>, before: Option<u64>, seconds: u64) -> Measured {
        let counters = |value: Option<u64>| {
            let mut builder = sample();
            if let Some(value) = value {
                builder = builder.with_counter(Counter::EstabResets, value);
            }
            builder.build()
        };
        let (now, then) = (counters(now), counters(before));
        let memory = Memory {
            counters: then.counters,
            values: [("close_wait".to_owned(), 12.0)].into(),
            ..Memory::default()
        };
        let reading = Reading {
            sample: &now,
            before: (seconds > 0).then_some((&memory, Duration::from_secs(seconds))),
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
        let mut sample = sample().with_state(TcpState::CloseWait, 3).build();
        sample.collection.complete = false;
        let reading = Reading {
            sample: &sample,
            before: None,
        };
        let id = MetricId::find("close_wait").unwrap();
        assert_eq!(id.read(&reading), Err(Missing::Unread));
    }
}
