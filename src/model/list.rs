//! Sockets one by one: what may be shown of each, and what is known beside them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use super::{
    Cgroup, CgroupId, Collection, Holder, InfoField, Owners, PortRange, Processes, Socket,
    SocketKind, SocketMemory, TcpState,
};

/// What is shown of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListColumn {
    /// Its state.
    State,
    /// Bytes not read, or connections that wait to be accepted.
    RecvQ,
    /// Bytes not acknowledged, or the limit of the accept queue.
    SendQ,
    /// Our end.
    Local,
    /// The peer's end.
    Remote,
    /// The address of our end.
    LocalAddress,
    /// The port of our end.
    LocalPort,
    /// The address of the peer's end.
    RemoteAddress,
    /// The port of the peer's end.
    RemotePort,
    /// The timer that runs.
    Timer,
    /// When it fires, in ms.
    TimerExpires,
    /// How often it fired already.
    TimerRetransmits,
    /// The user that it belongs to.
    User,
    /// The file behind it.
    Inode,
    /// The kernel's number of it.
    Cookie,
    /// The interface that it is bound to.
    Interface,
    /// `SO_MARK`
    Mark,
    /// Which directions are shut down.
    Shutdown,
    /// Whether it takes IPv6 only.
    V6only,
    /// The cgroup that it was made in.
    Cgroup,
    /// The unit or container that this cgroup names.
    Unit,
    /// The processes that hold it.
    Process,
    /// The name of its congestion control.
    Congestion,
    /// One of the numbers of its memory.
    Memory(usize),
    /// A field of `tcp_info`.
    Info(&'static InfoField),
}

/// What every list shows.
const USUAL: [ListColumn; 5] = [
    ListColumn::State,
    ListColumn::RecvQ,
    ListColumn::SendQ,
    ListColumn::Local,
    ListColumn::Remote,
];

/// The names of the columns, but for those of memory and `tcp_info`.
const NAMED: [(ListColumn, &str); 23] = [
    (ListColumn::State, "state"),
    (ListColumn::RecvQ, "recv_q"),
    (ListColumn::SendQ, "send_q"),
    (ListColumn::Local, "local"),
    (ListColumn::Remote, "remote"),
    (ListColumn::LocalAddress, "local_address"),
    (ListColumn::LocalPort, "local_port"),
    (ListColumn::RemoteAddress, "remote_address"),
    (ListColumn::RemotePort, "remote_port"),
    (ListColumn::Timer, "timer"),
    (ListColumn::TimerExpires, "timer_expires_ms"),
    (ListColumn::TimerRetransmits, "timer_retransmits"),
    (ListColumn::User, "uid"),
    (ListColumn::Inode, "inode"),
    (ListColumn::Cookie, "cookie"),
    (ListColumn::Interface, "interface"),
    (ListColumn::Mark, "mark"),
    (ListColumn::Shutdown, "shutdown"),
    (ListColumn::V6only, "v6only"),
    (ListColumn::Cgroup, "cgroup"),
    (ListColumn::Unit, "unit"),
    (ListColumn::Process, "process"),
    (ListColumn::Congestion, "congestion_control"),
];

/// Other names of some of them.
const ALIASES: [(&str, &str); 9] = [
    ("recvq", "recv_q"),
    ("sendq", "send_q"),
    ("peer", "remote"),
    ("user", "uid"),
    ("dev", "interface"),
    ("fwmark", "mark"),
    ("processes", "process"),
    ("sport", "local_port"),
    ("dport", "remote_port"),
];

impl ListColumn {
    /// What every list shows.
    pub const USUAL: &'static [Self] = &USUAL;

    /// What `-o` adds.
    pub const TIMERS: &'static [Self] = &[Self::Timer, Self::TimerExpires, Self::TimerRetransmits];

    /// What `-e` adds to them.
    pub const EXTENDED: &'static [Self] = &[
        Self::User,
        Self::Inode,
        Self::Cookie,
        Self::Interface,
        Self::Mark,
        Self::Shutdown,
        Self::V6only,
        Self::Cgroup,
        Self::Unit,
    ];

    /// The memory of a socket.
    pub fn memory() -> impl Iterator<Item = Self> {
        (0..SocketMemory::FIELDS.len()).map(Self::Memory)
    }

    /// The name of the congestion control, and every field of `tcp_info`.
    pub fn info() -> impl Iterator<Item = Self> {
        let fields = InfoField::ALL.iter().map(Self::Info);
        std::iter::once(Self::Congestion).chain(fields)
    }

    /// Its name.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Memory(index) => SocketMemory::FIELDS
                .get(index)
                .map_or("memory", |(name, ..)| name),
            // The column `state` is another one.
            Self::Info(field) if field.name == "state" => "tcpi_state",
            Self::Info(field) => field.name,
            column => NAMED
                .iter()
                .find_map(|(named, name)| (*named == column).then_some(*name))
                .unwrap_or_default(),
        }
    }

    /// Its number for a socket, in the unit of the kernel; `None` where the column
    /// has none, or it isn't known.
    #[must_use]
    pub fn number(self, socket: &Socket, facts: &ListFacts) -> Option<u64> {
        let details = socket.details.as_ref();
        let timer = socket.timer;
        match self {
            // The kernel says 0 of what has no queue.
            Self::RecvQ => Some(socket.recv_q.into()),
            Self::SendQ => socket.send_q.map(u64::from),
            Self::LocalPort => Some(socket.local.port.into()),
            Self::RemotePort => Some(socket.remote.port.into()),
            Self::TimerExpires => timer.map(|timer| timer.expires_ms.into()),
            Self::TimerRetransmits => timer.map(|timer| timer.retransmits.into()),
            Self::User => socket.uid.map(u64::from),
            Self::Inode => socket.inode,
            Self::Cookie => socket.cookie.map(|cookie| cookie.0),
            Self::Mark => socket.mark.map(u64::from),
            Self::Shutdown => socket.shutdown.map(u64::from),
            Self::V6only => socket.v6only.map(u64::from),
            Self::Memory(index) => {
                let memory = details?.memory?;
                memory.0.get(index).copied().flatten().map(u64::from)
            }
            Self::Info(field) => details?.info.get(field, facts.kernel),
            _ => None,
        }
    }

    /// Whether [`number`](Self::number) tells all of it.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::RecvQ
                | Self::SendQ
                | Self::LocalPort
                | Self::RemotePort
                | Self::TimerExpires
                | Self::TimerRetransmits
                | Self::User
                | Self::Inode
                | Self::Cookie
                | Self::Mark
                | Self::Shutdown
                | Self::V6only
                | Self::Memory(_)
                | Self::Info(_)
        )
    }

    /// Whether it is a part of an end.
    #[must_use]
    pub const fn is_part_of_an_end(self) -> bool {
        matches!(
            self,
            Self::LocalAddress | Self::LocalPort | Self::RemoteAddress | Self::RemotePort
        )
    }

    /// Whether the kernel tells it only where it is asked for more than rows.
    #[must_use]
    pub const fn is_detail(self) -> bool {
        matches!(self, Self::Congestion | Self::Memory(_) | Self::Info(_))
    }
}

/// Who holds a socket, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding<'a> {
    /// These do.
    By(&'a [Holder]),
    /// Nobody: it is a request or a minisocket.
    NoProcess,
    /// Nobody yet: it waits to be accepted.
    NotAccepted,
    /// Nobody any more: its process has closed it, or has ended.
    Closed,
    /// Somebody, whom the search did not see.
    Unknown,
}

impl ListFacts {
    /// Who holds a socket; `None` where that wasn't asked for.
    #[must_use]
    pub fn holding(&self, socket: &Socket) -> Option<Holding<'_>> {
        let (owners, _) = self.owners.as_ref()?;
        Some(match (socket.inode, socket.state) {
            (Some(inode), _) => match owners.of(inode) {
                [] => Holding::Unknown,
                holders => Holding::By(holders),
            },
            _ if socket.kind != SocketKind::Full => Holding::NoProcess,
            (None, TcpState::Established | TcpState::CloseWait | TcpState::SynRecv) => {
                Holding::NotAccepted
            }
            (None, TcpState::Listen | TcpState::BoundInactive) => Holding::Unknown,
            (None, _) => Holding::Closed,
        })
    }

    /// The cgroup that a socket was made in.
    #[must_use]
    pub fn cgroup(&self, socket: &Socket) -> Option<&Cgroup> {
        self.cgroups.as_ref()?.get(&socket.cgroup?)
    }

    /// The name of the program of a process that holds a socket.
    #[must_use]
    pub fn command(&self, pid: u32) -> Option<&str> {
        let (_, processes) = self.owners.as_ref()?;
        processes.get(&pid)?.command.as_deref()
    }
}

impl FromStr for ListColumn {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let key = name.to_ascii_lowercase().replace('-', "_");
        let alias = ALIASES.iter().find(|(alias, _)| *alias == key);
        let key = alias.map_or(key.as_str(), |(_, key)| key);
        let named = NAMED.iter().find(|(_, name)| *name == key);
        let memory = || Self::memory().find(|column| column.key() == key);
        named
            .map(|(column, _)| *column)
            .or_else(memory)
            .or_else(|| InfoField::called(key).map(Self::Info))
            .ok_or_else(|| {
                let list = NAMED.map(|(_, name)| name).join(", ");
                format!(
                    "no column: {list}, or a field of tcp_info or of socket memory by the \
                     kernel's name (rtt, snd_cwnd, bytes_acked, rmem_alloc, …)"
                )
            })
    }
}

/// What is known beside the rows.
#[derive(Debug, Default)]
pub struct ListFacts {
    /// Major and minor number of the kernel that sent the rows.
    pub kernel: Option<(u32, u32)>,
    /// Names of the interfaces that sockets are bound to, by their index; `None`
    /// where one is gone.
    pub interfaces: HashMap<u32, Option<String>>,
    /// The cgroups of the sockets; `None` where they weren't asked for.
    pub cgroups: Option<HashMap<CgroupId, Cgroup>>,
    /// Who holds the sockets; `None` where that wasn't asked for.
    pub owners: Option<(Owners, Processes)>,
    /// Sockets with an inode that have no known owner.
    pub unowned: u64,
    /// Names in place of numbers; `None` where they weren't asked for.
    pub names: Option<ListNames>,
}

/// Names that files of the host give to numbers.
#[derive(Debug, Default)]
pub struct ListNames {
    /// Users.
    pub users: HashMap<u32, String>,
    /// Services, by their TCP port.
    pub services: HashMap<u16, String>,
    /// Hosts.
    pub hosts: HashMap<IpAddr, String>,
    /// `net.ipv4.ip_local_port_range`: ports in it are chosen by the kernel, and
    /// no services.
    pub local_ports: Option<PortRange>,
}

/// Sockets that the filter selects but for their states, which nobody named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotShown {
    /// How many are in LISTEN; `None` where it isn't known. The same goes for the
    /// others.
    pub listen: Option<u64>,
    /// How many are in SYN_RECV.
    pub syn_recv: Option<u64>,
    /// How many are in TIME_WAIT.
    pub time_wait: Option<u64>,
    /// Whether there may be fewer in TIME_WAIT: minisockets in FIN_WAIT2 are
    /// among them.
    pub time_wait_at_most: bool,
}

/// A step of a list.
#[derive(Debug, Clone, Copy)]
pub enum ListStep<'a> {
    /// It begins, with the first of its sockets: these come once more, each by
    /// itself.
    Begin(&'a [Socket], Option<NotShown>),
    /// The next socket.
    Socket(&'a Socket),
}

/// How a list ended.
#[derive(Debug)]
pub struct ListEnd {
    /// How the reading went.
    pub collection: Collection,
    /// Within how many rows repeated ones are looked for; `None`: nobody looked,
    /// or all are held against each other.
    pub duplicates_within: Option<u64>,
    /// How long it took, the search for owners included.
    pub elapsed: Duration,
    /// Sockets in states that nobody asked for.
    pub not_shown: Option<NotShown>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        let named = NAMED.map(|(column, _)| column).into_iter();
        let all = named.chain(ListColumn::memory()).chain(ListColumn::info());
        for column in all {
            let key = column.key();
            assert_eq!(key.parse(), Ok(column), "{key}");
        }
        assert_eq!("RECV-Q".parse(), Ok(ListColumn::RecvQ));
        assert_eq!("peer".parse(), Ok(ListColumn::Remote));
        assert!("nothing".parse::<ListColumn>().is_err());
    }
}
