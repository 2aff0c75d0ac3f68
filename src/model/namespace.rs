//! Network namespaces: which there are, where they can be entered, what they
//! are called.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Sockstat, Unit};

/// Which network namespace it is, while it exists: the kernel gives the numbers
/// of one that ended to the next one at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NetnsKey {
    /// The inode in `net:[4026531840]`.
    Inode(u64),
    /// The inode of the file /proc/PID/net/tcp of its processes, where nothing
    /// else of them may be read. It tells namespaces apart, no more.
    SocketTable(u64),
}

impl NetnsKey {
    /// The inode of the namespace; `None` where that may not be read.
    #[must_use]
    pub const fn inode(self) -> Option<u64> {
        match self {
            Self::Inode(inode) => Some(inode),
            Self::SocketTable(_) => None,
        }
    }
}

/// A place where a namespace can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entrance {
    /// /proc/PID/ns/net.
    Process(u32),
    /// /proc/PID/task/TID/ns/net: a thread that is elsewhere than the first one
    /// of its process, or goes on after that one has ended.
    Thread {
        /// The process.
        pid: u32,
        /// The thread.
        thread: u32,
    },
    /// A file that the namespace is mounted on.
    Pin(Pin),
    /// /proc/PID/fd/N: an open descriptor of the namespace.
    Descriptor {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
}

impl Entrance {
    /// The process that it is of; `None` for a pin.
    #[must_use]
    pub const fn pid(&self) -> Option<u32> {
        match *self {
            Self::Process(pid) | Self::Thread { pid, .. } | Self::Descriptor { pid, .. } => {
                Some(pid)
            }
            Self::Pin(_) => None,
        }
    }
}

/// A file that a namespace is mounted on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin {
    /// Where it is.
    pub path: PathBuf,
    /// The process that sees it there, in a mount namespace of its own; `None`
    /// where we see it.
    pub seen_by: Option<u32>,
}

impl Pin {
    /// What `ip netns` calls it: a file in /run/netns, as we see it.
    #[must_use]
    pub fn ip_netns_name(&self) -> Option<&str> {
        let is_there = self.path.parent().is_some_and(|parent| {
            parent.ends_with(Path::new("run/netns")) && self.seen_by.is_none()
        });
        self.path.file_name()?.to_str().filter(|_| is_there)
    }
}

/// A network namespace, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// Which one.
    pub key: NetnsKey,
    /// Whether it is the one that tcpstate runs in.
    pub is_own: bool,
    /// Whether it is the host's; `None` where that can't be told, as inside of
    /// most containers.
    pub is_host: Option<bool>,
    /// The processes that are in it, or have a thread in it, in ascending order.
    pub members: Vec<u32>,
    /// Where it can be opened, the best first.
    pub entrances: Vec<Entrance>,
}

impl NamespaceEntry {
    /// The files that it is mounted on.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.entrances.iter().filter_map(|entrance| match entrance {
            Entrance::Pin(pin) => Some(pin),
            _ => None,
        })
    }
}

/// What was found, and how completely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceList {
    /// Each namespace once, our own first.
    pub all: Vec<NamespaceEntry>,
    /// Files among the pins that no namespace is mounted on: entering them
    /// fails. The namespace may be gone, or be mounted elsewhere only.
    pub stale_pins: Vec<PathBuf>,
    /// Processes of which nothing may be read: whose namespace they are in isn't
    /// known (`hidepid=1`).
    pub denied: u64,
    /// Whether other users' processes are not even listed (`hidepid=2`).
    pub hidden: bool,
    /// Whether there are more namespaces than are listed.
    pub more: bool,
}

impl NamespaceList {
    /// The one with this key.
    #[must_use]
    pub fn get(&self, key: NetnsKey) -> Option<&NamespaceEntry> {
        self.all.iter().find(|namespace| namespace.key == key)
    }

    /// Whether a namespace may be in the list twice: once as it is mounted, and
    /// once by its processes, whose namespace may not be read. Then it isn't to
    /// be counted.
    #[must_use]
    pub fn may_be_listed_twice(&self, namespace: &NamespaceEntry) -> bool {
        let is_table = |one: &NamespaceEntry| matches!(one.key, NetnsKey::SocketTable(_));
        namespace.members.is_empty() && self.all.iter().any(is_table)
    }

    /// The one that a process, or a thread of it, is in.
    #[must_use]
    pub fn of_process(&self, pid: u32) -> Option<&NamespaceEntry> {
        self.all
            .iter()
            .find(|namespace| namespace.members.binary_search(&pid).is_ok())
    }
}

/// What the kernel's counters say of a namespace, before its sockets are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetnsCounts {
    /// Of sockstat and sockstat6.
    pub sockstat: Sockstat,
    /// `CurrEstab`: ESTABLISHED and CLOSE_WAIT.
    pub established: Option<u64>,
}

impl NetnsCounts {
    /// Sockets in the hash tables, LISTEN included.
    #[must_use]
    pub fn hashed(&self) -> Option<u64> {
        let Sockstat {
            inuse_ipv4,
            inuse_ipv6,
            ..
        } = self.sockstat;
        inuse_ipv4?.checked_add(inuse_ipv6?)
    }

    /// Sockets and minisockets.
    #[must_use]
    pub fn sockets(&self) -> Option<u64> {
        self.hashed()?.checked_add(self.sockstat.tw?)
    }

    /// Whether there is nothing to look for: neither sockets nor minisockets.
    /// `None` where the kernel doesn't tell. SYN_RECV needs a listener.
    #[must_use]
    pub fn is_empty(&self) -> Option<bool> {
        self.sockets().map(|sockets| sockets == 0)
    }

    /// Whether a socket can be leaked: CLOSE_WAIT is in `CurrEstab`.
    #[must_use]
    pub fn may_leak(&self) -> Option<bool> {
        self.established.map(|established| established > 0)
    }
}

/// By what a namespace is called, the best first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// It is the host's.
    Host,
    /// `ip netns`.
    IpNetns,
    /// The kubelet's log directories, or a runtime's annotations:
    /// `NAMESPACE/POD`.
    Kubernetes,
    /// A file of Docker.
    Docker,
    /// A file of podman.
    Podman,
    /// A file of nerdctl.
    Nerdctl,
    /// The name in a cgroup path of LXC.
    Lxc,
    /// The name in a cgroup path of systemd-machined.
    Machine,
    /// The unit that its processes are in.
    Unit,
    /// The host name that its processes see.
    HostName,
    /// The runtime and the beginning of a container's id.
    ContainerId,
    /// The file that it is mounted on.
    Pin,
    /// A process that is in it.
    Process,
    /// Its number.
    Inode,
}

/// A name of a namespace. Whoever chose it may have put any character into it.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct NetnsName {
    /// Who calls it so.
    pub named_by: NamedBy,
    /// The name.
    pub name: String,
}

/// Who is in a namespace, and what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetnsIdentity {
    /// All its names, the best first; none where not even its number is known.
    pub names: Vec<NetnsName>,
    /// The units and containers of its processes, that of the oldest process
    /// first.
    pub units: Vec<Unit>,
    /// When its oldest process started, in clock ticks since boot. With its key
    /// and the boot it tells it from one that got the same number later.
    pub since: Option<u64>,
}

impl NetnsIdentity {
    /// What to call it.
    #[must_use]
    pub fn name(&self) -> Option<&NetnsName> {
        self.names.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_empty_only_where_every_counter_says_so() {
        let counts = |inuse, tw| NetnsCounts {
            sockstat: Sockstat {
                inuse_ipv4: inuse,
                inuse_ipv6: Some(0),
                tw,
                ..Sockstat::default()
            },
            established: None,
        };
        assert_eq!(counts(Some(0), Some(0)).is_empty(), Some(true));
        assert_eq!(counts(Some(0), Some(3)).is_empty(), Some(false));
        assert_eq!(counts(Some(1), Some(0)).is_empty(), Some(false));
        assert_eq!(counts(None, Some(0)).is_empty(), None);
        assert_eq!(counts(Some(0), None).is_empty(), None);
        assert_eq!(NetnsCounts::default().may_leak(), None);
    }

    #[test]
    fn a_pin_may_be_of_processes_that_may_not_be_looked_into() {
        let namespace = |key, members: &[u32]| NamespaceEntry {
            key,
            is_own: false,
            is_host: None,
            members: members.to_vec(),
            entrances: Vec::new(),
        };
        let mut found = NamespaceList::default();
        found.all.push(namespace(NetnsKey::Inode(7), &[]));
        assert!(!found.may_be_listed_twice(&found.all[0]));
        found.all.push(namespace(NetnsKey::SocketTable(8), &[9]));
        assert!(found.may_be_listed_twice(&found.all[0]));
        assert!(!found.may_be_listed_twice(&found.all[1]));
    }

    #[test]
    fn a_name_of_ip_netns_is_a_file_in_its_directory_that_we_see() {
        let pin = |path: &str, seen_by| Pin {
            path: PathBuf::from(path),
            seen_by,
        };
        assert_eq!(pin("/run/netns/blue", None).ip_netns_name(), Some("blue"));
        assert_eq!(pin("/run/netns/blue", Some(7)).ip_netns_name(), None);
        assert_eq!(pin("/run/docker/netns/a", None).ip_netns_name(), None);
    }
}
