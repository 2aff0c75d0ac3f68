//! Sockets by what they have in common: a row for each group, a column for each
//! state that occurs.

use super::super::table::{Cell, Column, Table, Tone};
use super::{Style, push_line, table};
use crate::model::{GroupCount, GroupValue, Groups};
use crate::text::number::{counted, grouped};

/// The groups, the largest first, `most` of them.
#[must_use]
pub fn groups(groups: &Groups, most: usize, style: &Style) -> String {
    let all = groups.sorted();
    let states = groups.states();
    let named = groups.by.iter().map(|key| Column::words(key.heading(), 0));
    let counts = states.iter().map(|state| Column::number(state.name(), 2));
    let total = Column::number("TOTAL", 1);
    let columns = named.chain(counts).chain([total]).collect();
    let shown = all.iter().take(most);
    let rows = shown.map(|(values, count)| {
        let cells = values.iter().map(|&value| {
            let cell = Cell::text(groups.text(value));
            match value {
                GroupValue::None(_) => cell.toned(Tone::Faint),
                _ => cell,
            }
        });
        let counts = states.iter().map(|&state| number(count.of(state)));
        let total = number(count.total());
        cells.chain(counts).chain([total]).collect()
    });
    let table_of_groups = Table {
        columns,
        rows: rows.collect(),
    };
    let mut text = String::new();
    let sockets = counted(groups.sockets, "socket", "sockets");
    let by: Vec<String> = groups.by.iter().map(|key| key.name()).collect();
    let by = by.join(", ");
    let count = counted(all.len() as u64, "group", "groups");
    push_line(&mut text, &format!("{sockets} by {by}: {count}"));
    text.push('\n');
    text.push_str(&table(table_of_groups, style));
    if let Some(left) = all.get(most..).filter(|left| !left.is_empty()) {
        let sockets: u64 = left
            .iter()
            .map(|(_, count): &(_, GroupCount)| count.total())
            .sum();
        let sockets = counted(sockets, "socket", "sockets");
        let line = format!(
            "{} more groups with {sockets}: --top",
            grouped(left.len() as u64)
        );
        push_line(&mut text, &style.faint(&line));
    }
    text
}

/// A count; nothing where there is none.
fn number(count: u64) -> Cell {
    match count {
        0 => Cell::text(""),
        count => Cell::text(grouped(count)),
    }
}
