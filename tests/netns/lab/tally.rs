//! How many sockets of which state and family.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Every state that a socket can be seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    /// Bound, neither connected nor listening: shown only when state bit 13 is asked for.
    BoundInactive,
}

impl State {
    pub(crate) const ALL: [Self; 12] = [
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

    /// The kernel's number; request sockets (12) are shown as 3, bound-only ones as 7.
    pub(crate) fn from_kernel(number: u8) -> Self {
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
            _ => panic!("the kernel shows a TCP state {number} that this lab doesn't know"),
        }
    }

    /// The word that `ss` prints.
    pub(crate) fn from_ss(word: &str) -> Self {
        match word {
            "ESTAB" => Self::Established,
            "SYN-SENT" => Self::SynSent,
            "SYN-RECV" => Self::SynRecv,
            "FIN-WAIT-1" => Self::FinWait1,
            "FIN-WAIT-2" => Self::FinWait2,
            "TIME-WAIT" => Self::TimeWait,
            "UNCONN" => Self::Close,
            "CLOSE-WAIT" => Self::CloseWait,
            "LAST-ACK" => Self::LastAck,
            "LISTEN" => Self::Listen,
            "CLOSING" => Self::Closing,
            _ => panic!("ss prints a TCP state {word:?} that this lab doesn't know"),
        }
    }

    /// The key in tcpstate's JSON.
    pub(crate) fn json_key(self) -> &'static str {
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
        }
    }
}

/// The family of a socket, as the kernel sees it: a v4-mapped connection is an IPv6 socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// The three ways in which a connection over loopback can be addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Net {
    V4,
    V6,
    /// IPv4 packets between IPv6 sockets, `::ffff:127.0.0.1`.
    Mapped,
}

impl Net {
    pub(crate) const ALL: [Self; 3] = [Self::V4, Self::V6, Self::Mapped];

    pub(crate) fn family(self) -> Family {
        match self {
            Self::V4 => Family::Ipv4,
            Self::V6 | Self::Mapped => Family::Ipv6,
        }
    }

    /// The loopback address, with port 0.
    pub(crate) fn loopback(self) -> SocketAddr {
        let address = match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Self::Mapped => IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        };
        SocketAddr::new(address, 0)
    }
}

/// As actors get it for an argument.
impl FromStr for Net {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "v4" => Ok(Self::V4),
            "v6" => Ok(Self::V6),
            "mapped" => Ok(Self::Mapped),
            _ => Err(format!("no such net: {name}")),
        }
    }
}

/// As actors get it for an argument.
impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::Mapped => "mapped",
        })
    }
}

/// State → how many, by family. States of which there are none aren't in it, so that two tallies
/// are equal when their numbers are.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<(State, Family), u64>);

impl Tally {
    /// So many sockets of one state and family.
    pub(crate) fn of(state: State, family: Family, count: u64) -> Self {
        let mut tally = Self::default();
        tally.add(state, family, count);
        tally
    }

    pub(crate) fn add(&mut self, state: State, family: Family, count: u64) {
        if count > 0 {
            *self.0.entry((state, family)).or_default() += count;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (&(state, family), &count) in &other.0 {
            self.add(state, family, count);
        }
    }

    pub(crate) fn count(&self, state: State, family: Family) -> u64 {
        self.0.get(&(state, family)).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self, state: State) -> u64 {
        self.count(state, Family::Ipv4) + self.count(state, Family::Ipv6)
    }

    /// All sockets of all states.
    pub(crate) fn sum(&self) -> u64 {
        self.0.values().sum()
    }

    /// What `-4` or `-6` should leave.
    pub(crate) fn only(&self, wanted: Family) -> Self {
        self.filtered(|_, family| family == wanted)
    }

    /// What a method shows that wasn't asked for bound-only sockets, or can't see them.
    pub(crate) fn without_bound(&self) -> Self {
        self.filtered(|state, _| state != State::BoundInactive)
    }

    fn filtered(&self, keep: impl Fn(State, Family) -> bool) -> Self {
        let kept = self
            .0
            .iter()
            .filter(|((state, family), _)| keep(*state, *family));
        Self(kept.map(|(key, count)| (*key, *count)).collect())
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for state in State::ALL
            .into_iter()
            .filter(|state| self.total(*state) > 0)
        {
            let families = (
                self.count(state, Family::Ipv4),
                self.count(state, Family::Ipv6),
            );
            map.entry(&format_args!("{state:?}"), &format_args!("{families:?}"));
        }
        map.finish()
    }
}
