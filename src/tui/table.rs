//! Tables on the screen: columns that give way, rows that are filtered, chosen
//! and scrolled.

use ratatui::layout::Rect;

use super::paint::{Painter, Tone, first_lines, from_column, from_line, width};
use super::screen::Screen;
use crate::render::Style;
use crate::text::number::grouped;

/// Columns between columns.
const GAP: usize = 2;

/// A column. Where a terminal is narrow, those with the highest `yields` go
/// first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) right: bool,
    pub(super) yields: u8,
    /// The least columns that make sense, for the last column, which takes what
    /// is left; `None` for one as wide as what is in it.
    pub(super) rest: Option<u16>,
}

impl Column {
    /// Numbers.
    pub(super) const fn number(heading: &'static str, yields: u8) -> Self {
        Self {
            heading,
            right: true,
            yields,
            rest: None,
        }
    }

    /// Words.
    pub(super) const fn words(heading: &'static str, yields: u8) -> Self {
        Self {
            heading,
            right: false,
            yields,
            rest: None,
        }
    }

    /// Whatever fits into what is left.
    pub(super) const fn rest(heading: &'static str, yields: u8, least: u16) -> Self {
        Self {
            heading,
            right: false,
            yields,
            rest: Some(least),
        }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String, Tone),
    /// A history, the newest first.
    Graph(Vec<Option<u64>>),
    /// How much of something is used, as a bar.
    Bar {
        used: u64,
        of: u64,
        tone: Tone,
    },
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Text(text.into(), Tone::Plain)
    }

    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self::Text(text.into(), tone)
    }

    fn width(&self) -> usize {
        match self {
            Self::Text(text, _) => width(text),
            Self::Graph(_) | Self::Bar { .. } => 0,
        }
    }

    fn matches(&self, lowercase: &str) -> bool {
        match self {
            Self::Text(text, _) => text.to_lowercase().contains(lowercase),
            Self::Graph(_) | Self::Bar { .. } => false,
        }
    }
}

/// A table: columns, and a cell for each in every row.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What stands there when there is no row, and no filter that could hide it.
    pub(super) empty: &'static str,
}

impl Table {
    /// Takes the rows that the filter lets through, and gives what they are
    /// about.
    pub(super) fn take<T>(&mut self, rows: Vec<(Vec<Cell>, T)>, screen: &Screen) -> Vec<T> {
        let filter = screen.filter.to_lowercase();
        let mut subjects = Vec::with_capacity(rows.len());
        for (row, subject) in rows {
            if row.iter().any(|cell| cell.matches(&filter)) {
                self.rows.push(row);
                subjects.push(subject);
            }
        }
        subjects
    }

    /// The rows that the filter lets through.
    pub(super) fn filter(&mut self, screen: &Screen) {
        let filter = screen.filter.to_lowercase();
        if !filter.is_empty() {
            self.rows
                .retain(|row| row.iter().any(|cell| cell.matches(&filter)));
        }
    }

    /// The number of the row that the arrows are at.
    pub(super) fn chosen(&self, screen: &Screen) -> Option<usize> {
        screen.row.map(|row| row.min(self.last_row()))
    }

    /// The number of the last row.
    pub(super) fn last_row(&self) -> usize {
        self.rows.len().saturating_sub(1)
    }

    /// Draws the table to the end of an area, and how many rows there was no
    /// room for, which it gives. Where there are few lines the rows have them,
    /// and not their headings.
    pub(super) fn draw_counted(
        &self,
        painter: &mut Painter<'_>,
        area: Rect,
        screen: &Screen,
    ) -> usize {
        let heading = u16::from(area.height > 2);
        let room = usize::from(area.height - heading);
        let shown = match self.rows.len() {
            all if all <= room => all,
            _ if room > 1 => room - 1,
            _ => room,
        };
        let hidden = self.rows.len() - shown;
        if hidden > 0 && room > 1 {
            let last = from_line(area, area.height - 1);
            painter.text(last, &more(hidden, painter.style), Tone::Faint);
        }
        if self.rows.is_empty() {
            painter.text(from_line(area, heading), self.nothing(screen), Tone::Faint);
        }
        let places = self.places(area.width.into());
        if heading > 0 {
            self.draw_headings(painter, area, &places);
        }
        let lines = u16::try_from(shown).unwrap_or(u16::MAX);
        let body = first_lines(from_line(area, heading), lines);
        self.draw_rows(painter, body, screen, &places);
        hidden
    }

    /// Draws the table, and gives the lines that it took. A single line is for a
    /// row, and not for the headings.
    pub(super) fn draw(&self, painter: &mut Painter<'_>, area: Rect, screen: &Screen) -> u16 {
        if area.is_empty() {
            return 0;
        }
        let places = self.places(area.width.into());
        let heading = u16::from(area.height > 1);
        if heading > 0 {
            self.draw_headings(painter, area, &places);
        }
        let body = from_line(area, heading);
        if self.rows.is_empty() {
            painter.text(first_lines(body, 1), self.nothing(screen), Tone::Faint);
            return heading + 1;
        }
        heading + self.draw_rows(painter, body, screen, &places)
    }

    /// What stands in place of the rows.
    const fn nothing(&self, screen: &Screen) -> &'static str {
        if screen.filter.is_empty() {
            self.empty
        } else {
            "nothing here matches the filter"
        }
    }

    fn draw_headings(&self, painter: &mut Painter<'_>, area: Rect, places: &[Place]) {
        for place in places {
            let Some(column) = self.columns.get(place.column) else {
                continue;
            };
            let cell = place.area(first_lines(area, 1));
            if column.right {
                painter.right(cell, column.heading, Tone::Faint);
            } else {
                painter.text(cell, column.heading, Tone::Faint);
            }
        }
    }

    /// Draws as many rows as there is room for, and says how many.
    fn draw_rows(
        &self,
        painter: &mut Painter<'_>,
        body: Rect,
        screen: &Screen,
        places: &[Place],
    ) -> u16 {
        let chosen = self.chosen(screen).unwrap_or(0);
        let height = usize::from(body.height);
        // The row that was chosen stays in sight.
        let skipped = (chosen + 1).saturating_sub(height);
        let mut taken = 0;
        for (line, row) in (0..body.height).zip(self.rows.iter().skip(skipped)) {
            let area = first_lines(from_line(body, line), 1);
            self.draw_row(painter, area, row, places);
            if screen.row.is_some() && usize::from(line) + skipped == chosen {
                painter.tint(area, Tone::Chosen);
            }
            taken += 1;
        }
        taken
    }

    fn draw_row(&self, painter: &mut Painter<'_>, area: Rect, row: &[Cell], places: &[Place]) {
        for place in places {
            let (Some(column), Some(cell)) =
                (self.columns.get(place.column), row.get(place.column))
            else {
                continue;
            };
            let area = place.area(area);
            match cell {
                Cell::Text(text, tone) if column.right => painter.right(area, text, *tone),
                Cell::Text(text, tone) => {
                    painter.text(area, text, *tone);
                }
                Cell::Bar { used, of, tone } => {
                    let columns = usize::from(area.width);
                    let bar = super::graph::bar(*used, *of, columns, painter.style);
                    painter.text(area, &bar, *tone);
                }
                Cell::Graph(values) => {
                    let unicode = painter.style.unicode;
                    let columns = usize::from(area.width);
                    let graph = super::graph::history(values.iter().copied(), columns, unicode);
                    painter.text(area, &graph, Tone::Plain);
                }
            }
        }
    }

    /// Where the columns stand that there is room for.
    fn places(&self, room: usize) -> Vec<Place> {
        let mut kept: Vec<(usize, usize)> = (0..self.columns.len())
            .map(|column| (column, self.least(column)))
            .collect();
        let needs = |kept: &[(usize, usize)]| {
            let columns: usize = kept.iter().map(|(_, least)| least + GAP).sum();
            columns.saturating_sub(GAP)
        };
        while kept.len() > 1 && needs(&kept) > room {
            let yields = |&(column, _): &(usize, usize)| self.columns.get(column).map(|c| c.yields);
            let Some(first) = kept.iter().map(yields).max() else {
                break;
            };
            let place = kept.iter().rposition(|entry| yields(entry) == first);
            kept.remove(place.unwrap_or(0));
        }
        let spare = room.saturating_sub(needs(&kept));
        let mut places = Vec::with_capacity(kept.len());
        let mut x = 0;
        for (column, least) in kept {
            let is_rest = self.columns.get(column).is_some_and(|c| c.rest.is_some());
            let width = if is_rest { least + spare } else { least };
            places.push(Place { column, x, width });
            x += width + GAP;
        }
        places
    }

    /// The least width of a column.
    fn least(&self, index: usize) -> usize {
        let Some(column) = self.columns.get(index) else {
            return 0;
        };
        let heading = width(column.heading);
        if let Some(least) = column.rest {
            return usize::from(least).max(heading);
        }
        let widest = self.rows.iter().filter_map(|row| row.get(index));
        widest.map(Cell::width).max().unwrap_or(0).max(heading)
    }
}

/// `… 28 more`: rows that are out of sight.
pub(super) fn more(hidden: usize, style: Style) -> String {
    let dots = if style.unicode { "…" } else { "..." };
    let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
    format!("{dots} {} more", grouped(hidden))
}

/// Where a column stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    column: usize,
    x: usize,
    width: usize,
}

impl Place {
    fn area(self, line: Rect) -> Rect {
        let x = u16::try_from(self.x).unwrap_or(u16::MAX);
        let rest = from_column(line, x);
        let width = u16::try_from(self.width).unwrap_or(u16::MAX);
        Rect {
            width: width.min(rest.width),
            ..rest
        }
    }
}
