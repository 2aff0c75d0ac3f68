//! Who leaks: processes, listeners, and sockets whose owner is unknown.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, cut, first_lines, from_line};
use super::super::screen::Subject;
use super::super::table::{Cell, Column, Table};
use super::process;
use super::process_leaks::{Moves, peers, read_ago};
use crate::classify::close_wait::{LeakReport, ProcessLeaks, QueueLeaks};
use crate::classify::history::{Kept, Latest, Leaks};
use crate::render::text::leaks::phrases;
use crate::text::number::{counted, elapsed, grouped};
use crate::text::rate::age;
use crate::text::safe;
use crate::text::wrap;

/// Draws the view, or one process of it.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let Some(kept) = &latest.leaks else {
        painter.text(first_lines(area, 1), moment.missing(latest), Tone::Faint);
        return Shown::default();
    };
    let report = &kept.value.report;
    if let Some(Subject::Process(pid)) = moment.screen.subject {
        return process::draw(painter, area, moment, kept, pid);
    }
    let mut rest = painter.above(area, &heading(kept, moment));
    let (table, subjects) = table(report, moment, kept.at);
    let mut below: Vec<String> = notes(kept, moment)
        .iter()
        .flat_map(|text| wrap(text, usize::from(area.width)))
        .collect();
    // Two thirds of the room at least are for the rows.
    let kept = u16::try_from(below.len() + 1).unwrap_or(u16::MAX);
    let kept = match rest.height {
        _ if below.is_empty() => 0,
        ..6 => 0,
        height => kept.min(height / 3),
    };
    let room = rest.height - kept;
    let taken = table.draw(painter, first_lines(rest, room), moment.screen);
    rest = from_line(rest, taken);
    if rest.height > 1 {
        rest = from_line(rest, 1);
    }
    cut(&mut below, rest.height.into());
    for line in below {
        painter.text(first_lines(rest, 1), &line, Tone::Faint);
        rest = from_line(rest, 1);
    }
    let chosen = table.chosen(moment.screen);
    Shown {
        last_row: table.last_row(),
        chosen: chosen.and_then(|row| subjects.get(row).copied().flatten()),
    }
}

/// What must be known of the rows: whose sockets are unknown, and how old the
/// search is.
fn notes(kept: &Kept<Leaks>, moment: &Moment<'_>) -> Vec<String> {
    let leaks = &kept.value;
    let mut notes = Vec::new();
    if read_ago(kept, moment).is_some() {
        notes.push(format!(
            "To read this takes {} of CPU, so it is done at most every {}.",
            elapsed(leaks.cost),
            about(leaks.every),
        ));
    }
    if let Some(search) = leaks.search.filter(|search| !search.ago.is_zero()) {
        notes.push(format!(
            "All descriptors were searched {} ago: that takes {} of CPU, so it is done at most \
             every {}; these holders are checked at every reading.",
            age(search.ago + moment.now.saturating_duration_since(kept.at)),
            elapsed(search.cost),
            about(search.every),
        ));
    }
    if let Some(why) = phrases::unattributed(&leaks.report, None) {
        notes.push(format!("Owner unknown: {why}"));
    }
    notes
}

/// An interval that is as good as measured: `1.8 s`, `12 s`.
fn about(every: Duration) -> String {
    if every < Duration::from_secs(10) {
        elapsed(every)
    } else {
        age(every)
    }
}

fn heading(kept: &Kept<Leaks>, moment: &Moment<'_>) -> String {
    let report = &kept.value.report;
    let counts = &report.counts;
    let total = counted(counts.total(), "socket", "sockets");
    let leaked = format!(
        "{} of {total} in CLOSE_WAIT leaked{}, {} attributed",
        grouped(counts.leaked()),
        read_ago(kept, moment).map_or_else(String::new, |ago| format!(" (read {ago} ago)")),
        grouped(report.attributed),
    );
    match report.comparison {
        None => format!("{leaked}; the next reading tells what is new"),
        Some(comparison) => {
            let gone = comparison
                .gone
                .map_or(String::new(), |gone| format!(", {} closed", grouped(gone)));
            format!(
                "{leaked}; since the reading before {} new{gone}, {} stuck",
                grouped(comparison.new),
                grouped(comparison.stayed),
            )
        }
    }
}

/// The rows, and what each is about.
fn table(report: &LeakReport, moment: &Moment<'_>, at: Instant) -> (Table, Vec<Option<Subject>>) {
    let mut processes: Vec<&ProcessLeaks> = report.processes.iter().collect();
    match moment.screen.order_name() {
        // The report has the worst first already.
        "leaked" => {}
        "age" => processes.sort_by_key(|leaks| Reverse(leaks.oldest.at_least)),
        _ => {
            processes.sort_by_key(|leaks| Reverse(leaks.growth.map_or(0, |growth| growth.sockets)));
        }
    }
    let mut table = Table {
        columns: vec![
            Column::number("PID", 4),
            Column::words("COMMAND", 0),
            Column::number("LEAKED", 0),
            Column::number("ALL", 1),
            Column::number("NEW", 2),
            Column::number("CLOSED", 7),
            Column::number("STUCK", 3),
            Column::number("OLDEST", 2),
            Column::number("FDS", 4),
            Column::rest("PEERS", 6, 12),
        ],
        rows: Vec::new(),
        empty: if report.unattributed.is_empty() {
            "no process holds a socket in CLOSE_WAIT"
        } else {
            "owner unknown: all sockets in CLOSE_WAIT"
        },
    };
    let processes = processes.into_iter().map(|leaks| {
        let subject = Subject::Process(leaks.process.pid);
        (process_row(leaks, report, moment, at), Some(subject))
    });
    let listeners = report
        .listeners
        .iter()
        .map(|queue| (listener_row(queue, moment), None));
    let rows = processes.chain(listeners).collect();
    let subjects = table.take(rows, moment.screen);
    (table, subjects)
}

fn process_row(
    leaks: &ProcessLeaks,
    report: &LeakReport,
    moment: &Moment<'_>,
    at: Instant,
) -> Vec<Cell> {
    let dash = moment.style.dash();
    let process = &leaks.process;
    let moves = Moves::of(leaks, report);
    let fresh = match moves {
        Some(moves) if (moves.new > 0 || moves.closed > Some(0)) && moment.is_fresh(at) => {
            Tone::Fresh
        }
        _ => Tone::Plain,
    };
    let number = |number: Option<u64>| number.map_or_else(|| dash.to_owned(), grouped);
    let fds = match (process.open_fds, process.fd_limit) {
        (Some(open), Some(limit)) => format!("{}/{}", grouped(open), grouped(limit)),
        (open, _) => number(open),
    };
    let leaked = leaks.counts.leaked();
    let fds_tone = match leaks.fds_used() {
        Some(used) if used >= 0.9 => Tone::Critical,
        Some(used) if used >= 0.7 => Tone::Warning,
        _ => Tone::Plain,
    };
    vec![
        Cell::plain(process.pid.to_string()),
        Cell::plain(safe(process.command.as_deref().unwrap_or(dash))),
        Cell::toned(
            grouped(leaked),
            if leaked > 0 {
                Tone::Strong
            } else {
                Tone::Faint
            },
        ),
        Cell::plain(grouped(leaks.counts.total())),
        Cell::toned(
            moves.map_or_else(|| dash.to_owned(), |moves| moves.new_ones(moment.style)),
            fresh,
        ),
        Cell::toned(
            number(moves.and_then(|moves| u64::try_from(moves.closed?).ok())),
            fresh,
        ),
        Cell::plain(number(moves.map(|moves| moves.stuck))),
        Cell::plain(phrases::age(leaks.oldest, &moment.style)),
        Cell::toned(fds, fds_tone),
        Cell::plain(peers(&leaks.peers)),
    ]
}

fn listener_row(queue: &QueueLeaks, moment: &Moment<'_>) -> Vec<Cell> {
    let dash = moment.style.dash();
    let pid = queue
        .pids
        .first()
        .map_or_else(|| dash.to_owned(), u32::to_string);
    vec![
        Cell::plain(pid),
        Cell::plain("not accepted"),
        Cell::toned(grouped(queue.not_accepted), Tone::Strong),
        Cell::plain(grouped(queue.not_accepted)),
        Cell::plain(dash),
        Cell::plain(dash),
        Cell::plain(dash),
        Cell::plain(phrases::age(queue.oldest, &moment.style)),
        Cell::plain(dash),
        Cell::plain(format!("at {}", queue.local)),
    ]
}
