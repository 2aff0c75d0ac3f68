//! How often something may be done that costs much.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Tells the time of a core that was spent so far.
pub(in crate::command) type Clock = fn() -> Duration;

/// When something was done last, and what it cost.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct Pace {
    begun: Instant,
    cost: Duration,
    every: Duration,
}

impl Pace {
    /// It began at `begun`, took so much of a core, and may take one part of
    /// so many of it in the long run.
    pub(in crate::command) fn new(begun: Instant, cost: Duration, parts: u32) -> Self {
        Self {
            begun,
            cost,
            every: cost.saturating_mul(parts),
        }
    }

    /// The time of a core that it took.
    pub(in crate::command) const fn cost(&self) -> Duration {
        self.cost
    }

    /// From its beginning to the next at least.
    pub(in crate::command) const fn every(&self) -> Duration {
        self.every
    }

    /// How long ago it was.
    pub(in crate::command) fn ago(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// Whether it may be done again.
    pub(in crate::command) fn is_over(&self, now: Instant) -> bool {
        self.ago(now) >= self.every
    }
}

/// Whether something that was done then, if ever, may be done now.
pub(in crate::command) fn is_due(last: Option<&Pace>, now: Instant) -> bool {
    last.is_none_or(|last| last.is_over(now))
}

/// The time that this process has taken of all cores together. The wall clock
/// would charge us with what others do on a busy host.
pub(in crate::command) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever each time costs: in the long run it is one part of so many.
        #[test]
        fn the_share_is_kept(
            costs in proptest::collection::vec(0_u64..400, 1..60),
            parts in 1_u32..200,
            interval in 1_u64..3_000,
        ) {
            let start = Instant::now();
            let mut last = None;
            let (mut spent, mut tick) = (Duration::ZERO, 0);
            for cost in costs {
                let at = loop {
                    let now = start + Duration::from_millis(interval) * tick;
                    tick += 1;
                    if is_due(last.as_ref(), now) {
                        break now;
                    }
                };
                prop_assert!(spent * parts <= at - start);
                let cost = Duration::from_millis(cost);
                spent += cost;
                last = Some(Pace::new(at, cost, parts));
            }
        }
    }

    #[test]
    fn cpu_time_does_not_go_back() {
        let before = cpu_time();
        assert!(before > Duration::ZERO);
        assert!(cpu_time() >= before);
    }
}
