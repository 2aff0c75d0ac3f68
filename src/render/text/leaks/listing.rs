//! Every socket of the processes that are shown.

use std::cmp::Reverse;
use std::fmt::Write;

use super::super::super::table::{Cell, Column, Table};
use super::super::super::views::LeaksView;
use super::super::{Style, table};
use super::header;
use super::phrases;
use crate::classify::close_wait::{Held, Judged};
use crate::text::number::grouped;

/// A socket, and how a process holds it.
type Row<'a> = (Option<&'a Held>, &'a Judged);

/// A table for each process, the oldest socket first.
pub(super) fn sockets(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    for leaks in &view.report.processes {
        text.push('\n');
        header::introduce(&mut text, &leaks.process, style);
        let rows = leaks.sockets.iter();
        let rows = rows.filter_map(|held| Some((Some(held), view.report.socket(held.index)?)));
        let rows = listing(&rows.collect::<Vec<Row<'_>>>(), leaks.process.pid, style);
        text.push_str(&table(rows, style));
    }
    let mut without: Vec<Row<'_>> = without_descriptor(view).map(|one| (None, one)).collect();
    without.sort_by_key(|(_, judged)| Reverse(judged.age.at_least));
    if !without.is_empty() {
        let heading = "No descriptor found";
        let _ = writeln!(text, "\n{}", style.strong(heading));
        text.push_str(&table(listing(&without, 0, style), style));
    }
    text
}

/// Two IPv6 addresses need more than 80 columns: they have lines of their own
/// below the rest. No digit of an address is ever left out.
fn listing(rows: &[Row<'_>], pid: u32, style: &Style) -> Table {
    Table::new(
        rows,
        [
            (Column::number("FD", 0), &|(held, _)| {
                Cell::known(held.map(phrases::fds))
            }),
            (Column::words("AGE", 2).labelled(), &|(_, judged)| {
                Cell::text(phrases::age(judged.age, style))
            }),
            (Column::words("VERDICT", 1), &|(_, judged)| {
                Cell::text(judged.verdict.key())
            }),
            (Column::words("SOCKET", 5), &|(held, judged)| {
                Cell::text(ends(*held, judged, pid, style))
            }),
            (Column::number("UNREAD", 3), &|(_, judged)| {
                Cell::text(grouped(judged.unread_bytes().into()))
            }),
            (Column::number("SEND-Q", 4), &|(_, judged)| {
                let send_q = judged.socket.send_q;
                Cell::known(send_q.map(|bytes| grouped(bytes.into())))
            }),
        ],
    )
}

/// From our end to the peer's, and who shares it.
fn ends(held: Option<&Held>, judged: &Judged, pid: u32, style: &Style) -> String {
    let socket = &judged.socket;
    let mut ends = format!("{} {} {}", socket.local, style.arrow(), socket.remote);
    let others = held.into_iter().flat_map(|held| held.shared_with(pid));
    let others: Vec<String> = others.map(|pid| pid.to_string()).collect();
    if !others.is_empty() {
        let _ = write!(ends, " shared with {}", others.join(","));
    }
    ends
}

fn without_descriptor<'a>(view: &LeaksView<'a>) -> impl Iterator<Item = &'a Judged> + use<'a> {
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
