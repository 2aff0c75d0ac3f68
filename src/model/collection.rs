//! How a reading went: where it came from, and whether it is whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::fmt;

use super::Selection;

/// Where sockets were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// sock_diag over AF_NETLINK.
    Netlink,
    /// /proc/net/tcp and /proc/net/tcp6.
    Procfs,
    /// A recorded dump.
    Replay,
}

impl SourceKind {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Netlink => "netlink",
            Self::Procfs => "procfs",
            Self::Replay => "replay",
        }
    }
}

/// Why /proc was read although netlink was the first choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FallbackReason {
    /// No netlink socket could be had: seccomp, RestrictAddressFamilies, or a
    /// kernel without sock_diag. The failure in words.
    NetlinkRefused(String),
    /// The netlink socket was there, the dump failed. The failure in words.
    DumpFailed(String),
    /// `--proc-root` shows a network namespace that isn't known to be ours:
    /// netlink would answer for another one.
    ForeignProcRoot,
    /// The sockets are those of another network namespace, which wasn't
    /// entered: netlink would answer for ours.
    NotEntered,
}

impl fmt::Display for FallbackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NetlinkRefused(why) | Self::DumpFailed(why) => f.write_str(why),
            Self::ForeignProcRoot => {
                f.write_str("--proc-root is not known to show this network namespace")
            }
            Self::NotEntered => f.write_str("the network namespace was not entered"),
        }
    }
}

/// What a source says of one reading when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Where the sockets came from.
    pub source: SourceKind,
    /// Set when that wasn't the first choice.
    pub fallback_reason: Option<FallbackReason>,
    /// Whether every row that was sent arrived and was understood. A dump is
    /// never a consistent snapshot: sockets come and go while it runs.
    pub complete: bool,
    /// Sockets visited.
    pub sockets: u64,
    /// Rows left out because their cookie had been seen; `None`: not
    /// looked for.
    pub duplicates: Option<u64>,
    /// Rows that could not be read.
    pub malformed: u64,
    /// Sockets left out because nobody can tell whether they are asked for.
    pub unjudged: u64,
    /// Which part of the sockets a filter asked for; `None`: all.
    pub selection: Option<Selection>,
}

impl Collection {
    /// Counts what a further reading lost, one that looked for something else
    /// on the way to the same answer.
    pub fn add_losses(&mut self, further: &Self) {
        self.complete &= further.complete;
        self.malformed = self.malformed.max(further.malformed);
        self.unjudged = self.unjudged.max(further.unjudged);
    }
}
