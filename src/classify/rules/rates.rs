//! Events per second, by the kernel's counters.

use super::super::metric::{Metric, Observation, Range};
use super::super::rule::{Judgement, Levels, Rule};
use super::{ACCEPT_QUEUE_FULL, SYN_FLOOD, TIME_WAIT_BUCKETS, by_range};
use crate::model::{Counter, TcpState};

/// Each one ended without the protection that TIME_WAIT is.
pub(super) const TIME_WAIT_OVERFLOWS: Rule =
    Rule::new("time_wait_overflows_per_second", "TIME_WAIT", overflows)
        .explained(
            "Connections are closed without TIME_WAIT now, because tcp_max_tw_buckets is reached. \
         Raise it, or find out who closes first: tcpstate pressure.",
        )
        .measuring(
            Metric::rate(
                "time_wait_overflows_per_second",
                "connections closed without TIME_WAIT, for want of buckets",
                Counter::TcpTimeWaitOverflow,
            )
            .warns(Range::above(0.0)),
        )
        .between_readings()
        .covered_by(&[TIME_WAIT_BUCKETS.name]);

/// A client tries again after 1 s, then 3 s, then 7 s: users notice.
pub(super) const SYN_DROPS: Rule = Rule::new("syn_drops_per_second", "SYN queues", drops)
    .explained(
        "Listeners drop SYNs or final ACKs now: a full accept queue, a full SYN queue with \
         cookies off, no memory, or no route for the answer. Clients try again after 1 s, 3 s \
         and 7 s, so users notice. See the queues: tcpstate pressure.",
    )
    .measuring(
        Metric::rate(
            "syn_drops_per_second",
            "SYNs and final ACKs that listeners dropped: a full queue, or no memory",
            Counter::ListenDrops,
        )
        .warns(Range::above(1.0))
        .alarms(Range::above(50.0)),
    )
    .between_readings()
    .covered_by(&[ACCEPT_QUEUE_FULL.name, SYN_FLOOD.name]);

/// Connections that break off.
pub(super) const RESETS: Rule = Rule::new("resets_per_second", "resets", resets)
    .explained(
        "Connections end by resets or timeouts, many a second. A deployment that restarts \
         servers does that; so do load balancers that cut idle connections, and applications \
         that close with unread data. What was on the way is lost. See tcpstate explain reset.",
    )
    .measuring(
        Metric::rate(
            "resets_per_second",
            "connections ended by a reset, by either side",
            Counter::EstabResets,
        )
        .warns(Range::above(100.0))
        .alarms(Range::above(1_000.0)),
    )
    .between_readings();

fn overflows(observation: &Observation, levels: &Levels) -> Judgement {
    by_range(&TIME_WAIT_OVERFLOWS, observation, levels, |finding| {
        "see who closes first, and let connections live longer or raise the \
                          limit: tcpstate pressure; sysctl net.ipv4.tcp_max_tw_buckets"
            .clone_into(&mut finding.advice);
        finding.state = Some(TcpState::TimeWait);
    })
}

fn drops(observation: &Observation, levels: &Levels) -> Judgement {
    by_range(&SYN_DROPS, observation, levels, |finding| {
        "see which queue is full: tcpstate pressure -p; or whether memory is short"
            .clone_into(&mut finding.advice);
    })
}

fn resets(observation: &Observation, levels: &Levels) -> Judgement {
    by_range(&RESETS, observation, levels, |finding| {
        "see why: nstat -az TcpEstabResets TcpOutRsts 'TcpExtTCPAbort*'"
            .clone_into(&mut finding.advice);
    })
}
