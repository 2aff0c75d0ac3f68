//! Network namespaces: who has one ([`find()`]), what the kernel's counters say of
//! each ([`read_counts`]), and how to read in it ([`enter()`]).
//!
//! No namespace and no socket of one is held between two readings: a descriptor
//! of either keeps a container's namespace, and its interfaces, alive after the
//! container has ended.

mod enter;
mod find;
mod triage;

pub use enter::{EnterFailure, enter, uts_name};
pub use find::{find, find_descriptors, namespace_at};
pub use triage::read_counts;

/// The file system of namespaces (include/uapi/linux/magic.h).
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;
