//! Tables as data: what stands in which column, and which columns go first
//! where a terminal is narrow. Text and the terminal interface draw the same
//! description.

use crate::classify::Severity;
use crate::text::safe;
use crate::text::width::columns_of;

/// What a text means to the eye, the most urgent last. Nothing is said by a
/// colour alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Less important than what is beside it.
    Faint,
    /// More important than what is beside it.
    Strong,
    /// Changed since the last frame.
    Fresh,
    /// Judged, and found well.
    Good,
    /// A finding that needs no action.
    Info,
    /// A finding of this severity.
    Warning,
    /// A finding of this severity.
    Critical,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// How wide a column is. Off a terminal each is as wide as its widest cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As wide as its widest cell, which is never cut.
    Whole,
    /// As wide as its widest cell, but no wider than this: longer cells are cut.
    AtMost(usize),
    /// What the other columns leave, within these bounds: longer text is wrapped
    /// or cut, and bars and graphs are drawn to it.
    Rest {
        /// Columns below which there is no room for it.
        least: usize,
        /// Columns beyond which it doesn't grow.
        most: usize,
    },
    /// What the other columns leave. A cell that needs more has a line of its
    /// own, so that the others stay in their columns.
    OwnLine,
    /// No column at all: a sentence below the row.
    Below,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Whether its cells end in the same column, as numbers do.
    pub right: bool,
    /// 0 for what the row is about, which always stays. Of the others the
    /// highest goes first where there is no room for all.
    pub priority: u8,
    /// How wide it is.
    pub width: Width,
    /// Whether a cell needs the heading to be understood away from its column.
    pub labelled: bool,
    /// Whether the table has it.
    shown: bool,
}

impl Column {
    /// A column of numbers.
    #[must_use]
    pub const fn number(heading: &'static str, priority: u8) -> Self {
        Self {
            heading,
            right: true,
            priority,
            width: Width::Whole,
            labelled: true,
            shown: true,
        }
    }

    /// A column of words, which are understood without the heading.
    #[must_use]
    pub const fn words(heading: &'static str, priority: u8) -> Self {
        Self {
            right: false,
            labelled: false,
            ..Self::number(heading, priority)
        }
    }

    /// A column of sentences, which has what the others leave. Where that is
    /// little they stand below their rows.
    #[must_use]
    pub const fn sentence(heading: &'static str, priority: u8) -> Self {
        let (least, most) = (30, usize::MAX);
        Self::words(heading, priority).wide(Width::Rest { least, most })
    }

    /// A sentence below each row that has one.
    #[must_use]
    pub const fn below() -> Self {
        Self::words("", u8::MAX).wide(Width::Below)
    }

    /// The same column with this width.
    #[must_use]
    pub const fn wide(self, width: Width) -> Self {
        Self { width, ..self }
    }

    /// The same column, whose cells need the heading to be understood.
    #[must_use]
    pub const fn labelled(self) -> Self {
        Self {
            labelled: true,
            ..self
        }
    }

    /// The same column, left out of the table unless this is so.
    #[must_use]
    pub const fn only_if(self, shown: bool) -> Self {
        Self { shown, ..self }
    }
}

/// A column, and how to get its cell from what a row is about.
pub type Field<'a, T> = (Column, &'a dyn Fn(&T) -> Cell);

/// What a cell shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text, made safe for a terminal.
    Text(String),
    /// Something that isn't known.
    Unknown,
    /// How much of something is used.
    Bar {
        /// This much of it.
        used: u64,
        /// All of it.
        of: u64,
    },
    /// A history, the newest first.
    Graph(Vec<Option<u64>>),
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What it shows.
    pub content: Content,
    /// What it means to the eye.
    pub tone: Tone,
}

impl Cell {
    const fn plain(content: Content) -> Self {
        Self {
            content,
            tone: Tone::Plain,
        }
    }

    /// A text, which is made safe here.
    #[must_use]
    pub fn text(text: impl AsRef<str> + Into<String>) -> Self {
        let harmless = match safe(text.as_ref()) {
            std::borrow::Cow::Owned(text) => text,
            std::borrow::Cow::Borrowed(_) => text.into(),
        };
        Self::plain(Content::Text(harmless))
    }

    /// A text, or a mark that there is nothing to tell.
    #[must_use]
    pub fn known(text: Option<impl AsRef<str> + Into<String>>) -> Self {
        text.map_or(Self::plain(Content::Unknown), Self::text)
    }

    /// A bar.
    #[must_use]
    pub const fn bar(used: u64, of: u64) -> Self {
        Self::plain(Content::Bar { used, of })
    }

    /// A graph of these values, the newest first.
    #[must_use]
    pub const fn graph(values: Vec<Option<u64>>) -> Self {
        Self::plain(Content::Graph(values))
    }

    /// The same cell with this tone.
    #[must_use]
    pub fn toned(self, tone: impl Into<Tone>) -> Self {
        Self {
            tone: tone.into(),
            ..self
        }
    }

    /// The columns that it takes; pictures take what they are given.
    #[must_use]
    pub fn columns(&self) -> usize {
        match &self.content {
            Content::Text(text) => columns_of(text),
            Content::Unknown => 1,
            Content::Bar { .. } | Content::Graph(_) => 0,
        }
    }
}

/// How many of a bar's columns are filled; what isn't nothing fills one at least.
#[must_use]
pub fn filled(used: u64, of: u64, columns: usize) -> usize {
    let length = u128::from(used) * columns as u128 / u128::from(of).max(1);
    let length = usize::try_from(length).unwrap_or(columns);
    length.max(usize::from(used > 0)).min(columns)
}

/// Columns, and in each row a cell for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with a row for each item.
    pub fn new<T, const N: usize>(items: &[T], fields: [Field<'_, T>; N]) -> Self {
        let row = |item| {
            let fields = fields.iter().filter(|(column, _)| column.shown);
            fields.map(|(_, cell)| cell(item)).collect()
        };
        let columns = fields.iter().map(|(column, _)| *column);
        Self {
            columns: columns.filter(|column| column.shown).collect(),
            rows: items.iter().map(row).collect(),
        }
    }

    /// The same with one more column before the others, whose cells say the same
    /// in every row.
    #[must_use]
    pub fn within(mut self, heading: &'static str, name: &str) -> Self {
        self.columns
            .insert(0, Column::words(heading, 0).wide(Width::OwnLine));
        for column in self.columns.iter_mut().skip(1) {
            // Only one can have lines of its own.
            if column.width == Width::OwnLine {
                column.width = Width::Whole;
            }
        }
        for row in &mut self.rows {
            row.insert(0, Cell::text(name));
        }
        self
    }

    /// One table of several with the same columns.
    #[must_use]
    pub fn together(tables: impl IntoIterator<Item = Self>) -> Self {
        let mut tables = tables.into_iter();
        let mut all = tables.next().unwrap_or_default();
        all.rows.extend(tables.flat_map(|table| table.rows));
        all
    }

    /// For each column the width of its widest cell, heading included.
    #[must_use]
    pub fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .map(|column| columns_of(column.heading))
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.columns().max(*width);
            }
        }
        widths
    }

    /// The numbers of the columns that `room` holds when each has its `least`
    /// width and `gap` columns stand between two. What a row is about stays,
    /// even where there is no room for it.
    #[must_use]
    pub fn fitting(&self, room: usize, gap: usize, least: &[usize]) -> Vec<usize> {
        let mut kept: Vec<(usize, u8, usize)> = self
            .columns
            .iter()
            .zip(least)
            .enumerate()
            .filter(|(_, (column, _))| column.width != Width::Below)
            .map(|(index, (column, &least))| (index, column.priority, least))
            .collect();
        loop {
            let needed: usize = kept.iter().map(|(.., least)| least + gap).sum();
            // Of two that matter as little, the one to the right.
            let goes = kept
                .iter()
                .enumerate()
                .filter(|(_, (_, priority, _))| *priority > 0)
                .max_by_key(|(place, (_, priority, _))| (*priority, *place));
            match goes {
                Some((place, _)) if needed > room + gap => kept.remove(place),
                _ => return kept.into_iter().map(|(index, ..)| index).collect(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::new(
            &[(4_194_303_u32, "a.service"), (1, "evil\u{1b}[2J")],
            [
                (Column::number("PID", 0), &|row| {
                    Cell::text(row.0.to_string())
                }),
                (Column::words("UNIT", 2), &|row| Cell::text(row.1)),
                (Column::words("", 1).only_if(false), &|_| Cell::text("?")),
                (Column::number("LEAKED", 1), &|_| Cell::known(None::<&str>)),
                (Column::below(), &|_| {
                    Cell::text("a sentence that takes more columns")
                }),
            ],
        )
    }

    #[test]
    fn the_least_important_column_goes_first_and_the_subject_stays() {
        let table = table();
        let widths = table.widths();
        assert_eq!(widths[..3], [7, 13, 6]);
        let kept = |room| table.fitting(room, 2, &widths);
        assert_eq!(kept(30), [0, 1, 2]);
        assert_eq!(kept(29), [0, 2]);
        assert_eq!(kept(15), [0, 2]);
        assert_eq!(kept(14), [0]);
        assert_eq!(kept(1), [0]);
    }

    #[test]
    fn no_cell_can_harm_a_terminal() {
        let hostile = Content::Text("evil\\u{1b}[2J".to_owned());
        assert_eq!(table().rows[1][1].content, hostile);
    }
}
