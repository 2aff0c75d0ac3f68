//! The states that have sockets, with a bar each.

use comfy_table::{CellAlignment, Table, presets};

use super::super::{Style, finding, push_line};
use crate::classify::{Assessment, Severity};
use crate::model::{Snapshot, StateCount, TcpState};
use crate::text::number::{counted, grouped};
use crate::text::width::columns_of;

/// The longest bar, and the shortest that still says something.
const BAR: std::ops::RangeInclusive<usize> = 4..=24;

/// The states that have sockets, the largest first, with a bar each; the others
/// in one line.
pub(super) fn table(snapshot: &Snapshot, assessment: &Assessment, style: &Style) -> String {
    let mut present: Vec<(TcpState, StateCount)> = snapshot
        .states
        .iter()
        .filter_map(|(state, count)| Some((state, count?)))
        .filter(|(_, count)| count.total > 0)
        .collect();
    present.sort_by_key(|(_, count)| std::cmp::Reverse(count.total));
    let largest = present.first().map_or(0, |(_, count)| count.total);

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["STATE", "TOTAL", "IPv4", "IPv6"]);
    let number = |number: Option<u64>| number.map_or_else(|| style.dash().to_owned(), grouped);
    for (state, count) in &present {
        table.add_row([
            state.name().to_owned(),
            grouped(count.total),
            number(count.ipv4),
            number(count.ipv6),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if column.index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = table.lines();
    let mut text = String::new();
    let header = lines.next().unwrap_or_default();
    push_line(&mut text, &style.faint(header.trim_end()));
    let lines: Vec<String> = lines.collect();
    let findings = present
        .iter()
        .map(|(state, _)| worst_about(*state, assessment));
    let remarks: Vec<(Option<Severity>, String)> = findings
        .zip(&present)
        .map(|(worst, (state, _))| (worst, remark(*state, snapshot, worst)))
        .collect();
    // One scale for all bars: the longest remark decides how long they may be.
    let numbers = lines.iter().map(|line| columns_of(line)).max();
    let words = remarks.iter().map(|(_, remark)| columns_of(remark)).max();
    let taken = numbers.unwrap_or(0) + words.unwrap_or(0);
    let room = style
        .columns()
        .saturating_sub(taken)
        .clamp(*BAR.start(), *BAR.end());
    for ((line, (_, count)), (worst, remark)) in lines.iter().zip(&present).zip(&remarks) {
        let bar = style.block().repeat(bar(count.total, largest, room));
        let line = format!("{line}{bar}{remark}");
        match worst {
            Some(severity) => push_line(&mut text, &style.severity(*severity, &line)),
            None => push_line(&mut text, &line),
        }
    }
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
fn remark(state: TcpState, snapshot: &Snapshot, worst: Option<Severity>) -> String {
    let leaked = snapshot
        .leaks
        .as_ref()
        .filter(|_| state == TcpState::CloseWait)
        .map_or(0, |leaks| leaks.counts.leaked());
    match (leaked, worst) {
        (0, None) => String::new(),
        (0, Some(_)) => "  see below".to_owned(),
        (leaked, None) => format!("  {} leaked", grouped(leaked)),
        (leaked, Some(_)) => format!("  {} leaked, see below", grouped(leaked)),
    }
}

/// How many blocks a bar has beside the longest: at least one for what isn't
/// nothing.
fn bar(length: u64, longest: u64, room: usize) -> usize {
    let scaled = u128::from(length) * room as u128 / u128::from(longest.max(1));
    usize::try_from(scaled).unwrap_or(room).clamp(1, room)
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
        text = format!("{text}{separator}{unknown} in states that have no name here");
    }
    match style.width {
        Some(columns) => finding::wrap(&text, columns).join("\n"),
        None => text,
    }
}
