//! One process that leaks, closely: what it is, what it may have done, and each
//! of its sockets.

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, cut, first_lines, from_column, from_line};
use super::process_leaks::{Moves, peers, read_ago};
use crate::render::text::leaks::phrases;
use crate::text::wrap;

use super::super::table::{Cell, Column, Table, more};
use crate::classify::close_wait::{Held, LeakReport, ProcessLeaks, Unowned};
use crate::classify::history::{Kept, Leaks};
use crate::text::number::grouped;
use crate::text::safe;

/// Columns of a label and the space behind it.
const LABEL: u16 = 9;

/// Narrower terminals have no columns for labels.
const NARROW: u16 = 40;

/// From so many lines on there is one to spare.
const AIRY: u16 = 12;

/// Draws the process.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    kept: &Kept<Leaks>,
    pid: u32,
) -> Shown {
    let report = &kept.value.report;
    let leaks = report
        .processes
        .iter()
        .find(|leaks| leaks.process.pid == pid);
    let Some(leaks) = leaks else {
        let mut rest = area;
        for line in wrap(&not_in_sight(report, pid), usize::from(area.width)) {
            painter.text(first_lines(rest, 1), &line, Tone::Plain);
            rest = from_line(rest, 1);
        }
        return Shown::default();
    };
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
        empty: "none of its sockets is known",
    };
    table.filter(moment.screen);
    let room = room_for_facts(area.height, table.rows.len());
    let mut rest = area;
    for (label, lines) in fitting(facts(leaks, kept, moment), area.width, room) {
        let indent = if label.is_empty() { 0 } else { LABEL };
        painter.text(first_lines(rest, 1), label, Tone::Faint);
        for line in lines {
            painter.text(
                first_lines(from_column(rest, indent), 1),
                &line,
                Tone::Plain,
            );
            rest = from_line(rest, 1);
        }
    }
    // A line of air where there is room.
    if area.height >= AIRY {
        rest = from_line(rest, 1);
    }
    let hidden = table.draw_counted(painter, rest, moment.screen);
    // On a terminal of five lines there is none left to say so.
    if hidden > 0 && rest.height == 1 {
        let text = format!(" {}", more(hidden, painter.style));
        painter.right(first_lines(area, 1), &text, Tone::Faint);
    }
    Shown {
        last_row: table.last_row(),
        chosen: None,
    }
}

/// What stands in place of a process that holds nothing, as far as anybody has
/// looked.
fn not_in_sight(report: &LeakReport, pid: u32) -> String {
    let mut unowned = report.unattributed.iter();
    let found = if unowned.any(|entry| entry.why == Unowned::NotYet) {
        "closed what it had in CLOSE_WAIT; whether new ones are its, the next search tells"
    } else {
        "holds no socket in CLOSE_WAIT any more"
    };
    format!("Process {pid} {found}. Esc goes back.")
}

/// The lines for what is known of the process: the sockets have half of a
/// large screen at least, and more of a small one, where that is what one came
/// for.
fn room_for_facts(height: u16, rows: usize) -> u16 {
    let all = u16::try_from(rows.saturating_add(1)).unwrap_or(u16::MAX);
    let least = match height {
        ..4 => height.saturating_sub(1),
        AIRY.. => height / 2 + 1,
        _ => (height * 3 / 5).max(3),
    };
    height - least.min(all.max(2)).min(height)
}

/// The facts in so many lines: each of those that matter most has one, and
/// what is left goes to those that need more. Without labels where these would
/// take the place of what they are about.
fn fitting(facts: Vec<(Fact, String)>, width: u16, room: u16) -> Vec<(&'static str, Vec<String>)> {
    let indent = if width < NARROW { 0 } else { LABEL };
    let columns = usize::from(width.saturating_sub(indent));
    let mut shown: Vec<(Fact, Vec<String>, usize)> = facts
        .into_iter()
        .map(|(fact, text)| (fact, wrap(&text, columns), 0))
        .collect();
    let mut left = usize::from(room);
    let mut ranks: Vec<usize> = (0..shown.len()).collect();
    ranks.sort_by_key(|&place| shown.get(place).map(|(fact, ..)| *fact));
    for all in [false, true] {
        for &place in &ranks {
            if let Some((_, lines, given)) = shown.get_mut(place) {
                let wanted = if all { lines.len() } else { 1 };
                let more = (wanted - *given).min(left);
                *given += more;
                left -= more;
            }
        }
    }
    shown
        .into_iter()
        .filter(|(.., given)| *given > 0)
        .map(|(fact, mut lines, given)| {
            cut(&mut lines, given);
            (if indent == 0 { "" } else { fact.label() }, lines)
        })
        .collect()
}

/// What is known of the process, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Who,
    Sockets,
    Why,
    Files,
    Peers,
    Command,
}

impl Fact {
    const fn label(self) -> &'static str {
        match self {
            Self::Who => "Process",
            Self::Sockets => "Sockets",
            Self::Why => "Why",
            Self::Files => "Files",
            Self::Peers => "Peers",
            Self::Command => "Command",
        }
    }
}

/// Each fact in words, in the order in which they are shown.
fn facts(leaks: &ProcessLeaks, kept: &Kept<Leaks>, moment: &Moment<'_>) -> Vec<(Fact, String)> {
    let process = &leaks.process;
    let dash = moment.style.dash();
    let command = safe(process.command.as_deref().unwrap_or(dash));
    let unit = process.unit.as_ref().map_or_else(String::new, |unit| {
        format!(" of {}", safe(&unit.to_string()))
    });
    let who = format!("{command}[{}]{unit}", process.pid);
    let mut facts = vec![(Fact::Who, who)];
    if let Some(cmdline) = &process.cmdline {
        facts.push((Fact::Command, safe(&cmdline.join(" ")).into_owned()));
    }
    let moves = Moves::of(leaks, &kept.value.report).map_or_else(String::new, |moves| {
        let closed = moves
            .closed
            .map_or_else(|| dash.to_owned(), |closed| closed.to_string());
        format!(
            "; {} new, {closed} closed, {} stuck",
            moves.new_ones(moment.style),
            moves.stuck
        )
    });
    let ago = read_ago(kept, moment).map_or_else(String::new, |ago| format!("; read {ago} ago"));
    let sockets = format!(
        "{} leaked of {} in CLOSE_WAIT, the oldest for {}{moves}{ago}",
        grouped(leaks.counts.leaked()),
        grouped(leaks.counts.total()),
        phrases::age(leaks.oldest, &moment.style),
    );
    facts.push((Fact::Sockets, sockets));
    if let (Some(open), Some(limit)) = (process.open_fds, process.fd_limit) {
        let text = format!("{} of {} descriptors open", grouped(open), grouped(limit));
        facts.push((Fact::Files, text));
    }
    facts.push((Fact::Peers, peers(&leaks.peers)));
    if let Some(hint) = leaks.hint {
        facts.push((Fact::Why, phrases::hint(hint, leaks)));
    }
    facts
}

fn socket_row(held: &Held, report: &LeakReport, moment: &Moment<'_>) -> Option<Vec<Cell>> {
    let judged = report.socket(held.index)?;
    let socket = &judged.socket;
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
        Cell::plain(phrases::fds(held)),
        Cell::toned(judged.verdict.key(), tone),
        Cell::plain(phrases::age(judged.age, &moment.style)),
        Cell::plain(grouped(socket.recv_q.into())),
        Cell::plain(socket.local.to_string()),
        Cell::plain(format!("{}{shared}", socket.remote)),
    ])
}
