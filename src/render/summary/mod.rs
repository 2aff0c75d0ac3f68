//! The summary: states, settings, counters, findings.

mod counters;
mod csv;
mod json;
mod settings;
mod table;

pub use self::csv::csv;
pub use self::json::json;
pub use self::table::table;

use crate::model::number::elapsed;
use crate::model::{CountMethod, Sample, SourceKind};

/// How the numbers were obtained, in a sentence.
#[must_use]
pub fn provenance(sample: &Sample) -> String {
    let collection = &sample.collection;
    let source = match collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "a recorded dump",
    };
    let method = match sample.states.method {
        CountMethod::Derived => {
            "ESTABLISHED and TIME_WAIT from the kernel's own counts (sockstat), the other states \
             socket by socket"
        }
        CountMethod::Dump => "every socket looked at",
    };
    let whole = if collection.complete {
        "complete"
    } else {
        "INCOMPLETE"
    };
    format!(
        "read {source} in {}: {method}; {} sockets visited, {} unreadable, {whole}",
        elapsed(sample.elapsed),
        collection.sockets,
        collection.malformed,
    )
}

#[cfg(test)]
mod tests;
