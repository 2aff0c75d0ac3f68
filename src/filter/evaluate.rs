//! A socket judged by a filter.

use std::time::Duration;

use crate::model::{
    AgeBounds, Comparison, Condition, End, Endpoint, Filter, Socket, SocketKind, SourceKind,
    TcpInfo, TcpState,
};

/// `TASK_COMM_LEN`, less the zero at its end.
const COMM_BYTES: usize = 15;

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Yes,
    /// It doesn't.
    No,
    /// Nobody can tell.
    Unknown,
}

/// Who judges a condition for a socket.
pub type ConditionJudge<'a> = dyn Fn(&Condition, &Socket) -> Truth + 'a;

/// What is known of a socket beside what its row says.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Where the row came from.
    pub source: SourceKind,
    /// Who judges conditions that no row tells anything of: on the processes
    /// that hold a socket, its unit and its age. `None`: nobody.
    pub others: Option<&'a ConditionJudge<'a>>,
}

impl Facts<'_> {
    /// Nothing but the row is known.
    #[must_use]
    pub const fn of_row(source: SourceKind) -> Self {
        Self {
            source,
            others: None,
        }
    }
}

/// Judges a socket. Only [`Truth::Yes`] selects it.
#[must_use]
pub fn judge(filter: &Filter, socket: &Socket, facts: &Facts<'_>) -> Truth {
    match filter {
        Filter::Is(condition) => holds(condition, socket, facts),
        Filter::Not(filter) => !judge(filter, socket, facts),
        Filter::And(filters) => all(filters.iter().map(|filter| judge(filter, socket, facts))),
        Filter::Or(filters) => !all(filters.iter().map(|filter| !judge(filter, socket, facts))),
    }
}

/// Whether a filter selects a socket by what its row says.
#[must_use]
pub fn selects_row(filter: &Filter, socket: &Socket, source: SourceKind) -> bool {
    judge(filter, socket, &Facts::of_row(source)) == Truth::Yes
}

/// One that doesn't hold decides, whatever isn't known.
fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut outcome = Truth::Yes;
    for truth in truths {
        match truth {
            Truth::Yes => {}
            Truth::No => return Truth::No,
            Truth::Unknown => outcome = Truth::Unknown,
        }
    }
    outcome
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl From<Option<bool>> for Truth {
    fn from(holds: Option<bool>) -> Self {
        holds.map_or(Self::Unknown, Self::from)
    }
}

fn holds(condition: &Condition, socket: &Socket, facts: &Facts<'_>) -> Truth {
    let full = socket.kind == SocketKind::Full;
    let over_netlink = facts.source != SourceKind::Procfs;
    match condition {
        Condition::State(states) => states.contains(socket.state).into(),
        Condition::Family(family) => (socket.family == *family).into(),
        Condition::Address(end, network) => network.contains(end_of(socket, *end).address).into(),
        Condition::Port(end, comparison, port) => {
            comparison.holds(&end_of(socket, *end).port, port).into()
        }
        Condition::PortIn(end, ports) => ports.contains(end_of(socket, *end).port).into(),
        Condition::Device(device) => over_netlink.then_some(socket.interface == *device).into(),
        Condition::Mark { value, mask } => socket.mark.map(|mark| mark & mask == *value).into(),
        Condition::Cgroup(cgroup) if full => socket.cgroup.map(|own| own == *cgroup).into(),
        Condition::Cgroup(_) => Truth::No,
        Condition::PortNotLocked => (!full).then_some(true).into(),
        Condition::Uid(uid) => socket.uid.map(|own| own == *uid).into(),
        Condition::Pid(_)
        | Condition::Process(_)
        | Condition::Unit(_)
        | Condition::Container(_)
        | Condition::Age(..) => facts
            .others
            .map_or(Truth::Unknown, |judge| judge(condition, socket)),
        Condition::RecvQueue(comparison, bytes) => full
            .then(|| comparison.holds(&u64::from(socket.recv_q), bytes))
            .into(),
        Condition::SendQueue(comparison, bytes) => socket
            .send_q
            .filter(|_| full && socket.state != TcpState::Listen)
            .map(|queue| comparison.holds(&u64::from(queue), bytes))
            .into(),
        Condition::Rtt(comparison, time) => {
            // Before the first measurement it is 0.
            let rtt = info(socket, |info| info.rtt).filter(|&rtt| rtt != 0);
            let rtt = rtt.map(|rtt| Duration::from_micros(rtt.into()));
            rtt.map(|rtt| comparison.holds(&rtt, time)).into()
        }
        Condition::Retransmits(comparison, segments) => info(socket, |info| info.total_retrans)
            .map(|sent| comparison.holds(&u64::from(sent), segments))
            .into(),
        Condition::LastSent(comparison, time) => {
            since(socket, |info| info.last_data_sent, *comparison, *time)
        }
        Condition::LastReceived(comparison, time) => {
            since(socket, |info| info.last_data_recv, *comparison, *time)
        }
    }
}

const fn end_of(socket: &Socket, end: End) -> &Endpoint {
    match end {
        End::Local => &socket.local,
        End::Remote => &socket.remote,
    }
}

/// Whether a process is one of this name, of which the kernel keeps 15 bytes:
/// these may end inside a character.
#[must_use]
pub fn is_command(command: &str, name: &str) -> bool {
    let bytes = name.as_bytes();
    let kept = bytes.get(..COMM_BYTES).unwrap_or(bytes);
    command == String::from_utf8_lossy(kept)
}

/// An age between two bounds compares as both of them do.
#[must_use]
pub fn judge_age(age: AgeBounds, comparison: Comparison, bound: Duration) -> Truth {
    let low = age.at_least.unwrap_or_default();
    let high = age.at_most.unwrap_or(Duration::MAX);
    let at = |age| comparison.holds(&age, &bound);
    let decided = match comparison {
        // Only the very same age is equal, and none at all outside the bounds.
        Comparison::Equal | Comparison::NotEqual => low == high || bound < low || high < bound,
        _ => at(low) == at(high),
    };
    decided.then(|| at(low)).into()
}

/// A field of `tcp_info`, which says nothing of a listener's traffic.
fn info(socket: &Socket, field: impl Fn(&TcpInfo) -> Option<u32>) -> Option<u32> {
    let with_traffic = socket.state != TcpState::Listen;
    socket
        .tcp_info
        .as_ref()
        .filter(|_| with_traffic)
        .and_then(field)
}

fn since(
    socket: &Socket,
    field: impl Fn(&TcpInfo) -> Option<u32>,
    comparison: Comparison,
    time: Duration,
) -> Truth {
    info(socket, field)
        .map(|ms| comparison.holds(&Duration::from_millis(ms.into()), &time))
        .into()
}

/// The conditions of a filter that no row of a source tells anything of, in the
/// words of the language. Over netlink the kernel itself can judge all of them.
#[must_use]
pub fn untold(filter: &Filter, source: SourceKind) -> Vec<&'static str> {
    let word = |condition: &Condition| match (condition, source) {
        (_, SourceKind::Netlink) => None,
        (Condition::PortNotLocked, _) => Some("autobound"),
        (Condition::Mark { .. }, SourceKind::Procfs) => Some("fwmark"),
        (Condition::Device(_), SourceKind::Procfs) => Some("dev"),
        (Condition::Cgroup(_), SourceKind::Procfs) => Some("cgroup"),
        (Condition::Rtt(..), SourceKind::Procfs) => Some("rtt"),
        (Condition::Retransmits(..), SourceKind::Procfs) => Some("retrans"),
        (Condition::LastSent(..), SourceKind::Procfs) => Some("lastsnd"),
        (Condition::LastReceived(..), SourceKind::Procfs) => Some("lastrcv"),
        _ => None,
    };
    let mut words = Vec::new();
    filter.any(&mut |condition| {
        if let Some(word) = word(condition)
            && !words.contains(&word)
        {
            words.push(word);
        }
        false
    });
    words
}
