//! What rose since an earlier reading.

use std::time::Duration;

use crate::model::float;
use crate::model::{Counter, CounterSnapshot, Counters, ListenerDrops, Snapshot};

/// How much a number rose, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// By how much.
    pub by: u64,
    /// By how much a second.
    pub per_s: f64,
}

/// What was counted before: as much of an earlier reading as a judgement of
/// this one compares with.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// The counters of then.
    pub counters: &'a Counters,
    /// What each listener had discarded then.
    pub drops: Option<&'a ListenerDrops>,
    /// How long ago; `None` when it isn't known or is no time.
    pub ago: Option<Duration>,
}

impl<'a> Past<'a> {
    /// Of what was counted so long ago.
    #[must_use]
    pub const fn counted(before: &'a CounterSnapshot, ago: Option<Duration>) -> Self {
        Self {
            counters: &before.counters,
            drops: Some(&before.drops),
            ago,
        }
    }

    /// Of an earlier sample.
    #[must_use]
    pub fn of(previous: &'a Snapshot, snapshot: &Snapshot) -> Self {
        Self {
            counters: &previous.counters,
            drops: previous
                .pressure
                .listeners
                .as_ref()
                .map(|listeners| &listeners.drops),
            ago: time_between(snapshot, previous),
        }
    }
}

/// The time between two samples; `None` when it isn't known or is none.
#[must_use]
pub fn time_between(snapshot: &Snapshot, previous: &Snapshot) -> Option<Duration> {
    snapshot
        .read_at?
        .checked_sub(previous.read_at?)
        .filter(|time| !time.is_zero())
}

/// How a counter rose since an earlier reading. `None` where there is none,
/// where the kernel doesn't count it, and where it fell: then it was reset,
/// and nobody knows what it rose from.
#[must_use]
pub fn counter(counter: Counter, snapshot: &Snapshot, past: Option<Past<'_>>) -> Option<Change> {
    let past = past?;
    let time = past.ago?;
    let now = snapshot.counters.get(counter)?;
    let by = now.checked_sub(past.counters.get(counter)?)?;
    Some(Change {
        by,
        per_s: float(by) / time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::snapshot;
    use super::*;

    #[test]
    fn a_rise_is_a_rate_and_a_fall_is_unknown() {
        let start = Duration::from_secs(9_000);
        let at = |seconds, value| {
            snapshot()
                .with_counter(Counter::ListenDrops, value)
                .read_at(start + Duration::from_secs(seconds))
                .build()
        };
        let of = |which, now: &Snapshot, before: &Snapshot| {
            counter(which, now, Some(Past::of(before, now)))
        };
        let change = |now: &Snapshot, before: &Snapshot| of(Counter::ListenDrops, now, before);
        assert_eq!(
            change(&at(2, 10), &at(0, 4)),
            Some(Change { by: 6, per_s: 3.0 })
        );
        assert_eq!(change(&at(2, 4), &at(0, 10)), None);
        assert_eq!(change(&at(0, 10), &at(0, 4)), None, "no time between");
        assert_eq!(change(&at(0, 10), &at(2, 4)), None, "the wrong order");
        assert_eq!(counter(Counter::ListenDrops, &at(0, 1), None), None);
        assert_eq!(of(Counter::Tw, &at(2, 1), &at(0, 1)), None);
    }
}
