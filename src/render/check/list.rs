//! What can be checked, and what is checked by default.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::width::{columns_of, pad};
use crate::classify::RULES;
use crate::classify::check::{GROWTH, METRICS, Metric, Range};

/// A line a metric and a line a rule that judges none.
#[must_use]
pub fn list() -> String {
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
    let mut text = table(&rows);
    // A String takes all that is written to it.
    let _ = write!(
        text,
        "\nAny count with {GROWTH} behind its name is its growth an hour, negative where it shrinks:\n\
         give it ranges as ~:10. Growth and rates need a state file: --state. Ranges are\n\
         [@]start:end: 10 alerts outside 0 to 10, ~:10 above 10, 10: below 10, @10:20 inside; with\n\
         % where the metric has a limit.\n\n"
    );
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
    text.push_str(&table(&rows));
    text
}

/// Columns, the last one ragged.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns_of(cell).max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&pad(cell, *width + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
