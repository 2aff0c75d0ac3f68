//! The settings that TCP runs under, and every counter with its rate.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::screen::{FrameContext, Shown};
use super::super::widgets::{self, below, chosen, filtered, lines, wrapped};
use crate::classify::history::Latest;
use crate::render::table::{Cell, Column, Table, Tone, Width};
use crate::render::text::summary::settings_rows;
use crate::text::number::grouped;
use crate::text::rate::rate;

/// A setting, or a counter with its rate.
struct Row {
    name: &'static str,
    value: String,
    per_second: Option<f64>,
    meaning: String,
    tones: [Tone; 3],
}

/// In fewer lines than these all are for the rows.
const ROOMY: u16 = 10;

/// Draws the view.
pub(in crate::tui) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Shown {
    let rows = rows(latest, context);
    let (least, most) = (12, usize::MAX);
    let table = Table::new(
        &rows,
        [
            (Column::words("NAME", 0), &|row| {
                Cell::text(row.name).toned(row.tones[0])
            }),
            (Column::number("VALUE", 0), &|row| {
                Cell::text(&row.value).toned(row.tones[1])
            }),
            (Column::number("/S", 1), &|row| {
                Cell::text(row.per_second.map_or_else(String::new, rate)).toned(row.tones[1])
            }),
            (
                Column::words("MEANING", 2).wide(Width::Rest { least, most }),
                &|row| Cell::text(&row.meaning).toned(row.tones[2]),
            ),
        ],
    );
    let (table, rows) = filtered(table, rows, &context.screen.filter);
    // What doesn't fit beside the others is told of the row that is chosen.
    let told = chosen(&table, context).and_then(|row| rows.get(row));
    let told = told.map(|row| wrapped(&row.meaning, area.width, Tone::Plain));
    let told = told.filter(|_| area.height >= ROOMY).unwrap_or_default();
    let listed = Rect {
        height: area.height.saturating_sub(match told.len() {
            0 => 0,
            lines => u16::try_from(lines + 1).unwrap_or(u16::MAX),
        }),
        ..area
    };
    let shown = widgets::table(buffer, listed, &table, "nothing is known", context);
    if !told.is_empty() {
        lines(buffer, below(area, listed.height + 1), told, context.style);
    }
    shown
}

fn rows(latest: &Latest, context: &FrameContext<'_>) -> Vec<Row> {
    let settings = settings_rows(&latest.snapshot).into_iter();
    let settings = settings.map(|(name, value, meaning)| Row {
        name,
        value,
        per_second: None,
        meaning,
        tones: [Tone::Plain, Tone::Strong, Tone::Plain],
    });
    let counters = latest.snapshot.counters.iter();
    let counters = counters.filter_map(|(counter, value)| {
        let value = value?;
        let per_second = latest.per_second(counter);
        let is_zero = value == 0;
        let name = if is_zero { Tone::Faint } else { Tone::Plain };
        let number = match per_second {
            Some(number) if number > 0.0 && context.is_fresh(latest.at) => Tone::Fresh,
            _ => name,
        };
        Some(Row {
            name: counter.name(),
            value: grouped(value),
            per_second,
            meaning: counter.meaning().to_owned(),
            tones: [name, number, Tone::Faint],
        })
    });
    let mut rows: Vec<Row> = settings.chain(counters).collect();
    if context.screen.sorted_by().0 == "name" {
        rows.sort_by_key(|row| row.name.to_lowercase());
    }
    rows
}
