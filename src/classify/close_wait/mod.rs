//! CLOSE_WAIT: which sockets are forgotten, since when, by whom.
//!
//! The kernel's word for "the peer has closed, the application hasn't". It has
//! no timeout: what the application forgets stays until the process ends.

mod age;
mod compare;
mod digest;
mod listeners;
mod owners;
mod peers;
mod process;
mod queues;
mod report;
mod verdict;
mod waits;

pub use age::age_of;
pub use compare::{Earlier, Interval};
pub use digest::{Digest, Share};
pub use listeners::Listeners;
pub use owners::{Ownership, Unowned, Unseen};
pub use peers::{LocalPort, Peer};
pub(in crate::classify) use process::{FDS_CRITICAL, FDS_HIGH, LEAKED_CRITICAL};
pub use process::{Growth, Held, Hint, ProcessLeaks};
pub use queues::QueueLeaks;
pub use report::{Comparison, LeakReport, Selection, Unattributed};
pub use verdict::{HalfClose, Judge, Judged};
pub use waits::{Waits, ends, held_since, pairs};

pub use crate::model::LEAK_MIN_AGE as MIN_AGE;

#[cfg(test)]
pub(crate) mod testing;
