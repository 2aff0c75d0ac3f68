//! Every socket of the processes that are shown.

use std::cmp::Reverse;
use std::fmt::Write;

use super::super::super::table::{Cell, Column, Table};
use super::super::super::views::LeaksView;
use super::super::finding::push_wrapped;
use super::super::{Style, cut, table};
use super::owners::unit_name;
use super::{name, phrases};
use crate::classify::close_wait::{Held, Judged};
use crate::model::Process;
use crate::text::number::grouped;
use crate::text::safe;
use crate::text::width::columns_of;

/// A socket, and how a process holds it.
type Row<'a> = (Option<&'a Held>, &'a Judged);

/// A table for each process, the oldest socket first.
pub(super) fn sockets(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    for leaks in &view.report.processes {
        text.push('\n');
        introduce(&mut text, &leaks.process, style);
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
                Cell::text(
                    judged
                        .unread_bytes()
                        .map_or_else(|| "?".to_owned(), |bytes| grouped(bytes.into())),
                )
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

/// Lines of a command line on a terminal: that of a JVM would fill the screen.
const LINES: usize = 4;

/// The processes that were asked for, where nothing below introduces them.
pub(super) fn asked(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    let listed = |pid| {
        let mut processes = view.report.processes.iter();
        view.list_sockets && processes.any(|leaks| leaks.process.pid == pid)
    };
    let mut pids = view.asked.to_vec();
    pids.sort_unstable();
    pids.dedup();
    for pid in pids {
        // Of one that has ended nothing is known any more.
        if let Some(process) = view.processes.get(&pid).filter(|_| !listed(pid)) {
            text.push('\n');
            introduce(&mut text, process, style);
        }
    }
    text
}

/// Name, user and unit, and below them the command line.
pub(super) fn introduce(text: &mut String, process: &Process, style: &Style) {
    let uid = process
        .uid
        .map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let unit = match &process.unit {
        None => String::new(),
        Some(unit) => format!(", {}", unit_name(unit, style)),
    };
    let name = name(process.pid, Some(process));
    let label = format!("{}  ", style.strong(&name));
    let hanging = columns_of(&name) + 2;
    push_wrapped(text, &label, hanging, &format!("uid {uid}{unit}"), style);
    if let Some(cmdline) = &process.cmdline {
        let cmdline = cmdline.join(" ");
        let columns = style.columns().saturating_mul(LINES);
        let cmdline = cut(&safe(&cmdline), columns, style);
        push_wrapped(text, "", 0, &cmdline, style);
    }
}
