//! When the next sample is due, and when there is none any more.

use std::time::{Duration, Instant};

/// Ticks at equal distances from a beginning: what a sample takes, and what
/// the machine takes to wake us, doesn't add up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    start: Instant,
    interval: Duration,
    /// Ticks from the start to the next.
    tick: u64,
}

impl Schedule {
    /// The first tick is at `start`.
    pub(crate) const fn new(start: Instant, interval: Duration) -> Self {
        Self {
            start,
            interval,
            tick: 0,
        }
    }

    /// The next tick; `None` where it never comes, as after an interval of
    /// centuries.
    pub(crate) fn next(&self) -> Option<Instant> {
        let interval = self.interval.as_nanos();
        let offset = interval.saturating_mul(self.tick.into());
        let offset = Duration::from_nanos(u64::try_from(offset).ok()?);
        self.start.checked_add(offset)
    }

    /// The tick was used by a sample that began at `began`, and now it is
    /// `now`: the next is the first that lies ahead, unless that is too soon.
    /// Gives how many were missed.
    pub(crate) fn advance(&mut self, began: Instant, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_nanos();
        let passed = passed / self.interval.as_nanos().max(1);
        let ahead = u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(1);
        let planned = self.tick.saturating_add(1);
        self.tick = planned.max(ahead);
        // A sample that began late, after a stop or because the machine was
        // busy, has the next tick close behind it: a rate over a few
        // milliseconds says nothing.
        let distance = |next: Instant| next.saturating_duration_since(began);
        if self
            .next()
            .is_some_and(|next| distance(next) < self.interval / 2)
        {
            self.tick = self.tick.saturating_add(1);
        }
        self.tick - planned
    }

    /// From now on another interval, the next tick one of it away.
    #[cfg(any(test, feature = "tui"))]
    pub(crate) fn change(&mut self, now: Instant, interval: Duration) {
        *self = Self::new(now, interval);
        self.tick = 1;
    }
}

/// To what the interval was stretched because a sample took so long; `None`
/// where it didn't, whatever else was late.
pub(crate) fn stretched(interval: Duration, cost: Duration, missed: u64) -> Option<Duration> {
    if cost <= interval || missed == 0 {
        return None;
    }
    let ticks = u32::try_from(missed.saturating_add(1)).unwrap_or(u32::MAX);
    Some(interval.saturating_mul(ticks))
}

/// How many samples, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Samples.
    pub(crate) count: Option<u64>,
    /// Time from the first sample to the last.
    pub(crate) duration: Option<Duration>,
}

impl Limit {
    /// Whether no sample shall come at `next`, if ever one would, when so many
    /// were taken and the first began at `start`.
    pub(crate) fn is_reached(self, taken: u64, start: Instant, next: Option<Instant>) -> bool {
        self.count.is_some_and(|count| taken >= count)
            || self.duration.is_some_and(|duration| {
                next.is_none_or(|next| next.saturating_duration_since(start) > duration)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        /// However late each sample begins and however long it takes, ticks
        /// stay on the grid and ahead, and not close behind its beginning.
        #[test]
        fn ticks_never_drift(
            interval_ms in 1_u64..5_000,
            samples in proptest::collection::vec((0_u64..9_000, 0_u64..20_000), 1..50),
        ) {
            let start = Instant::now();
            let interval = Duration::from_millis(interval_ms);
            let mut schedule = Schedule::new(start, interval);
            for (late, cost) in samples {
                let tick = schedule.next().unwrap();
                let began = tick + Duration::from_millis(late);
                let now = began + Duration::from_millis(cost);
                let missed = schedule.advance(began, now);
                let next = schedule.next().unwrap();
                let offset = (next - start).as_millis();
                prop_assert_eq!(offset % u128::from(interval_ms), 0);
                prop_assert!(next > now);
                prop_assert!(next - began >= interval / 2);
                prop_assert!(next - now <= interval + interval / 2);
                prop_assert_eq!(next, tick + interval * u32::try_from(missed + 1).unwrap());
                prop_assert_eq!(schedule.advance(next, next), 0, "in time again");
            }
        }
    }

    /// After a stop the next sample came 3 ms later, with rates of a thousand
    /// times what they were.
    #[test]
    fn no_tick_comes_close_after_a_late_one() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, SECOND);
        schedule.advance(start, start);
        let late = start + SECOND * 8 + Duration::from_millis(997);
        assert_eq!(schedule.advance(late, late), 8);
        assert_eq!(schedule.next(), Some(start + SECOND * 10));
        // A sample that is slow, and not late, keeps its rhythm.
        let began = start + SECOND * 10;
        schedule.advance(began, began + Duration::from_millis(900));
        assert_eq!(schedule.next(), Some(start + SECOND * 11));
    }

    #[test]
    fn only_a_slow_sample_stretches_the_interval() {
        assert_eq!(stretched(SECOND, SECOND / 2, 0), None);
        assert_eq!(stretched(SECOND, SECOND / 2, 5), None, "asleep");
        let slow = Duration::from_millis(1_400);
        assert_eq!(stretched(SECOND, slow, 1), Some(SECOND * 2));
    }

    #[test]
    fn a_new_interval_counts_from_now() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, SECOND);
        schedule.change(start + SECOND * 3, SECOND * 5);
        assert_eq!(schedule.next(), Some(start + SECOND * 8));
    }

    /// What overflowed gave the start: always due.
    #[test]
    fn an_interval_of_centuries_is_no_busy_loop() {
        let days = |days| SECOND * 86_400 * days;
        for interval in [days(100_000), days(300_000), Duration::MAX] {
            let now = Instant::now();
            let mut schedule = Schedule::new(now, interval);
            assert_eq!(schedule.next(), Some(now), "the first is at once");
            schedule.advance(now, now);
            assert!(schedule.next().is_none_or(|next| next > now));
            schedule.change(now, interval);
            assert!(schedule.next().is_none_or(|next| next > now));
        }
    }

    #[test]
    fn a_duration_ends_with_a_sample_at_its_end() {
        let start = Instant::now();
        let limit = Limit {
            count: None,
            duration: Some(SECOND * 10),
        };
        assert!(!limit.is_reached(9, start, Some(start + SECOND * 10)));
        assert!(limit.is_reached(9, start, Some(start + SECOND * 11)));
        assert!(limit.is_reached(9, start, None));
    }

    #[test]
    fn a_count_is_a_count() {
        let start = Instant::now();
        let limit = Limit {
            count: Some(3),
            duration: None,
        };
        assert!(!limit.is_reached(2, start, Some(start + SECOND * 1_000)));
        assert!(!limit.is_reached(2, start, None));
        assert!(limit.is_reached(3, start, Some(start)));
        let none = Limit {
            count: None,
            duration: None,
        };
        assert!(!none.is_reached(u64::MAX, start, Some(start + SECOND * 1_000)));
    }
}
