//! Who leaks: processes, listeners, and sockets whose owner is unknown.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::screen::{FrameContext, Shown, Subject};
use super::super::widgets::{self, above, below, chosen, cut, filtered, height, lines, wrapped};
use super::process::{self, Moves, peers, read_ago};
use crate::classify::close_wait::{LeakReport, ProcessLeaks, QueueLeaks};
use crate::classify::history::{Kept, Latest, Leaks};
use crate::render::table::{Cell, Column, Table, Tone, Width};
use crate::render::text::leaks::phrases;
use crate::text::number::{counted, elapsed, grouped};
use crate::text::rate::age;

/// Draws the view, or one process of it.
pub(in crate::tui) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Shown {
    let style = context.style;
    let Some(kept) = &latest.leaks else {
        let missing = Line::styled(context.missing(latest), Tone::Faint);
        lines(buffer, area, [missing], style);
        return Shown::default();
    };
    let report = &kept.value.report;
    if let Some(Subject::Process(pid)) = context.screen.subject {
        return process::draw(buffer, area, context, kept, pid);
    }
    let heading = wrapped(&heading(kept, context), area.width, Tone::Plain);
    let rest = above(buffer, area, heading, style);
    let (table, rows) = table(report, context, kept.at);
    let mut notes: Vec<Line<'_>> = notes(kept, context)
        .iter()
        .flat_map(|text| wrapped(text, area.width, Tone::Faint))
        .collect();
    // Two thirds of the room at least are for the rows.
    let reserved = match rest.height {
        _ if notes.is_empty() => 0,
        ..6 => 0,
        all => u16::try_from(notes.len() + 1).map_or(all / 3, |lines| lines.min(all / 3)),
    };
    let room = Rect {
        height: height(&table).min(rest.height - reserved),
        ..rest
    };
    let empty = if report.unattributed.is_empty() {
        "no process holds a socket in CLOSE_WAIT"
    } else {
        "owner unknown: all sockets in CLOSE_WAIT"
    };
    let shown = widgets::table(buffer, room, &table, empty, context);
    let rest = below(rest, room.height);
    let rest = below(rest, u16::from(rest.height > 1));
    cut(&mut notes, rest.height.into());
    lines(buffer, rest, notes, style);
    let chosen = chosen(&table, context).and_then(|row| rows.get(row));
    Shown {
        chosen: chosen.and_then(|row| match row {
            Row::Process(leaks) => Some(Subject::Process(leaks.process.pid)),
            Row::Listener(_) => None,
        }),
        ..shown
    }
}

/// What must be known of the rows: whose sockets are unknown, and how old the
/// search is.
fn notes(kept: &Kept<Leaks>, context: &FrameContext<'_>) -> Vec<String> {
    let leaks = &kept.value;
    let mut notes = Vec::new();
    if read_ago(kept, context).is_some() {
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
            age(search.ago + context.now.saturating_duration_since(kept.at)),
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

fn heading(kept: &Kept<Leaks>, context: &FrameContext<'_>) -> String {
    let report = &kept.value.report;
    let counts = &report.counts;
    let total = counted(counts.total(), "socket", "sockets");
    let leaked = format!(
        "{} of {total} in CLOSE_WAIT leaked{}, {} attributed",
        grouped(counts.leaked()),
        read_ago(kept, context).map_or_else(String::new, |ago| format!(" (read {ago} ago)")),
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

/// Who leaks: a process, or whoever doesn't accept from a listener.
enum Row<'a> {
    Process(&'a ProcessLeaks),
    Listener(&'a QueueLeaks),
}

impl Row<'_> {
    /// A cell that a listener has none of.
    fn of_process(&self, cell: impl Fn(&ProcessLeaks) -> Cell) -> Cell {
        match self {
            Self::Process(leaks) => cell(leaks),
            Self::Listener(_) => Cell::known(None::<&str>),
        }
    }

    fn counts(&self) -> (u64, u64) {
        match self {
            Self::Process(leaks) => (leaks.counts.leaked(), leaks.counts.total()),
            Self::Listener(queue) => (queue.not_accepted, queue.not_accepted),
        }
    }
}

/// The rows, and what each is about.
fn table<'a>(
    report: &'a LeakReport,
    context: &FrameContext<'_>,
    at: Instant,
) -> (Table, Vec<Row<'a>>) {
    let style = context.style;
    let mut processes: Vec<&ProcessLeaks> = report.processes.iter().collect();
    match context.screen.sorted_by().0 {
        // The report has the worst first already.
        "leaked" => {}
        "age" => processes.sort_by_key(|leaks| Reverse(leaks.oldest.at_least)),
        _ => {
            processes.sort_by_key(|leaks| Reverse(leaks.growth.map_or(0, |growth| growth.sockets)));
        }
    }
    let listeners = report.listeners.iter().map(Row::Listener);
    let rows = processes.into_iter().map(Row::Process).chain(listeners);
    let rows: Vec<Row<'a>> = rows.collect();
    let fresh = |leaks: &ProcessLeaks| match Moves::of(leaks, report) {
        Some(moves) if (moves.new > 0 || moves.closed > Some(0)) && context.is_fresh(at) => {
            Tone::Fresh
        }
        _ => Tone::Plain,
    };
    let (least, most) = (12, usize::MAX);
    let table = Table::new(
        &rows,
        [
            (Column::number("PID", 4), &|row| {
                Cell::known(match row {
                    Row::Process(leaks) => Some(leaks.process.pid.to_string()),
                    Row::Listener(queue) => queue.pids.first().map(u32::to_string),
                })
            }),
            (Column::words("COMMAND", 0), &|row| match row {
                Row::Process(leaks) => Cell::known(leaks.process.command.clone()),
                Row::Listener(_) => Cell::text("not accepted"),
            }),
            (Column::number("LEAKED", 0), &|row| {
                let (leaked, _) = row.counts();
                let tone = if leaked > 0 {
                    Tone::Strong
                } else {
                    Tone::Faint
                };
                Cell::text(grouped(leaked)).toned(tone)
            }),
            (Column::number("ALL", 1), &|row| {
                Cell::text(grouped(row.counts().1))
            }),
            (Column::number("NEW", 2), &|row| {
                row.of_process(|leaks| {
                    let moves = Moves::of(leaks, report);
                    Cell::known(moves.map(|moves| moves.new_ones(style))).toned(fresh(leaks))
                })
            }),
            (Column::number("CLOSED", 7), &|row| {
                row.of_process(|leaks| {
                    let closed = Moves::of(leaks, report).and_then(|moves| moves.closed);
                    let closed = closed.and_then(|closed| u64::try_from(closed).ok());
                    Cell::known(closed.map(grouped)).toned(fresh(leaks))
                })
            }),
            (Column::number("STUCK", 3), &|row| {
                row.of_process(|leaks| {
                    let moves = Moves::of(leaks, report);
                    Cell::known(moves.map(|moves| grouped(moves.stuck)))
                })
            }),
            (Column::number("OLDEST", 2), &|row| {
                let oldest = match row {
                    Row::Process(leaks) => leaks.oldest,
                    Row::Listener(queue) => queue.oldest,
                };
                Cell::text(phrases::age(oldest, &style))
            }),
            (Column::number("FDS", 4), &|row| row.of_process(fds)),
            (
                Column::words("PEERS", 6).wide(Width::Rest { least, most }),
                &|row| match row {
                    Row::Process(leaks) => Cell::text(peers(&leaks.peers)),
                    Row::Listener(queue) => Cell::text(format!("at {}", queue.local)),
                },
            ),
        ],
    );
    filtered(table, rows, &context.screen.filter)
}

/// Descriptors that are open, and how many may be.
fn fds(leaks: &ProcessLeaks) -> Cell {
    let process = &leaks.process;
    let text = match (process.open_fds, process.fd_limit) {
        (Some(open), Some(limit)) => Some(format!("{}/{}", grouped(open), grouped(limit))),
        (open, _) => open.map(grouped),
    };
    Cell::known(text).toned(match leaks.fds_used() {
        Some(used) if used >= 0.9 => Tone::Critical,
        Some(used) if used >= 0.7 => Tone::Warning,
        _ => Tone::Plain,
    })
}
