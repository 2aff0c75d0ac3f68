//! Processes: which of them hold a socket, and what they are.
//!
//! The order in which a command uses this: read the sockets, resolve their
//! cgroups ([`CgroupTree`]), look for holders in the processes of these cgroups
//! first ([`find_owners`]), then read the facts of those that were found
//! ([`read_process`]).

mod cgroups;
mod closed_descriptors;
mod descriptors;
pub(super) mod directory;
mod facts;
mod hidden;
pub(super) mod membership;
mod owners;
mod scan;
mod shares;
pub(super) mod sizes;
mod stat;
mod tasks;

pub(super) use directory::DIRECTORY_BUFFER;

pub use cgroups::{CgroupPaths, CgroupTree};
pub use closed_descriptors::SocketDescriptors;
pub use facts::{process_of, read_member, read_process};
pub use hidden::find_hidden;
pub use owners::{find_owners, recheck};
pub use sizes::with_descriptors;

/// Which processes to look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// All of them, these first. It is only an order: a wrong hint costs
    /// nothing, and nobody is left out.
    All {
        /// Where the answer is expected, say the processes of a socket's
        /// cgroup ([`CgroupTree::processes`]).
        first: &'a [u32],
    },
    /// These only. One that doesn't exist counts as ended.
    Only(&'a [u32]),
    /// These only, and of each at most so many descriptors, spread over all
    /// that it has: enough to tell who has many of what is looked for.
    Sample {
        /// The processes.
        of: &'a [u32],
        /// How many descriptors of each.
        most: u32,
    },
}

#[cfg(test)]
mod tests;
