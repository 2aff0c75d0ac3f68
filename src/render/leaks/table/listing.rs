//! Every socket of the processes that are shown.

use std::cmp::Reverse;
use std::fmt::Write;

use super::super::super::Style;
use super::super::super::finding::push_wrapped;
use super::super::{View, words};
use super::layout::{Columns, INDENT};
use super::who;
use crate::classify::close_wait::Judged;
use crate::text::number::grouped;

/// A socket as it is shown.
struct Row {
    fds: String,
    age: String,
    verdict: &'static str,
    /// From our end to the peer's, and who shares it.
    ends: String,
    unread: String,
    send_q: String,
}

/// A table for each process, the oldest socket first.
pub(super) fn sockets(view: &View<'_>, style: &Style) -> String {
    let mut text = String::new();
    for leaks in &view.report.processes {
        text.push('\n');
        who::introduce(&mut text, &leaks.process, style);
        let rows = leaks.sockets.iter().filter_map(|held| {
            let mut row = row(words::fds(held), view.report.socket(held.index)?, style);
            let others = held.shared_with(leaks.process.pid);
            let others: Vec<String> = others.map(|pid| pid.to_string()).collect();
            if !others.is_empty() {
                let _ = write!(row.ends, " shared with {}", others.join(","));
            }
            Some(row)
        });
        write_rows(&mut text, rows, style);
    }
    let mut without: Vec<&Judged> = without_descriptor(view).collect();
    without.sort_by_key(|judged| Reverse(judged.age.at_least));
    if !without.is_empty() {
        let heading = "Without a descriptor in sight";
        let _ = writeln!(text, "\n{}", style.strong(heading));
        let rows = without.into_iter();
        let rows = rows.map(|judged| row(style.dash().to_owned(), judged, style));
        write_rows(&mut text, rows, style);
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

fn row(fds: String, judged: &Judged, style: &Style) -> Row {
    let socket = &judged.socket;
    let send_q = socket.send_q.map(|bytes| grouped(bytes.into()));
    Row {
        fds,
        age: words::age(judged.age, style),
        verdict: judged.verdict.key(),
        ends: format!("{} {} {}", socket.local, style.arrow(), socket.remote),
        unread: grouped(judged.unread_bytes().into()),
        send_q: send_q.unwrap_or_else(|| style.dash().to_owned()),
    }
}

/// A line a socket where there is room. Two IPv6 addresses need more than 80
/// columns: then the ends have lines of their own, and on a narrow terminal
/// the rest is words. No digit of an address is ever left out.
///
/// There may be 100,000: the rows are made anew for each attempt, and not kept
/// beside it.
fn write_rows(text: &mut String, rows: impl Iterator<Item = Row> + Clone, style: &Style) {
    let header = ["FD", "AGE", "VERDICT", "SOCKET", "UNREAD", "SEND-Q"];
    let mut wide = Columns::new(header, &[0, 4, 5]);
    for row in rows.clone() {
        wide.push([
            &row.fds,
            &row.age,
            row.verdict,
            &row.ends,
            &row.unread,
            &row.send_q,
        ]);
    }
    if wide.fit(style) {
        wide.write(text, style, |_, _| {});
        return;
    }
    drop(wide);
    let ends = |text: &mut String, row: &Row| {
        let margin = " ".repeat(INDENT);
        push_wrapped(text, &margin, INDENT, &row.ends, style);
    };
    let mut short = Columns::new(["FD", "AGE", "VERDICT", "UNREAD", "SEND-Q"], &[0, 3, 4]);
    for row in rows.clone() {
        short.push([&row.fds, &row.age, row.verdict, &row.unread, &row.send_q]);
    }
    if short.fit(style) {
        let mut rows = rows;
        short.write(text, style, |text, _| {
            if let Some(row) = rows.next() {
                ends(text, &row);
            }
        });
        return;
    }
    for row in rows {
        let sentence = format!(
            "fd {}, {}, {}, {} unread, {} in the send queue",
            row.fds, row.verdict, row.age, row.unread, row.send_q
        );
        push_wrapped(text, "", 0, &sentence, style);
        ends(text, &row);
    }
}
