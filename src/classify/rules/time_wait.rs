//! TIME_WAIT: its limit, and the setting that must not be on.

use super::super::metric::{Metric, Observation, Range, Unit, share};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use crate::model::ratio;
use crate::model::{Counter, Sysctl, TcpState};
use crate::text::number::{counted, grouped, percent};

/// TIME_WAIT near its bucket limit, or over it.
pub(super) const TIME_WAIT_BUCKETS: Rule = Rule::new(
    "time_wait_buckets",
    "TIME_WAIT",
    judge_buckets,
)
.explained(
    "TIME_WAIT sockets are near the limit of the network namespace, or beyond it. Beyond it \
         connections end without TIME_WAIT, and late segments can reach a new connection. Raise \
         tcp_max_tw_buckets, or let connections live longer.",
)
.measuring(
    Metric::new(
        "time_wait_used",
        Unit::Percent,
        "TIME_WAIT sockets, as a share of tcp_max_tw_buckets",
        |observation| {
            share(
                observation.sockets(observation.snapshot.states.minisockets),
                observation.sysctl(Sysctl::TcpMaxTwBuckets),
            )
        },
    )
    .warns(Range::from(80.0))
    .alarms(Range::from(95.0)),
);

/// A kernel that still has tcp_tw_recycle, with it on.
pub(super) const TCP_TW_RECYCLE: Rule =
    Rule::new("tcp_tw_recycle", "tcp_tw_recycle", judge_recycle).explained(
        "The kernel is older than 4.12 and has tcp_tw_recycle on: it drops SYNs of clients that \
         share an address behind NAT. Switch it off.",
    );

fn judge_buckets(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let (Some(count), Some(limit)) = (
        snapshot.states.minisockets,
        snapshot.sysctls.get(Sysctl::TcpMaxTwBuckets),
    ) else {
        return Judgement::Unknown;
    };
    let overflows = snapshot.counters.get(Counter::TcpTimeWaitOverflow);
    // A limit of 0 keeps no TIME_WAIT at all: everything is over it.
    let share = ratio(count, limit);
    let used = share.unwrap_or(1.0);
    let overflowed = overflows.is_some_and(|times| times > 0);
    // It happened, nobody knows when; it isn't happening now.
    let once = overflowed.then_some(Severity::Info);
    let Some(severity) = levels.severity(Some(used * 100.0), once) else {
        return Judgement::Fine;
    };
    let mut message = format!(
        "{} of {} TIME_WAIT buckets ({}) are used",
        grouped(count),
        grouped(limit),
        percent(used),
    );
    if severity >= Severity::Warning {
        message.push_str(
            "; beyond the limit connections end without TIME_WAIT, and late segments can reach \
             a new connection",
        );
    }
    let mut evidence = vec![
        Evidence::count("minisockets", count),
        Evidence::count("max_buckets", limit),
    ];
    evidence.extend(share.map(|share| Evidence::number("used_ratio", share)));
    if let Some(times) = overflows {
        evidence.push(Evidence::count("overflows", times));
        if overflowed {
            message.push_str("; so far ");
            message.push_str(&counted(times, "connection", "connections"));
            message.push_str(" ended without it");
        }
    }
    Judgement::Found(vec![Finding {
        rule: TIME_WAIT_BUCKETS.name,
        severity,
        subject: "TIME_WAIT".to_owned(),
        message,
        advice: "see who closes first, and let connections live longer or raise the limit: \
                 tcpstate pressure; sysctl net.ipv4.tcp_max_tw_buckets"
            .to_owned(),
        evidence,
        state: Some(TcpState::TimeWait),
    }])
}

fn judge_recycle(observation: &Observation, _: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    // Absent is the normal case: the kernel dropped the setting in 4.12. But in
    // a snapshot without any setting it wasn't read.
    if snapshot.sysctls.get(Sysctl::TcpSyncookies).is_none()
        && snapshot.sysctls.get(Sysctl::TcpTwRecycle).is_none()
    {
        return Judgement::Unknown;
    }
    match snapshot.sysctls.get(Sysctl::TcpTwRecycle) {
        None | Some(0) => Judgement::Fine,
        Some(value) => Judgement::Found(vec![Finding {
            rule: TCP_TW_RECYCLE.name,
            severity: Severity::Critical,
            subject: "net.ipv4.tcp_tw_recycle".to_owned(),
            message: format!(
                "tcp_tw_recycle is {value}: SYNs of clients that share an address behind NAT are \
                 dropped silently"
            ),
            advice: "switch it off: sysctl -w net.ipv4.tcp_tw_recycle=0".to_owned(),
            evidence: vec![Evidence::count("tcp_tw_recycle", value)],
            state: None,
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{SnapshotBuilder, snapshot};
    use super::*;
    use crate::classify::rules::testing::judged_by;

    fn severity(rule: Rule, snapshot: SnapshotBuilder) -> Option<Severity> {
        match judged_by(&rule, &snapshot.build(), None) {
            Judgement::Found(findings) => Some(findings[0].severity),
            Judgement::Fine => None,
            Judgement::Unknown | Judgement::NotAsked | Judgement::NotRead => {
                panic!("everything needed is there")
            }
        }
    }

    #[test]
    fn buckets_fire_at_eighty_percent_and_are_critical_at_ninety_five() {
        for (count, expected) in [
            (799, None),
            (800, Some(Severity::Warning)),
            (949, Some(Severity::Warning)),
            (950, Some(Severity::Critical)),
            (1_000, Some(Severity::Critical)),
        ] {
            let snapshot = snapshot()
                .with_minisockets(count)
                .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
                .with_counter(Counter::TcpTimeWaitOverflow, 0);
            assert_eq!(severity(TIME_WAIT_BUCKETS, snapshot), expected, "{count}");
        }
    }

    #[test]
    fn an_overflow_in_the_past_is_told_and_not_alarmed() {
        let snapshot = snapshot()
            .with_minisockets(1)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
            .with_counter(Counter::TcpTimeWaitOverflow, 3);
        assert_eq!(severity(TIME_WAIT_BUCKETS, snapshot), Some(Severity::Info));
    }

    #[test]
    fn a_limit_of_zero_is_always_reached() {
        let snapshot = snapshot()
            .with_minisockets(0)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 0);
        assert_eq!(
            severity(TIME_WAIT_BUCKETS, snapshot),
            Some(Severity::Critical)
        );
    }

    #[test]
    fn without_both_families_there_is_no_verdict() {
        let snapshot = snapshot()
            .with_state(TcpState::TimeWait, 1_000)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000);
        assert_eq!(
            judged_by(&TIME_WAIT_BUCKETS, &snapshot.build(), None),
            Judgement::Unknown
        );
    }

    #[test]
    fn without_the_limit_there_is_no_verdict() {
        let snapshot = snapshot().with_minisockets(1_000_000).build();
        assert_eq!(
            judged_by(&TIME_WAIT_BUCKETS, &snapshot, None),
            Judgement::Unknown
        );
    }

    #[test]
    fn recycle_fires_when_on_and_not_when_off_or_gone() {
        let with = |value| snapshot().with_sysctl(Sysctl::TcpTwRecycle, value);
        assert_eq!(severity(TCP_TW_RECYCLE, with(1)), Some(Severity::Critical));
        assert_eq!(severity(TCP_TW_RECYCLE, with(0)), None);
        let gone = snapshot().with_sysctl(Sysctl::TcpSyncookies, 1);
        assert_eq!(severity(TCP_TW_RECYCLE, gone), None);
        assert_eq!(
            judged_by(&TCP_TW_RECYCLE, &snapshot().build(), None),
            Judgement::Unknown
        );
    }
}
