//! How fast things move.

use std::time::Duration;

use crate::model::{Counter, Counters, Snapshot, TcpState};

/// What changed from one sample to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// The time between the two, by a clock that nobody sets.
    pub over: Duration,
    /// Ordered as [`TcpState::NAMED`].
    states: [Option<i64>; TcpState::NAMED.len()],
    /// How much each counter rose.
    counters: Counters,
}

impl Rates {
    /// Compares two samples; `None` where they can't be: of two network
    /// namespaces, or at the same instant.
    #[must_use]
    pub fn between(before: &Snapshot, after: &Snapshot, over: Duration) -> Option<Self> {
        let netns = |snapshot: &Snapshot| snapshot.host.netns.as_ref().map(|netns| netns.inode);
        if over.is_zero() || netns(before) != netns(after) {
            return None;
        }
        // Two sources don't count alike: what one shows and the other doesn't
        // has not changed. The kernel's counters are the same in any case.
        let same_source = before.collection.source == after.collection.source;
        Some(Self {
            over,
            states: TcpState::NAMED.map(|state| {
                if !same_source {
                    return None;
                }
                difference(
                    before.states.total_of(state)?,
                    after.states.total_of(state)?,
                )
            }),
            counters: rises(&before.counters, &after.counters),
        })
    }

    /// How many sockets more are in a state, or less; `None` where one of the
    /// samples doesn't tell, or they come from two sources.
    #[must_use]
    pub fn change(&self, state: TcpState) -> Option<i64> {
        TcpState::NAMED
            .into_iter()
            .zip(self.states)
            .find_map(|(named, change)| (named == state).then_some(change))
            .flatten()
    }

    /// The same in a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^53")]
    pub fn change_per_second(&self, state: TcpState) -> Option<f64> {
        Some(self.change(state)? as f64 / self.over.as_secs_f64())
    }

    /// How much a counter rose. `None` where it isn't known: the kernel lacks
    /// it, it isn't a count of events, or it fell, which counters do that were
    /// reset or have wrapped.
    #[must_use]
    pub fn rise(&self, counter: Counter) -> Option<u64> {
        self.counters.get(counter)
    }

    /// The same in a second.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "nothing happens 2^53 times between two samples"
    )]
    pub fn per_second(&self, counter: Counter) -> Option<f64> {
        Some(self.rise(counter)? as f64 / self.over.as_secs_f64())
    }

    /// Connections that left ESTABLISHED and CLOSE_WAIT, in a second.
    ///
    /// The kernel counts how connections begin, not how they end: what was
    /// opened and accepted, less what failed, is still there, still in
    /// SYN_SENT, or closed. `None` where a counter isn't known, and where
    /// these, read a moment apart, belie each other.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "nothing happens 2^53 times between two samples"
    )]
    pub fn closed_per_second(&self, before: &Snapshot, after: &Snapshot) -> Option<f64> {
        let current = difference(
            before.counters.get(Counter::CurrEstab)?,
            after.counters.get(Counter::CurrEstab)?,
        )?;
        let begun = self
            .rise(Counter::ActiveOpens)?
            .checked_add(self.rise(Counter::PassiveOpens)?)?
            .checked_sub(self.rise(Counter::AttemptFails)?)?;
        let still_there = current.checked_add(self.change(TcpState::SynSent)?)?;
        let closed = i64::try_from(begun).ok()?.checked_sub(still_there)?;
        (closed >= 0).then(|| closed as f64 / self.over.as_secs_f64())
    }
}

fn difference(before: u64, after: u64) -> Option<i64> {
    i64::try_from(i128::from(after) - i128::from(before)).ok()
}

fn rises(before: &Counters, after: &Counters) -> Counters {
    let mut rises = Counters::default();
    for (counter, value) in after.iter() {
        let earlier = before.get(counter);
        // CurrEstab goes up and down: a level, not a count of events.
        if counter == Counter::CurrEstab {
            continue;
        }
        if let (Some(earlier), Some(value)) = (earlier, value)
            && let Some(rise) = value.checked_sub(earlier)
        {
            rises.set(counter, rise);
        }
    }
    rises
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::*;
    use crate::model::NetNs;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        /// Whatever the counters do, a rate is what rose, or unknown.
        #[test]
        fn a_counter_that_falls_has_no_rate(before: u64, after: u64, millis in 1_u64..100_000) {
            let counted = |value| snapshot().with_counter(Counter::ActiveOpens, value).build();
            let over = Duration::from_millis(millis);
            let rates = Rates::between(&counted(before), &counted(after), over).unwrap();
            prop_assert_eq!(rates.rise(Counter::ActiveOpens), after.checked_sub(before));
            let rate = rates.per_second(Counter::ActiveOpens);
            prop_assert_eq!(rate.is_some(), after >= before);
            prop_assert!(rate.is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
            prop_assert_eq!(rates.rise(Counter::PassiveOpens), None);
        }

        #[test]
        fn a_state_may_rise_and_fall(before: u32, after: u32) {
            let of = |count: u32| snapshot().with_state(TcpState::TimeWait, count.into()).build();
            let rates = Rates::between(&of(before), &of(after), SECOND * 2).unwrap();
            let change = i64::from(after) - i64::from(before);
            prop_assert_eq!(rates.change(TcpState::TimeWait), Some(change));
            prop_assert_eq!(rates.change(TcpState::Established), Some(0));
            prop_assert_eq!(rates.change(TcpState::BoundInactive), None);
        }

        #[test]
        fn closed_is_never_negative_and_never_a_panic(
            values in proptest::array::uniform8(any::<u64>()),
        ) {
            let of = |values: &[u64]| {
                snapshot()
                    .with_counter(Counter::ActiveOpens, values[0])
                    .with_counter(Counter::PassiveOpens, values[1])
                    .with_counter(Counter::AttemptFails, values[2])
                    .with_counter(Counter::CurrEstab, values[3])
                    .build()
            };
            let (before, after) = (of(&values[..4]), of(&values[4..]));
            let rates = Rates::between(&before, &after, SECOND).unwrap();
            let closed = rates.closed_per_second(&before, &after);
            prop_assert!(closed.is_none_or(|closed| closed >= 0.0));
        }
    }

    #[test]
    fn what_was_begun_and_is_not_there_was_closed() {
        let of = |opened, accepted, failed, current, syn_sent| {
            snapshot()
                .with_counter(Counter::ActiveOpens, opened)
                .with_counter(Counter::PassiveOpens, accepted)
                .with_counter(Counter::AttemptFails, failed)
                .with_counter(Counter::CurrEstab, current)
                .with_state(TcpState::SynSent, syn_sent)
                .build()
        };
        let before = of(100, 50, 5, 20, 0);
        let after = of(130, 60, 8, 25, 4);
        let rates = Rates::between(&before, &after, SECOND * 2).unwrap();
        // 30 + 10 began, 3 failed, 5 more are there, 4 are on their way.
        assert_eq!(rates.closed_per_second(&before, &after), Some(14.0));
        assert_eq!(rates.rise(Counter::CurrEstab), None);
    }

    #[test]
    fn samples_that_belong_to_two_namespaces_are_not_compared() {
        let mut other = snapshot().build();
        other.host.netns = Some(NetNs {
            inode: Some(7),
            name: None,
        });
        assert_eq!(Rates::between(&snapshot().build(), &other, SECOND), None);
        let same = snapshot().build();
        assert_eq!(Rates::between(&same, &same, Duration::ZERO), None);
        assert!(Rates::between(&same, &same, SECOND).is_some());
    }
}
