//! Who leaks: processes, listeners, and sockets without an owner in sight.

use std::cmp::Reverse;

use ratatui::layout::Rect;

use super::super::finding::wrap;
use super::super::leaks::words;
use super::super::safe;
use super::frame::Moment;
use super::paint::{Painter, Tone, first_lines, from_line};
use super::process;
use super::screen::{Shown, Subject};
use super::table::{Cell, Column, Table};
use crate::classify::close_wait::{LeakReport, Peer, ProcessLeaks, QueueLeaks};
use crate::classify::history::Latest;
use crate::model::number::{counted, grouped};

/// Peers that have a name in a row; the others are counted.
const PEERS: usize = 2;

/// Draws the view, or one process of it.
pub(super) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let Some(report) = &latest.leaks else {
        painter.text(first_lines(area, 1), moment.missing(), Tone::Faint);
        return Shown::default();
    };
    if let Some(Subject::Process(pid)) = moment.screen.subject {
        return process::draw(painter, area, moment, report, pid);
    }
    let mut rest = area;
    for line in wrap(&heading(report), usize::from(area.width)) {
        painter.text(first_lines(rest, 1), &line, Tone::Plain);
        rest = from_line(rest, 1);
    }
    rest = from_line(rest, 1);
    let (table, subjects) = table(report, moment, latest);
    let taken = table.draw(painter, rest, moment.screen);
    rest = from_line(rest, taken + 1);
    if let Some(why) = words::unattributed(report, None) {
        let text = format!("Without an owner in sight: {why}");
        for line in wrap(&text, usize::from(area.width)) {
            painter.text(first_lines(rest, 1), &line, Tone::Faint);
            rest = from_line(rest, 1);
        }
    }
    let chosen = table.chosen(moment.screen);
    Shown {
        last_row: table.last_row(),
        chosen: chosen.and_then(|row| subjects.get(row).copied().flatten()),
    }
}

fn heading(report: &LeakReport) -> String {
    let counts = &report.counts;
    let total = counted(counts.total(), "socket", "sockets");
    let leaked = format!(
        "{} of {total} in CLOSE_WAIT leaked, {} attributed",
        grouped(counts.leaked()),
        grouped(report.attributed),
    );
    match report.comparison {
        None => format!("{leaked}; the next sample tells what is new"),
        Some(comparison) => {
            let gone = comparison
                .gone
                .map_or(String::new(), |gone| format!(", {} closed", grouped(gone)));
            format!(
                "{leaked}; since the sample before {} new{gone}, {} stuck",
                grouped(comparison.new),
                grouped(comparison.stayed),
            )
        }
    }
}

/// The rows, and what each is about.
fn table(
    report: &LeakReport,
    moment: &Moment<'_>,
    latest: &Latest,
) -> (Table, Vec<Option<Subject>>) {
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
        empty: "no process holds a socket in CLOSE_WAIT",
    };
    let processes = processes.into_iter().map(|leaks| {
        let subject = Subject::Process(leaks.process.pid);
        (process_row(leaks, report, moment, latest), Some(subject))
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
    latest: &Latest,
) -> Vec<Cell> {
    let dash = moment.style.dash();
    let process = &leaks.process;
    let moves = Moves::of(leaks, report);
    let fresh = match moves {
        Some(moves) if (moves.new > 0 || moves.closed > 0) && moment.is_fresh(latest) => {
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
            number(moves.and_then(|moves| u64::try_from(moves.new).ok())),
            fresh,
        ),
        Cell::toned(
            number(moves.and_then(|moves| u64::try_from(moves.closed).ok())),
            fresh,
        ),
        Cell::plain(number(moves.map(|moves| moves.stuck))),
        Cell::plain(words::age(leaks.oldest, &moment.style)),
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
        Cell::plain(words::age(queue.oldest, &moment.style)),
        Cell::plain(dash),
        Cell::plain(format!("at {}", queue.local)),
    ]
}

/// Which sockets of a process came, went and stayed since the sample before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    pub(super) new: i64,
    pub(super) closed: i64,
    pub(super) stuck: u64,
}

impl Moves {
    /// `None` without a sample before.
    pub(super) fn of(leaks: &ProcessLeaks, report: &LeakReport) -> Option<Self> {
        report.comparison?;
        let stayed = |index| {
            report
                .socket(index)
                .is_some_and(|judged| judged.stayed == Some(true))
        };
        let stuck = leaks
            .sockets
            .iter()
            .filter(|held| stayed(held.index))
            .count();
        let here = i64::try_from(leaks.sockets.len()).ok()?;
        let new = here - i64::try_from(stuck).ok()?;
        let growth = leaks.growth.map_or(0, |growth| growth.sockets);
        Some(Self {
            new,
            // Those that were handed on to another process didn't close; they
            // count as gone from here all the same.
            closed: (new - growth).max(0),
            stuck: u64::try_from(stuck).ok()?,
        })
    }
}

/// `10.0.0.9:5432 ×78, 192.0.2.7 ×3, +2`
pub(super) fn peers(peers: &[Peer]) -> String {
    let mut named: Vec<String> = peers
        .iter()
        .take(PEERS)
        .map(|peer| {
            let end = match peer.port {
                Some(port) => std::net::SocketAddr::new(peer.address, port).to_string(),
                None => peer.address.to_string(),
            };
            format!("{} to {end}", grouped(peer.count))
        })
        .collect();
    if let Some(others @ 1..) = peers.len().checked_sub(PEERS) {
        named.push(format!("+{others}"));
    }
    named.join(", ")
}
