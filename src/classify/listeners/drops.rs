//! Which listener dropped the SYNs and final ACKs that the kernel counts for the
//! whole network namespace.

use super::super::change::{self, Change, Past};
use crate::model::{Counter, Listener, Snapshot};

/// What listeners dropped between two readings.
#[derive(Debug, Clone)]
pub struct Drops<'a> {
    /// How `ListenDrops` rose.
    pub all: Change,
    /// The listeners whose own count rose, the one that rose most first.
    pub by: Vec<(&'a Listener, u64)>,
    /// Whether these are as many as `ListenDrops` says. Otherwise they are upper
    /// bounds: a listener counts RSTs and other segments that it discards, too.
    pub exact: bool,
}

impl<'a> Drops<'a> {
    /// `None` where there is no earlier reading, and where listeners don't tell
    /// what they discard: over /proc, and before Linux 4.7.
    #[must_use]
    pub fn between(snapshot: &'a Snapshot, past: Option<Past<'_>>) -> Option<Self> {
        let all = change::counter(Counter::ListenDrops, snapshot, past)?;
        let before = past?.drops?;
        let listeners = &snapshot.pressure.listeners.as_ref()?.listeners;
        let mut by = Vec::new();
        for listener in listeners {
            let now = listener.drops?;
            // What wasn't known then, or is less now because a socket of it has
            // closed, says nothing of the time between: it isn't named.
            let was = before.get(&listener.address());
            let Some(rise) = was.and_then(|&was| now.checked_sub(was)) else {
                continue;
            };
            if rise > 0 && all.by > 0 {
                by.push((listener, rise));
            }
        }
        by.sort_by_key(|&(listener, rise)| (std::cmp::Reverse(rise), listener.local));
        let sum: u64 = by.iter().map(|&(_, rise)| rise).sum();
        Some(Self {
            exact: sum == all.by,
            all,
            by,
        })
    }

    /// What one of them dropped, at most.
    #[must_use]
    pub fn of(&self, listener: &Listener) -> u64 {
        let mut by = self.by.iter();
        by.find_map(|&(one, rise)| (one.address() == listener.address()).then_some(rise))
            .unwrap_or(0)
            .min(self.all.by)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::testing::{snapshot, socket};
    use super::super::ListenerTally;
    use super::*;
    use crate::model::Pressure;

    /// Two listeners that have discarded so much, and what the kernel counted.
    fn with(drops: [Option<u32>; 2], counted: u64) -> Snapshot {
        let mut tally = ListenerTally::default();
        for (port, drops) in (8_080..).zip(drops) {
            let local = format!("0.0.0.0:{port}");
            let mut one = socket(&local, "0.0.0.0:0").listening(0, Some(8)).build();
            one.drops = drops;
            tally.add_listener(&one);
        }
        snapshot()
            .with_counter(Counter::ListenDrops, counted)
            .with_pressure(Pressure {
                listeners: Some(tally.finish()),
                ..Pressure::default()
            })
            .build()
    }

    fn ports(now: &Snapshot, before: &Snapshot) -> Option<(Vec<(u16, u64)>, bool)> {
        let past = Past {
            ago: Some(Duration::from_secs(10)),
            ..Past::of(before, now)
        };
        let drops = Drops::between(now, Some(past))?;
        let by = drops.by.iter();
        let by = by.map(|&(listener, rise)| (listener.local.port, rise));
        Some((by.collect(), drops.exact))
    }

    #[test]
    fn who_discarded_as_much_as_the_kernel_counted_dropped_it() {
        let before = with([Some(3), Some(5)], 100);
        let found = |drops, counted| ports(&with(drops, counted), &before);
        assert_eq!(
            found([Some(3), Some(25)], 120),
            Some((vec![(8_081, 20)], true))
        );
        // RSTs of a port scan count beside the SYNs.
        let both = vec![(8_081, 25), (8_080, 4)];
        assert_eq!(found([Some(7), Some(30)], 120), Some((both, false)));
        // A FIN scan: nothing was dropped that anybody waits for.
        assert_eq!(found([Some(3), Some(25)], 100), Some((vec![], true)));
        // Whoever dropped has closed since.
        assert_eq!(found([Some(3), Some(5)], 120), Some((vec![], false)));
        // One socket of several has closed, or it listens anew.
        assert_eq!(found([Some(1), Some(5)], 101), Some((vec![], false)));
        // Nobody knows what it had discarded by then: a run over /proc, a state
        // file of an older version. All of it was taken for this time's.
        let mut unknown = before.clone();
        if let Some(listeners) = &mut unknown.pressure.listeners {
            listeners.drops.clear();
        }
        let now = with([Some(23), Some(5)], 120);
        assert_eq!(ports(&now, &unknown), Some((vec![], false)));
        assert_eq!(
            found([None, Some(25)], 120),
            None,
            "over /proc nobody is named"
        );
    }
}
