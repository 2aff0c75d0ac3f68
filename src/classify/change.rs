//! What rose between two samples.

use std::time::Duration;

use crate::model::{Counter, Sample};

/// How much a number rose, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// By how much.
    pub by: u64,
    /// By how much a second.
    pub per_s: f64,
}

/// The time between two samples; `None` when it isn't known or is none.
#[must_use]
pub fn time_between(sample: &Sample, previous: &Sample) -> Option<Duration> {
    sample
        .read_at?
        .checked_duration_since(previous.read_at?)
        .filter(|time| !time.is_zero())
}

/// How a counter rose since the sample before. `None` where there is none,
/// where the kernel doesn't count it, and where it fell: then it was reset,
/// and nobody knows what it rose from.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "between two samples no counter rises by 2^53"
)]
pub fn counter(counter: Counter, sample: &Sample, previous: Option<&Sample>) -> Option<Change> {
    let previous = previous?;
    let time = time_between(sample, previous)?;
    let now = sample.counters.get(counter)?;
    let by = now.checked_sub(previous.counters.get(counter)?)?;
    Some(Change {
        by,
        per_s: by as f64 / time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::sample;
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_rise_is_a_rate_and_a_fall_is_unknown() {
        let start = Instant::now();
        let at = |seconds, value| {
            sample()
                .with_counter(Counter::ListenDrops, value)
                .read_at(start + Duration::from_secs(seconds))
                .build()
        };
        let change =
            |now: &Sample, before: &Sample| counter(Counter::ListenDrops, now, Some(before));
        assert_eq!(
            change(&at(2, 10), &at(0, 4)),
            Some(Change { by: 6, per_s: 3.0 })
        );
        assert_eq!(change(&at(2, 4), &at(0, 10)), None);
        assert_eq!(change(&at(0, 10), &at(0, 4)), None, "no time between");
        assert_eq!(change(&at(0, 10), &at(2, 4)), None, "the wrong order");
        assert_eq!(counter(Counter::ListenDrops, &at(0, 1), None), None);
        assert_eq!(counter(Counter::Tw, &at(2, 1), Some(&at(0, 1))), None);
    }
}
