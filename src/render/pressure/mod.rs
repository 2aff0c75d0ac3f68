//! What is about to run out: ports, queues, TIME_WAIT, memory.

mod csv;
mod lines;
pub(crate) mod listeners;
pub(crate) mod ports;
mod table;

pub use self::csv::{csv, csv_of_listeners};
pub use self::table::table;

use crate::classify::Assessment;
use crate::classify::change::Past;
use crate::classify::listeners::SynEvidence;
use crate::model::Snapshot;

/// What the views show.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The sample.
    pub snapshot: &'a Snapshot,
    /// The one before it, where there are two.
    pub previous: Option<&'a Snapshot>,
    /// What was judged.
    pub assessment: &'a Assessment,
}

impl<'a> View<'a> {
    /// What was counted before.
    pub(super) fn past(&self) -> Option<Past<'a>> {
        let previous = self.previous?;
        Some(Past::of(previous, self.snapshot))
    }

    pub(super) fn syn_evidence(&self) -> SynEvidence {
        SynEvidence::of(self.snapshot, self.past())
    }
}

#[cfg(test)]
mod tests;
