//! What to read.

use super::{Family, Filter, StateSet, TcpState};

/// A question to a socket source: the less it asks for, the less the kernel
/// copies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each asks for something of its own"
)]
pub struct Query {
    /// Which states.
    pub states: StateSet,
    /// One family only, or both.
    pub family: Option<Family>,
    /// Only sockets that this selects, by what their rows say: nothing is known
    /// of processes and units here ([`divide_by_rows`](crate::filter)).
    pub filter: Filter,
    /// Whether `tcp_info` is wanted with each socket (16 % more time).
    pub tcp_info: bool,
    /// Whether the drops of each socket are wanted (`INET_DIAG_SKMEMINFO`).
    pub drops: bool,
    /// Whether all of `tcp_info`, the memory and the congestion control of each
    /// socket are wanted, as a list shows them.
    pub details: bool,
    /// Whether a socket that the kernel reports twice must come only once.
    /// Costs memory for every socket visited, so counts go without.
    pub unique: bool,
}

impl Query {
    /// The sockets in these states, both families, nothing extra.
    #[must_use]
    pub const fn states(states: StateSet) -> Self {
        Self {
            states,
            family: None,
            filter: Filter::EVERYTHING,
            tcp_info: false,
            drops: false,
            details: false,
            unique: false,
        }
    }

    /// Whether a socket is of a state and family that was asked for. Sources
    /// whose kernel interface can't leave others out (/proc, replay, the
    /// two-family dump) use it.
    #[must_use]
    pub fn wants(&self, state: TcpState, family: Family) -> bool {
        let known = match state {
            // No mask can ask for a state without a name, so it was sent
            // unasked: data, not an error.
            TcpState::Unknown(_) => true,
            named => self.states.contains(named),
        };
        known && self.family.is_none_or(|wanted| wanted == family)
    }
}

/// Which filters leave sockets out of a reading. What can't be told with them is
/// unknown in its snapshot: a count of 0 would be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// By processes or units.
    pub by_owner: bool,
    /// By ports of ours.
    pub by_port: bool,
    /// By peers.
    pub by_peer: bool,
}

impl Narrowing {
    /// Whether no socket is left out.
    #[must_use]
    pub const fn is_none(self) -> bool {
        !(self.by_owner || self.by_port || self.by_peer)
    }

    /// Whether all sockets at some ports of ours are looked at.
    #[must_use]
    pub const fn is_by_port_alone(self) -> bool {
        self.by_port && !self.by_owner && !self.by_peer
    }
}
