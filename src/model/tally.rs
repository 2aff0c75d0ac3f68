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
    established: FamilyCount,
    syn_sent: FamilyCount,
    syn_recv: FamilyCount,
    fin_wait1: FamilyCount,
    fin_wait2: FamilyCount,
    time_wait: FamilyCount,
    close: FamilyCount,
    close_wait: FamilyCount,
    last_ack: FamilyCount,
    listen: FamilyCount,
    closing: FamilyCount,
    bound_inactive: FamilyCount,
    unknown: FamilyCount,
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
        self.of_mut(socket.state).add(socket.family);
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
    pub const fn of(&self, state: TcpState) -> FamilyCount {
        match state {
            TcpState::Established => self.established,
            TcpState::SynSent => self.syn_sent,
            TcpState::SynRecv => self.syn_recv,
            TcpState::FinWait1 => self.fin_wait1,
            TcpState::FinWait2 => self.fin_wait2,
            TcpState::TimeWait => self.time_wait,
            TcpState::Close => self.close,
            TcpState::CloseWait => self.close_wait,
            TcpState::LastAck => self.last_ack,
            TcpState::Listen => self.listen,
            TcpState::Closing => self.closing,
            TcpState::BoundInactive => self.bound_inactive,
            TcpState::Unknown(_) => self.unknown,
        }
    }

    /// Every socket that was counted.
    #[must_use]
    pub fn all(&self) -> FamilyCount {
        let states = TcpState::NAMED.into_iter().chain([TcpState::Unknown(0)]);
        states.fold(FamilyCount::default(), |sum, state| {
            let count = self.of(state);
            FamilyCount {
                ipv4: sum.ipv4 + count.ipv4,
                ipv6: sum.ipv6 + count.ipv6,
            }
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

    const fn of_mut(&mut self, state: TcpState) -> &mut FamilyCount {
        match state {
            TcpState::Established => &mut self.established,
            TcpState::SynSent => &mut self.syn_sent,
            TcpState::SynRecv => &mut self.syn_recv,
            TcpState::FinWait1 => &mut self.fin_wait1,
            TcpState::FinWait2 => &mut self.fin_wait2,
            TcpState::TimeWait => &mut self.time_wait,
            TcpState::Close => &mut self.close,
            TcpState::CloseWait => &mut self.close_wait,
            TcpState::LastAck => &mut self.last_ack,
            TcpState::Listen => &mut self.listen,
            TcpState::Closing => &mut self.closing,
            TcpState::BoundInactive => &mut self.bound_inactive,
            TcpState::Unknown(_) => &mut self.unknown,
        }
    }
}
