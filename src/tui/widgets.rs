//! Lines, and tables as described in `render`, drawn by ratatui's widgets.
//!
//! Everything is drawn in colours; a frame without them drops them at its end.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style as CellStyle};
use ratatui::symbols::bar;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{
    Cell as TableCell, Paragraph, RenderDirection, Row, Scrollbar, ScrollbarOrientation,
    ScrollbarState, Sparkline, StatefulWidget, Table as Rows, TableState, Widget,
};

use super::screen::{FrameContext, Shown};
use crate::render::Style;
use crate::render::table::{Cell, Content, Table, Tone, Width, filled};
use crate::text::number::grouped;
use crate::text::width::{beginning, columns_of};
use crate::text::wrap;

/// Columns between columns.
const GAP: u16 = 2;
/// Narrower tables have no room for a bar beside them.
const WIDE: u16 = 60;
/// The least columns of a name that may be cut.
const LEAST_NAME: usize = 24;

/// Colours are the terminal's own named ones, which its owner chose to be read
/// on its background.
impl From<Tone> for CellStyle {
    fn from(tone: Tone) -> Self {
        let plain = Self::new();
        match tone {
            Tone::Plain => plain,
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Faint => plain.add_modifier(Modifier::DIM),
            Tone::Fresh => plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Good => plain.fg(Color::Green),
            Tone::Info => plain.fg(Color::Cyan),
            Tone::Warning => plain.fg(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Critical => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

/// A sentence in lines of so many columns.
pub(super) fn wrapped(text: &str, columns: u16, tone: Tone) -> Vec<Line<'static>> {
    let lines = wrap(text, columns.into()).into_iter();
    lines.map(|line| Line::styled(line, tone)).collect()
}

/// Lines behind a label, which stands in the first of so many columns.
pub(super) fn labelled(
    label: &str,
    columns: u16,
    tone: Tone,
    lines: Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    let lines = lines.into_iter().zip(labels).map(|(mut line, label)| {
        let label = Span::styled(format!("{label:columns$}"), tone);
        line.spans.insert(0, label);
        line
    });
    lines.collect()
}

/// Leaves so many of some lines, and says whether it had to: what is too much
/// is cut where the last line ends, and not where a word does.
pub(super) fn cut(lines: &mut Vec<Line<'static>>, room: usize) -> bool {
    let is_too_much = lines.len() > room;
    if is_too_much {
        let mut tail = lines.split_off(room.saturating_sub(1)).into_iter();
        let mut last = tail.next().unwrap_or_default();
        for line in tail {
            last.push_span(" ");
            last.spans.extend(line.spans);
        }
        lines.push(last);
    }
    is_too_much
}

/// Draws lines one below the other as far as there is room, and gives what is
/// left below them. A line that is cut ends in an ellipsis.
pub(super) fn lines(
    buffer: &mut Buffer,
    area: Rect,
    lines: impl IntoIterator<Item = Line<'static>>,
    style: Style,
) -> Rect {
    let lines = lines.into_iter().take(area.height.into());
    let lines: Vec<Line<'_>> = lines.map(|line| fitted(line, area.width, style)).collect();
    let rest = below(area, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    Paragraph::new(lines).render(area, buffer);
    rest
}

/// Draws what must be known of rows above them, and gives what is left for the
/// rows, which matter more on a small screen.
pub(super) fn above(
    buffer: &mut Buffer,
    area: Rect,
    mut text: Vec<Line<'static>>,
    style: Style,
) -> Rect {
    cut(&mut text, usize::from(area.height / 3).max(1));
    let air = u16::from(area.height >= 8);
    below(lines(buffer, area, text, style), air)
}

fn fitted(mut line: Line<'static>, columns: u16, style: Style) -> Line<'static> {
    if line.width() <= columns.into() {
        return line;
    }
    let mut room = usize::from(columns.saturating_sub(1));
    let mut kept: Vec<Span<'_>> = Vec::new();
    for span in line.spans {
        let text = beginning(&span.content, room).to_owned();
        let is_whole = text.len() == span.content.len();
        room -= columns_of(&text);
        kept.push(Span::styled(text, span.style));
        if !is_whole {
            kept.push(Span::styled(style.ellipsis(), span.style));
            break;
        }
    }
    line.spans = kept;
    line
}

/// What is left of an area below so many lines.
pub(super) fn below(area: Rect, lines: u16) -> Rect {
    let [_, rest] = area.layout(&Layout::vertical([
        Constraint::Length(lines),
        Constraint::Fill(1),
    ]));
    rest
}

/// The rows with the text that the user asked for, and what they are about.
pub(super) fn filtered<T>(mut table: Table, items: Vec<T>, filter: &str) -> (Table, Vec<T>) {
    let filter = filter.to_lowercase();
    let matches = |cell: &Cell| match &cell.content {
        Content::Text(text) => text.to_lowercase().contains(&filter),
        Content::Unknown | Content::Bar { .. } | Content::Graph(_) => false,
    };
    let rows = table.rows.into_iter().zip(items);
    let kept = rows.filter(|(row, _)| filter.is_empty() || row.iter().any(matches));
    let items;
    (table.rows, items) = kept.unzip();
    (table, items)
}

/// The number of the row that the arrows are at; `None` where there is no row.
pub(super) fn chosen(table: &Table, context: &FrameContext<'_>) -> Option<usize> {
    let last = table.rows.len().checked_sub(1)?;
    Some(context.screen.row.min(last))
}

/// The lines that a table takes where there is room.
pub(super) fn height(table: &Table) -> u16 {
    u16::try_from(table.rows.len().max(1) + 1).unwrap_or(u16::MAX)
}

/// Draws a table to the end of an area, and how many rows there was no room
/// for; gives where its rows stand. Where there are few lines the rows have them, and not
/// their headings. `empty` stands in place of rows where nothing hides them.
pub(super) fn table(
    buffer: &mut Buffer,
    area: Rect,
    table: &Table,
    empty: &'static str,
    context: &FrameContext<'_>,
) -> Shown {
    let style = context.style;
    let headed = area.height > 2 || (area.height == 2 && table.rows.len() < 2);
    let body = below(area, headed.into());
    let room = usize::from(body.height);
    let shown = match table.rows.len() {
        all if all <= room => all,
        _ => room.saturating_sub(1).max(room.min(1)),
    };
    let hidden = table.rows.len() - shown;
    let chosen = chosen(table, context);
    // What scrolls has a bar beside it.
    let bar = if hidden > 0 && shown > 1 && area.width >= WIDE {
        GAP
    } else {
        0
    };
    let sorted_by = match context.screen.subject {
        None => context.screen.sorted_by().1,
        Some(_) => "",
    };
    let places = places(table, (area.width - bar).into(), sorted_by);
    // The row that was chosen stays in sight.
    let skipped = (chosen.unwrap_or(0) + 1).saturating_sub(shown);
    let in_sight = || table.rows.iter().skip(skipped).take(shown);

    let row = |row: &Vec<Cell>| {
        Row::new(places.iter().map(|place| match row.get(place.column) {
            Some(cell) => place.cell(cell, style),
            None => TableCell::new(""),
        }))
    };
    let heading = places.iter().map(|place| {
        let column = table.columns.get(place.column);
        let heading = column.map_or("", |column| column.heading);
        if heading == sorted_by && !heading.is_empty() {
            place.text(&format!("{heading}{}", style.sorted()), style)
        } else {
            place.text(heading, style)
        }
    });
    let widths: Vec<Constraint> = places
        .iter()
        .map(|place| Constraint::Length(u16::try_from(place.width).unwrap_or(u16::MAX)))
        .collect();
    let mut rows = Rows::new(in_sight().map(row), &widths)
        .column_spacing(GAP)
        .row_highlight_style(Modifier::REVERSED);
    if headed {
        rows = rows.header(Row::new(heading).style(Tone::Faint));
    }
    let mut state =
        TableState::new().with_selected(chosen.and_then(|row| row.checked_sub(skipped)));
    let lines_of_rows = Rect {
        height: u16::try_from(shown).unwrap_or(u16::MAX) + u16::from(headed),
        width: area.width - bar,
        ..area
    };
    StatefulWidget::render(rows, lines_of_rows, buffer, &mut state);
    if bar > 0 {
        let beside = lines_of(area, headed.into(), shown);
        scrollbar(buffer, beside, skipped, hidden, style);
    }

    // A cell can't hold another widget: histories are drawn over theirs.
    let columns = Layout::horizontal(&widths).spacing(GAP).split(body);
    for (line, row) in body.rows().zip(in_sight()) {
        for (place, &column) in places.iter().zip(columns.iter()) {
            if let Some(Content::Graph(values)) = row.get(place.column).map(|cell| &cell.content) {
                history(values, column.intersection(line), style, buffer);
            }
        }
    }
    if table.rows.is_empty() {
        let nothing = if context.screen.filter.is_empty() {
            empty
        } else {
            "nothing here matches the filter"
        };
        lines(buffer, body, [Line::styled(nothing, Tone::Faint)], style);
    } else if hidden > 0 && room > 1 {
        let last = below(body, body.height - 1);
        lines(
            buffer,
            last,
            [Line::styled(more(hidden, style), Tone::Faint)],
            style,
        );
    }
    Shown {
        last_row: table.rows.len().saturating_sub(1),
        lines: (body.y, u16::try_from(shown).unwrap_or(u16::MAX)),
        first_row: skipped,
        ..Shown::default()
    }
}

/// Draws how many of so many rows out of sight lie above, beside those in sight.
fn scrollbar(buffer: &mut Buffer, area: Rect, skipped: usize, hidden: usize, style: Style) {
    let mut state = ScrollbarState::new(hidden + 1)
        .position(skipped)
        .viewport_content_length(area.height.into());
    let (track, thumb) = if style.unicode {
        ("│", "█")
    } else {
        ("|", "#")
    };
    Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(Some(track))
        .thumb_symbol(thumb)
        .style(Tone::Faint)
        .render(area, buffer, &mut state);
}

/// So many lines of an area from one of its lines on.
fn lines_of(area: Rect, first: u16, lines: usize) -> Rect {
    let rest = below(area, first);
    let height = u16::try_from(lines).unwrap_or(u16::MAX).min(rest.height);
    Rect { height, ..rest }
}

/// `… 28 more`: rows that are out of sight.
pub(super) fn more(hidden: usize, style: Style) -> String {
    let dots = if style.unicode { "…" } else { "..." };
    format!("{dots} {} more", grouped(hidden as u64))
}

/// Where a column stands, and how wide.
struct Place {
    column: usize,
    width: usize,
    right: bool,
}

impl Place {
    fn cell(&self, cell: &Cell, style: Style) -> TableCell<'static> {
        match &cell.content {
            Content::Text(text) => self.text(text, style),
            Content::Unknown => self.text(style.dash(), style),
            Content::Bar { used, of } => {
                let length = filled(*used, *of, self.width);
                let rest = style.dot().repeat(self.width - length);
                TableCell::new(style.block().repeat(length) + &rest)
            }
            Content::Graph(_) => TableCell::new(""),
        }
        .style(cell.tone)
    }

    fn text(&self, text: &str, style: Style) -> TableCell<'static> {
        let text = Text::raw(style.cut(text, self.width));
        TableCell::new(if self.right {
            text.right_aligned()
        } else {
            text
        })
    }
}

/// The columns that there is room for. What the others leave goes to those that
/// can use it, from the left.
fn places(table: &Table, room: usize, sorted_by: &str) -> Vec<Place> {
    let gap = usize::from(GAP);
    let widths = table.columns.iter().zip(table.widths());
    // The mark behind the heading of what they are sorted by.
    let bounds = widths.map(|(column, widest)| match column.heading {
        heading if heading == sorted_by => (column, widest.max(columns_of(heading) + 1)),
        _ => (column, widest),
    });
    let bounds: Vec<(usize, usize)> = bounds
        .map(|(column, widest)| match column.width {
            Width::Whole | Width::Below => (widest, widest),
            Width::AtMost(most) => (widest.min(most), widest.min(most)),
            Width::OwnLine => (widest.min(LEAST_NAME), widest),
            Width::Rest { least, most } => (least.max(columns_of(column.heading)), most),
        })
        .collect();
    let least: Vec<usize> = bounds.iter().map(|(least, _)| *least).collect();
    let kept = table.fitting(room, gap, &least);
    let taken: usize = kept.iter().filter_map(|&column| least.get(column)).sum();
    let mut spare = room.saturating_sub(taken + gap * kept.len().saturating_sub(1));
    let columns = kept.into_iter().filter_map(|column| {
        let &(least, most) = bounds.get(column)?;
        let more = spare.min(most.saturating_sub(least));
        spare -= more;
        Some(Place {
            column,
            width: (least + more).min(room),
            right: table.columns.get(column)?.right,
        })
    });
    columns.collect()
}

/// Heights of a cell where there are no Unicode blocks.
const ASCII: bar::Set<'_> = bar::Set {
    full: "#",
    seven_eighths: "#",
    three_quarters: "-",
    five_eighths: "-",
    half: ".",
    three_eighths: ".",
    one_quarter: "_",
    one_eighth: "_",
    empty: " ",
};

/// Draws the history of a number, the newest at the right end.
///
/// The lowest value that is seen is at the bottom and the highest at the top,
/// but a change of a tenth at least fills the height: one socket more among
/// thousands is a flat line. Zeros only are no line at all.
pub(super) fn history(newest_first: &[Option<u64>], area: Rect, style: Style, buffer: &mut Buffer) {
    // Heights of a column, the least of which stands for the lowest value.
    let heights = 8 * u64::from(area.height.max(1));
    let seen = newest_first.iter().take(area.width.into());
    let highest = seen.clone().flatten().max().copied().unwrap_or(0);
    let lowest = seen.clone().flatten().min().copied().unwrap_or(0);
    let tenth = (highest / 10).max(2);
    let span = (highest - lowest).max(tenth);
    // What hardly changes stands in the middle.
    let bottom = lowest.saturating_sub((span - (highest - lowest)) / 2);
    let height = |value: u64| match value {
        0 => u64::from(highest > 0),
        value => {
            let scaled = u128::from(value - bottom) * u128::from(heights - 1) / u128::from(span);
            1 + u64::try_from(scaled).unwrap_or(heights)
        }
    };
    Sparkline::default()
        .data(seen.map(|value| value.map(height)))
        .max(heights)
        .direction(RenderDirection::RightToLeft)
        .bar_set(if style.unicode {
            bar::NINE_LEVELS
        } else {
            ASCII
        })
        .render(area, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(values: &[Option<u64>], columns: u16, unicode: bool) -> String {
        let area = Rect::new(0, 0, columns, 1);
        let mut buffer = Buffer::empty(area);
        let style = Style {
            unicode,
            ..Style::default()
        };
        history(values, area, style, &mut buffer);
        let symbols = buffer.content().iter().map(ratatui::buffer::Cell::symbol);
        symbols.collect()
    }

    #[test]
    fn the_newest_is_at_the_right_and_gaps_are_gaps() {
        let newest_first = [Some(8), Some(4), None, Some(0)];
        assert_eq!(drawn(&newest_first, 6, true), "  ▁ ▄█");
    }

    #[test]
    fn a_small_change_of_a_large_number_is_small() {
        assert_eq!(drawn(&[Some(1_001), Some(1_000)], 2, true), "▄▄");
        assert_eq!(drawn(&[Some(0), Some(0)], 2, true), "  ");
    }

    #[test]
    fn more_history_than_columns_is_cut_at_the_old_end() {
        assert_eq!(drawn(&[Some(8), Some(0), Some(4)], 2, true), "▁█");
        assert_eq!(drawn(&[Some(8)], 0, true), "");
    }

    proptest! {
        #[test]
        fn a_history_is_as_wide_as_it_shall_be(
            values in proptest::collection::vec(any::<Option<u64>>(), 0..60),
            columns in 0_u16..40,
            unicode: bool,
        ) {
            let graph = drawn(&values, columns, unicode);
            prop_assert_eq!(graph.chars().count(), usize::from(columns));
            prop_assert!(unicode || graph.is_ascii());
        }
    }
}
