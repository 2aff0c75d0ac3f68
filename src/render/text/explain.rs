//! Explanations for people.

use super::finding::push_wrapped;
use super::{Style, push_line};
use crate::classify::Rule;
use crate::classify::metric::{Observation, Range};
use crate::explain::{MACHINE, Topic};
use crate::model::{Counter, LeakDigest, LeakOwnerKind, Snapshot, Sysctl, TcpState};
use crate::text::number::{counted, decimal, grouped};
use crate::text::safe;
use crate::text::width::pad;

/// Columns of a name and the spaces behind it.
const NAME: usize = 27;

/// The state machine, with the number of sockets at each state of this host.
#[must_use]
pub fn machine(live: Option<&Snapshot>, style: &Style) -> String {
    let mut text = String::new();
    for line in MACHINE.lines() {
        push_line(&mut text, &drawn(&filled(line, live), style));
    }
    push_line(&mut text, "");
    let more = "On each arrow: what is called or comes in / what is sent. One state, rule, setting or \
                counter: tcpstate explain WORD; sequences: handshake, close, reset, fastopen, \
                syncookies.";
    push_wrapped(&mut text, "", 0, more, style);
    text
}

/// One topic, with what of it is here.
#[must_use]
pub fn topic(topic: Topic, live: Option<&Snapshot>, style: &Style) -> String {
    let here = live.and_then(|live| here(topic, live));
    let explanation = topic.explanation();
    let mut text = titled(topic.name(), here.as_deref(), style);
    if !explanation.drawing.is_empty() {
        for line in explanation.drawing.lines() {
            push_line(&mut text, &drawn(&format!("  {line}"), style));
        }
        push_line(&mut text, "");
    }
    paragraphs(&mut text, explanation.paragraphs, style);
    let names = explanation.sysctls.iter().map(|&sysctl| {
        let value = live.map(|live| setting(sysctl, live));
        (sysctl.name(), value)
    });
    let counters = explanation.counters.iter().map(|&counter| {
        let value = live.map(|live| count(counter, live));
        (counter.name(), value)
    });
    listed(&mut text, "Settings", names.collect(), style);
    listed(&mut text, "Counters", counters.collect(), style);
    text
}

/// One rule, with its ranges and its value here.
#[must_use]
pub fn rule(rule: &Rule, live: Option<&Snapshot>, style: &Style) -> String {
    let mut text = titled(rule.name, None, style);
    paragraphs(&mut text, &[rule.explanation], style);
    if let Some(metric) = &rule.value {
        let range = |range: Option<Range>| {
            range.map_or_else(|| "by the rule".to_owned(), |range| range.to_string())
        };
        let unit = metric.unit.key();
        let mut rows = vec![
            ("warning", Some(range(metric.warn))),
            ("critical", Some(range(metric.crit))),
        ];
        if let Some(live) = live {
            let observation = Observation::of(live, None);
            let value = metric.read(&observation);
            let value = value.map_or_else(|why| why.reason().to_owned(), decimal);
            rows.push(("here", Some(value)));
        }
        listed(&mut text, &format!("{} ({unit})", metric.name), rows, style);
    }
    text
}

fn titled(name: &str, here: Option<&str>, style: &Style) -> String {
    let mut text = style.strong(name);
    if let Some(here) = here {
        text.push_str("   ");
        text.push_str(here);
    }
    text.push_str("\n\n");
    text
}

fn paragraphs(text: &mut String, paragraphs: &[&str], style: &Style) {
    for (place, paragraph) in paragraphs.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        push_wrapped(text, "", 0, paragraph, style);
    }
}

/// Names and values below a heading; without values the names alone.
fn listed(text: &mut String, heading: &str, rows: Vec<(&str, Option<String>)>, style: &Style) {
    if rows.is_empty() {
        return;
    }
    push_line(text, "");
    push_line(text, &style.strong(heading));
    for (name, value) in rows {
        match value {
            Some(value) => push_line(text, &format!("  {name:<NAME$}  {value}")),
            None => push_line(text, &format!("  {name}")),
        }
    }
}

/// How many are here, and whose.
fn here(topic: Topic, live: &Snapshot) -> Option<String> {
    match topic {
        Topic::State(state) => {
            let Some(count) = live.states.total_of(state) else {
                return Some("unknown how many here".to_owned());
            };
            let mut text = format!("{} here now", grouped(count));
            if state == TcpState::CloseWait
                && let Some(leaks) = &live.leaks
                && leaks.counts.leaked() > 0
            {
                text.push_str(&leaked(leaks));
            }
            Some(text)
        }
        Topic::Sysctl(sysctl) => Some(format!("{} here", setting(sysctl, live))),
        Topic::Counter(counter) => Some(format!("{} so far", count(counter, live))),
        Topic::Sequence(_) => None,
    }
}

fn leaked(leaks: &LeakDigest) -> String {
    let names = leaks.owners.iter().filter_map(|one| match &one.kind {
        LeakOwnerKind::Process { pid, command, .. } => {
            let command = command.as_deref().unwrap_or("?");
            Some(format!("{}[{pid}]", safe(command)))
        }
        LeakOwnerKind::Unit(unit) => Some(safe(unit).into_owned()),
        LeakOwnerKind::Listener(port) => Some(format!("listener at port {port}")),
        LeakOwnerKind::Others { .. } | LeakOwnerKind::Unknown => None,
    });
    let names: Vec<String> = names.take(3).collect();
    let leaked = counted(leaks.counts.leaked(), "is", "are");
    if names.is_empty() {
        format!(", {leaked} leaked")
    } else {
        format!(", {leaked} leaked, by {}", names.join(", "))
    }
}

fn setting(sysctl: Sysctl, live: &Snapshot) -> String {
    let value = live.sysctls.get(sysctl);
    value.map_or_else(|| "unknown".to_owned(), grouped)
}

fn count(counter: Counter, live: &Snapshot) -> String {
    let value = live.counters.get(counter);
    value.map_or_else(|| "unknown".to_owned(), grouped)
}

/// Puts the counts into the fields of a line, each as wide as it was.
fn filled(drawing: &str, live: Option<&Snapshot>) -> String {
    let mut text = String::with_capacity(drawing.len());
    let mut rest = drawing;
    while let Some((before, field)) = rest.split_once('[') {
        let Some((field, after)) = field.split_once(']') else {
            break;
        };
        text.push_str(before);
        let name = field.trim_end();
        let total = name
            .parse::<TcpState>()
            .ok()
            .and_then(|state| live?.states.total_of(state));
        let shown = total.map_or_else(
            || name.to_owned(),
            |total| format!("{name} {}", grouped(total)),
        );
        let width = field.chars().count() + 2;
        text.push_str(&pad(&shown, width));
        rest = after;
    }
    text.push_str(rest);
    text.trim_end().to_owned()
}

/// A line of a drawing as the terminal can show it.
fn drawn(line: &str, style: &Style) -> String {
    if style.unicode {
        return line.to_owned();
    }
    let ascii = line.chars().map(|character| match character {
        '─' => '-',
        '│' => '|',
        '▶' => '>',
        '◀' => '<',
        '▼' => 'v',
        '┌' | '┐' | '└' | '┘' => '+',
        other => other,
    });
    ascii.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::rules::RULES;
    use crate::classify::testing::snapshot;

    fn on_terminal(unicode: bool) -> Style {
        Style {
            unicode,
            width: Some(80),
            ..Style::default()
        }
    }

    fn live() -> Snapshot {
        snapshot()
            .with_state(TcpState::Established, 1_284_000)
            .with_state(TcpState::CloseWait, 86)
            .with_sysctl(Sysctl::TcpTwReuse, 2)
            .with_counter(Counter::ListenDrops, 7)
            .build()
    }

    #[test]
    fn the_machine_has_the_counts_at_their_states() {
        insta::assert_snapshot!(machine(Some(&live()), &on_terminal(true)));
    }

    #[test]
    fn a_state_with_its_settings_and_what_is_here() {
        let topic_of = |word| Topic::find(word).unwrap();
        insta::assert_snapshot!(topic(
            topic_of("TIME_WAIT"),
            Some(&live()),
            &on_terminal(true)
        ));
        let reuse = topic(topic_of("tcp_tw_reuse"), Some(&live()), &on_terminal(true));
        assert!(
            reuse.starts_with("net.ipv4.tcp_tw_reuse   2 here\n"),
            "{reuse}"
        );
        let drops = topic(topic_of("ListenDrops"), Some(&live()), &on_terminal(true));
        assert!(drops.starts_with("ListenDrops   7 so far\n"), "{drops}");
    }

    #[test]
    fn nothing_of_this_host_is_shown_where_that_was_not_asked_for() {
        let text = topic(Topic::find("close-wait").unwrap(), None, &on_terminal(true));
        assert!(text.starts_with("CLOSE_WAIT\n"), "{text}");
        assert!(!text.contains("unknown"), "{text}");
    }

    /// cron's locale can show no more, and 80 columns are the narrowest that a
    /// drawing is made for.
    #[test]
    fn every_explanation_is_ascii_where_it_must_be_and_fits_eighty_columns() {
        let style = on_terminal(false);
        let topics = Topic::all().map(|one| topic(one, Some(&live()), &style));
        let rules = RULES.iter().map(|one| rule(one, Some(&live()), &style));
        for text in topics.chain(rules).chain([machine(Some(&live()), &style)]) {
            assert!(text.is_ascii(), "{text}");
            for line in text.lines() {
                assert!(line.len() <= 80, "{line}");
            }
        }
    }
}
