//! A sample of `watch` as a line, in columns like those of vmstat.

use std::fmt::Write;
use std::time::SystemTime;

use jiff::Timestamp;

use super::Style;
use crate::classify::Severity;
use crate::classify::history::Latest;
use crate::model::{Counter, SourceKind, TcpState};
use crate::text::rate;

/// After so many lines the header is repeated: a screenful.
pub const LINES_PER_HEADER: u64 = 22;

/// Columns of a point in time, to the second and UTC.
const TIME: usize = 20;

/// The states, in the order in which a connection lives, and their headings.
/// A heading is as wide as its column.
const STATES: [(TcpState, &str); 11] = [
    (TcpState::Listen, "LISTEN"),
    (TcpState::SynSent, "SYNSENT"),
    (TcpState::SynRecv, "SYNRECV"),
    (TcpState::Established, "   ESTAB"),
    (TcpState::FinWait1, "FINW1"),
    (TcpState::FinWait2, "FINW2"),
    (TcpState::Closing, "CLOSING"),
    (TcpState::TimeWait, "TIMEWAIT"),
    (TcpState::CloseWait, "CLOSEWAIT"),
    (TcpState::LastAck, "LASTACK"),
    (TcpState::Close, "CLOSE"),
];

const RATES: [&str; 5] = ["OPEN/s", " ACC/s", "CLOS/s", " RST/s", "FAIL/s"];

/// The headings.
#[must_use]
pub fn line_header() -> String {
    let mut text = format!("{:<TIME$}", "TIME");
    for heading in STATES.iter().map(|(_, heading)| heading).chain(&RATES) {
        push(&mut text, format_args!(" {heading}"));
    }
    text.push_str("  NOTES\n");
    text
}

/// The line of a sample.
#[must_use]
pub fn line(latest: &Latest, style: &Style) -> String {
    let snapshot = &latest.snapshot;
    let mut text = format!("{:<TIME$}", time(snapshot.taken_at));
    let dash = style.dash();
    for (state, heading) in STATES {
        let width = heading.len();
        match snapshot.states.total_of(state) {
            Some(count) => push(&mut text, format_args!(" {count:>width$}")),
            None => push(&mut text, format_args!(" {dash:>width$}")),
        }
    }
    let rates = [
        latest.per_second(Counter::ActiveOpens),
        latest.per_second(Counter::PassiveOpens),
        latest.closed_per_second,
        latest.per_second(Counter::EstabResets),
        latest.per_second(Counter::AttemptFails),
    ];
    for (rate, heading) in rates.into_iter().zip(RATES) {
        let width = heading.len();
        let rate = rate.map_or_else(|| dash.to_owned(), rate::rate);
        push(&mut text, format_args!(" {rate:>width$}"));
    }
    let notes = notes(latest);
    if !notes.is_empty() {
        push(&mut text, format_args!("  {notes}"));
    }
    text.push('\n');
    text
}

/// What is wrong, in the fewest words: the rules that found something, and what
/// is to be known of the sample.
fn notes(latest: &Latest) -> String {
    let mut notes: Vec<&str> = Vec::new();
    if latest.snapshot.collection.source == SourceKind::Procfs {
        notes.push("via-proc");
    }
    if !latest.snapshot.collection.complete {
        notes.push("INCOMPLETE");
    }
    for finding in &latest.assessment.findings {
        if finding.severity >= Severity::Warning && !notes.contains(&finding.rule) {
            notes.push(finding.rule);
        }
    }
    notes.join(",")
}

/// A clock outside the years 1 to 9999 is no time to print.
fn time(at: Option<SystemTime>) -> String {
    at.and_then(|at| Timestamp::try_from(at).ok())
        .map_or_else(String::new, |at| format!("{at:.0}"))
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests;
