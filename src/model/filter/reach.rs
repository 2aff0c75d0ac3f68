//! Which sockets a filter can select at all: nothing else is dumped.

use std::net::IpAddr;

use super::{Condition, End, Filter};
use crate::model::{Family, StateSet, TcpState};

/// The families of the dumps that are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilySet {
    /// Whether IPv4 sockets are.
    pub ipv4: bool,
    /// Whether IPv6 sockets are, those with IPv4-mapped addresses included.
    pub ipv6: bool,
}

impl FamilySet {
    /// Both.
    pub const BOTH: Self = Self {
        ipv4: true,
        ipv6: true,
    };

    /// None: no socket can match.
    pub const NONE: Self = Self {
        ipv4: false,
        ipv6: false,
    };

    /// One of the two.
    #[must_use]
    pub const fn only(family: Family) -> Self {
        Self {
            ipv4: matches!(family, Family::Ipv4),
            ipv6: matches!(family, Family::Ipv6),
        }
    }

    /// Whether a family is among them.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        }
    }
}

/// Sets that conditions narrow.
trait Reach: Copy {
    const ALL: Self;
    const NONE: Self;
    fn union(self, other: Self) -> Self;
    fn intersection(self, other: Self) -> Self;
    /// Those in which the condition can be true of a socket, or if it is
    /// `negated`, can be known to be false.
    fn of(condition: &Condition, negated: bool) -> Self;
}

impl Reach for StateSet {
    const ALL: Self = Self::ALL;
    const NONE: Self = Self::NONE;

    fn union(self, other: Self) -> Self {
        self.union(other)
    }

    fn intersection(self, other: Self) -> Self {
        self.intersection(other)
    }

    fn of(condition: &Condition, negated: bool) -> Self {
        match condition {
            Condition::State(states) if negated => Self::ALL.difference(*states),
            Condition::State(states) => *states,
            Condition::Port(End::Remote, comparison, port)
                if comparison.holds(&0, port) == negated =>
            {
                WITH_PEER
            }
            Condition::PortIn(End::Remote, ports) if ports.contains(0) == negated => WITH_PEER,
            Condition::Cgroup(_) if !negated => Self::ALL.without(TcpState::TimeWait),
            // Nobody holds a TIME_WAIT socket, and it has neither a user nor
            // queues.
            Condition::Pid(_)
            | Condition::Process(_)
            | Condition::Uid(_)
            | Condition::Unit(_)
            | Condition::Container(_)
            | Condition::RecvQueue(..)
            | Condition::SendQueue(..) => Self::ALL.without(TcpState::TimeWait),
            // The kernel sends no tcp_info of these.
            Condition::Rtt(..)
            | Condition::Retransmits(..)
            | Condition::LastSent(..)
            | Condition::LastReceived(..) => WITH_PEER.without(TcpState::TimeWait),
            _ => Self::ALL,
        }
    }
}

/// States in which the remote port isn't 0. The remote address says nothing: a
/// socket that was disconnected and listens now still shows its old peer's.
const WITH_PEER: StateSet = StateSet::RFC9293.without(TcpState::Listen);

impl Reach for FamilySet {
    const ALL: Self = Self::BOTH;
    const NONE: Self = Self::NONE;

    fn union(self, other: Self) -> Self {
        Self {
            ipv4: self.ipv4 || other.ipv4,
            ipv6: self.ipv6 || other.ipv6,
        }
    }

    fn intersection(self, other: Self) -> Self {
        Self {
            ipv4: self.ipv4 && other.ipv4,
            ipv6: self.ipv6 && other.ipv6,
        }
    }

    fn of(condition: &Condition, negated: bool) -> Self {
        match condition {
            Condition::Family(family) => match (family, negated) {
                (Family::Ipv4, false) | (Family::Ipv6, true) => Self::only(Family::Ipv4),
                (Family::Ipv6, false) | (Family::Ipv4, true) => Self::only(Family::Ipv6),
            },
            // IPv4 networks have IPv4-mapped addresses of IPv6 sockets too.
            Condition::Address(_, network) => match (network.address(), network.prefix()) {
                (IpAddr::V6(_), _) if !negated => Self::only(Family::Ipv6),
                (IpAddr::V4(_), 0) if negated => Self::only(Family::Ipv6),
                (IpAddr::V6(_), 0) => Self::only(Family::Ipv4),
                _ => Self::ALL,
            },
            _ => Self::ALL,
        }
    }
}

impl Filter {
    /// The states that a socket which it selects can be in. Bound-only sockets
    /// are among them, whose search costs the kernel the walk of a second
    /// table: a caller that doesn't want them says so with a condition.
    #[must_use]
    pub fn states(&self) -> StateSet {
        self.reach(false)
    }

    /// The families that a socket which it selects can be of.
    #[must_use]
    pub fn families(&self) -> FamilySet {
        self.reach(false)
    }

    fn reach<R: Reach>(&self, negated: bool) -> R {
        let parts = |filters: &[Self], of_all: bool| {
            let each = filters.iter().map(|filter| filter.reach(negated));
            if of_all == negated {
                each.fold(R::NONE, R::union)
            } else {
                each.fold(R::ALL, R::intersection)
            }
        };
        match self {
            Self::Is(condition) => R::of(condition, negated),
            Self::Not(filter) => filter.reach(!negated),
            Self::And(filters) => parts(filters, true),
            Self::Or(filters) => parts(filters, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comparison, Network};

    fn state(state: TcpState) -> Filter {
        Condition::State(StateSet::NONE.with(state)).into()
    }

    fn remote_port(comparison: Comparison, port: u16) -> Filter {
        Condition::Port(End::Remote, comparison, port).into()
    }

    fn local(network: &str, prefix: u8) -> Filter {
        let network = Network::new(network.parse().unwrap(), prefix).unwrap();
        Condition::Address(End::Local, network).into()
    }

    #[test]
    fn states_follow_the_connectives() {
        let (listen, closing) = (state(TcpState::Listen), state(TcpState::Closing));
        assert_eq!(Filter::EVERYTHING.states(), StateSet::ALL);
        assert_eq!(Filter::NOTHING.states(), StateSet::NONE);
        assert_eq!(listen.clone().and(closing.clone()).states(), StateSet::NONE);
        let either = listen.clone().or(closing.clone());
        assert_eq!(
            either.states(),
            [TcpState::Listen, TcpState::Closing].into_iter().collect()
        );
        assert_eq!(
            either.clone().negated().states(),
            StateSet::ALL
                .without(TcpState::Listen)
                .without(TcpState::Closing)
        );
        let other = local("::1", 128);
        assert_eq!(listen.clone().or(other.clone()).states(), StateSet::ALL);
        assert_eq!(listen.clone().and(other).states(), listen.states());
    }

    #[test]
    fn who_has_a_peer_neither_listens_nor_is_bound_only() {
        use Comparison::{AtLeast, Equal, Less, NotEqual};
        for (filter, with_peer) in [
            (remote_port(Equal, 443), true),
            (remote_port(Equal, 0), false),
            (remote_port(NotEqual, 443), false),
            (remote_port(NotEqual, 0), true),
            (remote_port(AtLeast, 1), true),
            (remote_port(Less, 80), false),
        ] {
            assert_eq!(filter.states() == WITH_PEER, with_peer, "{filter:?}");
            let negated = filter.negated();
            assert_eq!(negated.states() == WITH_PEER, !with_peer, "{negated:?}");
        }
        let network = Network::host("10.0.0.1".parse().unwrap());
        let was_connected = Filter::from(Condition::Address(End::Remote, network));
        assert_eq!(was_connected.states(), StateSet::ALL);
    }

    #[test]
    fn nobody_is_asked_about_what_time_wait_cannot_tell() {
        let pid = Filter::from(Condition::Pid(7));
        let without = StateSet::ALL.without(TcpState::TimeWait);
        assert_eq!(pid.states(), without);
        assert_eq!(pid.clone().negated().states(), without);
        let either = pid.or(state(TcpState::TimeWait));
        assert_eq!(either.states(), StateSet::ALL);
    }

    #[test]
    fn families_are_those_that_can_match() {
        let (v4, v6) = (FamilySet::only(Family::Ipv4), FamilySet::only(Family::Ipv6));
        let family = |family| Filter::from(Condition::Family(family));
        for (filter, families) in [
            (Filter::EVERYTHING, FamilySet::BOTH),
            (Filter::NOTHING, FamilySet::NONE),
            (family(Family::Ipv4), v4),
            (family(Family::Ipv4).negated(), v6),
            (
                family(Family::Ipv4).and(family(Family::Ipv6)),
                FamilySet::NONE,
            ),
            (
                family(Family::Ipv4).or(family(Family::Ipv6)),
                FamilySet::BOTH,
            ),
            (local("127.0.0.1", 32), FamilySet::BOTH),
            (local("127.0.0.1", 32).negated(), FamilySet::BOTH),
            (local("0.0.0.0", 0).negated(), v6),
            (local("::1", 128), v6),
            (local("::1", 128).negated(), FamilySet::BOTH),
            (local("::", 0).negated(), v4),
        ] {
            assert_eq!(filter.families(), families, "{filter:?}");
        }
    }
}
