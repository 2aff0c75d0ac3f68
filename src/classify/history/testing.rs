//! Samples to show: a host with a little of everything.

use super::{Look, Reading, Timeline, Transitions};
use crate::classify::testing::{SnapshotBuilder, leak_digest, snapshot};
use crate::model::{AgeBounds, Counter, Host, NetNs, Snapshot, TcpState};
use std::time::{Duration, Instant, SystemTime};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A sample of a host with a little of everything.
pub(crate) fn at_second(builder: SnapshotBuilder, second: u64) -> Snapshot {
    let mut snapshot = builder.build();
    snapshot.taken_at = Some(
        SystemTime::UNIX_EPOCH + SECOND * 1_785_499_200 + SECOND * u32::try_from(second).unwrap(),
    );
    snapshot.elapsed = Duration::from_micros(1_400);
    snapshot.host = Host {
        name: Some("web-3".to_owned()),
        netns: Some(NetNs {
            inode: Some(4_026_531_840),
            name: None,
        }),
        kernel: Some((6, 18)),
    };
    snapshot
}

/// Takes a sample for which no view asked for more.
pub(crate) fn push(
    timeline: &mut Timeline,
    at: Instant,
    cost: Duration,
    snapshot: Snapshot,
    close_wait: Option<Transitions>,
) {
    timeline.push(Reading {
        at,
        cost,
        snapshot,
        close_wait,
        leaks: Look::NotAsked,
        waiting: None,
        failed: Vec::new(),
    });
}

pub(crate) fn busy(established: u64, close_wait: u64, opened: u64) -> SnapshotBuilder {
    snapshot()
        .with_state(TcpState::Established, established)
        .with_state(TcpState::TimeWait, 301)
        .with_state(TcpState::CloseWait, close_wait)
        .with_state(TcpState::Listen, 45)
        .with_leaks(leak_digest(&[], Vec::new()))
        .with_counter(Counter::ActiveOpens, opened)
        .with_counter(Counter::PassiveOpens, 4_002_113)
        .with_counter(Counter::AttemptFails, 310)
        .with_counter(Counter::EstabResets, 2_011)
        .with_counter(Counter::CurrEstab, established + close_wait)
}

/// Two samples, two seconds apart.
pub(crate) fn timeline() -> Timeline {
    let start = Instant::now();
    let mut timeline = Timeline::default();
    let cost = Duration::from_micros(2_100);
    push(
        &mut timeline,
        start,
        cost,
        at_second(busy(852, 40, 1_000), 0),
        None,
    );
    let oldest = AgeBounds {
        at_least: Some(SECOND * 2),
        at_most: None,
    };
    let transitions = Transitions {
        entered: 20,
        left: Some(4),
        stuck: 36,
        oldest: Some(oldest),
    };
    push(
        &mut timeline,
        start + SECOND * 2,
        cost,
        at_second(busy(870, 56, 1_050), 2),
        Some(transitions),
    );
    timeline
}
