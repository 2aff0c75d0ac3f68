//! Tables as text.
//!
//! Off a terminal nothing is cut or wrapped. On one, columns that have no room
//! stand below their row, so that nothing is lost but pictures.

use comfy_table::{CellAlignment, Table as Lines, presets};

use super::super::table::{Cell, Column, Content, Table, Tone, Width, filled};
use super::Style;
use crate::text::width::columns_of;
use crate::text::wrap;

/// Between two columns.
const GAP: usize = 2;
/// Columns before what stands below a row.
const INDENT: usize = 4;
/// In fewer columns than these no text is put beside numbers: it goes on a line
/// of its own.
const LEAST_ROOM: usize = 20;

/// The table, a line feed behind each line.
///
/// A table may have as many rows as there are sockets: they are taken apart as
/// the text is made, so that there is one copy of it.
pub(in crate::render) fn table(table: Table, style: &Style) -> String {
    let places = Places::of(&table, style);
    let Table { columns, rows } = table;
    let mut lines = Lines::new();
    lines.load_style(presets::NOTHING);
    let headings: Vec<Cell> = columns.iter().map(|c| Cell::text(c.heading)).collect();
    let is_headed = columns.iter().any(|column| !column.heading.is_empty());
    let mut around = Vec::with_capacity(rows.len());
    for (index, row) in is_headed
        .then_some(headings)
        .into_iter()
        .chain(rows)
        .enumerate()
    {
        let cells = places.shown.iter().map(|place| place.cell(&row, style));
        let cells: Vec<String> = cells.collect();
        let height = cells.iter().map(|cell| cell.split('\n').count()).max();
        let is_heading = is_headed && index == 0;
        around.push(Around {
            above: places.above(&row, style),
            height: height.unwrap_or(0),
            below: places.below(&columns, &row, is_heading, style),
            tone: if is_heading {
                Tone::Faint
            } else {
                row.iter().map(|cell| cell.tone).max().unwrap_or_default()
            },
        });
        lines.add_row(cells);
    }
    for column in lines.column_iter_mut() {
        let place = places.shown.get(column.index);
        column.set_padding((0, u16::try_from(GAP).unwrap_or(0)));
        if place.is_some_and(|place| place.right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = lines.lines();
    let mut text = String::new();
    let mut push = |line: &str, tone| {
        let line = line.trim_end();
        // All that a row has may stand below it.
        if !line.is_empty() {
            text.push_str(&style.tone(tone, line));
            text.push('\n');
        }
    };
    for row in around {
        for line in row.above {
            push(&line, row.tone);
        }
        for line in lines.by_ref().take(row.height) {
            let margin = if places.is_lifted { GAP } else { 0 };
            push(&format!("{:margin$}{line}", ""), row.tone);
        }
        for line in row.below {
            let is_faint = row.tone == Tone::Faint;
            push(&line, if is_faint { Tone::Faint } else { Tone::Plain });
        }
    }
    text
}

/// What stands around the lines of a row.
struct Around {
    above: Vec<String>,
    height: usize,
    below: Vec<String>,
    tone: Tone,
}

/// A column that is shown as one.
struct Place {
    column: usize,
    right: bool,
    width: Width,
    room: usize,
}

impl Place {
    fn cell(&self, row: &[Cell], style: &Style) -> String {
        let Some(cell) = row.get(self.column) else {
            return String::new();
        };
        match (&cell.content, self.width) {
            (Content::Unknown, _) => style.dash().to_owned(),
            (Content::Text(text), Width::AtMost(_)) => cut(text, self.room, style),
            (Content::Text(text), Width::Rest { .. }) => wrap(text, self.room).join("\n"),
            (Content::Text(text), Width::OwnLine) if columns_of(text) > self.room => String::new(),
            (Content::Text(text), _) => text.clone(),
            (Content::Bar { used, of }, _) => style.block().repeat(filled(*used, *of, self.room)),
            // One look has no history.
            (Content::Graph(_), _) => String::new(),
        }
    }
}

/// Where each column stands.
struct Places {
    shown: Vec<Place>,
    /// The column whose cells stand on lines of their own where they need more
    /// than its room.
    own_line: Option<(usize, usize)>,
    /// Whether all of them do.
    is_lifted: bool,
    /// Columns whose cells stand below the row.
    below: Vec<usize>,
}

impl Places {
    fn of(table: &Table, style: &Style) -> Self {
        let on_terminal = style.width.is_some();
        let widest = table.widths();
        let wanted = |index: usize| {
            let widest = widest.get(index).copied().unwrap_or(0);
            match table.columns.get(index).map(|column| column.width) {
                Some(Width::AtMost(most)) if on_terminal => widest.min(most),
                // A picture has no width of its own.
                Some(Width::Rest { most, .. }) if widest == 0 => most,
                _ => widest,
            }
        };
        let least: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| match column.width {
                Width::Rest { least, .. } => wanted(index).min(least),
                Width::OwnLine => 0,
                _ => wanted(index),
            })
            .collect();
        let room = style.width.unwrap_or(usize::MAX / 2);
        let kept = table.fitting(room, GAP, &least);
        let taken: usize = kept.iter().filter_map(|&index| least.get(index)).sum();
        let taken = taken + GAP * kept.len().saturating_sub(1);
        let mut places = Self {
            shown: Vec::with_capacity(kept.len()),
            own_line: None,
            is_lifted: false,
            below: (0..table.columns.len())
                .filter(|index| !kept.contains(index))
                .collect(),
        };
        for column in kept {
            let Some(Column { width, right, .. }) = table.columns.get(column) else {
                continue;
            };
            let least = least.get(column).copied().unwrap_or(0);
            let spare = room.saturating_sub(taken) + least;
            let room = match width {
                Width::Rest { .. } if widest.get(column) == Some(&0) => {
                    let usual = (style.columns() + least).saturating_sub(taken);
                    usual.clamp(least, wanted(column))
                }
                Width::Rest { .. } => spare.min(wanted(column)),
                Width::OwnLine => own_line(table, column, spare),
                _ => wanted(column),
            };
            if *width == Width::OwnLine {
                places.own_line = Some((column, room));
                if room == 0 {
                    places.is_lifted = true;
                    continue;
                }
            }
            places.shown.push(Place {
                column,
                right: *right,
                width: *width,
                room,
            });
        }
        places
    }

    /// What of a row has a line above it.
    fn above(&self, row: &[Cell], style: &Style) -> Vec<String> {
        let Some((column, room)) = self.own_line else {
            return Vec::new();
        };
        match row.get(column).map(|cell| &cell.content) {
            Some(Content::Text(text)) if columns_of(text) > room => {
                // Two spaces stand between the parts of a name: none of them is
                // to be seen where it is broken.
                let lines = wrap(text, style.width.unwrap_or(usize::MAX));
                lines.iter().map(|line| line.trim().to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What of a row stands below it: cells that need a label, then each text that
    /// needs none, so that an address can be copied.
    /// Of the headings those that no cell below repeats.
    fn below(
        &self,
        columns: &[Column],
        row: &[Cell],
        is_heading: bool,
        style: &Style,
    ) -> Vec<String> {
        let mut cells = Vec::new();
        let mut texts = Vec::new();
        for &index in &self.below {
            let (Some(column), Some(cell)) = (columns.get(index), row.get(index)) else {
                continue;
            };
            match &cell.content {
                Content::Text(text) if text.is_empty() => {}
                Content::Text(_) if is_heading && column.labelled => {}
                Content::Text(text) if column.labelled => {
                    cells.push(format!("{} {text}", column.heading));
                }
                Content::Text(text) => texts.push(text.clone()),
                Content::Unknown | Content::Bar { .. } | Content::Graph(_) => {}
            }
        }
        let room = style
            .width
            .map_or(usize::MAX, |all| all.saturating_sub(INDENT));
        let cells = (!cells.is_empty()).then(|| cells.join(", "));
        let texts = cells.into_iter().chain(texts);
        let lines = texts.flat_map(|text| wrap(&text, room));
        lines.map(|line| format!("{:INDENT$}{line}", "")).collect()
    }
}

/// The width of a column whose cells may have lines of their own: that of the
/// widest that has room.
fn own_line(table: &Table, column: usize, spare: usize) -> usize {
    if spare < LEAST_ROOM {
        return 0;
    }
    let heading = table
        .columns
        .get(column)
        .map(|column| columns_of(column.heading));
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    let widths = cells.map(Cell::columns).chain(heading);
    widths.filter(|&width| width <= spare).max().unwrap_or(0)
}

/// Text that fits so many columns of a terminal; off a terminal nothing is
/// cut.
pub(in crate::render) fn cut(text: &str, columns: usize, style: &Style) -> String {
    if style.width.is_none() {
        return text.to_owned();
    }
    style.cut(text, columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Severity;

    struct Row {
        name: &'static str,
        used: Option<u64>,
        verdict: &'static str,
        detail: &'static str,
    }

    const ROWS: [Row; 2] = [
        Row {
            name: "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433  orders.service",
            used: Some(512),
            verdict: "full",
            detail: "clients wait",
        },
        Row {
            name: "a\u{1b}[2J",
            used: None,
            verdict: "fine",
            detail: "",
        },
    ];

    fn shown(columns: Option<usize>, name: Width) -> String {
        let rows = Table::new(
            &ROWS,
            [
                (Column::words("NAME", 0).wide(name), &|row: &Row| {
                    Cell::text(row.name)
                }),
                (Column::number("USED", 1), &|row| {
                    Cell::known(row.used.map(|used| used.to_string()))
                }),
                (Column::words("VERDICT", 2), &|row| {
                    let cell = Cell::text(row.verdict);
                    match row.used {
                        Some(_) => cell.toned(Severity::Warning),
                        None => cell,
                    }
                }),
                (Column::below(), &|row| Cell::text(row.detail)),
            ],
        );
        let style = Style {
            width: columns,
            ..Style::default()
        };
        table(rows, &style)
    }

    #[test]
    fn off_a_terminal_all_is_in_its_column() {
        let text = shown(None, Width::AtMost(4));
        let expected = "\
NAME                                                            USED  VERDICT
[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433  orders.service   512  full
    clients wait
a\\u{1b}[2J                                                         -  fine
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_name_has_lines_of_its_own_and_the_numbers_stay_in_their_columns() {
        let expected = "\
NAME        USED  VERDICT
[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433
orders.service
             512  full
    clients wait
a\\u{1b}[2J     -  fine
";
        assert_eq!(shown(Some(50), Width::OwnLine), expected);
        let expected = "\
NAME
  USED  VERDICT
[fd00:1234:5678:9abc:def0:1234:5678:9abc]:5433
orders.service
   512  full
    clients wait
a\\u{1b}[2J
     -  fine
";
        assert_eq!(shown(Some(20), Width::OwnLine), expected);
    }

    #[test]
    fn what_has_no_column_stands_below() {
        let expected = "\
NAME        USED
    VERDICT
[fd00:123~   512
    full
    clients wait
a\\u{1b}[2J     -
    fine
";
        assert_eq!(shown(Some(24), Width::AtMost(10)), expected);
        let expected = "\
NAME
    VERDICT
[fd00:123~
    USED 512
    full
    clients
    wait
a\\u{1b}[2J
    fine
";
        assert_eq!(shown(Some(15), Width::AtMost(10)), expected);
    }

    #[test]
    fn sentences_are_wrapped_beside_their_rows_and_bars_fill_what_is_left() {
        let style = Style {
            color: true,
            width: Some(24),
            ..Style::default()
        };
        let drawn = |fields| table(Table::new(&[3_u64, 1, 0], fields), &style);
        let text = drawn([
            (Column::number("", 0), &|number: &u64| {
                Cell::text(number.to_string()).toned(if *number == 3 {
                    Tone::Critical
                } else {
                    Tone::Plain
                })
            }),
            (
                Column::words("", 1).wide(Width::Rest { least: 4, most: 9 }),
                &|number| Cell::bar(*number, 3),
            ),
            (
                Column::words("", 2).wide(Width::Rest { least: 4, most: 9 }),
                &|_| Cell::text("two words"),
            ),
        ]);
        assert!(text.starts_with("\u{1b}[1;31m3  ###"), "{text}");
        assert!(text.contains("\n1  ###"), "{text}");
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }
}
