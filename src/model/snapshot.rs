//! What one reading gave.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::time::{Duration, SystemTime};

use super::{Collection, Counters, LeakDigest, NetnsName, Pressure, Sysctls, TcpState};

/// The network namespace that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetNs {
    /// Inode number of the namespace (`net:[4026531840]`); `None` where it may
    /// not be read.
    pub inode: Option<u64>,
    /// What it is called: without `--netns` its name under /run/netns, if it has
    /// one.
    pub name: Option<NetnsName>,
}

/// Whose sockets these are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The host's name.
    pub name: Option<String>,
    /// The network namespace.
    pub netns: Option<NetNs>,
    /// Major and minor number of the kernel.
    pub kernel: Option<(u32, u32)>,
}

/// How the sockets were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountMethod {
    /// ESTABLISHED (and TIME_WAIT) from the kernel's own counts, the rest
    /// socket by socket.
    Derived,
    /// Every socket looked at.
    Dump,
}

impl CountMethod {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Derived => "derived",
            Self::Dump => "dump",
        }
    }
}

/// How many sockets are in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct StateCount {
    /// Of the families that were asked for.
    pub total: u64,
    /// `None` where the method doesn't tell the families apart, or the family
    /// wasn't asked for.
    pub ipv4: Option<u64>,
    /// As `ipv4`.
    pub ipv6: Option<u64>,
}

/// How many sockets are in each state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    /// How they were counted.
    pub method: CountMethod,
    /// Every named state with its count; `None`: not asked for, or the kernel
    /// can't tell. Ordered as [`TcpState::NAMED`].
    counts: [Option<StateCount>; TcpState::NAMED.len()],
    /// Sockets in states without a name.
    pub unknown: u64,
    /// Minisockets of both families, whatever family was asked for: TIME_WAIT,
    /// and FIN_WAIT2 with nobody behind it. What `tcp_max_tw_buckets` limits.
    pub minisockets: Option<u64>,
}

impl StateCounts {
    /// Asks `count` for every named state.
    pub fn new(
        method: CountMethod,
        unknown: u64,
        minisockets: Option<u64>,
        count: impl FnMut(TcpState) -> Option<StateCount>,
    ) -> Self {
        Self {
            method,
            counts: TcpState::NAMED.map(count),
            unknown,
            minisockets,
        }
    }

    /// The count of one named state.
    #[must_use]
    pub fn of(&self, state: TcpState) -> Option<StateCount> {
        self.iter()
            .find_map(|(named, count)| (named == state).then_some(count))
            .flatten()
    }

    /// The total of one named state.
    #[must_use]
    pub fn total_of(&self, state: TcpState) -> Option<u64> {
        self.of(state).map(|count| count.total)
    }

    /// Makes the count of a named state one that isn't known.
    pub fn forget(&mut self, state: TcpState) {
        for (named, count) in TcpState::NAMED.into_iter().zip(&mut self.counts) {
            if named == state {
                *count = None;
            }
        }
    }

    /// Every named state in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = (TcpState, Option<StateCount>)> {
        TcpState::NAMED.into_iter().zip(self.counts)
    }

    /// The sums of several namespaces; `None` of none. What one of them doesn't
    /// tell is not known of all.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let mut sum = all.next()?.clone();
        all.for_each(|one| sum.add(one));
        Some(sum)
    }

    fn add(&mut self, other: &Self) {
        let both = |a: Option<u64>, b: Option<u64>| a?.checked_add(b?);
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.zip(*other).map(|(a, b)| StateCount {
                total: a.total.saturating_add(b.total),
                ipv4: both(a.ipv4, b.ipv4),
                ipv6: both(a.ipv6, b.ipv6),
            });
        }
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.minisockets = both(self.minisockets, other.minisockets);
    }

    /// All sockets that were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts
            .iter()
            .flatten()
            .map(|count| count.total)
            .sum::<u64>()
            + self.unknown
    }
}

/// A part of a reading that can fail alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Whether ports run out, which every sample asks.
    Ports,
    /// What the view of leaks shows.
    Leaks,
    /// What the views of ports and listeners show.
    Pressure,
    /// The programs behind listeners in trouble.
    Programs,
}

/// What one reading gave: counts, settings, counters, and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When; `None` for a recorded dump, which doesn't say.
    pub taken_at: Option<SystemTime>,
    /// How long the sockets took to read.
    pub elapsed: Duration,
    /// Where.
    pub host: Host,
    /// How the reading went.
    pub collection: Collection,
    /// Sockets by state.
    pub states: StateCounts,
    /// TCP sockets of the host that are in no table of this namespace, from
    /// `alloc` in /proc/net/sockstat: those of other namespaces, and the few
    /// that are neither connected nor listening. `None` in a child namespace,
    /// where they are nobody's business, and where it isn't known.
    pub elsewhere_at_most: Option<u64>,
    /// Sockets of this namespace, of all protocols, that are in no table of
    /// theirs: never connected, or reset while a descriptor is held. `None`
    /// where it isn't known.
    pub unlisted_at_most: Option<u64>,
    /// What CLOSE_WAIT comes to; `None` when nobody judged it.
    pub leaks: Option<LeakDigest>,
    /// The settings that TCP runs under.
    pub sysctls: Sysctls,
    /// What the kernel counted since the namespace began.
    pub counters: Counters,
    /// When they were read, since boot and suspend included, for rates between
    /// samples: a clock that nobody sets. `None` for a recorded dump.
    pub read_at: Option<Duration>,
    /// What can run out, as far as the command looked.
    pub pressure: Pressure,
    /// What was asked for and could not be read, and why.
    pub missing: Vec<(Part, String)>,
}
