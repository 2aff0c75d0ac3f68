//! What could not be read for a sample that is whole otherwise.

use std::time::{Instant, SystemTime};

use crate::model::Part;

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub part: Part,
    /// What failed, and why.
    pub why: String,
    /// The first sample of those in a row that had to do without, by the wall
    /// clock; `None` where that one has no time.
    pub since: Option<SystemTime>,
}

/// What was read for a view, and when.
#[derive(Debug)]
pub struct Kept<T> {
    /// What.
    pub value: T,
    /// When the sample began that it belongs to.
    pub at: Instant,
}

/// The failures of a sample beside those of the sample before it.
pub(super) fn since(
    failed: Vec<(Part, String)>,
    before: &[Failure],
    now: Option<SystemTime>,
) -> Vec<Failure> {
    let failed = failed.into_iter();
    failed
        .map(|(part, why)| {
            let earlier = before.iter().find(|failure| failure.part == part);
            Failure {
                part,
                why,
                since: earlier.map_or(now, |earlier| earlier.since),
            }
        })
        .collect()
}
