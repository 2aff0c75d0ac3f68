//! Histories and bars, out of characters.

use crate::render::Style;

/// Eight heights for a terminal that knows them.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Four for one that knows only ASCII.
const ASCII: [char; 4] = ['_', '.', '-', '#'];

/// The history of a number, the newest at the right end. `newest_first` may be
/// shorter than the graph, or longer.
///
/// The lowest value that is seen is at the bottom and the highest at the top,
/// but a change of a tenth at least fills the height: one socket more among
/// thousands is a flat line. Zeros only are no line at all.
pub(super) fn history(
    newest_first: impl Iterator<Item = Option<u64>>,
    columns: usize,
    unicode: bool,
) -> String {
    let values: Vec<Option<u64>> = newest_first.take(columns).collect();
    let heights: &[char] = if unicode { &BLOCKS } else { &ASCII };
    let highest = values.iter().flatten().copied().max().unwrap_or(0);
    let lowest = values.iter().flatten().copied().min().unwrap_or(0);
    let tenth = (highest / 10).max(2);
    let missing_span = tenth.saturating_sub(highest - lowest);
    // What hardly changes stands in the middle.
    let bottom = lowest.saturating_sub(missing_span / 2);
    let span = (highest - lowest).max(tenth);
    let missing = columns - values.len();
    let mut graph = " ".repeat(missing);
    graph.extend(values.iter().rev().map(|value| match value {
        None => ' ',
        // Where there never was anything, nothing is drawn.
        Some(0) if highest == 0 => ' ',
        Some(0) => ground(heights),
        Some(value) => height(*value - bottom, span, heights),
    }));
    graph
}

/// A bar that is as full as what it stands for; what isn't nothing is a piece
/// at least.
pub(super) fn bar(used: u64, of: u64, columns: usize, style: Style) -> String {
    let room = columns as u128;
    let full = (u128::from(used) * room / u128::from(of.max(1))).min(room);
    let full = usize::try_from(full).unwrap_or(columns);
    let full = if used > 0 {
        full.max(1).min(columns)
    } else {
        0
    };
    let mut bar = style.block().repeat(full);
    bar.extend(std::iter::repeat_n(style.dot(), columns - full));
    bar
}

fn ground(heights: &[char]) -> char {
    heights.first().copied().unwrap_or(' ')
}

fn height(value: u64, span: u64, heights: &[char]) -> char {
    let top = heights.len().saturating_sub(1);
    let scaled = u128::from(value) * top as u128 / u128::from(span);
    let index = usize::try_from(scaled).unwrap_or(top).min(top);
    heights.get(index).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(values: &[Option<u64>], columns: usize) -> String {
        history(values.iter().copied(), columns, true)
    }

    #[test]
    fn the_newest_is_at_the_right_and_gaps_are_gaps() {
        let newest_first = [Some(8), Some(4), None, Some(0)];
        assert_eq!(drawn(&newest_first, 6), "  ▁ ▄█");
    }

    #[test]
    fn a_small_change_of_a_large_number_is_small() {
        assert_eq!(drawn(&[Some(1_001), Some(1_000)], 2), "▄▄");
        assert_eq!(drawn(&[Some(0), Some(0)], 2), "  ");
    }

    #[test]
    fn more_history_than_columns_is_cut_at_the_old_end() {
        assert_eq!(drawn(&[Some(8), Some(0), Some(4)], 2), "▁█");
        assert_eq!(drawn(&[Some(8)], 0), "");
    }

    proptest! {
        #[test]
        fn a_graph_is_as_wide_as_it_shall_be(
            values in proptest::collection::vec(any::<Option<u64>>(), 0..60),
            columns in 0_usize..40,
            unicode: bool,
        ) {
            let graph = history(values.into_iter(), columns, unicode);
            prop_assert_eq!(graph.chars().count(), columns);
            prop_assert!(unicode || graph.is_ascii());
        }
    }
}
