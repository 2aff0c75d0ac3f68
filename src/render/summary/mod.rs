//! The summary: states, settings, counters, findings.

mod counters;
mod csv;
mod settings;
mod states;
pub(crate) mod table;

pub use self::csv::csv;
pub use self::table::table;

use crate::model::{CountMethod, Snapshot, SourceKind, TcpState};
use crate::text::number::{counted, elapsed};

/// How the numbers were obtained, in a sentence.
#[must_use]
pub fn provenance(snapshot: &Snapshot) -> String {
    let collection = &snapshot.collection;
    let method = match snapshot.states.method {
        CountMethod::Derived => format!(
            "{} from the kernel's own counts (sockstat), the other states socket by socket",
            if tells_time_wait_apart(snapshot) {
                "ESTABLISHED"
            } else {
                "ESTABLISHED and TIME_WAIT"
            }
        ),
        CountMethod::Dump => "every socket looked at".to_owned(),
    };
    format!(
        "read {} in {}: {method}; {} visited, {}",
        source_name(collection.source),
        elapsed(snapshot.elapsed),
        counted(collection.sockets, "socket", "sockets"),
        defects(snapshot).unwrap_or_else(|| "nothing lost or unreadable".to_owned()),
    )
}

/// Where sockets came from, as people call it.
fn source_name(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "recorded dump",
    }
}

/// Whether TIME_WAIT was dumped, which alone tells its families apart: that is
/// so when only one of them was asked for.
fn tells_time_wait_apart(snapshot: &Snapshot) -> bool {
    let time_wait = snapshot.states.of(TcpState::TimeWait);
    time_wait.is_some_and(|count| count.ipv4.is_some() || count.ipv6.is_some())
}

/// What is missing from the reading; `None` when nothing is known to be.
fn defects(snapshot: &Snapshot) -> Option<String> {
    let collection = &snapshot.collection;
    if collection.malformed > 0 {
        let rows = counted(collection.malformed, "row", "rows");
        return Some(format!("incomplete: {rows} could not be read"));
    }
    (!collection.complete).then(|| "incomplete: the kernel says that rows were lost".to_owned())
}

#[cfg(test)]
mod tests;
