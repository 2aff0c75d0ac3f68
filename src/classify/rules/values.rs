//! Values that no rule judges, in the order in which they are listed.

use super::super::metric::Metric;
use super::accept_queue::ACCEPT_QUEUE_USED;
use super::close_wait::{CLOSE_WAIT_OLDEST, CLOSE_WAIT_UNDATED};
use super::host_wide::ORPHANS_COUNT;
use crate::model::{Sysctl, TcpState};

/// Values that have thresholds only where the user sets some.
pub(super) const VALUES: &[Metric] = &[
    CLOSE_WAIT_OLDEST,
    CLOSE_WAIT_UNDATED,
    ACCEPT_QUEUE_USED,
    ORPHANS_COUNT,
    Metric::state(TcpState::CloseWait, "closed by the peer, not by us"),
    Metric::state(
        TcpState::TimeWait,
        "closed by us first; 100 % is tcp_max_tw_buckets",
    )
    .limited(|observation| observation.sysctl(Sysctl::TcpMaxTwBuckets)),
    Metric::state(TcpState::SynRecv, "handshakes that aren't finished"),
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
    Metric::all_states("sockets", "TCP sockets in all states"),
];
