//! The nouns: a socket, its state, its process, the host's settings. Plain data, no I/O.
//!
//! Names are the kernel's and the RFC's. What isn't known is `None`, never a
//! zero that looks like a measurement.

mod cgroup;
mod check_state;
mod close_wait;
mod collection;
mod counters;
mod endpoint;
mod filter;
mod group;
mod list;
mod listener;
mod namespace;
mod number;
mod owners;
mod port;
mod pressure;
mod process;
mod request;
mod snapshot;
mod socket;
mod sockstat;
mod state;
mod survey;
mod sysctl;
mod tally;
mod tcp_info;
mod unit;
mod unresponsive;

pub use cgroup::Cgroup;
pub use check_state::{
    CheckState, CheckStates, CounterSnapshot, SHORTEST_GROWTH, SHORTEST_RATE, Sighting, Sightings,
};
pub use close_wait::{
    AgeBounds, LEAK_MIN_AGE, LONGEST_PAUSE, LeakDigest, LeakOwner, LeakOwnerKind, Payload, Sending,
    Verdict, VerdictCounts,
};
pub use collection::{Collection, FallbackReason, SourceKind};
pub use counters::{Counter, Counters};
pub use endpoint::{Endpoint, Family, on_device};
pub use filter::{Comparison, Condition, End, FamilySet, Filter, Network, Selection};
pub use group::{GroupCount, GroupKey, GroupValue, Groups, NoGroup};
pub use list::{Holding, ListColumn, ListEnd, ListFacts, ListNames, ListStep, NotShown};
pub use listener::{ListenSocket, Listener, ListenerDrops, Listeners};
pub use namespace::{
    Entrance, NamedBy, NamespaceEntry, NamespaceList, NetnsCounts, NetnsIdentity, NetnsKey,
    NetnsName, Pin,
};
pub(crate) use number::milliseconds;
pub use number::{float, ratio};
pub use owners::{Inodes, OwnerCoverage, Owners};
pub use port::{PortRange, PortSet};
pub use pressure::{
    Destination, HostWide, PortReading, PortSettings, Ports, Pressure, SharedPool, TimeWaitTally,
};
pub use process::{
    ClosedDescriptor, ClosedDescriptors, HeldVia, Holder, InFlight, IncompleteScan, Member,
    Process, Processes, Program, ScanCoverage, SocketPast,
};
pub use request::{Extensions, Request};
pub use snapshot::{CountMethod, Host, NetNs, Part, Snapshot, StateCount, StateCounts};
pub use socket::{CgroupId, Socket, SocketCookie, SocketKind, SocketTimer, TimerKind};
pub use sockstat::{Sockstat, UNLISTED_MANY};
pub use state::{StateSet, TcpState};
pub use survey::{Examined, Survey, Surveyed, Unaccounted, UnaccountedHolder};
pub use sysctl::{Sysctl, Sysctls};
pub use tally::{FamilyCount, StateTally};
pub use tcp_info::{
    CA_STATES, INFO_OPTIONS, InfoField, InfoUnit, RawTcpInfo, SocketDetails, SocketMemory, TcpInfo,
};
pub use unit::{ContainerRuntime, Unit};
pub use unresponsive::{UNANSWERED_MANY, Unanswered, UnresponsivePeer, UnresponsivePeers};
