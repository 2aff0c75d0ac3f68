//! Columns that know whether a terminal has room for them.

use comfy_table::{CellAlignment, Table, presets};

use super::super::super::Style;
use super::push_row;
use crate::text::width::{beginning, columns_of};

/// Columns before what stands on a line of its own below a row.
pub(super) const INDENT: usize = 4;

/// A table without lines between its cells.
pub(super) struct Columns(Table);

impl Columns {
    /// Columns with these headings, some of them aligned to the right.
    pub(super) fn new<const N: usize>(header: [&str; N], right: &[usize]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(header);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
            if right.contains(&column.index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self(table)
    }

    /// Adds a row.
    pub(super) fn push<const N: usize>(&mut self, cells: [&str; N]) {
        self.0.add_row(cells);
    }

    /// The heading, then a line a row.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lines().collect()
    }

    /// Whether every line fits the terminal; off a terminal all do.
    pub(super) fn fit(&self, style: &Style) -> bool {
        style.width.is_none_or(|columns| {
            let mut lines = self.0.lines();
            lines.all(|line| columns_of(line.trim_end()) <= columns)
        })
    }

    /// Writes all lines, and `below` adds to each row with a number.
    pub(super) fn write(
        &self,
        text: &mut String,
        style: &Style,
        mut below: impl FnMut(&mut String, usize),
    ) {
        for (index, line) in self.0.lines().enumerate() {
            push_row(text, index, &line, style);
            if let Some(row) = index.checked_sub(1) {
                below(text, row);
            }
        }
    }
}

/// Text that fits so many columns of a terminal; off a terminal nothing is
/// cut.
pub(super) fn cut(text: &str, columns: usize, style: &Style) -> String {
    if style.width.is_none() || columns_of(text) <= columns {
        return text.to_owned();
    }
    let kept = beginning(text, columns.saturating_sub(1));
    let mark = if style.unicode { '…' } else { '~' };
    format!("{kept}{mark}")
}
