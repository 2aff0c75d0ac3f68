//! Judges what was read: counts, pressure, findings. Pure functions: no I/O,
//! no clock, no printing.

pub mod change;
pub mod check;
pub mod close_wait;
pub mod count;
mod finding;
pub mod history;
pub mod listeners;
pub mod ports;
mod rules;
pub mod silence;
mod ss;

pub use finding::{Assessment, Evidence, Finding, Judgement, Number, Rule, Severity};

#[cfg(test)]
pub(crate) mod testing;

use self::change::Past;
use crate::model::Snapshot;

/// Every rule, in the order in which findings of the same severity are shown.
/// One that is added here appears in every view.
pub const RULES: &[Rule] = &[
    rules::CLOSE_WAIT_LEAK,
    rules::PORTS_EXHAUSTION,
    rules::ACCEPT_QUEUE_FULL,
    rules::SYN_FLOOD,
    rules::SILENT_PEERS,
    rules::TIME_WAIT_BUCKETS,
    rules::SYN_RECV_BACKLOG,
    rules::TCP_SYNCOOKIES,
    rules::TCP_TW_RECYCLE,
    rules::ORPHANS,
    rules::TCP_MEMORY,
];

/// Judges a sample by every rule, beside the one before it where there is one:
/// what rises can only be seen in two.
#[must_use]
pub fn assess(snapshot: &Snapshot, previous: Option<&Snapshot>) -> Assessment {
    let mut assessment = Assessment::default();
    let past = previous.map(|previous| Past::of(previous, snapshot));
    for rule in RULES {
        match (rule.judge)(snapshot, past) {
            Judgement::Fine => assessment.fine.push(rule.topic),
            Judgement::Unknown => assessment.unknown.push(rule.topic),
            Judgement::NotAsked => {}
            Judgement::Found(findings) => assessment.findings.extend(findings),
        }
    }
    // A stable sort: within a severity the order of the rules remains.
    assessment
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    assessment
}
