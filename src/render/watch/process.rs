//! One process that leaks, closely: what it is, what it may have done, and each
//! of its sockets.

use ratatui::layout::Rect;

use super::super::finding::wrap;
use super::super::leaks::words;
use super::super::safe;
use super::frame::Moment;
use super::leaks::{Moves, peers};
use super::paint::{Painter, Tone, first_lines, from_column, from_line};
use super::screen::Shown;
use super::table::{Cell, Column, Table};
use crate::classify::close_wait::{Held, LeakReport, ProcessLeaks};
use crate::model::number::grouped;

/// Columns of a label and the space behind it.
const LABEL: u16 = 9;

/// Draws the process.
pub(super) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    report: &LeakReport,
    pid: u32,
) -> Shown {
    let leaks = report
        .processes
        .iter()
        .find(|leaks| leaks.process.pid == pid);
    let Some(leaks) = leaks else {
        let text = format!("Process {pid} holds no socket in CLOSE_WAIT any more. Esc goes back.");
        painter.text(first_lines(area, 1), &text, Tone::Plain);
        return Shown::default();
    };
    let mut rest = area;
    for (label, text) in facts(leaks, report, moment) {
        painter.text(first_lines(rest, 1), label, Tone::Faint);
        let room = usize::from(area.width.saturating_sub(LABEL));
        for line in wrap(&text, room) {
            painter.text(first_lines(from_column(rest, LABEL), 1), &line, Tone::Plain);
            rest = from_line(rest, 1);
        }
    }
    let mut table = Table {
        columns: vec![
            Column::number("FD", 0),
            Column::words("VERDICT", 1),
            Column::number("AGE", 1),
            Column::number("UNREAD", 3),
            Column::words("LOCAL", 4),
            Column::rest("PEER", 2, 10),
        ],
        rows: leaks
            .sockets
            .iter()
            .filter_map(|held| socket_row(held, report, moment))
            .collect(),
        empty: "no socket matches the filter",
    };
    table.filter(moment.screen);
    table.draw(painter, from_line(rest, 1), moment.screen);
    Shown {
        last_row: table.last_row(),
        chosen: None,
    }
}

/// Label and text of each line.
fn facts(
    leaks: &ProcessLeaks,
    report: &LeakReport,
    moment: &Moment<'_>,
) -> Vec<(&'static str, String)> {
    let process = &leaks.process;
    let dash = moment.style.dash();
    let command = safe(process.command.as_deref().unwrap_or(dash));
    let unit = process.unit.as_ref().map_or_else(String::new, |unit| {
        format!(" of {}", safe(&unit.to_string()))
    });
    let who = format!("{command}[{}]{unit}", process.pid);
    let mut facts = vec![("Process", who)];
    if let Some(cmdline) = &process.cmdline {
        facts.push(("Command", safe(&cmdline.join(" ")).into_owned()));
    }
    let moves = Moves::of(leaks, report).map_or_else(String::new, |moves| {
        format!(
            "; {} new, {} closed, {} stuck",
            moves.new, moves.closed, moves.stuck
        )
    });
    let sockets = format!(
        "{} leaked of {} in CLOSE_WAIT, the oldest for {}{moves}",
        grouped(leaks.counts.leaked()),
        grouped(leaks.counts.total()),
        words::age(leaks.oldest, &moment.style),
    );
    facts.push(("Sockets", sockets));
    if let (Some(open), Some(limit)) = (process.open_fds, process.fd_limit) {
        let text = format!("{} of {} descriptors open", grouped(open), grouped(limit));
        facts.push(("Files", text));
    }
    facts.push(("Peers", peers(&leaks.peers)));
    if let Some(hint) = leaks.hint {
        facts.push(("Why", words::hint(hint, leaks)));
    }
    facts
}

fn socket_row(held: &Held, report: &LeakReport, moment: &Moment<'_>) -> Option<Vec<Cell>> {
    let judged = report.socket(held.index)?;
    let socket = &judged.socket;
    let fds: Vec<String> = held.fds.iter().map(u32::to_string).collect();
    let tone = if judged.verdict.is_leak() {
        Tone::Warning
    } else {
        Tone::Plain
    };
    let shared = match held.holders.len().saturating_sub(1) {
        0 => String::new(),
        others => format!(", held by {others} more"),
    };
    Some(vec![
        Cell::plain(fds.join(",")),
        Cell::toned(judged.verdict.key(), tone),
        Cell::plain(words::age(judged.age, &moment.style)),
        Cell::plain(grouped(socket.recv_q.into())),
        Cell::plain(socket.local.to_string()),
        Cell::plain(format!("{}{shared}", socket.remote)),
    ])
}
