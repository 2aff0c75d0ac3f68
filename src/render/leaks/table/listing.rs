//! Every socket of the processes that are shown.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::super::super::finding::push_wrapped;
use super::super::super::{Style, safe};
use super::super::{View, words};
use super::{name, push_row};
use crate::classify::close_wait::Judged;
use crate::model::number::grouped;

/// A table for each process, the oldest socket first.
pub(super) fn sockets(view: &View<'_>, style: &Style) -> String {
    let mut text = String::new();
    for leaks in &view.report.processes {
        let name = name(leaks.process.pid, Some(&leaks.process));
        let _ = writeln!(text, "\n{}", style.strong(&name));
        // Five servers of one name differ by their arguments.
        if let Some(cmdline) = &leaks.process.cmdline {
            push_wrapped(&mut text, "", 0, &safe(&cmdline.join(" ")), style);
        }
        let rows = leaks.sockets.iter().filter_map(|held| {
            let fds: Vec<String> = held.fds.iter().map(u32::to_string).collect();
            let mut row = row(fds.join(","), view.report.socket(held.index)?, style);
            let others = held.shared_with(leaks.process.pid);
            let others: Vec<String> = others.map(|pid| pid.to_string()).collect();
            if !others.is_empty() {
                let _ = write!(row[3], " shared with {}", others.join(","));
            }
            Some(row)
        });
        write_table(&mut text, rows, style);
    }
    let without: Vec<_> = without_descriptor(view)
        .map(|judged| row(style.dash().to_owned(), judged, style))
        .collect();
    if !without.is_empty() {
        let heading = "Without a descriptor in sight";
        let _ = writeln!(text, "\n{}", style.strong(heading));
        write_table(&mut text, without.into_iter(), style);
    }
    text
}

fn without_descriptor<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Judged> + use<'a> {
    let report = view.report;
    let unattributed = report.unattributed.iter().map(|entry| entry.index);
    let unattributed: std::collections::HashSet<usize> = unattributed.collect();
    let sockets = report.sockets.iter().enumerate();
    sockets
        .filter(move |(index, judged)| {
            judged.socket.inode.is_none() || unattributed.contains(index)
        })
        .map(|(_, judged)| judged)
}

fn row(fds: String, judged: &Judged, style: &Style) -> [String; 6] {
    let socket = &judged.socket;
    let send_q = socket.send_q.map(|bytes| grouped(bytes.into()));
    [
        fds,
        words::age(judged.age, style),
        judged.verdict.key().to_owned(),
        format!("{} {} {}", socket.local, style.arrow(), socket.remote),
        grouped(judged.unread_bytes().into()),
        send_q.unwrap_or_else(|| style.dash().to_owned()),
    ]
}

fn write_table(text: &mut String, rows: impl Iterator<Item = [String; 6]>, style: &Style) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["FD", "AGE", "VERDICT", "SOCKET", "UNREAD", "SEND-Q"]);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if matches!(column.index, 0 | 4 | 5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (index, line) in table.lines().enumerate() {
        push_row(text, index, &line, style);
    }
}
