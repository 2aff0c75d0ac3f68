//! Ports by destination: how many are left, and for how long.

use std::cmp::Reverse;

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, first_lines, from_line};
use super::super::screen::Subject;
use super::super::table::{Cell, Column, Table};
use crate::classify::history::Latest;
use crate::model::{Destination, Ports};
use crate::render::text::pressure::ports::{detail, full_in, severity, taken};
use crate::text::number::{grouped, percent};
use crate::text::rate::{rate, signed_rate};
use crate::text::wrap;

/// TIME_WAIT sockets are counted as recent for so many seconds.
const RECENT: f64 = 10.0;

/// Draws the view, or one destination of it.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let Some(ports) = latest.pressure().ports.grouped() else {
        painter.text(first_lines(area, 1), moment.missing(latest), Tone::Faint);
        return Shown::default();
    };
    if let Some(subject @ Subject::Destination(..)) = moment.screen.subject {
        draw_destination(painter, area, moment, latest, ports, subject);
        return Shown::default();
    }
    let rest = painter.above(area, &taken(ports, &latest.snapshot, &moment.style));
    let (table, subjects) = table(ports, moment);
    table.draw(painter, rest, moment.screen);
    let chosen = table.chosen(moment.screen);
    Shown {
        last_row: table.last_row(),
        chosen: chosen.and_then(|row| subjects.get(row).copied()),
    }
}

fn table(ports: &Ports, moment: &Moment<'_>) -> (Table, Vec<Subject>) {
    // The fullest are first already.
    let mut destinations: Vec<&Destination> = ports.destinations.iter().collect();
    match moment.screen.order_name() {
        "growth" => destinations.sort_by(|one, another| {
            let growth = |destination: &Destination| destination.growth_per_s.unwrap_or(0.0);
            growth(another).total_cmp(&growth(one))
        }),
        "TIME_WAIT" => destinations.sort_by_key(|destination| Reverse(destination.time_wait)),
        _ => {}
    }
    let mut table = Table {
        columns: vec![
            Column::words("FROM", 5),
            Column::words("TOWARDS", 0),
            Column::number("USED", 0),
            Column::number("IN USE", 2),
            Column::number("TIME_WAIT", 3),
            Column::number("TW/S", 6),
            Column::number("GROWTH/S", 1),
            Column::rest("AT THIS RATE", 4, 12),
        ],
        rows: Vec::new(),
        empty: "no outgoing connections",
    };
    let rows = destinations.into_iter().map(|destination| {
        let subject = Subject::of(destination);
        (row(destination, moment), subject)
    });
    let subjects = table.take(rows.collect(), moment.screen);
    (table, subjects)
}

fn row(destination: &Destination, moment: &Moment<'_>) -> Vec<Cell> {
    let dash = || moment.style.dash().to_owned();
    let tone = severity(destination).map_or(Tone::Plain, Tone::from);
    let beginning = f64::from(destination.recent_time_wait) / RECENT;
    vec![
        Cell::plain(destination.local()),
        Cell::plain(destination.remote.to_string()),
        Cell::toned(destination.used_ratio().map_or_else(dash, percent), tone),
        Cell::plain(grouped(destination.in_use.into())),
        Cell::plain(grouped(destination.time_wait.into())),
        Cell::plain(rate(beginning)),
        Cell::plain(destination.growth_per_s.map_or_else(dash, signed_rate)),
        Cell::toned(full_in(destination), tone),
    ]
}

/// One destination in words and numbers.
fn draw_destination(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
    ports: &Ports,
    subject: Subject,
) {
    let is_it = |destination: &&Destination| subject == Subject::of(destination);
    let Some(destination) = ports.destinations.iter().find(is_it) else {
        let text = "No connection leads there any more. Esc goes back.";
        painter.text(first_lines(area, 1), text, Tone::Plain);
        return;
    };
    let arrow = moment.style.arrow();
    let usable = destination.usable.map_or_else(
        || "an unknown number of".to_owned(),
        |usable| grouped(usable.into()),
    );
    let full = full_in(destination);
    let pace = match destination.growth_per_s {
        None => "The next sample tells how fast that changes.".to_owned(),
        Some(growth) if full.is_empty() => format!("{} ports a second.", signed_rate(growth)),
        Some(growth) => format!("{} ports a second: {full}.", signed_rate(growth)),
    };
    let lines = [
        format!("{} {arrow} {}", destination.local(), destination.remote),
        format!(
            "{} of {usable} usable ports in use; {} can't be had by a new connection ({}).",
            grouped(destination.in_use.into()),
            grouped(destination.blocked().into()),
            destination
                .used_ratio()
                .map_or_else(|| moment.style.dash().to_owned(), percent),
        ),
        format!("{}.", detail(destination, &latest.snapshot)),
        pace,
    ];
    let tones = [Tone::Strong, Tone::Plain, Tone::Plain, Tone::Plain];
    let mut rest = area;
    for (text, tone) in lines.iter().zip(tones) {
        for line in wrap(text, usize::from(area.width)) {
            painter.text(first_lines(rest, 1), &line, tone);
            rest = from_line(rest, 1);
        }
    }
}
