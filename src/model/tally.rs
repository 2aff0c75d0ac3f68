//! Sockets counted by state and family.

use super::{Family, Socket, SocketKind, TcpState};

/// A number for each family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FamilyCount {
    /// `AF_INET` sockets.
    pub ipv4: u64,
    /// `AF_INET6` sockets, those that carry IPv4 included.
    pub ipv6: u64,
}

impl FamilyCount {
    /// Both families.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.ipv4 + self.ipv6
    }

    fn add(&mut self, family: Family) {
        match family {
            Family::Ipv4 => self.ipv4 += 1,
            Family::Ipv6 => self.ipv6 += 1,
        }
    }
}

/// Sockets of one dump, counted while they stream by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateTally {
    /// By the kernel's numbers of the states, and at 0 those without a name.
    states: [FamilyCount; TcpState::NAMED.len() + 2],
    /// Rows with a `struct tcp_sock` behind them, in the hash tables that the
    /// kernel counts as `inuse`: bound-only sockets aren't.
    full: FamilyCount,
    /// FIN_WAIT2 without a full socket: the kernel counts these among its
    /// TIME_WAIT sockets.
    fin_wait2_minisockets: FamilyCount,
}

impl StateTally {
    /// Counts one socket.
    pub fn add(&mut self, socket: &Socket) {
        if let Some(count) = self.states.get_mut(index(socket.state)) {
            count.add(socket.family);
        }
        match socket.kind {
            SocketKind::Full if socket.state != TcpState::BoundInactive => {
                self.full.add(socket.family);
            }
            SocketKind::TimeWait if socket.state == TcpState::FinWait2 => {
                self.fin_wait2_minisockets.add(socket.family);
            }
            SocketKind::Full | SocketKind::TimeWait | SocketKind::Request => {}
        }
    }

    /// How many sockets are in a state. All states without a name count as
    /// one.
    #[must_use]
    pub fn of(&self, state: TcpState) -> FamilyCount {
        self.states.get(index(state)).copied().unwrap_or_default()
    }

    /// Every socket that was counted.
    #[must_use]
    pub fn all(&self) -> FamilyCount {
        let counts = self.states.iter();
        counts.fold(FamilyCount::default(), |sum, count| FamilyCount {
            ipv4: sum.ipv4 + count.ipv4,
            ipv6: sum.ipv6 + count.ipv6,
        })
    }

    /// Full sockets in the kernel's hash tables.
    #[must_use]
    pub const fn full(&self) -> FamilyCount {
        self.full
    }

    /// FIN_WAIT2 minisockets.
    #[must_use]
    pub const fn fin_wait2_minisockets(&self) -> FamilyCount {
        self.fin_wait2_minisockets
    }
}

/// The place of a state among the counts.
const fn index(state: TcpState) -> usize {
    match state {
        TcpState::Unknown(_) => 0,
        named => named.number() as usize,
    }
}
