//! The two parities of ports, and what they tell of who chose a port: see
//! [`super::shared`].

use super::tally::{Local, Used};
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
    pub(super) bind: u32,
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

    /// Whether connect() alone could have come to ports of bind()'s parity:
    /// towards this destination its own are (nearly) used up.
    pub(super) fn used_up(self, used: &Used) -> bool {
        by_connect(used) >= self.connect - self.connect / 10
    }

    /// Whether a destination has ports that connect() doesn't account for.
    pub(super) fn is_suspect(self, used: &Used) -> bool {
        used.bind_parity > 0 && !self.used_up(used)
    }

    /// Whether destinations of one local address look as if they drew from one
    /// pool of bind().
    pub(super) fn are_pool(self, suspects: &Suspects, local: &Local) -> bool {
        // One destination may have had more connections before.
        if suspects.count < 2 {
            return false;
        }
        let repeated = suspects.all_by_bind.saturating_sub(local.bind_parity);
        if repeated > suspects.all_by_bind / 20 {
            return false;
        }
        // And when it has shrunk again: by chance some ports would repeat.
        self.are_of_bind(suspects, local.bind_parity)
            || (self.can_tell(suspects) && suspects.would_repeat(self.bind) >= 2 * ENOUGH)
    }

    /// Whether there are enough to tell. Where connect()'s own ports are
    /// reserved any destination comes to the others at once.
    pub(super) fn can_tell(self, suspects: &Suspects) -> bool {
        suspects.by_bind >= ENOUGH && self.connect >= self.bind / 2
    }

    /// Whether these look as if bind() had given them out, so many `distinct`
    /// ports of its parity among them.
    pub(super) fn are_of_bind(self, suspects: &Suspects, distinct: u32) -> bool {
        // A burst of connect() leaves the ports that it took last behind in
        // TIME_WAIT for the last seconds: those are past.
        let clearly = suspects.by_bind_now >= ENOUGH
            && suspects.by_bind > suspects.by_connect.saturating_mul(CLEARLY_MORE);
        // bind() goes on to the other parity when its own is used up.
        let overflowed = distinct >= self.bind - self.bind / 10;
        self.can_tell(suspects) && (clearly || overflowed)
    }

    /// Whether the ports of a destination that shares with no other look
    /// chosen by bind().
    pub(super) fn stands_alone(self, used: &Used) -> bool {
        let clearly =
            |ports: u32| ports >= ENOUGH && ports > by_connect(used).saturating_mul(CLEARLY_MORE);
        // To come to these ports connect() must have held all of its own at
        // once: that so few are left of so many is no likely story. And what
        // is in TIME_WAIT for seconds only was beside them, which would be in
        // TIME_WAIT as well.
        let unlikely = used.bind_parity.saturating_mul(4) <= self.connect;
        (clearly(used.bind_parity_now) && clearly(used.bind_parity) && unlikely)
            || (clearly(used.bind_parity_recent) && self.connect > 0)
    }
}

fn by_connect(used: &Used) -> u32 {
    used.in_use.saturating_sub(used.bind_parity)
}

/// Destinations of one local address with ports of bind()'s parity that
/// connect() doesn't account for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspects {
    count: u32,
    by_bind: u32,
    by_bind_now: u32,
    by_connect: u32,
    /// The squares of their numbers.
    squares: u64,
    /// Ports of bind()'s parity of all destinations, suspect or not.
    pub(super) all_by_bind: u32,
}

impl Suspects {
    pub(super) fn add(&mut self, used: &Used) {
        self.count += 1;
        self.by_bind += used.bind_parity;
        self.by_bind_now += used.bind_parity_now;
        self.by_connect += by_connect(used);
        self.squares += u64::from(used.bind_parity).pow(2);
    }

    /// Adds those of another local address.
    pub(super) fn add_all(&mut self, others: &Self) {
        self.count += others.count;
        self.by_bind += others.by_bind;
        self.by_bind_now += others.by_bind_now;
        self.by_connect += others.by_connect;
        self.squares += others.squares;
        self.all_by_bind += others.all_by_bind;
    }

    /// Whether there are any, and nobody else has ports of bind()'s parity.
    pub(super) fn account_for_all(&self) -> bool {
        self.by_bind > 0 && self.by_bind == self.all_by_bind
    }

    /// How many ports would have been given out twice by chance.
    pub(super) fn would_repeat(&self, ports: u32) -> u32 {
        let pairs = (u64::from(self.by_bind).pow(2) - self.squares) / 2;
        u32::try_from(pairs / u64::from(ports.max(1))).unwrap_or(u32::MAX)
    }
}
