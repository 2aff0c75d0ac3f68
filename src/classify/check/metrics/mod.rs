//! Every metric, in the order in which they are listed. A new one is a few
//! lines here, and appears in the list, the perfdata, JSON and Prometheus.

use super::super::rules::{
    self, ACCEPT_QUEUE_FULL, CLOSE_WAIT_LEAK, ORPHANS, PORTS_EXHAUSTION, SILENT_PEERS, SYN_FLOOD,
    SYN_RECV_BACKLOG, TCP_MEMORY, TIME_WAIT_BUCKETS,
};
use super::super::{close_wait, ports};
use super::Range;
use super::metric::{Metric, Source, Unit};
use super::part::About;
use super::reading::share;
use super::{leaks, pressure};
use crate::model::float;
use crate::model::{Counter, Sysctl, TcpState};

/// Every metric.
pub const METRICS: &[Metric] = &[
    Metric::new(
        "close_wait_leaked",
        Unit::Count,
        "connections that applications forgot to close, all together",
        Source::Of(leaks::leaked),
    )
    .about(About::Sockets)
    .worded(leaks::leaked_words)
    .warns(Range::from(float(rules::CLOSE_WAIT_TOTAL_WARNING)))
    .alarms(Range::from(float(rules::CLOSE_WAIT_TOTAL_CRITICAL))),
    Metric::new(
        "close_wait_leaked_by_one",
        Unit::Count,
        "the same, of the process, unit or listener that leaks most; at least, where some hide",
        Source::Of(leaks::leaked_by_one),
    )
    .about(About::Sockets)
    .bounded(leaks::by_one_bounds)
    .judged_by(&[CLOSE_WAIT_LEAK])
    .warns(Range::from(float(rules::CLOSE_WAIT_WARNING)))
    .alarms(Range::from(float(rules::CLOSE_WAIT_CRITICAL))),
    Metric::new(
        "close_wait_oldest",
        Unit::Seconds,
        "how long the oldest of them has been forgotten, at least",
        Source::Of(leaks::oldest),
    )
    .about(About::Sockets),
    Metric::new(
        "close_wait_undated",
        Unit::Count,
        "connections in CLOSE_WAIT whose age keepalives hide; a state file settles it",
        Source::Of(leaks::undated),
    )
    .about(About::Sockets),
    Metric::new(
        "leaker_fds_used",
        Unit::Percent,
        "file descriptors in use of a process that leaks, of its limit; at least, as above",
        Source::Of(leaks::fds_used),
    )
    .about(About::Sockets)
    .bounded(leaks::fds_bounds)
    .worded(leaks::fds_words)
    .warns(Range::from(close_wait::FDS_HIGH * 100.0))
    .alarms(Range::from(close_wait::FDS_CRITICAL * 100.0)),
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
                now.sockets(now.snapshot.states.minisockets),
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
    Metric::new(
        "ports_used",
        Unit::Percent,
        "ports taken towards the fullest destination",
        Source::Of(pressure::ports_used),
    )
    .judged_by(&[PORTS_EXHAUSTION])
    .warns(Range::from(ports::WARNING * 100.0))
    .alarms(Range::from(ports::CRITICAL * 100.0)),
    Metric::new(
        "accept_queues_full",
        Unit::Count,
        "listeners whose accept queue is full; critical while clients are dropped",
        Source::Of(pressure::full_accept_queues),
    )
    .about(About::Listeners)
    .judged_by(&[ACCEPT_QUEUE_FULL])
    .warns(Range::from(1.0)),
    Metric::new(
        "accept_queue_used",
        Unit::Percent,
        "connections that wait in the fullest accept queue, of its limit",
        Source::Of(pressure::accept_queue_used),
    )
    .about(About::Listeners),
    Metric::state(TcpState::SynRecv, "handshakes that aren't finished"),
    // What cookies make of it decides, and no number: the rule has no range.
    Metric::new(
        "syn_queue_used",
        Unit::Percent,
        "unfinished handshakes in the fullest SYN queue; cookies decide how bad it is",
        Source::Of(pressure::syn_queue_used),
    )
    .judged_by(&[SYN_RECV_BACKLOG]),
    Metric::new(
        "syn_cookies_per_second",
        Unit::PerSecond,
        "SYN cookies sent; it is a flood where few come back",
        Source::Rate(&[Counter::SyncookiesSent]),
    )
    .judged_by(&[SYN_FLOOD]),
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
    Metric::new(
        "silent_connects",
        Unit::Count,
        "connections that hang in connect(), to the one place that most wait for",
        Source::Of(pressure::silent_connects),
    )
    .judged_by(&[SILENT_PEERS])
    .concerned_by(rules::is_of_connects)
    .warns(Range::from(float(rules::SILENT_WARNING))),
    Metric::new(
        "orphans",
        Unit::Count,
        "sockets of the host that no process holds; 100 % is tcp_max_orphans",
        Source::Of(pressure::orphans),
    )
    .limited(pressure::max_orphans),
    Metric::new(
        "orphans_used",
        Unit::Percent,
        "the same, of tcp_max_orphans, which the host's namespace alone shows",
        Source::Of(|now| share(pressure::orphans(now), pressure::max_orphans(now))),
    )
    .judged_by(&[ORPHANS])
    .warns(Range::from(rules::ORPHANS_WARNING * 100.0))
    .alarms(Range::from(rules::ORPHANS_CRITICAL * 100.0)),
    // It warns from the second number of tcp_mem on, wherever that is.
    Metric::new(
        "tcp_memory_used",
        Unit::Percent,
        "TCP buffers of the host, of the third number of tcp_mem; warns from the second on",
        Source::Of(pressure::memory_used),
    )
    .judged_by(&[TCP_MEMORY])
    .alarms(Range::from(rules::MEMORY_CRITICAL * 100.0)),
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

#[cfg(test)]
mod tests;
