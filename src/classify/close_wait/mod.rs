//! CLOSE_WAIT: which sockets are forgotten, since when, by whom.
//!
//! The kernel's word for "the peer has closed, the application hasn't". It has
//! no timeout: what the application forgets stays until the process ends.

mod age;
mod compare;
mod listeners;
mod peers;
mod process;
mod report;
mod verdict;

pub use compare::{Earlier, Interval};
pub use listeners::Listeners;
pub use peers::{LocalPort, Peer};
pub use process::{Growth, Held, Hint, ProcessLeaks};
pub use report::{
    Comparison, HoldersOf, LeakReport, Owners, QueueLeaks, Selection, Unattributed, Unowned,
};
pub use verdict::{HalfClose, Judge, Judged};

#[cfg(test)]
pub(crate) mod testing;
