//! What a sample knows of leaked CLOSE_WAIT sockets: a digest whose size
//! doesn't depend on their number.

use serde::{Deserialize, Serialize};

use std::time::Duration;

use super::{AgeBounds, IncompleteScan, VerdictCounts};

/// A connection whose application is alive is closed within milliseconds, or
/// is at the end of a timeout; a minute is forgotten.
pub const LEAK_MIN_AGE: Duration = Duration::from_secs(60);

/// CLOSE_WAIT judged, in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakDigest {
    /// Younger sockets are not called leaked.
    pub min_age: Duration,
    /// The sockets by verdict.
    pub counts: VerdictCounts,
    /// The age of the oldest leaked one; of nothing where none is.
    pub oldest: AgeBounds,
    /// Who leaks, as far as that was cheap to find out, the worst first.
    pub suspects: Vec<Suspect>,
    /// Why an owner may be missing among these although every process was to
    /// be looked into.
    pub unseen: Option<IncompleteScan>,
}

/// Somebody who leaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// Who.
    pub who: Who,
    /// How many sockets.
    pub leaked: u64,
    /// How many more processes hold some of these, or all, too.
    pub others: u64,
    /// Whether it may well be more: not every socket was looked for.
    pub or_more: bool,
    /// The age of the oldest.
    pub oldest: AgeBounds,
}

/// What could be found out about an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// The process that holds them.
    Process {
        /// Its number.
        pid: u32,
        /// Its name.
        command: Option<String>,
        /// Its open descriptors.
        open_fds: Option<u64>,
        /// Its limit of these.
        fd_limit: Option<u64>,
    },
    /// The systemd unit or container that the sockets were made in: no process
    /// was looked into, or none may be.
    Unit(String),
    /// The listener at this port of ours, which leaves them in its queue.
    Listener(u16),
    /// More of them together, none of which leaks more than any of those that
    /// are named.
    Others {
        /// How many processes.
        processes: u64,
        /// How many units and listeners.
        elsewhere: u64,
    },
    /// Nobody knows without a search.
    Unknown,
}
