//! The settings that TCP runs under, and every counter with its rate.

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, first_lines, from_line};
use crate::render::text::summary::settings_rows;
use crate::text::rate::rate;
use crate::text::wrap;

use super::super::table::{Cell, Column, Table};
use crate::classify::history::Latest;
use crate::model::Counter;
use crate::text::number::grouped;

/// Draws the view.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let mut table = Table {
        columns: vec![
            Column::words("NAME", 0),
            Column::number("VALUE", 0),
            Column::number("/S", 1),
            Column::rest("MEANING", 2, 12),
        ],
        rows: rows(latest, moment),
        empty: "nothing is known",
    };
    table.filter(moment.screen);
    // What doesn't fit beside the others is told of the row that is chosen.
    let chosen = table.chosen(moment.screen);
    let told = chosen.and_then(|row| table.rows.get(row)?.last());
    let lines = if told.is_some() { 3 } else { 0 };
    let listed = first_lines(area, area.height.saturating_sub(lines));
    table.draw(painter, listed, moment.screen);
    if let Some(Cell::Text(meaning, _)) = told {
        let mut rest = from_line(area, listed.height + 1);
        for line in wrap(meaning, usize::from(area.width)) {
            painter.text(first_lines(rest, 1), &line, Tone::Plain);
            rest = from_line(rest, 1);
        }
    }
    Shown {
        last_row: table.last_row(),
        chosen: None,
    }
}

fn rows(latest: &Latest, moment: &Moment<'_>) -> Vec<Vec<Cell>> {
    let mut rows: Vec<(String, Vec<Cell>)> = settings_rows(&latest.snapshot)
        .into_iter()
        .map(|(name, value, meaning)| {
            let cells = vec![
                Cell::plain(name),
                Cell::toned(value, Tone::Strong),
                Cell::plain(""),
                Cell::plain(meaning),
            ];
            (name.to_owned(), cells)
        })
        .collect();
    for (counter, value) in latest.snapshot.counters.iter() {
        if let Some(value) = value {
            let cells = counter_row(counter, value, latest, moment);
            rows.push((counter.name().to_owned(), cells));
        }
    }
    if moment.screen.order_name() == "name" {
        rows.sort_by_key(|(name, _)| name.to_lowercase());
    }
    rows.into_iter().map(|(_, cells)| cells).collect()
}

fn counter_row(counter: Counter, value: u64, latest: &Latest, moment: &Moment<'_>) -> Vec<Cell> {
    let per_second = latest.per_second(counter);
    let tone = match per_second {
        Some(number) if number > 0.0 && moment.is_fresh(latest.at) => Tone::Fresh,
        _ if value == 0 => Tone::Faint,
        _ => Tone::Plain,
    };
    vec![
        Cell::toned(
            counter.name(),
            if value == 0 { Tone::Faint } else { Tone::Plain },
        ),
        Cell::toned(grouped(value), tone),
        Cell::toned(per_second.map_or_else(String::new, rate), tone),
        Cell::toned(counter.meaning(), Tone::Faint),
    ]
}
