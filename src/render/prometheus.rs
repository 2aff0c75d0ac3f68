//! Prometheus' text format, for a scrape or the textfile collector: no
//! timestamps, base units. What isn't known has no series, so that no rule takes
//! it for a number; `rules_not_judged` counts what that hides.

use std::collections::HashSet;
use std::fmt::{Display, Write};

use crate::classify::Rule;
use crate::classify::assess::Verdict;
use crate::classify::metric::{About, Metric, Observation, Unit};
use crate::classify::rules::{RULES, metrics};
use crate::classify::{Checked, Severity};
use crate::model::float;
use crate::model::{Counter, NamedBy, Snapshot, Survey, Surveyed, TcpState};

/// The metrics of an observation and its verdict; with the kernel's counters and
/// settings, which node_exporter has too, where `kernel` says so.
#[must_use]
pub fn page(observation: &Observation, verdict: &Verdict, kernel: bool) -> String {
    let mut page = Page::default();
    page.push_build();
    page.push_host(observation);
    page.push(&[], observation, verdict, kernel);
    page.text()
}

/// The same of every network namespace that has sockets, its name on every
/// series; what the whole host shares has no label. Of two with one name the
/// second has its number, too: a series occurs once.
#[must_use]
pub fn page_of_all(survey: &Survey<Checked>, kernel: bool) -> String {
    let mut page = Page::default();
    page.push_build();
    page.push_namespaces(survey);
    let mut answers = survey.answers().map(|(_, checked)| checked.observation());
    let has_limits = |observed: &Observation| {
        let host_wide = &observed.snapshot.pressure.host_wide;
        host_wide.max_orphans.is_some()
    };
    if let Some(host) = answers.find(has_limits) {
        page.push_host(&host);
    }
    let mut names = HashSet::new();
    for (one, checked) in survey.answers() {
        let mut netns = one.name().to_owned();
        if !names.insert(netns.clone()) {
            let number = one.netns.inode.map_or(names.len() as u64, |inode| inode);
            netns = format!("{netns} ({number})");
            names.insert(netns.clone());
        }
        let called = |kinds: &[NamedBy]| {
            let mut all = one.identity.names.iter();
            let name = all.find(|name| kinds.contains(&name.named_by))?;
            Some(name.name.as_str())
        };
        let known = [
            ("netns", Some(netns.as_str())),
            ("pod", called(&[NamedBy::Kubernetes])),
            ("container", called(&CONTAINERS)),
        ];
        let known = known.into_iter();
        let place: Vec<(&str, &str)> = known
            .filter_map(|(label, name)| Some((label, name?)))
            .collect();
        page.push(&place, &checked.observation(), &checked.verdict, kernel);
    }
    page.text()
}

/// Who names containers.
const CONTAINERS: [NamedBy; 6] = [
    NamedBy::Docker,
    NamedBy::Podman,
    NamedBy::Nerdctl,
    NamedBy::Lxc,
    NamedBy::Machine,
    NamedBy::ContainerId,
];

/// Families in the order of their first sample. The format wants all samples of
/// a family in one place, also where they are of several namespaces.
#[derive(Default)]
pub struct Page(Vec<Family>);

struct Family {
    name: String,
    kind: &'static str,
    help: String,
    samples: String,
}

impl Page {
    /// Adds what one place has, its labels on every series.
    pub fn push(
        &mut self,
        place: &[(&str, &str)],
        observation: &Observation,
        verdict: &Verdict,
        kernel: bool,
    ) {
        let mut samples = Samples { page: self, place };
        samples.push_status(verdict);
        samples.push_states(observation.snapshot);
        samples.push_gauges(observation, false);
        samples.push_findings(verdict);
        if kernel {
            samples.push_settings(observation.snapshot);
            samples.push_counters(observation.snapshot);
        }
        samples.push_collection(observation.snapshot);
    }

    fn push_build(&mut self) {
        let page = self;
        Samples { page, place: &[] }.push(
            "build_info",
            "gauge",
            "The version of tcpstate that wrote this page; always 1.",
            &[("version", env!("CARGO_PKG_VERSION"))],
            Some(1),
        );
    }

    /// What the whole host shares.
    fn push_host(&mut self, observation: &Observation) {
        let page = self;
        Samples { page, place: &[] }.push_gauges(observation, true);
    }

    fn push_namespaces(&mut self, survey: &Survey<Checked>) {
        let page = self;
        let mut samples = Samples { page, place: &[] };
        for examined in ["full", "proc", "counters", "no"] {
            let is_so = |one: &&Surveyed<Checked>| one.examined.key() == examined;
            samples.push(
                "namespaces",
                "gauge",
                "Network namespaces by how far they were read.",
                &[("examined", examined)],
                Some(survey.namespaces.iter().filter(is_so).count()),
            );
        }
    }

    /// The page as it is served.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for family in &self.0 {
            let Family {
                name,
                kind,
                help,
                samples,
            } = family;
            // A String takes all that is written to it.
            let _ = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}"
            );
        }
        text
    }
}

/// What is added for one place.
struct Samples<'a> {
    page: &'a mut Page,
    place: &'a [(&'a str, &'a str)],
}

impl Samples<'_> {
    fn push_status(&mut self, verdict: &Verdict) {
        self.push(
            "check_status",
            "gauge",
            "Exit status of tcpstate check: 0 OK, 1 warning, 2 critical, 3 unknown.",
            &[],
            Some(verdict.status().code()),
        );
    }

    fn push_states(&mut self, snapshot: &Snapshot) {
        let help = "TCP sockets by state.";
        // Of a part of the sockets nobody knows how many more there are.
        let known = |count| snapshot.collection.complete.then_some(count);
        for (state, count) in snapshot.states.iter() {
            let count = count.and_then(|count| known(count.total));
            self.push("sockets", "gauge", help, &[("state", state.key())], count);
        }
        // A state that this program has no name for is rare enough to have no
        // series where there is none.
        let unknown = known(snapshot.states.unknown).filter(|&count| count > 0);
        let label = [("state", TcpState::Unknown(0).key())];
        self.push("sockets", "gauge", help, &label, unknown);
    }

    /// The metrics that aren't a number of sockets in a state, less the rates:
    /// those Prometheus makes from the counters.
    fn push_gauges(&mut self, observation: &Observation, of_host: bool) {
        let wanted =
            |metric: &&Metric| !metric.counts_states() && (metric.about == About::Host) == of_host;
        for metric in metrics().filter(wanted) {
            let value = metric.read(observation).ok();
            let (suffix, value) = match metric.unit {
                Unit::Count => ("", value),
                Unit::Percent => ("_ratio", value.map(|value| value / 100.0)),
                Unit::Seconds => ("_seconds", value),
                Unit::PerSecond | Unit::PerHour => continue,
            };
            let name = format!("{}{suffix}", without_prefix(metric.name));
            self.push(&name, "gauge", &sentence(metric.meaning), &[], value);
        }
    }

    /// Rules are few and known; what a finding is about isn't, so that it is no
    /// label. A rule that came to no judgement has no series.
    fn push_findings(&mut self, verdict: &Verdict) {
        let help = "The worst finding of a rule: 0 none, 1 warning, 2 critical.";
        let mut not_judged = 0_u32;
        let is_of_host = |rule: &Rule| {
            let value = rule.value.as_ref();
            value.is_some_and(|metric| metric.about == About::Host)
        };
        for rule in RULES {
            let found = verdict.findings().filter(|found| found.rule == rule.name);
            let worst = found.map(|found| found.severity).max();
            let value = match worst {
                Some(Severity::Critical) => Some(2),
                Some(Severity::Warning) => Some(1),
                Some(Severity::Info) => Some(0),
                None => verdict.judged.contains(&rule.name).then_some(0),
            };
            // Where all namespaces are judged, only one judges the host.
            if value.is_none() && !self.place.is_empty() && is_of_host(rule) {
                continue;
            }
            not_judged += u32::from(value.is_none());
            let labels = [("rule", rule.name), ("topic", rule.topic)];
            self.push("finding", "gauge", help, &labels, value);
        }
        self.push(
            "rules_not_judged",
            "gauge",
            "Rules that came to no judgement for lack of data, and have no series in tcpstate_finding.",
            &[],
            Some(not_judged),
        );
    }

    fn push_settings(&mut self, snapshot: &Snapshot) {
        let help = "The value of a kernel setting (sysctl), by its name.";
        for (sysctl, value) in snapshot.sysctls.iter() {
            let label = [("name", sysctl.name())];
            self.push("sysctl", "gauge", help, &label, value.map(float));
        }
    }

    fn push_counters(&mut self, snapshot: &Snapshot) {
        for (counter, value) in snapshot.counters.iter() {
            // It goes up and down, and the states say it better.
            if counter != Counter::CurrEstab {
                let name = snake(counter.name());
                let name = format!("{}_total", without_prefix(&name));
                self.push(&name, "counter", &sentence(counter.meaning()), &[], value);
            }
        }
    }

    fn push_collection(&mut self, snapshot: &Snapshot) {
        let collection = &snapshot.collection;
        self.push(
            "collection_complete",
            "gauge",
            "Whether every socket could be read: 1 yes, 0 no.",
            &[],
            Some(u8::from(collection.complete)),
        );
        self.push(
            "collection_fallback",
            "gauge",
            "Whether /proc was read because netlink was refused: 1 yes, 0 no.",
            &[],
            Some(u8::from(collection.fallback_reason.is_some())),
        );
        self.push(
            "collection_duration_seconds",
            "gauge",
            "Time that reading the sockets took.",
            &[],
            Some(snapshot.elapsed.as_secs_f64()),
        );
    }

    /// Adds a sample; nothing where the value isn't known.
    fn push(
        &mut self,
        name: &str,
        kind: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        value: Option<impl Display>,
    ) {
        let Some(value) = value else { return };
        let name = format!("tcpstate_{name}");
        let families = &mut self.page.0;
        let index = families
            .iter()
            .position(|family| family.name == name)
            .unwrap_or(families.len());
        if index == families.len() {
            families.push(Family {
                name,
                kind,
                help: help.replace('\\', "\\\\").replace('\n', "\\n"),
                samples: String::new(),
            });
        }
        if let Some(Family { name, samples, .. }) = families.get_mut(index) {
            let labels: Vec<String> = self
                .place
                .iter()
                .chain(labels)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", labels.join(","))
            };
            // A String takes all that is written to it.
            let _ = writeln!(samples, "{name}{labels} {value}");
        }
    }
}

/// A metric of this program is about TCP anyway: `tcpstate_tcp_…` says it twice.
fn without_prefix(name: &str) -> &str {
    name.strip_prefix("tcp_").unwrap_or(name)
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
