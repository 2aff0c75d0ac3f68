//! What the commands hand to whoever shows it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::classify::change::Past;
use crate::classify::close_wait::LeakReport;
use crate::classify::listeners::SynEvidence;
use crate::classify::{Assessment, Judged};
use crate::model::{Cgroup, CgroupId, Collection, Host, Processes, Snapshot};

/// Everything that is shown of leaks.
#[derive(Debug, Clone, Copy)]
pub struct LeaksView<'a> {
    /// Where it was read.
    pub host: &'a Host,
    /// When; `None` for a recorded dump.
    pub taken_at: Option<SystemTime>,
    /// How long the sockets took to read.
    pub elapsed: Duration,
    /// How the reading went.
    pub collection: &'a Collection,
    /// What was judged.
    pub report: &'a LeakReport,
    /// What is known of the processes that occur in it.
    pub processes: &'a Processes,
    /// The cgroups that the sockets were made in.
    pub cgroups: &'a HashMap<CgroupId, Cgroup>,
    /// The processes that were asked for; none: all.
    pub asked: &'a [u32],
    /// Those of them that are in another network namespace: most of their
    /// sockets are there.
    pub elsewhere: &'a [u32],
    /// The caller's options as text, each after a space, but for those of
    /// processes: a suggested command asks the same question.
    pub repeated: &'a str,
    /// Whether filters left sockets out.
    pub narrowed: bool,
    /// Whether root looked: then more rights are needed than being root.
    pub as_root: bool,
    /// Whether people want to see each socket.
    pub list_sockets: bool,
}

/// Everything that is shown of what may run out.
#[derive(Debug, Clone, Copy)]
pub struct PressureView<'a> {
    /// The sample.
    pub snapshot: &'a Snapshot,
    /// The one before it, where there are two.
    pub previous: Option<&'a Snapshot>,
    /// What was judged.
    pub assessment: &'a Assessment,
}

impl<'a> From<&'a Judged> for PressureView<'a> {
    fn from(judged: &'a Judged) -> Self {
        Self {
            snapshot: &judged.snapshot,
            previous: judged.previous.as_ref(),
            assessment: &judged.assessment,
        }
    }
}

impl<'a> PressureView<'a> {
    /// What was counted before.
    pub(super) fn past(&self) -> Option<Past<'a>> {
        let previous = self.previous?;
        Some(Past::of(previous, self.snapshot))
    }

    pub(super) fn syn_evidence(&self) -> SynEvidence {
        SynEvidence::of(self.snapshot, self.past())
    }
}
