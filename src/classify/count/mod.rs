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

    /// Whether a reading tells how many bound-only sockets there are. /proc
    /// never shows them, and a recording doesn't say whether it was asked.
    #[must_use]
    pub fn tells_bound(self, source: SourceKind, kernel: Option<(u32, u32)>) -> bool {
        self.bound
            && source == SourceKind::Netlink
            && kernel.is_some_and(|version| version >= BOUND_INACTIVE)
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

/// The counts of a full dump.
#[must_use]
pub fn from_dump(tally: &StateTally, scope: Scope, tells_bound: bool) -> StateCounts {
    counts(CountMethod::Dump, tally, tells_bound, |state| {
        Some(count_of(tally.of(state), scope.family))
    })
}

/// The counts from a dump of [`Scope::derived_states`] and the kernel's own
/// numbers; `None` where these are missing, or belie each other because
/// sockets moved between the two readings.
#[must_use]
pub fn derive(
    tally: &StateTally,
    sockstat: &Sockstat,
    scope: Scope,
    tells_bound: bool,
) -> Option<StateCounts> {
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
    Some(counts(CountMethod::Derived, tally, tells_bound, |state| {
        Some(match state {
            TcpState::Established => count_of(established, scope.family),
            TcpState::TimeWait => time_wait,
            other => count_of(tally.of(other), scope.family),
        })
    }))
}

fn counts(
    method: CountMethod,
    tally: &StateTally,
    tells_bound: bool,
    mut count: impl FnMut(TcpState) -> Option<StateCount>,
) -> StateCounts {
    let unknown = tally.of(TcpState::Unknown(0)).total();
    StateCounts::new(method, unknown, |state| match state {
        TcpState::BoundInactive if !tells_bound => None,
        other => count(other),
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
