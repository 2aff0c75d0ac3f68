//! The summary: states, settings, counters, findings.

mod counters;
mod csv;
mod json;
mod settings;
mod table;

pub use self::csv::csv;
pub(super) use self::json::Document;
pub use self::json::json;
pub(super) use self::settings::rows as details;
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

/// The used share of the TIME_WAIT buckets, 0 to 1 and more.
#[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^53")]
fn buckets_used(count: Option<u64>, limit: Option<u64>) -> Option<f64> {
    let limit = limit.filter(|&limit| limit > 0)?;
    Some(count? as f64 / limit as f64)
}

#[cfg(test)]
mod tests;
