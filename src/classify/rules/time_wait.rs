//! TIME_WAIT: its limit, and the setting that must not be on.

use super::super::change::Past;
use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use crate::model::ratio;
use crate::model::{Counter, Snapshot, Sysctl, TcpState};
use crate::text::number::{counted, grouped, percent};

/// TIME_WAIT near its bucket limit, or over it.
pub(in crate::classify) const TIME_WAIT_BUCKETS: Rule = Rule {
    name: "time_wait_buckets",
    topic: "TIME_WAIT",
    judge: judge_buckets,
};

/// A kernel that still has tcp_tw_recycle, with it on.
pub(in crate::classify) const TCP_TW_RECYCLE: Rule = Rule {
    name: "tcp_tw_recycle",
    topic: "tcp_tw_recycle",
    judge: judge_recycle,
};

/// Shares of tcp_max_tw_buckets.
pub(in crate::classify) const WARNING: f64 = 0.8;
pub(in crate::classify) const CRITICAL: f64 = 0.95;

fn judge_buckets(snapshot: &Snapshot, _past: Option<Past<'_>>) -> Judgement {
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
    let severity = if used >= CRITICAL {
        Severity::Critical
    } else if used >= WARNING {
        Severity::Warning
    } else if overflowed {
        // It happened, nobody knows when; it isn't happening now.
        Severity::Info
    } else {
        return Judgement::Fine;
    };
    let mut message = format!(
        "{} of {} TIME_WAIT buckets ({}) are used",
        grouped(count),
        grouped(limit),
        percent(used),
    );
    if used >= WARNING {
        message.push_str(
            "; beyond the limit connections end without TIME_WAIT, and late segments can reach \
             a new connection",
        );
    }
    let mut evidence = vec![
        Evidence::count("minisockets", count),
        Evidence::count("max_buckets", limit),
    ];
    evidence.extend(share.map(|share| Evidence::ratio("used_ratio", share)));
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

fn judge_recycle(snapshot: &Snapshot, _past: Option<Past<'_>>) -> Judgement {
    // Absent is the normal case: the kernel dropped the setting in 4.12. But a
    // sample without any setting hasn't been looking.
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
                 dropped without a trace"
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

    fn severity(
        judge: fn(&Snapshot, Option<Past<'_>>) -> Judgement,
        snapshot: SnapshotBuilder,
    ) -> Option<Severity> {
        match judge(&snapshot.build(), None) {
            Judgement::Found(findings) => Some(findings[0].severity),
            Judgement::Fine => None,
            Judgement::Unknown | Judgement::NotAsked => panic!("everything needed is there"),
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
            assert_eq!(severity(judge_buckets, snapshot), expected, "{count}");
        }
    }

    #[test]
    fn an_overflow_in_the_past_is_told_and_not_alarmed() {
        let snapshot = snapshot()
            .with_minisockets(1)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000)
            .with_counter(Counter::TcpTimeWaitOverflow, 3);
        assert_eq!(severity(judge_buckets, snapshot), Some(Severity::Info));
    }

    #[test]
    fn a_limit_of_zero_is_always_reached() {
        let snapshot = snapshot()
            .with_minisockets(0)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 0);
        assert_eq!(severity(judge_buckets, snapshot), Some(Severity::Critical));
    }

    #[test]
    fn without_both_families_there_is_no_verdict() {
        let snapshot = snapshot()
            .with_state(TcpState::TimeWait, 1_000)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 1_000);
        assert_eq!(judge_buckets(&snapshot.build(), None), Judgement::Unknown);
    }

    #[test]
    fn without_the_limit_there_is_no_verdict() {
        let snapshot = snapshot().with_minisockets(1_000_000).build();
        assert_eq!(judge_buckets(&snapshot, None), Judgement::Unknown);
    }

    #[test]
    fn recycle_fires_when_on_and_not_when_off_or_gone() {
        let with = |value| snapshot().with_sysctl(Sysctl::TcpTwRecycle, value);
        assert_eq!(severity(judge_recycle, with(1)), Some(Severity::Critical));
        assert_eq!(severity(judge_recycle, with(0)), None);
        let gone = snapshot().with_sysctl(Sysctl::TcpSyncookies, 1);
        assert_eq!(severity(judge_recycle, gone), None);
        assert_eq!(judge_recycle(&snapshot().build(), None), Judgement::Unknown);
    }
}
