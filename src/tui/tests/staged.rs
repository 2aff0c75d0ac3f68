//! Samples to draw.

use std::time::{Duration, Instant};

use crate::classify::close_wait::{LeakReport, Unattributed, Unowned};
pub(super) use crate::classify::history::testing::{SECOND, at_second, busy, push, timeline};
use crate::classify::history::{Leaks, Look, Reading, Timeline, Transitions};
use crate::classify::testing::{java, leak_digest};
use crate::model::{AgeBounds, Counter, LeakDigest, Sysctl, TcpState, Verdict};

/// What java leaks after so many seconds.
fn leaks(second: u64) -> LeakDigest {
    let leaked = second.saturating_sub(60) * 6;
    let owners = (leaked > 0).then(|| java(leaked, leaked + 40));
    leak_digest(
        &[(Verdict::NotClosed, leaked)],
        owners.into_iter().collect(),
    )
}

/// A host whose connections pile up in CLOSE_WAIT, after four minutes.
pub(super) fn incident() -> Timeline {
    let start = Instant::now();
    let mut timeline = Timeline::default();
    for second in 0..240_u64 {
        let established = 800 + second % 7 * 10;
        let close_wait = second * 6;
        let builder = busy(established, close_wait, 1_000 + second * 8)
            .with_state(TcpState::SynRecv, 3 - second % 4)
            .with_leaks(leaks(second))
            .with_counter(Counter::TcpAbortOnClose, 1_755)
            .with_counter(Counter::SyncookiesSent, 12)
            .with_counter(Counter::TcpTimeWaitOverflow, 0)
            .with_sysctl(Sysctl::TcpMaxTwBuckets, 262_144)
            .with_sysctl(Sysctl::TcpTwReuse, 2)
            .with_sysctl(Sysctl::TcpTwReuseDelay, 1_000)
            .with_sysctl(Sysctl::TcpTimestamps, 1)
            .with_sysctl(Sysctl::TcpSyncookies, u64::from(second < 200))
            .with_sysctl(Sysctl::TcpMaxSynBacklog, 2_048)
            .with_sysctl(Sysctl::Somaxconn, 4_096)
            .with_sysctl(Sysctl::TcpFinTimeout, 60);
        let age = |since| Some(Duration::from_secs(second.saturating_sub(since)));
        let oldest = AgeBounds {
            at_least: age(1),
            at_most: age(0),
        };
        let transitions = Transitions {
            entered: 6,
            left: Some(0),
            stuck: close_wait.saturating_sub(6),
            oldest: Some(oldest),
        };
        push(
            &mut timeline,
            start + SECOND * u32::try_from(second).unwrap(),
            Duration::from_micros(2_100),
            at_second(builder, second),
            Some(transitions),
        );
    }
    timeline
}

/// The same host a second later, as the view of leaks reads it.
pub(super) fn leaking() -> Timeline {
    reported(super::leaking::report())
}

/// The same, with every owner unknown.
pub(super) fn unowned(why: Unowned) -> Timeline {
    let mut report = super::leaking::report();
    report.processes.clear();
    let all = 0..report.sockets.len();
    report.unattributed = all.map(|index| Unattributed { index, why }).collect();
    report.attributed = 0;
    reported(report)
}

/// The same while a socket is still to be looked for.
pub(super) fn half_sought() -> Timeline {
    let mut report = super::leaking::report();
    for entry in &mut report.unattributed {
        entry.why = Unowned::NotYet;
    }
    reported(report)
}

fn reported(report: LeakReport) -> Timeline {
    let mut timeline = timeline();
    let at = timeline.latest().unwrap().at + SECOND;
    timeline.push(Reading {
        at,
        cost: Duration::from_millis(12),
        snapshot: at_second(busy(870, 33, 1_050), 3),
        close_wait: None,
        leaks: Look::Found(Leaks {
            report,
            cost: Duration::from_millis(2),
            every: Duration::from_millis(80),
            search: None,
        }),
        waiting: None,
        failed: Vec::new(),
    });
    timeline
}

/// The same host a second later, as the views of ports and listeners read it.
pub(super) fn pressed() -> Timeline {
    let mut timeline = timeline();
    let at = timeline.latest().unwrap().at + SECOND;
    let builder = busy(870, 33, 1_050)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .with_sysctl(Sysctl::TcpTwReuse, 2)
        .with_sysctl(Sysctl::TcpTimestamps, 1)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 2_048)
        .with_counter(Counter::ListenOverflows, 31)
        .with_pressure(super::pressed::pressure());
    push(
        &mut timeline,
        at,
        Duration::from_millis(90),
        at_second(builder, 3),
        None,
    );
    timeline
}
