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

/// Reads sockstat, sockstat6 and snmp of a namespace without entering it, in
/// microseconds, where a dump costs the table of the whole host;
/// `None` where no process shows it: those have to be entered for it. What the
/// files don't say is unknown.
#[must_use]
pub fn read_counts(proc_root: &ProcRoot, namespace: &NamespaceEntry) -> Option<NetnsCounts> {
    let of_namespace = proc_root.of_namespace(namespace)?;
    Some(NetnsCounts {
        sockstat: read_sockstat(&of_namespace),
        established: read_established(&of_namespace),
    })
}
