//! docs/findings.md: a page for whoever is woken up, a part for each topic that
//! the rules are about.

use std::fmt::Write;

use crate::classify::Rule;
use crate::classify::metric::Metric;
use crate::classify::rules::RULES;

const HEAD: &str = "# Findings

Written by `tcpstate generate documents docs` from the rules themselves. An alert carries the topic and
the rule; on the host, `tcpstate check -v` names the subject and the next command, and
`tcpstate explain RULE` shows what is here with the values of this host.
";

/// The page in Markdown.
#[must_use]
pub fn findings_page() -> String {
    let mut page = String::from(HEAD);
    let mut topics: Vec<&str> = Vec::new();
    for rule in RULES {
        if !topics.contains(&rule.topic) {
            topics.push(rule.topic);
        }
    }
    for topic in topics {
        // A String takes all that is written to it.
        let _ = writeln!(page, "\n## {topic}");
        for rule in RULES.iter().filter(|rule| rule.topic == topic) {
            push_rule(&mut page, rule);
        }
    }
    page
}

fn push_rule(page: &mut String, rule: &Rule) {
    let Rule {
        name, explanation, ..
    } = rule;
    let value = rule.value.as_ref().map_or_else(String::new, |metric| {
        format!(
            "\nMetric `{}`: {}. {}\n",
            metric.name,
            metric.meaning,
            defaults(metric)
        )
    });
    // A String takes all that is written to it.
    let _ = write!(page, "\n### {name}\n\n{explanation}\n{value}");
}

fn defaults(metric: &Metric) -> String {
    match (metric.warn, metric.crit) {
        (Some(warn), Some(crit)) => format!("Warns at `{warn}`, critical at `{crit}`."),
        (Some(warn), None) => {
            format!("Warns at `{warn}`; the text above says what makes it critical.")
        }
        (None, Some(crit)) => {
            format!("Critical at `{crit}`; the text above says what makes it a warning.")
        }
        (None, None) => "The rule decides how bad a value is.".to_owned(),
    }
}
