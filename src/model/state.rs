//! The states of a TCP socket, and sets of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A TCP state as the kernel reports it (`include/net/tcp_states.h`).
///
/// The first eleven are those of RFC 9293; `Close` is its CLOSED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TcpState {
    /// Both sides may send.
    Established,
    /// We sent a SYN and wait for the answer.
    SynSent,
    /// A SYN arrived and was answered; the final ACK is missing.
    SynRecv,
    /// We closed; our FIN isn't acknowledged yet.
    FinWait1,
    /// Our FIN is acknowledged; the peer's hasn't come.
    FinWait2,
    /// Both FINs are done; we closed first and wait for stray segments.
    TimeWait,
    /// Not connected.
    Close,
    /// The peer closed; our application hasn't.
    CloseWait,
    /// The peer closed, then we did; our FIN isn't acknowledged yet.
    LastAck,
    /// Waits for connections.
    Listen,
    /// Both sides closed at once; our FIN isn't acknowledged yet.
    Closing,
    /// Bound to a port, neither listening nor connected (Linux 6.8; the
    /// kernel's `TCP_BOUND_INACTIVE`, seen only when asked for).
    BoundInactive,
    /// A number that this version of tcpstate has no name for.
    Unknown(u8),
}

impl TcpState {
    /// The states that have a name, in the kernel's order.
    pub const NAMED: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::BoundInactive,
    ];

    /// The state for the kernel's number.
    ///
    /// 12 is the kernel's internal `TCP_NEW_SYN_RECV`: a connection request,
    /// which is SYN_RECV to everybody outside.
    #[must_use]
    pub const fn from_kernel(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            13 => Self::BoundInactive,
            other => Self::Unknown(other),
        }
    }

    /// The kernel's number for the state.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynRecv => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Close => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
            Self::BoundInactive => 13,
            Self::Unknown(number) => number,
        }
    }

    /// The name as netstat writes it: `CLOSE_WAIT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::BoundInactive => "BOUND_INACTIVE",
            Self::Unknown(_) => "UNKNOWN",
        }
    }

    /// The name as JSON, CSV and metrics write it: `close_wait`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn_sent",
            Self::SynRecv => "syn_recv",
            Self::FinWait1 => "fin_wait1",
            Self::FinWait2 => "fin_wait2",
            Self::TimeWait => "time_wait",
            Self::Close => "close",
            Self::CloseWait => "close_wait",
            Self::LastAck => "last_ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
            Self::BoundInactive => "bound_inactive",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "UNKNOWN({number})"),
            named => f.pad(named.name()),
        }
    }
}

/// A word that names no TCP state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no TCP state is called {0:?}")]
pub struct UnknownStateName(String);

impl FromStr for TcpState {
    type Err = UnknownStateName;

    /// Accepts the names of netstat and of ss, in any case:
    /// `CLOSE_WAIT`, `close-wait`, `ESTAB`, `FIN-WAIT-1`, `unconnected`.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let plain: String = word
            .chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let state = match plain.as_str() {
            "established" | "estab" => Self::Established,
            "synsent" => Self::SynSent,
            "synrecv" | "synreceived" => Self::SynRecv,
            "finwait1" => Self::FinWait1,
            "finwait2" => Self::FinWait2,
            "timewait" => Self::TimeWait,
            "close" | "closed" | "unconnected" | "unconn" => Self::Close,
            "closewait" => Self::CloseWait,
            "lastack" => Self::LastAck,
            "listen" | "listening" => Self::Listen,
            "closing" => Self::Closing,
            "boundinactive" => Self::BoundInactive,
            _ => return Err(UnknownStateName(word.to_owned())),
        };
        Ok(state)
    }
}

/// A set of states, as the mask that sock_diag takes (`idiag_states`: bit
/// number = state number).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateSet(u32);

impl StateSet {
    /// No state.
    pub const NONE: Self = Self(0);

    /// The eleven states of RFC 9293, and those without a name. Bound-only
    /// sockets aren't among them: finding those costs the kernel the walk of a
    /// second table.
    pub const RFC9293: Self = Self(0b1111_1111_1111);

    /// Every state.
    pub const ALL: Self = Self::RFC9293.with(TcpState::BoundInactive);

    /// The states of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The states that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The states of this set that are not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// This set and one state more.
    #[must_use]
    pub const fn with(self, state: TcpState) -> Self {
        Self(self.0 | Self::bit(state))
    }

    /// This set less one state.
    #[must_use]
    pub const fn without(self, state: TcpState) -> Self {
        Self(self.0 & !Self::bit(state))
    }

    /// Whether the state is in the set.
    #[must_use]
    pub const fn contains(self, state: TcpState) -> bool {
        self.0 & Self::bit(state) != 0
    }

    /// The mask for the kernel, which can't be asked for states without a name:
    /// they come unasked or not at all.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 & !Self::UNNAMED
    }

    /// The bit that the kernel has no state for stands for all without a name.
    const UNNAMED: u32 = 1;

    const fn bit(state: TcpState) -> u32 {
        match state {
            TcpState::Unknown(_) => Self::UNNAMED,
            named => 1 << named.number(),
        }
    }
}

impl FromIterator<TcpState> for StateSet {
    fn from_iter<I: IntoIterator<Item = TcpState>>(states: I) -> Self {
        states.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `include/net/tcp_states.h`, written out: a shifted table would report
    /// every LAST_ACK as TIME_WAIT, as other tools have done.
    #[test]
    fn every_kernel_number_has_its_state() {
        let header = [
            (1, "ESTABLISHED"),
            (2, "SYN_SENT"),
            (3, "SYN_RECV"),
            (4, "FIN_WAIT1"),
            (5, "FIN_WAIT2"),
            (6, "TIME_WAIT"),
            (7, "CLOSE"),
            (8, "CLOSE_WAIT"),
            (9, "LAST_ACK"),
            (10, "LISTEN"),
            (11, "CLOSING"),
            (12, "SYN_RECV"),
            (13, "BOUND_INACTIVE"),
        ];
        for (number, name) in header {
            assert_eq!(TcpState::from_kernel(number).name(), name);
        }
        for number in (14..=255).chain([0]) {
            assert_eq!(TcpState::from_kernel(number), TcpState::Unknown(number));
            assert_eq!(TcpState::from_kernel(number).number(), number);
        }
    }

    #[test]
    fn names_of_netstat_and_of_ss_are_understood() {
        for (word, state) in [
            ("CLOSE_WAIT", TcpState::CloseWait),
            ("close-wait", TcpState::CloseWait),
            ("ESTAB", TcpState::Established),
            ("established", TcpState::Established),
            ("FIN-WAIT-1", TcpState::FinWait1),
            ("FIN_WAIT2", TcpState::FinWait2),
            ("UNCONN", TcpState::Close),
            ("listening", TcpState::Listen),
        ] {
            assert_eq!(word.parse(), Ok(state), "{word}");
        }
        for state in TcpState::NAMED {
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(state.key().parse(), Ok(state));
        }
        assert!("CLOSE WAIT".parse::<TcpState>().is_err());
        assert!("".parse::<TcpState>().is_err());
    }

    #[test]
    fn the_mask_is_the_kernels() {
        assert_eq!(StateSet::RFC9293.bits(), 0xffe);
        let named: StateSet = TcpState::NAMED.into_iter().collect();
        assert_eq!(named.bits(), StateSet::ALL.bits());
        let masked = StateSet::RFC9293.without(TcpState::TimeWait);
        assert!(!masked.contains(TcpState::TimeWait));
        assert!(masked.contains(TcpState::Closing));
        assert!(masked.contains(TcpState::Unknown(200)));
        let named = masked.without(TcpState::Unknown(0));
        assert!(!named.contains(TcpState::Unknown(200)));
        assert_eq!(named.bits(), masked.bits());
    }
}
