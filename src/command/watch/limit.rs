//! When watching ends by itself.

use std::time::{Duration, Instant};

use crate::cli::WatchArgs;

/// How many samples, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    count: Option<u64>,
    duration: Option<Duration>,
}

impl Limit {
    /// What the arguments ask for.
    pub(super) fn new(args: &WatchArgs) -> Self {
        Self {
            count: args.count,
            duration: args.duration.map(|duration| duration.0),
        }
    }

    /// Whether no sample shall come at `next`, if ever one would, when so many
    /// were taken and the first began at `start`.
    pub(super) fn is_reached(self, taken: u64, start: Instant, next: Option<Instant>) -> bool {
        self.count.is_some_and(|count| taken >= count)
            || self.duration.is_some_and(|duration| {
                next.is_none_or(|next| next.saturating_duration_since(start) > duration)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

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
