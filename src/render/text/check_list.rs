//! What can be checked, and what is checked by default.

use super::super::table::{Cell, Column, Table};
use super::finding::push_wrapped;
use super::{Style, table};
use crate::classify::Rule;
use crate::classify::metric::{GROWTH, Metric, MetricId, Range};
use crate::classify::rules::{RULES, metrics, rule_of};

/// A row a metric and a row a rule. On a terminal the last column wraps; off it
/// each row is a line.
#[must_use]
pub fn check_list(style: &Style) -> String {
    let metrics: Vec<&'static Metric> = metrics().collect();
    let metrics = Table::new(
        &metrics,
        [
            (Column::words("METRIC", 0), &|metric| {
                Cell::text(metric.name)
            }),
            (Column::words("UNIT", 4).labelled(), &|metric| {
                Cell::text(metric.unit.key())
            }),
            (Column::words("WARNING", 3).labelled(), &|metric| {
                range(metric, metric.warn)
            }),
            (Column::words("CRITICAL", 2).labelled(), &|metric| {
                range(metric, metric.crit)
            }),
            (Column::sentence("MEANING", 5), &|metric| {
                Cell::text(metric.meaning)
            }),
        ],
    );
    let rules = Table::new(
        RULES,
        [
            (Column::words("RULE", 0), &|rule| Cell::text(rule.name)),
            (Column::sentence("ABOUT", 1), &|rule| {
                Cell::text(about(rule))
            }),
        ],
    );
    let mut text = table(metrics, style);
    text.push('\n');
    push_wrapped(&mut text, "", 0, &growth_and_ranges(), style);
    text.push('\n');
    text.push_str(&table(rules, style));
    text
}

/// A default range. A rule without one judges by more than the number.
fn range(metric: &'static Metric, range: Option<Range>) -> Cell {
    match (range, metric.warn, metric.crit) {
        (Some(range), ..) => Cell::text(range.to_string()),
        (None, None, None) if rule_of(MetricId::value(metric)).is_some() => Cell::text("by rule"),
        (None, ..) => Cell::known(None::<&str>),
    }
}

/// The topic of a rule, and the metric that it judges.
fn about(rule: &Rule) -> String {
    match &rule.value {
        Some(metric) => format!("{}: {}", rule.topic, metric.name),
        None => rule.topic.to_owned(),
    }
}

fn growth_and_ranges() -> String {
    format!(
        "Any count with {GROWTH} behind its name is its growth an hour, negative where it shrinks: \
         give it ranges as ~:10. Growth and rates need a state file: --state. Ranges are \
         [@]start:end: 10 alerts outside 0 to 10, ~:10 above 10, 10: below 10, @10:20 inside; with \
         % where the metric has a limit."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width::columns_of;

    fn on_terminal(columns: usize) -> String {
        check_list(&Style {
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
        let off = words(&check_list(&Style::default()));
        for columns in [80, 120] {
            assert_eq!(words(&on_terminal(columns)), off, "{columns}");
        }
        let narrow = words(&on_terminal(20)).join(" ");
        for metric in metrics() {
            assert!(narrow.contains(metric.name), "{narrow}");
            assert!(narrow.contains(metric.meaning), "{narrow}");
        }
    }

    /// What `grep` and `awk` read.
    #[test]
    fn off_a_terminal_a_metric_is_a_line() {
        let text = check_list(&Style::default());
        for metric in metrics() {
            let lines = text.lines().filter(|line| {
                line.starts_with(&format!("{} ", metric.name)) & line.ends_with(metric.meaning)
            });
            assert_eq!(lines.count(), 1, "{}", metric.name);
        }
    }
}
