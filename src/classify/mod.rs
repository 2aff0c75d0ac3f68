//! Judges what was read: counts, pressure, findings. Pure functions: no I/O,
//! no clock, no printing.

pub mod assess;
pub mod change;
pub mod close_wait;
pub mod count;
mod finding;
pub mod history;
pub mod listeners;
pub mod metric;
pub mod ports;
mod rule;
pub mod rules;
mod survey;
pub mod thresholds;
pub mod unresponsive;

pub use assess::assess;
pub use finding::{Assessment, Evidence, Finding, Number, Severity};
pub use rule::{Judgement, Levels, Rule};
pub use survey::{Checked, Judged, findings, overall, overall_verdict};

#[cfg(test)]
pub(crate) mod testing;
