//! Which sockets are wanted: one tree of conditions, whatever it was made from
//! (`-4`, `--pid`, `--remote`, or the words of ss's filter language).

mod network;
mod reach;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::network::Network;
pub use self::reach::FamilySet;
use super::{CgroupId, Family, PortSet, StateSet, TcpState};

/// A condition over a socket, or several combined.
///
/// What isn't known of a socket matches neither a condition nor its negation:
/// a filter is judged in three values, of which only "yes" selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// One condition.
    Is(Condition),
    /// The opposite.
    Not(Box<Self>),
    /// All of these; of none of them: every socket.
    And(Vec<Self>),
    /// One of these at least; of none of them: no socket.
    Or(Vec<Self>),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The state is one of these.
    State(StateSet),
    /// The family of the socket, which is IPv6 where its addresses are
    /// IPv4-mapped.
    Family(Family),
    /// The address of one end is in a network. A wildcard is an address like
    /// others.
    Address(End, Network),
    /// The port of one end; 0 where there is no peer.
    Port(End, Comparison, u16),
    /// The port of one end is in a set.
    PortIn(End, PortSet),
    /// The interface that the socket is bound to, by its index; `None`: bound
    /// to none.
    Device(Option<u32>),
    /// `SO_MARK`, of which the bits of a mask count.
    Mark {
        /// What these bits are. Bits outside the mask match nothing.
        value: u32,
        /// The bits that count.
        mask: u32,
    },
    /// The cgroup that the socket was made in: this very one, not those below.
    /// Requests and TIME_WAIT sockets are in none.
    Cgroup(CgroupId),
    /// No bind() chose the local port: the kernel's `SOCK_BINDPORT_LOCK` is not
    /// set. Accepted sockets, requests and TIME_WAIT sockets never have it.
    /// Only the kernel can tell it of the others.
    PortNotLocked,
    /// A process that holds it.
    Pid(u32),
    /// The command of a process that holds it (/proc/PID/comm).
    Process(String),
    /// The user that the socket belongs to (`idiag_uid`).
    Uid(u32),
    /// The unit of systemd that it belongs to, with or without `.service`.
    Unit(String),
    /// The container or pod that it belongs to, by its name, its id, or the
    /// first twelve characters of that.
    Container(String),
    /// How long it has been in its state, as far as that is known.
    Age(Comparison, Duration),
    /// Bytes not read, or connections waiting to be accepted. Full sockets
    /// only.
    RecvQueue(Comparison, u64),
    /// Bytes not acknowledged. Full sockets only, and no listeners: theirs is
    /// the limit of a queue.
    SendQueue(Comparison, u64),
    /// Smoothed round-trip time (`tcpi_rtt`).
    Rtt(Comparison, Duration),
    /// Segments sent once more since the connection began
    /// (`tcpi_total_retrans`).
    Retransmits(Comparison, u64),
    /// Time since the last data segment was sent (`tcpi_last_data_sent`).
    LastSent(Comparison, Duration),
    /// Time since the last data segment came (`tcpi_last_data_recv`).
    LastReceived(Comparison, Duration),
}

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Ours.
    Local,
    /// The peer's: all zeros for a socket without a peer.
    Remote,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Filter {
    /// Every socket.
    pub const EVERYTHING: Self = Self::And(Vec::new());

    /// No socket.
    pub const NOTHING: Self = Self::Or(Vec::new());

    /// The sockets that both select.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(mut all), Self::And(more)) => {
                all.extend(more);
                Self::And(all)
            }
            (Self::And(all), other) if all.is_empty() => other,
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (first, Self::And(all)) if all.is_empty() => first,
            (first, second) => Self::And(vec![first, second]),
        }
    }

    /// The sockets that either selects.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Or(mut any), Self::Or(more)) => {
                any.extend(more);
                Self::Or(any)
            }
            (Self::Or(any), other) if any.is_empty() => other,
            (Self::Or(mut any), other) => {
                any.push(other);
                Self::Or(any)
            }
            (first, Self::Or(any)) if any.is_empty() => first,
            (first, second) => Self::Or(vec![first, second]),
        }
    }

    /// The sockets of which it is known that this doesn't select them.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(filter) => *filter,
            filter => Self::Not(Box::new(filter)),
        }
    }

    /// Whether it says nothing of any socket.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::EVERYTHING
    }

    /// Whether a condition in it is such a one.
    pub fn any(&self, is_such: &mut dyn FnMut(&Condition) -> bool) -> bool {
        match self {
            Self::Is(condition) => is_such(condition),
            Self::Not(filter) => filter.any(is_such),
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().any(|filter| filter.any(is_such))
            }
        }
    }

    /// Whether judging it takes the processes that hold a socket.
    #[must_use]
    pub fn needs_holders(&self) -> bool {
        self.any(&mut |condition| matches!(condition, Condition::Pid(_) | Condition::Process(_)))
    }

    /// Whether judging it takes the unit or container of a socket.
    #[must_use]
    pub fn needs_units(&self) -> bool {
        self.any(&mut |condition| matches!(condition, Condition::Unit(_) | Condition::Container(_)))
    }

    /// Whether judging it takes `tcp_info`.
    #[must_use]
    pub fn needs_tcp_info(&self) -> bool {
        self.any(&mut |condition| {
            matches!(
                condition,
                Condition::Age(..)
                    | Condition::Rtt(..)
                    | Condition::Retransmits(..)
                    | Condition::LastSent(..)
                    | Condition::LastReceived(..)
            )
        })
    }

    /// What the words that it was made from leave of the sockets; `None` where
    /// it leaves all, or all of a family.
    #[must_use]
    pub fn selection(&self, words: String) -> Option<Selection> {
        if self.is_everything() || matches!(self, Self::Is(Condition::Family(_))) {
            return None;
        }
        let states = self.states();
        let by_owner = self.needs_holders() || self.needs_units();
        Some(Selection {
            words,
            states,
            unowned: states.contains(TcpState::TimeWait) && !by_owner,
        })
    }
}

/// A part of the sockets, and what can be told of it: what can't is unknown, for
/// a count of 0 would be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The filter in the words of its language.
    pub words: String,
    /// The states that may be among them.
    pub states: StateSet,
    /// Sockets of which the kernel keeps no owner may be: TIME_WAIT and requests.
    pub unowned: bool,
}

impl From<Condition> for Filter {
    fn from(condition: Condition) -> Self {
        Self::Is(condition)
    }
}

impl Comparison {
    /// Whether `value` compares so with `bound`.
    #[must_use]
    pub fn holds<T: Ord>(self, value: &T, bound: &T) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::Greater => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(port: u16) -> Filter {
        Condition::Port(End::Local, Comparison::Equal, port).into()
    }

    #[test]
    fn combining_with_everything_or_nothing_changes_nothing() {
        assert_eq!(Filter::EVERYTHING.and(port(1)), port(1));
        assert_eq!(port(1).and(Filter::EVERYTHING), port(1));
        assert_eq!(Filter::NOTHING.or(port(1)), port(1));
        assert_eq!(port(1).or(Filter::NOTHING), port(1));
        assert_eq!(port(1).negated().negated(), port(1));
        let three = Filter::And(vec![port(1), port(2), port(3)]);
        assert_eq!(port(1).and(port(2)).and(port(3)), three);
    }

    #[test]
    fn a_comparison_is_what_its_sign_says() {
        use Comparison::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
        for (comparison, less, equal, greater) in [
            (Equal, false, true, false),
            (NotEqual, true, false, true),
            (Less, true, false, false),
            (AtMost, true, true, false),
            (Greater, false, false, true),
            (AtLeast, false, true, true),
        ] {
            let holds = [1, 2, 3].map(|value| comparison.holds(&value, &2));
            assert_eq!(holds, [less, equal, greater], "{comparison:?}");
        }
    }

    #[test]
    fn what_must_be_known_is_what_its_conditions_look_at() {
        let info = Filter::from(Condition::Rtt(Comparison::Less, Duration::ZERO));
        let pid = Filter::from(Condition::Pid(1)).negated();
        let unit = Filter::from(Condition::Unit("nginx".to_owned()));
        let needs = |filter: &Filter| {
            [
                filter.needs_holders(),
                filter.needs_units(),
                filter.needs_tcp_info(),
            ]
        };
        assert_eq!(needs(&port(1)), [false; 3]);
        assert_eq!(needs(&info), [false, false, true]);
        assert_eq!(needs(&port(1).or(pid)), [true, false, false]);
        assert_eq!(needs(&port(1).and(unit)), [false, true, false]);
    }
}
