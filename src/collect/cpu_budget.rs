//! How often something may be done that takes much CPU time.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Tells the CPU time that was spent so far.
pub type Clock = fn() -> Duration;

/// The share of a core that something may use on average, and when it may
/// therefore be done again.
#[derive(Debug, Clone)]
pub struct CpuBudget {
    clock: Clock,
    /// One part of so many of a core.
    parts: u32,
    last: Option<Run>,
}

/// When something was done last, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    begun: Instant,
    /// The CPU time that it took.
    pub cost: Duration,
    /// From its beginning to the next at least.
    pub every: Duration,
}

impl Run {
    /// How long ago it began.
    #[must_use]
    pub fn ago(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }
}

impl CpuBudget {
    /// One part of so many of a core, by this clock. Nothing was done yet.
    #[must_use]
    pub const fn new(clock: Clock, parts: u32) -> Self {
        Self {
            clock,
            parts,
            last: None,
        }
    }

    /// Whether it may be done now.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| last.ago(now) >= last.every)
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The CPU time that was spent so far.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// It began at `begun` and took so much CPU time.
    pub fn spend(&mut self, begun: Instant, cost: Duration) -> Run {
        let every = cost.saturating_mul(self.parts);
        *self.last.insert(Run { begun, cost, every })
    }

    /// It failed, or was in vain: it may be done again at once.
    pub const fn forget(&mut self) {
        self.last = None;
    }

    /// The last time.
    #[must_use]
    pub const fn last(&self) -> Option<Run> {
        self.last
    }
}

/// The CPU time that this process has taken of all cores together. The wall
/// clock would charge us with what others do on a busy host.
#[must_use]
pub fn cpu_time() -> Duration {
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
            let mut budget = CpuBudget::new(cpu_time, parts);
            let (mut spent, mut tick) = (Duration::ZERO, 0);
            for cost in costs {
                let at = loop {
                    let now = start + Duration::from_millis(interval) * tick;
                    tick += 1;
                    if budget.is_due(now) {
                        break now;
                    }
                };
                prop_assert!(spent * parts <= at - start);
                let cost = Duration::from_millis(cost);
                spent += cost;
                budget.spend(at, cost);
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
