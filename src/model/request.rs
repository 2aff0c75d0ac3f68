//! What to read.

use super::{Condition, Filter, StateSet};

/// What is asked of a source of sockets: the less, the less the kernel copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which sockets, by what their rows say: nothing is known of processes and
    /// units here ([`divide_by_rows`](crate::filter)). States and families that
    /// it can't select are not read at all.
    pub filter: Filter,
    /// What is wanted of each beside its row.
    pub extensions: Extensions,
    /// Whether a socket that the kernel reports twice must come only once.
    /// Costs memory for every socket visited, so counts go without.
    pub unique: bool,
}

/// Attributes that the kernel sends when they are asked for, as the mask that
/// sock_diag takes (`idiag_ext`: bit number = attribute number - 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions(u8);

impl Request {
    /// The sockets in these states, both families, nothing extra.
    #[must_use]
    pub fn states(states: StateSet) -> Self {
        Self::of(Condition::State(states).into())
    }

    /// The sockets that a filter selects, with what it takes to judge them.
    #[must_use]
    pub fn of(filter: Filter) -> Self {
        let extensions = if filter.needs_tcp_info() {
            Extensions::TCP_INFO
        } else {
            Extensions::NONE
        };
        Self {
            filter,
            extensions,
            unique: false,
        }
    }

    /// The same of a part of the sockets.
    #[must_use]
    pub fn and(self, filter: &Filter) -> Self {
        let part = Self::of(filter.clone());
        Self {
            filter: self.filter.and(part.filter),
            extensions: self.extensions.with(part.extensions),
            unique: self.unique,
        }
    }

    /// The same with more of each socket.
    #[must_use]
    pub fn with(self, extensions: Extensions) -> Self {
        Self {
            extensions: self.extensions.with(extensions),
            ..self
        }
    }
}

impl Extensions {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// `INET_DIAG_INFO`: `tcp_info` (16 % more time).
    pub const TCP_INFO: Self = Self(1 << 1);

    /// `INET_DIAG_SKMEMINFO`: memory and drops of the socket.
    pub const MEMORY: Self = Self(1 << 6);

    /// All of `tcp_info`, the memory and the congestion control (`INET_DIAG_CONG`),
    /// as a list shows them.
    pub const DETAILS: Self = Self(Self::TCP_INFO.0 | Self::MEMORY.0 | 1 << 3);

    /// Whether all of another set is in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The mask for the kernel.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}
