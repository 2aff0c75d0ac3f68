//! Sockets as JSON, written one by one: the document ends with how the reading
//! went.

use std::io::{self, Write};
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

use super::parts::{ByName, Names};
use super::write::write;
use super::{Collection, Head};
use crate::model::{
    Endpoint, Family, HeldVia, Holder, Holding, Host, InfoField, ListColumn, ListEnd, ListFacts,
    NotShown, Socket, SocketKind, SocketMemory, TcpState,
};
use crate::render::list::{ListOutput, timer_name};

pub(super) const SCHEMA: &str = "tcpstate.list/1";

/// `tcpstate list --json`: sockets one by one. With `--format ndjson` each element
/// of `sockets` is a line, and nothing stands around them.
#[derive(Serialize, JsonSchema)]
pub(super) struct List<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    /// The sockets, in no order unless `--sort` gives one.
    sockets: Vec<ListedSocket<'a>>,
    #[serde(flatten)]
    tail: Tail,
}

/// What follows the sockets.
#[derive(Serialize, JsonSchema)]
struct Tail {
    /// Sockets that the filter selects but for their states. Null where states
    /// were named, `-a` and `-l` included.
    not_shown: Option<LeftOut>,
    /// A row that repeats one of so many rows before it is left out: repeats are
    /// near, since the kernel goes on by position in a chain. Null: each is held
    /// against all others, or, over /proc, none.
    duplicates_within: Option<u64>,
    /// How the sockets were read.
    collection: Collection,
}

/// Sockets in states that nobody asked for.
#[derive(Serialize, JsonSchema)]
struct LeftOut {
    /// Sockets in LISTEN. Null: not counted.
    listen: Option<u64>,
    /// Handshakes that aren't finished. Null: not counted.
    syn_recv: Option<u64>,
    /// Sockets in TIME_WAIT. Null: not counted.
    time_wait: Option<u64>,
}

/// A socket.
#[derive(Serialize, JsonSchema)]
struct ListedSocket<'a> {
    /// Its state, as the summary has it.
    state: &'static str,
    /// The kernel's number of a state without a name. Null: it has one.
    unknown_state: Option<u8>,
    /// The family of the socket, which may carry IPv4 in IPv6: `ipv4` or `ipv6`.
    family: &'static str,
    /// Our end.
    local: Endpoint,
    /// The peer's end; zeros where there is none.
    remote: Endpoint,
    /// Bytes not read; a FIN counts 1. Null for a listener.
    recv_q: Option<u32>,
    /// Bytes not acknowledged. Null for a listener.
    send_q: Option<u32>,
    /// Connections that wait to be accepted. Null unless it listens.
    accept_queue: Option<u32>,
    /// How many may wait. Null unless it listens, and over /proc.
    accept_limit: Option<u32>,
    /// The timer that runs. Null: none.
    timer: Option<Timer>,
    /// User id of the socket. Null for requests and minisockets, and where the
    /// kernel doesn't tell.
    uid: Option<u32>,
    /// Its inode. Null: no process has it.
    inode: Option<u64>,
    /// The kernel's cookie of the socket. Null over /proc.
    cookie: Option<u64>,
    /// Name of the interface that it is bound to. Null: none, or not known.
    interface: Option<&'a str>,
    /// Index of that interface. Null: none, or over /proc.
    interface_index: Option<u32>,
    /// SO_MARK. Null without CAP_NET_ADMIN.
    mark: Option<u32>,
    /// What is shut down: 1 receiving, 2 sending, 3 both. Null for requests and
    /// minisockets, and over /proc.
    shutdown: Option<u8>,
    /// Whether it takes IPv6 only. Null unless it is an IPv6 socket that listens
    /// or is only bound.
    v6only: Option<bool>,
    /// Path of the cgroup that it was created in. Null without `-e`, and where it
    /// isn't known.
    cgroup: Option<&'a str>,
    /// Id of that cgroup. Null over /proc and before Linux 5.8.
    cgroup_id: Option<u64>,
    /// The systemd unit or container that the path names.
    unit: Option<String>,
    /// Processes that hold it. Null without `-p`.
    processes: Option<Vec<Held<'a>>>,
    /// Why no process is told: `no_process` (a request or a minisocket),
    /// `not_accepted`, `closed` by its process, or `unknown`. Null where one is,
    /// and without `-p`.
    unowned: Option<&'static str>,
    /// Its memory. Null without `-m`, and where the kernel sends none.
    memory: Option<ByName<MemoryFields>>,
    /// Name of the congestion control. Null without `-i`.
    congestion_control: Option<&'a str>,
    /// `struct tcp_info`. Null without `-i`, and where the kernel sends none.
    info: Option<ByName<InfoFields>>,
}

/// A timer that runs.
#[derive(Serialize, JsonSchema)]
struct Timer {
    /// What it is for, in the words of ss: `on` (retransmission), `keepalive`,
    /// `timewait`, `persist` (zero-window probe), `unknown`.
    kind: &'static str,
    /// When it fires, in milliseconds from now.
    expires_ms: u32,
    /// How often it fired already.
    retransmits: u8,
}

/// A process that holds a socket, by one descriptor.
#[derive(Serialize, JsonSchema)]
struct Held<'a> {
    /// Its number.
    pid: u32,
    /// Its name (/proc/PID/comm). Null: not readable.
    command: Option<&'a str>,
    /// The descriptor.
    fd: u32,
    /// The thread whose own table the descriptor is in. Null: it is in the table
    /// of the process.
    thread: Option<u32>,
    /// Whether the descriptor is that of an io_uring, which has the socket among
    /// its registered files.
    io_uring: bool,
}

struct MemoryFields;

impl Names for MemoryFields {
    const TITLE: &'static str = "SocketMemory";
    type Value = Option<u32>;

    fn names() -> Vec<(&'static str, String)> {
        let fields = SocketMemory::FIELDS.into_iter();
        fields
            .map(|(name, _, meaning)| (name, meaning.to_owned()))
            .collect()
    }
}

struct InfoFields;

impl Names for InfoFields {
    const TITLE: &'static str = "TcpInfo";
    type Value = Option<u64>;

    fn names() -> Vec<(&'static str, String)> {
        let fields = InfoField::ALL.iter();
        let meaning = |field: &InfoField| match field.unit.symbol() {
            "" => field.meaning.to_owned(),
            unit => format!("{} In {unit}.", field.meaning),
        };
        fields.map(|field| (field.name, meaning(field))).collect()
    }
}

/// A document of sockets, or a line of it for each.
#[derive(Debug)]
pub struct ListJson<'a> {
    host: &'a Host,
    taken_at: Option<SystemTime>,
    parts: Parts,
    lines: bool,
    is_first: bool,
    text: Vec<u8>,
}

/// What of a socket was asked for.
#[derive(Debug, Clone, Copy)]
struct Parts {
    memory: bool,
    info: bool,
}

impl<'a> ListJson<'a> {
    /// A document about a host; `lines`: a line a socket, and nothing else.
    #[must_use]
    pub fn new(
        columns: &[ListColumn],
        host: &'a Host,
        taken_at: Option<SystemTime>,
        lines: bool,
    ) -> Self {
        let any = |is: fn(&ListColumn) -> bool| columns.iter().any(is);
        let parts = Parts {
            memory: any(|column| matches!(column, ListColumn::Memory(_))),
            info: any(|column| matches!(column, ListColumn::Info(_) | ListColumn::Congestion)),
        };
        Self {
            host,
            taken_at,
            parts,
            lines,
            is_first: true,
            text: Vec::new(),
        }
    }
}

impl ListOutput for ListJson<'_> {
    fn begin(
        &mut self,
        _first: &[Socket],
        _not_shown: Option<NotShown>,
        _facts: &ListFacts,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        if self.lines {
            return Ok(());
        }
        let head = Head::new(SCHEMA, self.host, self.taken_at);
        to.write_all(&fields(&head)?)?;
        to.write_all(b",\"sockets\":[")
    }

    fn socket(&mut self, socket: &Socket, facts: &ListFacts, to: &mut dyn Write) -> io::Result<()> {
        self.text.clear();
        if !self.lines && !std::mem::take(&mut self.is_first) {
            self.text.push(b',');
        }
        // Its parts are many and small: they are put together first.
        write(&ListedSocket::of(socket, facts, self.parts), &mut self.text)?;
        if self.lines {
            self.text.push(b'\n');
        }
        to.write_all(&self.text)
    }

    fn end(&mut self, end: &ListEnd, _facts: &ListFacts, to: &mut dyn Write) -> io::Result<()> {
        if self.lines {
            return Ok(());
        }
        let tail = Tail {
            not_shown: end.not_shown.map(LeftOut::from),
            duplicates_within: end.duplicates_within,
            collection: Collection::new(&end.collection, end.elapsed),
        };
        to.write_all(b"],")?;
        let tail = fields(&tail)?;
        to.write_all(tail.get(1..).unwrap_or_default())?;
        to.write_all(b"}\n")
    }
}

/// An object without the brace that closes it.
fn fields(object: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    write(object, &mut text)?;
    text.pop();
    Ok(text)
}

impl From<NotShown> for LeftOut {
    fn from(not_shown: NotShown) -> Self {
        Self {
            listen: not_shown.listen,
            syn_recv: not_shown.syn_recv,
            time_wait: not_shown.time_wait,
        }
    }
}

impl<'a> ListedSocket<'a> {
    fn of(socket: &'a Socket, facts: &'a ListFacts, parts: Parts) -> Self {
        let listens = socket.state == TcpState::Listen;
        let details = socket.details.as_deref();
        let interface = socket
            .interface
            .and_then(|index| facts.interfaces.get(&index));
        let cgroup = facts.cgroup(socket);
        let holding = facts.holding(socket);
        Self {
            state: socket.state.key(),
            unknown_state: match socket.state {
                TcpState::Unknown(number) => Some(number),
                _ => None,
            },
            family: match socket.family {
                Family::Ipv4 => "ipv4",
                Family::Ipv6 => "ipv6",
            },
            local: socket.local,
            remote: socket.remote,
            recv_q: (!listens).then_some(socket.recv_q),
            send_q: socket.send_q.filter(|_| !listens),
            accept_queue: socket.accept_queue(),
            accept_limit: socket.accept_limit(),
            timer: socket.timer.map(|timer| Timer {
                kind: timer_name(timer.kind),
                expires_ms: timer.expires_ms,
                retransmits: timer.retransmits,
            }),
            uid: socket.uid,
            inode: socket.inode,
            cookie: socket.cookie.map(|cookie| cookie.0),
            interface: interface.and_then(Option::as_deref),
            interface_index: socket.interface,
            mark: socket.mark,
            shutdown: socket.shutdown.filter(|_| socket.kind == SocketKind::Full),
            v6only: socket.v6only,
            cgroup: cgroup.and_then(|cgroup| cgroup.path.as_deref()),
            cgroup_id: socket.cgroup.map(|id| id.0),
            unit: cgroup
                .and_then(|cgroup| cgroup.unit.as_ref())
                .map(ToString::to_string),
            processes: match holding {
                None => None,
                Some(Holding::By(holders)) => {
                    let held = holders.iter().map(|holder| Held::of(holder, facts));
                    Some(held.collect())
                }
                Some(_) => Some(Vec::new()),
            },
            unowned: match holding {
                None | Some(Holding::By(_)) => None,
                Some(Holding::NoProcess) => Some("no_process"),
                Some(Holding::NotAccepted) => Some("not_accepted"),
                Some(Holding::Closed) => Some("closed"),
                Some(Holding::Unknown) => Some("unknown"),
            },
            memory: details.filter(|_| parts.memory).and_then(|details| {
                let numbers = details.memory?.0.into_iter();
                let names = SocketMemory::FIELDS.into_iter().map(|(name, ..)| name);
                Some(names.zip(numbers).collect())
            }),
            congestion_control: details
                .filter(|details| parts.info && !details.congestion.is_empty())
                .map(|details| details.congestion.as_str()),
            info: details
                .filter(|details| parts.info && !details.info.0.is_empty())
                .map(|details| {
                    let fields = InfoField::ALL.iter();
                    fields
                        .map(|field| (field.name, details.info.get(field, facts.kernel)))
                        .collect()
                }),
        }
    }
}

impl<'a> Held<'a> {
    fn of(holder: &Holder, facts: &'a ListFacts) -> Self {
        Self {
            pid: holder.pid,
            command: facts.command(holder.pid),
            fd: holder.fd,
            thread: match holder.via {
                HeldVia::ThreadTable(thread) => Some(thread),
                HeldVia::Descriptor | HeldVia::IoUring => None,
            },
            io_uring: holder.via == HeldVia::IoUring,
        }
    }
}
