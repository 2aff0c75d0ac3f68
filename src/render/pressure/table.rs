//! What is about to run out, for people.

use std::fmt::Write;

use super::super::{Style, finding, place};
use super::{View, lines, listeners, ports};
use crate::classify::{Finding, Severity};
use crate::model::SourceKind;
use crate::text::number::{counted, elapsed};
use crate::text::width::{columns_of, pad};

/// The whole view; `top` destinations and listeners of each.
#[must_use]
pub fn table(view: &View<'_>, top: usize, style: &Style) -> String {
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = view
        .assessment
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    let mut text = heading(view, style);
    text.push('\n');
    if !view.snapshot.collection.complete {
        text.push_str(&style.severity(
            Severity::Warning,
            "incomplete: the kernel says that rows were lost",
        ));
        text.push('\n');
    }
    // The verdict first when something is wrong, the numbers first when
    // nothing is.
    let blocks = [
        finding::text(&alarming, style),
        ports::ports(view, top, style),
        listeners::listeners(view, top, style),
        lines::lines(view, style),
        finding::text(&minor, style) + &finding::verdicts(view.assessment, style),
    ];
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        text.push_str(block);
    }
    text
}

fn heading(view: &View<'_>, style: &Style) -> String {
    let snapshot = view.snapshot;
    let mut parts = Vec::new();
    parts.extend(place::place(&snapshot.host));
    parts.push(counted(
        snapshot.states.total(),
        "TCP socket",
        "TCP sockets",
    ));
    let source = match snapshot.collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "recorded dump",
    };
    parts.push(format!("{source}, {}", elapsed(snapshot.elapsed)));
    let line = parts.join(&format!(" {} ", style.dot()));
    let lines = finding::wrap(&line, style.width.unwrap_or(usize::MAX));
    style.strong(&lines.join("\n"))
}

/// Fewer columns than these are left to no name: it goes on a line of its own.
const LEAST_ROOM: usize = 20;

/// Rows of a name and numbers: the name to the left, the numbers to the right
/// in columns as wide as they need, and words at the end. A name that is too
/// long for the terminal has a line of its own, so that the numbers stay in
/// their columns.
pub(super) fn rows(rows: &[(String, Vec<String>, String)], style: &Style) -> Vec<String> {
    let columns = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.1.get(column));
            cells.map(|cell| columns_of(cell)).max().unwrap_or(0)
        })
        .collect();
    let numbers: usize = widths.iter().map(|width| width + 2).sum();
    let words = rows.iter().map(|row| columns_of(&row.2)).max().unwrap_or(0);
    let room = match style.width {
        Some(width) => Some(width.saturating_sub(numbers + words + 2))
            .filter(|&room| room >= LEAST_ROOM)
            .unwrap_or(0),
        None => usize::MAX,
    };
    let lengths = rows.iter().map(|row| columns_of(&row.0));
    let name_width = lengths.filter(|&length| length <= room).max().unwrap_or(0);
    rows.iter()
        .map(|(name, cells, words)| {
            let mut line = if columns_of(name) > name_width {
                let columns = style.width.unwrap_or(usize::MAX);
                let name = finding::wrap(name, columns);
                // Two spaces stand between the parts of a name: one stays where
                // it is broken.
                let name: Vec<&str> = name.iter().map(|line| line.trim_end()).collect();
                format!("{}\n{:name_width$}", name.join("\n"), "")
            } else {
                pad(name, name_width)
            };
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(line, "  {cell:>width$}");
            }
            if !words.is_empty() {
                line.push_str("  ");
                line.push_str(words);
            }
            line.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_broken_leaves_no_space_at_the_end_of_a_line() {
        let name = "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433  orders.service";
        let style = Style {
            width: Some(50),
            ..Style::default()
        };
        let row = (
            name.to_owned(),
            vec!["0 / 512".to_owned()],
            "fine".to_owned(),
        );
        let shown = rows(&[row], &style).join("\n");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433");
        assert_eq!(lines[1], "orders.service");
    }
}
