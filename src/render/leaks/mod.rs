//! The leaks: who forgot what, since when, and how that is known.

mod csv;
mod table;
pub(crate) mod words;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

pub use self::csv::csv;
pub use self::table::table;

use crate::classify::close_wait::LeakReport;
use crate::model::{Cgroup, CgroupId, Collection, Host, Processes, SourceKind};
use crate::text::number::elapsed;

/// Everything that is shown.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Where it was read.
    pub host: &'a Host,
    /// When; `None` for a recorded dump.
    pub taken_at: Option<SystemTime>,
    /// How long the sockets took to read.
    pub elapsed: Duration,
    /// How the reading went.
    pub collection: &'a Collection,
    /// What was judged.
    pub report: &'a LeakReport,
    /// What is known of the processes that occur in it.
    pub processes: &'a Processes,
    /// The cgroups that the sockets were made in.
    pub cgroups: &'a HashMap<CgroupId, Cgroup>,
    /// The processes that were asked for; none: all.
    pub asked: &'a [u32],
    /// Those of them that are in another network namespace: most of their
    /// sockets are there.
    pub elsewhere: &'a [u32],
    /// The caller's options as text, each after a space, but for those of
    /// processes: a suggested command asks the same question.
    pub repeated: &'a str,
    /// Whether filters left sockets out.
    pub narrowed: bool,
    /// Whether root looked: then more rights are needed than being root.
    pub as_root: bool,
    /// Whether people want to see each socket.
    pub list_sockets: bool,
}

/// How the answer was obtained, in a sentence.
#[must_use]
pub fn provenance(view: &View<'_>) -> String {
    let collection = view.collection;
    let source = match collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "a recorded dump",
    };
    let whole = if collection.complete {
        "complete"
    } else {
        "INCOMPLETE"
    };
    let scan = view.report.scan.map_or_else(
        || "no processes searched".to_owned(),
        |scan| {
            format!(
                "{} processes searched, {} denied, {} ended meanwhile, {} unreadable",
                scan.processes_scanned,
                scan.processes_denied,
                scan.processes_vanished,
                scan.processes_failed,
            )
        },
    );
    format!(
        "read {source} in {}: {} CLOSE_WAIT sockets, {} duplicates left out, {} unreadable, \
         {whole}; {scan}",
        elapsed(view.elapsed),
        collection.sockets,
        collection.duplicates.unwrap_or(0),
        collection.malformed,
    )
}

#[cfg(test)]
mod tests;
