//! From sockets counted one by one, and from the kernel's own counts, to the
//! number of sockets in each state.
//!
//! ESTABLISHED and TIME_WAIT are almost all of a big table, and the kernel
//! counts both already. So the cheap way dumps the other states and subtracts:
//!
//! - ESTABLISHED = `inuse` − full sockets that were dumped,
//! - TIME_WAIT = `tw` − FIN_WAIT2 minisockets that were dumped.

use crate::model::{
    CountMethod, Family, FamilyCount, Sockstat, SourceKind, StateCount, StateCounts, StateSet,
    StateTally, TcpState,
};

/// Since this kernel `tw` is of the network namespace; before, of the host.
const TW_PER_NAMESPACE: (u32, u32) = (4, 11);

/// Since this kernel sock_diag knows bound-only sockets; one before answers the
/// question with nothing at all.
const BOUND_INACTIVE: (u32, u32) = (6, 8);

/// What to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// One family only, or both.
    pub family: Option<Family>,
    /// Bound-only sockets too.
    pub bound: bool,
}

impl Scope {
    /// The states of a full dump.
    #[must_use]
    pub const fn all_states(self) -> StateSet {
        if self.bound {
            StateSet::RFC9293.with(TcpState::BoundInactive)
        } else {
            StateSet::RFC9293
        }
    }

    /// The states that must be dumped where the kernel's counts are to give the
    /// rest; `None` where this kernel's counts can't.
    #[must_use]
    pub fn derived_states(self, kernel: Option<(u32, u32)>) -> Option<StateSet> {
        if kernel? < TW_PER_NAMESPACE {
            return None;
        }
        let states = self.all_states().without(TcpState::Established);
        // `tw` counts both families together.
        Some(match self.family {
            None => states.without(TcpState::TimeWait),
            Some(_) => states,
        })
    }
}

/// What was read, to count from.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Sockets that were dumped.
    pub tally: &'a StateTally,
    /// Where they came from.
    pub source: SourceKind,
    /// The kernel's own counts.
    pub sockstat: Sockstat,
    /// Major and minor number of the kernel.
    pub kernel: Option<(u32, u32)>,
}

/// Whether a source shows bound-only sockets when it is asked for them. /proc
/// never does, and a recording doesn't say whether it was asked.
#[must_use]
pub fn shows_bound(source: SourceKind, kernel: Option<(u32, u32)>) -> bool {
    source == SourceKind::Netlink && kernel.is_some_and(|version| version >= BOUND_INACTIVE)
}

impl Reading<'_> {
    /// Whether a state, or a family, of which nothing was shown has no sockets.
    /// In a recording it may have been left out: ss records what it was asked
    /// for, TIME_WAIT and LISTEN only with -a.
    fn tells_absence(&self) -> bool {
        self.source != SourceKind::Replay
    }

    /// Minisockets of both families.
    fn minisockets(&self, scope: Scope, method: CountMethod) -> Option<u64> {
        let dumped =
            self.tally.of(TcpState::TimeWait).total() + self.tally.fin_wait2_minisockets().total();
        let counted = self.sockstat.tw.filter(|_| {
            self.kernel
                .is_some_and(|version| version >= TW_PER_NAMESPACE)
        });
        match (method, scope.family) {
            (CountMethod::Dump, None) => Some(dumped),
            _ => counted,
        }
    }
}

/// The counts of a full dump.
#[must_use]
pub fn from_dump(reading: &Reading<'_>, scope: Scope) -> StateCounts {
    counts(CountMethod::Dump, reading, scope, |state| {
        count_of(reading.tally.of(state), scope.family)
    })
}

/// The counts from a dump of [`Scope::derived_states`] and the kernel's own
/// numbers; `None` where these are missing, or belie each other because
/// sockets moved between the two readings.
#[must_use]
pub fn derive(reading: &Reading<'_>, scope: Scope) -> Option<StateCounts> {
    let Reading {
        tally, sockstat, ..
    } = reading;
    let full = tally.full();
    let remainder = |inuse: Option<u64>, dumped: u64| inuse?.checked_sub(dumped);
    let wants = |family| scope.family.is_none_or(|wanted| wanted == family);
    let established = FamilyCount {
        ipv4: if wants(Family::Ipv4) {
            remainder(sockstat.inuse_ipv4, full.ipv4)?
        } else {
            0
        },
        ipv6: if wants(Family::Ipv6) {
            remainder(sockstat.inuse_ipv6, full.ipv6)?
        } else {
            0
        },
    };
    let time_wait = match scope.family {
        Some(_) => count_of(tally.of(TcpState::TimeWait), scope.family),
        None => StateCount {
            total: remainder(sockstat.tw, tally.fin_wait2_minisockets().total())?,
            ipv4: None,
            ipv6: None,
        },
    };
    Some(counts(
        CountMethod::Derived,
        reading,
        scope,
        |state| match state {
            TcpState::Established => count_of(established, scope.family),
            TcpState::TimeWait => time_wait,
            other => count_of(tally.of(other), scope.family),
        },
    ))
}

fn counts(
    method: CountMethod,
    reading: &Reading<'_>,
    scope: Scope,
    mut count: impl FnMut(TcpState) -> StateCount,
) -> StateCounts {
    let tells_bound = scope.bound && shows_bound(reading.source, reading.kernel);
    let tells_absence = reading.tells_absence();
    let shown = reading.tally.all();
    let unknown = reading.tally.of(TcpState::Unknown(0)).total();
    let minisockets = reading.minisockets(scope, method);
    StateCounts::new(method, unknown, minisockets, |state| {
        if state == TcpState::BoundInactive && !tells_bound {
            return None;
        }
        let count = count(state);
        if tells_absence {
            return Some(count);
        }
        (count.total > 0).then(|| StateCount {
            total: count.total,
            ipv4: count.ipv4.filter(|_| shown.ipv4 > 0),
            ipv6: count.ipv6.filter(|_| shown.ipv6 > 0),
        })
    })
}

/// A family that wasn't asked for is unknown, not zero.
fn count_of(count: FamilyCount, family: Option<Family>) -> StateCount {
    StateCount {
        total: count.total(),
        ipv4: (family != Some(Family::Ipv6)).then_some(count.ipv4),
        ipv6: (family != Some(Family::Ipv4)).then_some(count.ipv6),
    }
}

#[cfg(test)]
mod tests;
