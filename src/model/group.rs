//! Sockets counted by what they have in common.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::str::FromStr;

use foldhash::fast::RandomState;

use super::{Endpoint, TcpState};

/// What sockets are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKey {
    /// Each process that holds one.
    Process,
    /// The systemd unit that it was made in.
    Unit,
    /// The container that it was made in.
    Container,
    /// The user that it belongs to.
    User,
    /// Our port.
    LocalPort,
    /// The listener that it came in through, or is.
    Listener,
    /// The peer's address.
    Remote,
    /// The network of the peer: so many bits of its address.
    RemotePrefix(u8),
    /// The peer's port.
    RemotePort,
    /// The interface that it is bound to.
    Interface,
}

const NAMES: [(&str, GroupKey); 9] = [
    ("process", GroupKey::Process),
    ("unit", GroupKey::Unit),
    ("container", GroupKey::Container),
    ("user", GroupKey::User),
    ("local-port", GroupKey::LocalPort),
    ("listener", GroupKey::Listener),
    ("remote", GroupKey::Remote),
    ("remote-port", GroupKey::RemotePort),
    ("interface", GroupKey::Interface),
];

impl GroupKey {
    /// What stands above its column.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Process => "PROCESS",
            Self::Unit => "UNIT",
            Self::Container => "CONTAINER",
            Self::User => "UID",
            Self::LocalPort => "LOCAL PORT",
            Self::Listener => "LISTENER",
            Self::Remote => "REMOTE",
            Self::RemotePrefix(_) => "NETWORK",
            Self::RemotePort => "REMOTE PORT",
            Self::Interface => "INTERFACE",
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        let named = NAMES.iter().find(|(_, key)| *key == self);
        match (self, named) {
            (Self::RemotePrefix(bits), _) => format!("remote/{bits}"),
            (_, Some((name, _))) => (*name).to_owned(),
            (_, None) => String::new(),
        }
    }
}

impl FromStr for GroupKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase().replace('_', "-");
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let prefix = || {
            let bits: u8 = name.strip_prefix("remote/")?.parse().ok()?;
            (bits <= 128).then_some(Self::RemotePrefix(bits))
        };
        known.map(|(_, key)| *key).or_else(prefix).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            format!("no key to group by: {names}, or remote/24 for networks of peers")
        })
    }
}

/// What the sockets of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupValue {
    /// A process, by its number.
    Process(u32),
    /// A name, by its place in [`Groups::names`].
    Name(usize),
    /// A user.
    User(u32),
    /// A port.
    Port(u16),
    /// Where a listener is, with the interface that it is bound to.
    Listener(Endpoint, Option<u32>),
    /// An address, with its interface.
    Address(IpAddr, Option<u32>),
    /// A network: its first address and its bits.
    Network(IpAddr, u8),
    /// An interface, by its index.
    Interface(u32),
    /// It isn't known, or there is none.
    None(NoGroup),
}

/// Why a socket has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoGroup {
    /// TIME_WAIT, SYN_RECV and FIN_WAIT2 minisockets belong to nobody.
    Minisocket,
    /// No process has accepted it.
    NotAccepted,
    /// Its process has closed it, or has ended.
    Closed,
    /// No process in sight holds it.
    Unseen,
    /// It was made in no unit.
    NoUnit,
    /// It was made in no container.
    NoContainer,
    /// The cgroup that it was made in is gone, or outside of what is seen here.
    CgroupUnknown,
    /// The source doesn't tell.
    NotTold,
    /// We opened it, or its listener is gone.
    NoListener,
    /// It is bound to none.
    NotBound,
}

impl NoGroup {
    /// Why, in words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Minisocket => "none: TIME_WAIT, SYN_RECV, orphaned FIN_WAIT2",
            Self::NotAccepted => "none yet: not accepted",
            Self::Closed => "none: closed, or its process ended",
            Self::Unseen => "unknown: no process in sight holds it",
            Self::NoUnit => "in no unit",
            Self::NoContainer => "in no container",
            Self::CgroupUnknown => "unknown: cgroup removed or not in sight",
            Self::NotTold => "unknown: not told by this source",
            Self::NoListener => "no listener: opened here, or listener gone",
            Self::NotBound => "not bound to one",
        }
    }
}

/// Sockets of each state: the twelve with names, and those without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupCount([u64; TcpState::NAMED.len() + 1]);

impl GroupCount {
    fn place(state: TcpState) -> usize {
        let named = TcpState::NAMED.iter().position(|&named| named == state);
        named.unwrap_or(TcpState::NAMED.len())
    }

    /// Counts one more.
    pub fn add(&mut self, state: TcpState) {
        if let Some(count) = self.0.get_mut(Self::place(state)) {
            *count += 1;
        }
    }

    /// How many are in a state.
    #[must_use]
    pub fn of(&self, state: TcpState) -> u64 {
        self.0.get(Self::place(state)).copied().unwrap_or(0)
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Sockets by what they have in common.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// The keys.
    pub by: Vec<GroupKey>,
    /// A value for each key, and how many have these.
    counts: HashMap<Box<[GroupValue]>, GroupCount, RandomState>,
    /// Names of units and containers.
    pub names: Vec<String>,
    /// Names of the programs of processes.
    pub commands: HashMap<u32, String>,
    /// Names of interfaces.
    pub interfaces: HashMap<u32, String>,
    /// Sockets that were counted, each once.
    pub sockets: u64,
}

impl Groups {
    /// No socket yet, grouped by these.
    #[must_use]
    pub fn by(by: &[GroupKey]) -> Self {
        Self {
            by: by.to_vec(),
            ..Self::default()
        }
    }

    /// Counts a socket with these values. Nothing is copied unless the group is
    /// new.
    pub fn add(&mut self, values: &[GroupValue], state: TcpState) {
        if let Some(count) = self.counts.get_mut(values) {
            count.add(state);
            return;
        }
        let mut count = GroupCount::default();
        count.add(state);
        self.counts.insert(values.into(), count);
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.sockets = 0;
    }

    /// Each group with its values, the largest first.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&[GroupValue], GroupCount)> {
        let groups = self.counts.iter();
        let mut groups: Vec<_> = groups.map(|(values, count)| (&**values, *count)).collect();
        groups.sort_by(|(one, ones), (other, others)| {
            let by_total = others.total().cmp(&ones.total());
            by_total.then_with(|| one.cmp(other))
        });
        groups
    }

    /// The interfaces in the values, by their index.
    #[must_use]
    pub fn interfaces_mentioned(&self) -> BTreeSet<u32> {
        let values = self.counts.keys().flat_map(|values| values.iter());
        let index = |value: &GroupValue| match value {
            GroupValue::Listener(_, index) | GroupValue::Address(_, index) => *index,
            GroupValue::Interface(index) => Some(*index),
            _ => None,
        };
        values.filter_map(index).collect()
    }

    /// The states that occur, in the kernel's order.
    #[must_use]
    pub fn states(&self) -> Vec<TcpState> {
        let all = TcpState::NAMED.into_iter().chain([TcpState::Unknown(0)]);
        let occurs = |state: &TcpState| self.counts.values().any(|count| count.of(*state) > 0);
        all.filter(occurs).collect()
    }

    /// A value in words, as it came from outside.
    #[must_use]
    pub fn text(&self, value: GroupValue) -> String {
        let on = |interface: Option<u32>| {
            let name = |index| self.interfaces.get(&index).cloned();
            interface.map_or_else(String::new, |index| {
                format!("%{}", name(index).unwrap_or_else(|| index.to_string()))
            })
        };
        match value {
            GroupValue::Process(pid) => {
                let command = self.commands.get(&pid).map_or("?", String::as_str);
                format!("{command}[{pid}]")
            }
            GroupValue::Name(place) => self.names.get(place).cloned().unwrap_or_default(),
            GroupValue::User(uid) => uid.to_string(),
            GroupValue::Port(port) => port.to_string(),
            GroupValue::Listener(end, interface) => match end.address {
                IpAddr::V4(address) => format!("{address}{}:{}", on(interface), end.port),
                IpAddr::V6(address) => format!("[{address}{}]:{}", on(interface), end.port),
            },
            GroupValue::Address(address, interface) => format!("{address}{}", on(interface)),
            GroupValue::Network(address, bits) => format!("{address}/{bits}"),
            GroupValue::Interface(index) => {
                let name = self.interfaces.get(&index).cloned();
                name.unwrap_or_else(|| index.to_string())
            }
            GroupValue::None(why) => why.reason().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_name() {
        for (name, key) in NAMES {
            assert_eq!(name.parse(), Ok(key));
            assert_eq!(key.name(), name);
        }
        let prefix = GroupKey::RemotePrefix(24);
        assert_eq!("remote/24".parse(), Ok(prefix));
        assert_eq!(prefix.name(), "remote/24");
        assert_eq!("local_port".parse(), Ok(GroupKey::LocalPort));
        for wrong in ["", "remote/129", "remote/x", "pid"] {
            assert!(wrong.parse::<GroupKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_largest_group_is_first() {
        let mut groups = Groups::by(&[GroupKey::LocalPort]);
        let port = |port| [GroupValue::Port(port)];
        groups.add(&port(80), TcpState::Established);
        groups.add(&port(443), TcpState::TimeWait);
        groups.add(&port(443), TcpState::Unknown(77));
        groups.add(&port(22), TcpState::Established);
        let sorted = groups.sorted();
        let ports: Vec<_> = sorted.iter().map(|(values, _)| values[0]).collect();
        assert_eq!(ports, [443, 22, 80].map(GroupValue::Port));
        assert_eq!(
            (sorted[0].1.total(), sorted[0].1.of(TcpState::Unknown(1))),
            (2, 1)
        );
        let states = [
            TcpState::Established,
            TcpState::TimeWait,
            TcpState::Unknown(0),
        ];
        assert_eq!(groups.states(), states);
    }
}
