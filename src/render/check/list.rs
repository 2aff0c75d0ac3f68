//! What can be checked, and what is checked by default.

use std::collections::BTreeSet;

use super::super::Style;
use super::super::finding::{push_wrapped, wrap};
use super::super::push_line;
use crate::classify::RULES;
use crate::classify::check::{GROWTH, METRICS, Metric, Range};
use crate::text::width::{columns_of, pad};

/// A row a metric and a row a rule that judges none. On a terminal the last
/// column wraps; off it each row is a line.
#[must_use]
pub fn list(style: &Style) -> String {
    let cell = |range: Option<Range>| range.map_or_else(|| "-".to_owned(), |r| r.to_string());
    // A rule without a range judges by more than the number.
    let of = |metric: &Metric, range: Option<Range>| match (range, metric.warn, metric.crit) {
        (None, None, None) if !metric.rules.is_empty() => "by rule".to_owned(),
        _ => cell(range),
    };
    let mut rows = vec![["METRIC", "UNIT", "WARNING", "CRITICAL", "MEANING"].map(str::to_owned)];
    rows.extend(METRICS.iter().map(|metric| {
        [
            metric.name.to_owned(),
            metric.unit.key().to_owned(),
            of(metric, metric.warn),
            of(metric, metric.crit),
            metric.meaning.to_owned(),
        ]
    }));
    let mut text = table(&rows, style);
    text.push('\n');
    push_wrapped(&mut text, "", 0, &growth_and_ranges(), style);
    text.push('\n');
    let judged: BTreeSet<&str> = METRICS
        .iter()
        .flat_map(|metric| metric.rules)
        .map(|rule| rule.name)
        .collect();
    let mut rows = vec![["RULE", "ABOUT"].map(str::to_owned)];
    rows.extend(RULES.iter().map(|rule| {
        let about = if judged.contains(rule.name) {
            let own = METRICS
                .iter()
                .filter(|metric| metric.rules.iter().any(|other| other.name == rule.name));
            let names: Vec<&str> = own.map(|metric| metric.name).collect();
            format!("{}: {}", rule.topic, names.join(", "))
        } else {
            rule.topic.to_owned()
        };
        [rule.name.to_owned(), about]
    }));
    text.push_str(&table(&rows, style));
    text
}

fn growth_and_ranges() -> String {
    format!(
        "Any count with {GROWTH} behind its name is its growth an hour, negative where it shrinks: \
         give it ranges as ~:10. Growth and rates need a state file: --state. Ranges are \
         [@]start:end: 10 alerts outside 0 to 10, ~:10 above 10, 10: below 10, @10:20 inside; with \
         % where the metric has a limit."
    )
}

/// Between two columns.
const GAP: usize = 2;
/// Columns below which a sentence stands under its row, not beside it.
const NARROW: usize = 30;
/// What then stands before it.
const INDENT: usize = 4;

/// Columns, the last one ragged.
fn table<const N: usize>(rows: &[[String; N]], style: &Style) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns_of(cell).max(*width);
        }
    }
    let before: usize = widths.iter().take(N - 1).map(|width| width + GAP).sum();
    let columns = style.width.unwrap_or(usize::MAX);
    let beside = columns.saturating_sub(before);
    let mut text = String::new();
    for row in rows {
        let Some((last, cells)) = row.split_last() else {
            continue;
        };
        let mut line: String = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| pad(cell, width + GAP))
            .collect();
        if beside < NARROW {
            push_line(&mut text, line.trim_end());
            line = " ".repeat(INDENT);
        }
        let hanging = columns_of(&line);
        for part in wrap(last, columns.saturating_sub(hanging)) {
            line.push_str(&part);
            push_line(&mut text, line.trim_end());
            line = " ".repeat(hanging);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_terminal(columns: usize) -> String {
        list(&Style {
            width: Some(columns),
            ..Style::default()
        })
    }

    #[test]
    fn the_list_of_metrics_fits_a_terminal() {
        for columns in [64, 80, 100, 120, 200] {
            let text = on_terminal(columns);
            for line in text.lines() {
                assert!(columns_of(line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn a_terminal_shows_the_same_words() {
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let off = words(&list(&Style::default()));
        for columns in [20, 80, 120] {
            assert_eq!(words(&on_terminal(columns)), off, "{columns}");
        }
    }

    /// What `grep` and `awk` read.
    #[test]
    fn off_a_terminal_a_metric_is_a_line() {
        let text = list(&Style::default());
        for metric in METRICS {
            let lines = text.lines().filter(|line| {
                line.starts_with(&format!("{} ", metric.name)) && line.ends_with(metric.meaning)
            });
            assert_eq!(lines.count(), 1, "{}", metric.name);
        }
    }
}
