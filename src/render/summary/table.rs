//! The summary for people.

use comfy_table::{CellAlignment, Table, presets};

use super::super::{Style, finding, safe};
use super::{counters, settings};
use crate::classify::{Assessment, Finding, Severity};
use crate::model::number::{counted, elapsed, grouped};
use crate::model::{CountMethod, Sample, SourceKind, StateCount, TcpState};

/// The longest bar, and the shortest that still says something.
const BAR: std::ops::RangeInclusive<usize> = 4..=24;

/// The whole summary.
#[must_use]
pub fn table(sample: &Sample, assessment: &Assessment, style: &Style) -> String {
    let mut text = String::new();
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = assessment
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    push_line(&mut text, &heading(sample, style));
    if !sample.collection.complete {
        push_line(
            &mut text,
            &style.severity(
                Severity::Warning,
                "incomplete: the kernel says that rows were lost",
            ),
        );
    }
    text.push('\n');
    // The verdict first when something is wrong, the numbers first when
    // nothing is.
    if !alarming.is_empty() {
        text.push_str(&finding::text(&alarming, style));
        text.push('\n');
    }
    text.push_str(&states(sample, assessment, style));
    text.push('\n');
    let details = details(sample, style);
    if !details.is_empty() {
        text.push_str(&details);
        text.push('\n');
    }
    text.push_str(&finding::text(&minor, style));
    text.push_str(&finding::verdicts(assessment, style));
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn heading(sample: &Sample, style: &Style) -> String {
    let dot = style.dot();
    let mut parts = Vec::new();
    let name = sample.host.name.as_deref().map(safe);
    let netns = sample
        .host
        .netns
        .as_ref()
        .and_then(|netns| netns.name.as_deref());
    match (name, netns) {
        (Some(name), Some(netns)) => parts.push(format!("{name}, netns {}", safe(netns))),
        (Some(name), None) => parts.push(name.into_owned()),
        (None, _) => {}
    }
    parts.push(counted(sample.states.total(), "TCP socket", "TCP sockets"));
    let source = match sample.collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "recorded dump",
    };
    let method = match sample.states.method {
        CountMethod::Derived => "with the kernel's own counts",
        CountMethod::Dump => "every socket read",
    };
    parts.push(format!("{source}, {method}, {}", elapsed(sample.elapsed)));
    style.strong(&parts.join(&format!(" {dot} ")))
}

/// The states that have sockets, the largest first, with a bar each; the others
/// in one line.
fn states(sample: &Sample, assessment: &Assessment, style: &Style) -> String {
    let mut present: Vec<(TcpState, StateCount)> = sample
        .states
        .iter()
        .filter_map(|(state, count)| Some((state, count?)))
        .filter(|(_, count)| count.total > 0)
        .collect();
    present.sort_by_key(|(_, count)| std::cmp::Reverse(count.total));
    let largest = present.first().map_or(0, |(_, count)| count.total);

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["STATE", "TOTAL", "IPv4", "IPv6"]);
    let number = |number: Option<u64>| number.map_or_else(|| style.dash().to_owned(), grouped);
    for (state, count) in &present {
        table.add_row([
            state.name().to_owned(),
            grouped(count.total),
            number(count.ipv4),
            number(count.ipv6),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if column.index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = table.lines();
    let mut text = String::new();
    let header = lines.next().unwrap_or_default();
    push_line(&mut text, &style.faint(header.trim_end()));
    for (line, (state, count)) in lines.zip(&present) {
        let leaks = sample.leaks.as_ref();
        let leaked = leaks
            .filter(|_| *state == TcpState::CloseWait)
            .map_or(0, |leaks| leaks.counts.leaked());
        push_line(
            &mut text,
            &state_line(
                &line,
                *state,
                count.total,
                largest,
                leaked,
                assessment,
                style,
            ),
        );
    }
    push_line(&mut text, &style.faint(&absent(sample, style)));
    text
}

fn state_line(
    line: &str,
    state: TcpState,
    total: u64,
    largest: u64,
    leaked: u64,
    assessment: &Assessment,
    style: &Style,
) -> String {
    let remark = match leaked {
        0 => String::new(),
        leaked => format!("  {} leaked", grouped(leaked)),
    };
    let taken = line.chars().count() + remark.chars().count();
    let room = style.columns().saturating_sub(taken);
    let room = room.clamp(*BAR.start(), *BAR.end());
    let bar = style.block().repeat(bar_length(total, largest, room)) + &remark;
    let worst = assessment
        .findings
        .iter()
        .filter(|finding| finding.state == Some(state))
        .map(|finding| finding.severity)
        .max();
    match worst {
        Some(severity) => style.severity(severity, &format!("{line}{bar}")),
        None => format!("{line}{bar}"),
    }
}

/// How many blocks of a bar: at least one for what isn't nothing.
fn bar_length(total: u64, largest: u64, room: usize) -> usize {
    let scaled = u128::from(total) * room as u128 / u128::from(largest.max(1));
    usize::try_from(scaled).unwrap_or(room).clamp(1, room)
}

fn absent(sample: &Sample, style: &Style) -> String {
    let names: Vec<&str> = sample
        .states
        .iter()
        .filter(|(_, count)| count.is_some_and(|count| count.total == 0))
        .map(|(state, _)| state.name())
        .collect();
    let mut text = String::new();
    if !names.is_empty() {
        text = format!("0 in {}", names.join(" "));
    }
    if sample.states.unknown > 0 {
        let unknown = counted(sample.states.unknown, "socket", "sockets");
        let separator = if text.is_empty() { "" } else { "; " };
        text = format!("{text}{separator}{unknown} in states that have no name here");
    }
    match style.width {
        Some(columns) => finding::wrap(&text, columns).join("\n"),
        None => text,
    }
}

/// TIME_WAIT, settings and counters, in aligned columns.
fn details(sample: &Sample, style: &Style) -> String {
    let rows = settings::rows(sample);
    let width = |width: fn(&(&str, String, String)) -> usize| rows.iter().map(width).max();
    let names = width(|(name, _, _)| name.len()).unwrap_or(0);
    let values = width(|(_, value, _)| value.len()).unwrap_or(0);
    let mut text = String::new();
    for (name, value, meaning) in &rows {
        let label = format!("{name:<names$}  {value:>values$}  ");
        finding::push_wrapped(&mut text, &label, label.len(), meaning, style);
    }
    let lines = counters::lines(&sample.counters);
    if !lines.is_empty() && !text.is_empty() {
        text.push('\n');
    }
    let headings = lines.iter().map(|line| line.heading.len()).max();
    let headings = headings.unwrap_or(0);
    for line in &lines {
        let label = format!("{:<headings$}  ", line.heading);
        finding::push_wrapped(&mut text, &label, label.len(), &line.text, style);
    }
    text
}
