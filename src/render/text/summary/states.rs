//! The states that have sockets, with a bar each.

use super::super::super::table::{Cell, Column, Table, Width};
use super::super::{Style, push_line, table};
use crate::classify::{Assessment, Severity};
use crate::model::{Snapshot, StateCount, TcpState};
use crate::text::number::{counted, grouped};
use crate::text::wrap;

/// The shortest bar that still says something, and the longest.
const BAR: Width = Width::Rest { least: 4, most: 24 };

/// The states that have sockets, the largest first, with a bar each; the others
/// in one line.
pub(super) fn states(snapshot: &Snapshot, assessment: &Assessment, style: &Style) -> String {
    let mut present: Vec<(TcpState, StateCount)> = snapshot
        .states
        .iter()
        .filter_map(|(state, count)| Some((state, count?)))
        .filter(|(_, count)| count.total > 0)
        .collect();
    present.sort_by_key(|(_, count)| std::cmp::Reverse(count.total));
    let largest = present.first().map_or(0, |(_, count)| count.total);

    let note_on = |state| note(state, snapshot, worst_about(state, assessment));
    let is_noted = present.iter().any(|(state, _)| !note_on(*state).is_empty());
    let number = |number: Option<u64>| Cell::known(number.map(grouped));
    let counts = Table::new(
        &present,
        [
            (Column::words("STATE", 0), &|(state, _)| {
                let cell = Cell::text(state.name());
                match worst_about(*state, assessment) {
                    Some(severity) => cell.toned(severity),
                    None => cell,
                }
            }),
            (Column::number("TOTAL", 0), &|(_, count)| {
                Cell::text(grouped(count.total))
            }),
            (Column::number("IPv4", 2), &|(_, count)| number(count.ipv4)),
            (Column::number("IPv6", 2), &|(_, count)| number(count.ipv6)),
            (Column::words("", 3).wide(BAR), &|(_, count)| {
                Cell::bar(count.total, largest)
            }),
            (Column::words("", 1).only_if(is_noted), &|(state, _)| {
                Cell::text(note_on(*state))
            }),
        ],
    );
    let mut text = table(counts, style);
    push_line(&mut text, &style.faint(&absent(snapshot, style)));
    text
}

/// The worst that was found about a state.
fn worst_about(state: TcpState, assessment: &Assessment) -> Option<Severity> {
    assessment
        .findings
        .iter()
        .filter(|finding| finding.state == Some(state))
        .map(|finding| finding.severity)
        .max()
}

/// What stands behind a bar: colour alone is no mark.
fn note(state: TcpState, snapshot: &Snapshot, worst: Option<Severity>) -> String {
    let leaked = snapshot
        .leaks
        .as_ref()
        .filter(|_| state == TcpState::CloseWait)
        .map_or(0, |leaks| leaks.counts.leaked());
    match (leaked, worst) {
        (0, None) => String::new(),
        (0, Some(_)) => "see below".to_owned(),
        (leaked, None) => format!("{} leaked", grouped(leaked)),
        (leaked, Some(_)) => format!("{} leaked, see below", grouped(leaked)),
    }
}

fn absent(snapshot: &Snapshot, style: &Style) -> String {
    let names: Vec<&str> = snapshot
        .states
        .iter()
        .filter(|(_, count)| count.is_some_and(|count| count.total == 0))
        .map(|(state, _)| state.name())
        .collect();
    let mut text = String::new();
    if !names.is_empty() {
        text = format!("0 in {}", names.join(" "));
    }
    if snapshot.states.unknown > 0 {
        let unknown = counted(snapshot.states.unknown, "socket", "sockets");
        let separator = if text.is_empty() { "" } else { "; " };
        text = format!("{text}{separator}{unknown} in unknown states");
    }
    match style.width {
        Some(columns) => wrap(&text, columns).join("\n"),
        None => text,
    }
}
