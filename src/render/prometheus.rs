//! Prometheus' text format, for a scrape or the textfile collector: no
//! timestamps, base units, and every series there always, so that a graph has
//! no holes where a number is zero. What isn't known is `NaN`.

use std::fmt::Write;

use crate::classify::Severity;
use crate::classify::assess::Verdict;
use crate::classify::metric::{Observation, Unit};
use crate::classify::rules::{RULES, metrics};
use crate::model::float;
use crate::model::{Counter, Snapshot, TcpState};

/// Every metric of a sample and its verdict.
#[must_use]
pub fn page(observation: &Observation, verdict: &Verdict) -> String {
    let snapshot = observation.snapshot;
    let mut page = Page::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.family("build_info", "gauge", "The version of tcpstate.");
    page.snapshot(&version, Some(1.0));
    page.family(
        "check_status",
        "gauge",
        "The outcome of tcpstate check: 0 OK, 1 warning, 2 critical, 3 unknown.",
    );
    page.snapshot(&[], Some(verdict.status().code().into()));
    push_states(&mut page, snapshot);
    push_gauges(&mut page, observation);
    push_findings(&mut page, verdict);
    page.family("sysctl", "gauge", "A kernel setting, by its name.");
    for (sysctl, value) in snapshot.sysctls.iter() {
        page.snapshot(&[("name", sysctl.name())], value.map(float));
    }
    push_counters(&mut page, snapshot);
    push_collection(&mut page, snapshot);
    page.0
}

fn push_states(page: &mut Page, snapshot: &Snapshot) {
    page.family("sockets", "gauge", "TCP sockets by state.");
    // Of a part of the sockets nobody knows how many more there are.
    let known = |count| snapshot.collection.complete.then(|| float(count));
    for (state, count) in snapshot.states.iter() {
        // Bound-only sockets are in another table, and nobody asked for it.
        if count.is_some() || state != TcpState::BoundInactive {
            let count = count.and_then(|count| known(count.total));
            page.snapshot(&[("state", state.key())], count);
        }
    }
    let unknown = known(snapshot.states.unknown);
    page.snapshot(&[("state", TcpState::Unknown(0).key())], unknown);
}

/// The metrics that aren't a number of sockets in a state, less the rates:
/// those Prometheus makes from the counters.
fn push_gauges(page: &mut Page, observation: &Observation) {
    for metric in metrics().filter(|metric| !metric.counts_states()) {
        let value = metric.read(observation).ok();
        let (suffix, value) = match metric.unit {
            Unit::Count => ("", value),
            Unit::Percent => ("_ratio", value.map(|value| value / 100.0)),
            Unit::Seconds => ("_seconds", value),
            Unit::PerSecond | Unit::PerHour => continue,
        };
        let name = format!("{}{suffix}", metric.name);
        page.family(&name, "gauge", &sentence(metric.meaning));
        page.snapshot(&[], value);
    }
}

/// Rules and severities are few and known; what a finding is about isn't. That
/// a rule which came to no judgement found nothing is no 0.
fn push_findings(page: &mut Page, verdict: &Verdict) {
    page.family("findings", "gauge", "Findings by rule and severity.");
    for rule in RULES {
        for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
            let found = verdict
                .findings()
                .filter(|finding| finding.rule == rule.name && finding.severity == severity);
            let labels = [("rule", rule.name), ("severity", severity.key())];
            let found = found.count() as u64;
            let judged = found > 0 || verdict.judged.contains(&rule.name);
            page.snapshot(&labels, judged.then(|| float(found)));
        }
    }
}

/// A counter that the kernel doesn't have has no series.
fn push_counters(page: &mut Page, snapshot: &Snapshot) {
    for (counter, value) in snapshot.counters.iter() {
        // It goes up and down, and the states say it better.
        if counter == Counter::CurrEstab {
            continue;
        }
        if let Some(value) = value {
            let name = format!("{}_total", snake(counter.name()));
            page.family(&name, "counter", &sentence(counter.meaning()));
            page.whole(value);
        }
    }
}

fn push_collection(page: &mut Page, snapshot: &Snapshot) {
    let collection = &snapshot.collection;
    page.family(
        "collection_complete",
        "gauge",
        "Whether every socket could be read.",
    );
    page.snapshot(&[], Some(f64::from(u8::from(collection.complete))));
    page.family(
        "collection_fallback",
        "gauge",
        "Whether /proc was read because netlink was refused.",
    );
    let fallback = collection.fallback_reason.is_some();
    page.snapshot(&[], Some(f64::from(u8::from(fallback))));
    page.family(
        "collection_duration_seconds",
        "gauge",
        "How long the sockets took to read.",
    );
    page.snapshot(&[], Some(snapshot.elapsed.as_secs_f64()));
}

/// The text so far, and the name of the family that samples belong to.
#[derive(Default)]
struct Page(String, String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.1 = format!("tcpstate_{name}");
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // A String takes all that is written to it.
        let _ = writeln!(self.0, "# HELP {} {help}\n# TYPE {0} {kind}", self.1);
    }

    fn snapshot(&mut self, labels: &[(&str, &str)], value: Option<f64>) {
        let value = value.map_or_else(|| "NaN".to_owned(), |value| value.to_string());
        self.line(labels, &value);
    }

    /// A counter keeps all its digits.
    fn whole(&mut self, value: u64) {
        self.line(&[], &value.to_string());
    }

    fn line(&mut self, labels: &[(&str, &str)], value: &str) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{}{labels} {value}", self.1);
    }
}

/// A label's value between its quotes.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// `TCPAbortOnData` is `tcp_abort_on_data`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 6);
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| letters.get(before));
        let begins_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || letters.get(index + 1).is_some_and(char::is_ascii_lowercase)
            });
        if begins_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// `connections that …` is `Connections that ….`
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_names_become_those_of_metrics() {
        for (name, snaked) in [
            ("ActiveOpens", "active_opens"),
            ("TCPAbortOnData", "tcp_abort_on_data"),
            ("TW", "tw"),
            ("TWRecycled", "tw_recycled"),
            ("TCPReqQFullDoCookies", "tcp_req_q_full_do_cookies"),
            ("SyncookiesSent", "syncookies_sent"),
            ("OutRsts", "out_rsts"),
        ] {
            assert_eq!(snake(name), snaked);
        }
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
