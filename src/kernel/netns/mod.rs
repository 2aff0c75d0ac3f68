//! Network namespaces: who has one ([`find()`]), what the kernel's counters say of
//! each ([`read_counts`]), and how to read in it ([`enter()`]).
//!
//! No namespace and no socket of one is held between two readings: a descriptor
//! of either keeps a container's namespace, and its interfaces, alive after the
//! container has ended.

mod enter;
mod find;

pub use enter::{EnterFailure, enter, uts_name};
pub use find::{find, find_descriptors, namespace_at};

use crate::kernel::procfs::read_established;
use crate::kernel::{ProcRoot, read_sockstat};
use crate::model::{NamespaceEntry, NetnsCounts};

/// The file system of namespaces (include/uapi/linux/magic.h).
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// Reads sockstat, sockstat6 and snmp of a namespace, in microseconds, where a
/// dump costs the table of the whole host: without entering it where a process
/// shows them. What the files don't say is unknown.
///
/// # Errors
///
/// When no process shows it, and it can't be entered.
pub fn read_counts(
    proc_root: &ProcRoot,
    namespace: &NamespaceEntry,
) -> Result<NetnsCounts, EnterFailure> {
    match proc_root.of_namespace(namespace) {
        Some(shown) => Ok(counts_at(&shown)),
        None => enter(proc_root, namespace, counts_at),
    }
}

fn counts_at(proc_root: &ProcRoot) -> NetnsCounts {
    let mut counts = NetnsCounts {
        sockstat: read_sockstat(proc_root),
        established: Some(0),
    };
    if counts.is_empty() != Some(true) {
        counts.established = read_established(proc_root);
    }
    counts
}
