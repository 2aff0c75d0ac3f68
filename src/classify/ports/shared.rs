//! Ports that bind() gave out before connect(): all destinations of a local
//! address share them, and they are lost to every connect() besides.
//!
//! The table doesn't say who chose a port. But the kernel leaves a trace:
//! connect() begins with the ports of the parity of the range's first one,
//! bind() with port 0 takes the others first (`__inet_hash_connect` and
//! `inet_csk_find_open_port`, Linux 4.2). A destination that has many of the
//! others while there are enough of the first was bound.

use super::tally::Used;
use crate::model::{PortRange, PortSet};

/// Fewer ports than this prove nothing.
const ENOUGH: u32 = 4;
/// How many times more ports of bind()'s parity there must be.
const CLEARLY_MORE: u32 = 4;

/// The ports that there are of either parity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parities {
    /// Of the parity that connect() begins with.
    connect: u32,
    /// Of the parity that bind() begins with.
    bind: u32,
}

impl Parities {
    /// Counts the ports of a range that aren't excluded.
    pub(super) fn of(range: PortRange, excluded: &PortSet) -> Self {
        let (mut connect, mut bind) = (0, 0);
        for port in range.ports().filter(|&port| !excluded.contains(port)) {
            if (port ^ range.first) & 1 == 0 {
                connect += 1;
            } else {
                bind += 1;
            }
        }
        Self { connect, bind }
    }

    /// Whether the ports of a destination look chosen by bind().
    pub(super) fn look_bound(self, used: &Used) -> bool {
        let by_bind = used.bind_parity;
        let by_connect = used.in_use.saturating_sub(by_bind);
        // A burst of connect() takes its own parity first and leaves the other
        // behind in TIME_WAIT for the last seconds: that is past.
        if used.bind_parity_now < ENOUGH {
            return false;
        }
        let clearly = by_bind > by_connect.saturating_mul(CLEARLY_MORE);
        // bind() goes on to the other parity when its own is used up, and
        // connect() comes to this one only then.
        let overflowed = by_bind >= self.bind - self.bind / 10 && by_connect < self.connect / 2;
        clearly || overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(by_connect: u32, by_bind: u32) -> Used {
        Used {
            in_use: by_connect + by_bind,
            bind_parity: by_bind,
            bind_parity_now: by_bind,
            ..Used::default()
        }
    }

    #[test]
    fn what_a_burst_left_behind_was_not_bound() {
        let range = PortRange::new(50_000, 50_199).unwrap();
        let parities = Parities::of(range, &PortSet::default());
        let rest = Used {
            bind_parity_now: 3,
            ..used(0, 40)
        };
        assert!(!parities.look_bound(&rest));
        assert!(parities.look_bound(&used(0, 40)));
    }

    #[test]
    fn the_parity_gives_bind_away() {
        let range = PortRange::new(50_000, 50_199).unwrap();
        let excluded = [50_001, 50_002, 50_003].into_iter().collect();
        let parities = Parities::of(range, &excluded);
        assert_eq!((parities.connect, parities.bind), (99, 98));
        for (by_connect, by_bind, bound) in [
            (0, 3, false),
            (0, 4, true),
            (0, 98, true),
            // bind() that has gone on to the other parity.
            (30, 98, true),
            // connect() that has.
            (99, 4, false),
            (99, 98, false),
            (70, 98, false),
            // A mixture proves nothing.
            (10, 20, false),
            (50, 0, false),
        ] {
            assert_eq!(
                parities.look_bound(&used(by_connect, by_bind)),
                bound,
                "{by_connect} as by connect(), {by_bind} as by bind()"
            );
        }
    }
}
