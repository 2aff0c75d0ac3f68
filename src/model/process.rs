//! A process: who holds a socket, and what is known of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;

use super::{Endpoint, Unit};

/// One reference of one process to a socket. A socket can have many: after
/// fork(2), dup(2) and SCM_RIGHTS each of them must be closed before the
/// connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Holder {
    /// The process, as the /proc that was read numbers it.
    pub pid: u32,
    /// Number of the descriptor in it.
    pub fd: u32,
    /// What that descriptor is.
    #[serde(skip)]
    pub via: HeldVia,
}

/// What refers to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeldVia {
    /// The descriptor, in the table that the threads of the process share.
    Descriptor,
    /// The descriptor, in the table that this thread has of its own (clone(2)
    /// without CLONE_FILES, as unshare(2) makes it too).
    ThreadTable(u32),
    /// The descriptor is that of an io_uring, among whose registered files the
    /// socket is: it has no descriptor to close.
    IoUring,
}

/// The processes behind some sockets, and what is known of the one to name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Their numbers, the one to name first: the first process of the system,
    /// which hands sockets on, is last.
    pub pids: Vec<u32>,
    /// What the first is called (/proc/PID/comm).
    pub command: Option<String>,
    /// The unit that it runs in.
    pub unit: Option<Unit>,
}

/// As `nginx[880]`, and how many more there are.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.command.as_deref().unwrap_or("pid");
        match self.pids.split_first() {
            None => f.write_str(name),
            Some((first, [])) => write!(f, "{name}[{first}]"),
            Some((first, others)) => write!(f, "{name}[{first}] +{}", others.len()),
        }
    }
}

/// Descriptors that were sent over a UNIX socket (SCM_RIGHTS) and that nobody
/// has received yet. The kernel doesn't tell what they refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFlight {
    /// Who could receive them, at which descriptor.
    pub holder: Holder,
    /// How many.
    pub descriptors: u64,
}

impl Holder {
    /// A descriptor of a process.
    #[must_use]
    pub const fn descriptor(pid: u32, fd: u32) -> Self {
        Self {
            pid,
            fd,
            via: HeldVia::Descriptor,
        }
    }
}

/// What /proc says of a process. Every text was chosen by the process or by who
/// started it, and may hold any character: rendering makes it safe. Bytes that
/// are not UTF-8 became U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of
    /// /proc/PID/stat). With the pid it names a process for good: a pid alone
    /// is used again.
    #[serde(skip)]
    pub start_time: u64,
    /// Its name (/proc/PID/comm): at most 15 bytes, that of the program unless
    /// it chose another. `None`: not readable.
    pub command: Option<String>,
    /// Its command line (/proc/PID/cmdline), argument by argument. `None`: not
    /// readable, or it has none (kernel threads, zombies).
    pub cmdline: Option<Vec<String>>,
    /// Its effective user id, which rights are judged by. `None`: not readable.
    // Second of `Uid` in /proc/PID/status. Names are not looked up.
    pub uid: Option<u32>,
    /// Its path in cgroup2, or in a hierarchy of version 1 where that says more
    /// (/proc/PID/cgroup). `None`: not readable.
    // Of the innermost container, else the first that isn't the root. It is
    // where the process is now: sockets remember the cgroup that they were made
    // in.
    pub cgroup: Option<String>,
    /// The systemd unit or container that the cgroup names.
    #[serde(serialize_with = "unit_name")]
    #[schemars(with = "Option<String>")]
    pub unit: Option<Unit>,
    /// Open file descriptors. `None`: no permission.
    pub open_fds: Option<u64>,
    /// Limit of open file descriptors (RLIMIT_NOFILE). `None`: not readable.
    // The soft limit, one more than the highest number of a new descriptor. It
    // isn't known either where it is `unlimited`, which Linux has not allowed
    // since 2.6.25 (fs.nr_open caps it).
    pub fd_limit: Option<u64>,
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn unit_name<S: Serializer>(unit: &Option<Unit>, to: S) -> Result<S::Ok, S::Error> {
    unit.as_ref().map(Unit::to_string).serialize(to)
}

/// The little of a process that tells who it is. See [`Process`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The directory's name in /proc.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// The name of the program.
    pub command: Option<String>,
    /// Its unit or container.
    pub unit: Option<Unit>,
}

/// What is known of some processes, by pid. It is asked for each socket.
pub type Processes = HashMap<u32, Process, RandomState>;

/// How much of the host a scan of descriptors has seen. Every process that was
/// looked at is in exactly one of the first four numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ScanCoverage {
    /// Processes whose descriptors were read to the end.
    pub processes_scanned: u64,
    /// Processes whose descriptors we may not see (EACCES, EPERM). Kernel
    /// threads have none, and are counted here only where nothing tells them
    /// from others (`hidepid=1`).
    pub processes_denied: u64,
    /// Processes that ended while they were read. What was seen of them is
    /// left out. No failure: their sockets are closed, or held by others too.
    pub processes_vanished: u64,
    /// Processes that could not be read for another reason (ENOMEM, EIO, EMFILE).
    pub processes_failed: u64,
    /// Whether /proc hides other users' processes (`hidepid`): then nobody
    /// knows how many were not even listed.
    pub processes_hidden: bool,
}

/// Why a scan may have missed holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncompleteScan {
    /// This many processes belong to others and may not be looked into: that
    /// takes root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.
    Denied(u64),
    /// /proc is mounted with hidepid: other users' processes are not listed.
    Hidden,
    /// This many processes could not be read for another reason.
    Failed(u64),
    /// /proc itself could not be listed.
    Unlisted,
}

impl ScanCoverage {
    /// Why holders may be missing; `None` when every process was read. Even
    /// then a socket may have no known holder: in flight over SCM_RIGHTS,
    /// in another pid namespace, owned by the kernel.
    #[must_use]
    pub const fn incomplete(&self) -> Option<IncompleteScan> {
        if self.processes_denied > 0 {
            Some(IncompleteScan::Denied(self.processes_denied))
        } else if self.processes_hidden {
            Some(IncompleteScan::Hidden)
        } else if self.processes_failed > 0 {
            Some(IncompleteScan::Failed(self.processes_failed))
        } else {
            None
        }
    }

    /// Adds what another part of the same scan has seen.
    pub const fn add(&mut self, other: &Self) {
        self.processes_scanned += other.processes_scanned;
        self.processes_denied += other.processes_denied;
        self.processes_vanished += other.processes_vanished;
        self.processes_failed += other.processes_failed;
        self.processes_hidden |= other.processes_hidden;
    }
}

/// What became of a TCP socket that a descriptor still refers to and that no
/// dump shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SocketPast {
    /// It had a connection, or tried to have one, and that is over: reset,
    /// timed out, refused, destroyed, or shut down by both sides. Only close(2)
    /// is left to do.
    Ended,
    /// It has none and none has ended in it: fresh from socket(2), bound
    /// perhaps, disconnected, or a listener that was shut down. No leak of a
    /// connection.
    NeverConnected,
    /// Nobody could look into it.
    Unknown,
}

/// A descriptor of a TCP socket that is in no dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClosedDescriptor {
    /// Where it is.
    #[serde(flatten)]
    pub holder: Holder,
    /// Inode of the socket.
    pub inode: u64,
    /// What became of the connection.
    pub past: SocketPast,
    /// Our end (getsockname(2)); the peer's is gone with the connection. `None`: it has none, or could not be read.
    pub local: Option<Endpoint>,
    /// Bytes that arrived and were not read (FIONREAD). `None`: could not be
    /// read.
    pub unread: Option<u64>,
}

/// What was found of descriptors that no dump explains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClosedDescriptors {
    /// TCP sockets of this network namespace, by process and descriptor.
    pub sockets: Vec<ClosedDescriptor>,
    /// TCP sockets in no dump because they are of another network namespace.
    pub elsewhere: u64,
    /// Sockets in no dump of which can't be told whether they are TCP.
    pub untold: u64,
    /// Why there may be more; `None` when every process was looked into.
    pub unseen: Option<IncompleteScan>,
}
