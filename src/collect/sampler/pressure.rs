//! What the views of ports and listeners need besides: every connection, by
//! destination and by listener.

use std::time::{Duration, Instant};

use super::super::Namespace;
use super::super::ownership::OwnerCache;
use super::super::question::{Connections, ListenerNames, Question};
use super::super::read::read_beside;
use crate::kernel::KernelError;
use crate::model::{Part, Pressure, Snapshot};

/// What was read, and what was missing.
pub(super) type Read = (Pressure, Vec<(Part, String)>);

/// How fast ports are taken is told over this time at least: within a second a
/// client may open a hundred connections, and none in the next ten.
const RATES_OVER: Duration = Duration::from_secs(10);

/// Reads pressure, each time beside one of the times before.
#[derive(Debug, Default)]
pub(super) struct PressureReader {
    base: Base<Snapshot>,
}

/// What a reading is compared with: the youngest of those kept that is old
/// enough, and one that will be.
#[derive(Debug)]
struct Base<T> {
    old: Option<(Instant, T)>,
    young: Option<(Instant, T)>,
}

impl<T> Default for Base<T> {
    fn default() -> Self {
        Self {
            old: None,
            young: None,
        }
    }
}

impl<T> Base<T> {
    /// What to compare with now.
    fn at(&mut self, now: Instant) -> Option<&T> {
        let is_old = |(at, _): &(Instant, T)| now.saturating_duration_since(*at) >= RATES_OVER;
        if self.young.as_ref().is_some_and(is_old) {
            self.old = self.young.take();
        }
        self.old.as_ref().map(|(_, value)| value)
    }

    fn push(&mut self, now: Instant, value: T) {
        self.young.get_or_insert((now, value));
    }
}

impl PressureReader {
    /// Reads what is about to run out, and how fast.
    pub(super) fn read(
        &mut self,
        namespace: &mut Namespace,
        owners: &mut OwnerCache,
        now: Instant,
    ) -> Result<Read, KernelError> {
        let question = Question {
            connections: Connections::Grouped,
            listeners: ListenerNames::Programs,
            ..Question::default()
        };
        let before = self.base.at(now);
        let mut snapshot = read_beside(namespace, &question, before, owners, &mut |_| {})?;
        let missing = std::mem::take(&mut snapshot.missing);
        let pressure = snapshot.pressure.clone();
        self.base.push(now, snapshot);
        Ok((pressure, missing))
    }

    /// The sample is taken again from another source: what was read for it
    /// counts for nothing.
    pub(super) fn read_again(&mut self) {
        self.base = Base::default();
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let kept = self.base.old.iter().chain(&self.base.young);
        let kept = kept.map(|(_, snapshot)| {
            let pressure = &snapshot.pressure;
            let (ports, listeners) = (pressure.ports.grouped(), pressure.listeners.as_ref());
            ports.map_or(0, |ports| ports.destinations.len())
                + listeners.map_or(0, |listeners| listeners.listeners.len())
        });
        kept.sum()
    }

    /// The view is closed: the next reading has none before it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second's burst was a rate, and ports ran out and didn't each second.
    #[test]
    fn rates_are_told_over_ten_seconds_at_least() {
        let start = Instant::now();
        let mut base = Base::default();
        let mut compared = Vec::new();
        for second in 0..25 {
            let now = start + Duration::from_secs(second);
            compared.push(base.at(now).map(|then: &u64| second - then));
            base.push(now, second);
        }
        assert_eq!(compared[..10], [None; 10]);
        let known = compared.iter().skip(10);
        assert!(
            known
                .clone()
                .all(|ago| ago.is_some_and(|ago| (10..=20).contains(&ago))),
            "{compared:?}"
        );
    }
}
