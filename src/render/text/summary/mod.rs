//! The summary: states, settings, counters, findings.

mod states;

use super::super::table::{Cell, Column, Table};
use super::{Style, counters, finding, provenance, push_line, table};
use crate::classify::{Assessment, Severity};
use crate::explain::settings;
use crate::model::ratio;
use crate::model::{CountMethod, Counter, Snapshot, Sysctl, TcpState};
use crate::text::number::{counted, grouped, percent};

/// The whole summary.
///
/// The findings are at the end, where a terminal shows them last, and the
/// first lines say that there are some.
#[must_use]
pub fn summary(snapshot: &Snapshot, assessment: &Assessment, style: &Style) -> String {
    let method = match snapshot.states.method {
        CountMethod::Derived => "with the kernel's own counts",
        CountMethod::Dump => "every socket read",
    };
    let mut text = provenance::heading(snapshot, Some(method), style);
    text.push_str(&elsewhere(snapshot, style));
    if let Some(verdict) = verdict(assessment, style) {
        push_line(&mut text, &verdict);
    }
    text.push('\n');
    text.push_str(&states::states(snapshot, assessment, style));
    text.push('\n');
    let details = details(snapshot, style);
    if !details.is_empty() {
        text.push_str(&details);
        text.push('\n');
    }
    text.push_str(&finding::findings(&assessment.findings, style));
    text.push_str(&finding::verdicts(assessment, style));
    text
}

/// Fewer sockets that are in no table are ones of this namespace that are not
/// connected, most likely.
const ELSEWHERE: u64 = 10;

/// That there is more on this host than is shown.
fn elsewhere(snapshot: &Snapshot, style: &Style) -> String {
    let mut text = String::new();
    if let Some(sockets) = snapshot
        .elsewhere_at_most
        .filter(|&count| count >= ELSEWHERE)
    {
        let sentence = format!(
            "up to {} in other network namespaces (containers), or not connected: \
             tcpstate summary --netns all",
            counted(sockets, "more TCP socket", "more TCP sockets")
        );
        finding::push_wrapped(&mut text, "", 0, &sentence, style);
    }
    text
}

/// How much is wrong, where something is.
pub(in crate::render::text) fn verdict(assessment: &Assessment, style: &Style) -> Option<String> {
    let worst = assessment.worst().filter(|&worst| worst > Severity::Info)?;
    let parts: Vec<String> = [
        (Severity::Critical, "CRITICAL"),
        (Severity::Warning, "WARNING"),
    ]
    .into_iter()
    .filter_map(|(severity, name)| {
        let of_it = |finding: &&crate::classify::Finding| finding.severity == severity;
        let count = assessment.findings.iter().filter(of_it).count();
        (count > 0).then(|| format!("{count} {name}"))
    })
    .collect();
    Some(style.severity(worst, &format!("{}, see below", parts.join(" and "))))
}

/// TIME_WAIT, settings and counters, in aligned columns.
fn details(snapshot: &Snapshot, style: &Style) -> String {
    let settings = Table::new(
        &settings_rows(snapshot),
        [
            (Column::words("", 0), &|(name, _, _)| Cell::text(*name)),
            (Column::number("", 0), &|(_, value, _)| Cell::text(value)),
            (Column::sentence("", 1), &|(_, _, meaning)| {
                Cell::text(meaning)
            }),
        ],
    );
    let counters = Table::new(
        &counters::lines(&snapshot.counters),
        [
            (Column::words("", 0), &|line| Cell::text(line.heading)),
            (Column::sentence("", 1), &|line| Cell::text(&line.text)),
        ],
    );
    let separator = match (settings.rows.is_empty(), counters.rows.is_empty()) {
        (false, false) => "\n",
        _ => "",
    };
    table(settings, style) + separator + &table(counters, style)
}

/// TIME_WAIT against its limit, and the settings: name, value, meaning.
pub(crate) fn settings_rows(snapshot: &Snapshot) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    rows.extend(time_wait(snapshot).map(|(count, rest)| ("TIME_WAIT", count, rest)));
    rows.extend(
        settings(&snapshot.sysctls, &snapshot.counters)
            .into_iter()
            .map(|setting| (setting.name, setting.value, setting.meaning)),
    );
    rows
}

/// The buckets of TIME_WAIT against their limit: the count, and the words behind
/// it.
fn time_wait(snapshot: &Snapshot) -> Option<(String, String)> {
    let count = snapshot.states.minisockets?;
    let limit = snapshot.sysctls.get(Sysctl::TcpMaxTwBuckets)?;
    let used =
        ratio(count, limit).map_or_else(String::new, |ratio| format!(" ({})", percent(ratio)));
    let overflows = match snapshot.counters.get(Counter::TcpTimeWaitOverflow) {
        None => String::new(),
        Some(0) => ", none refused so far".to_owned(),
        Some(times) => format!(", {} refused so far", grouped(times)),
    };
    // FIN_WAIT2 with nobody behind it takes a bucket too: 70 buckets and no
    // TIME_WAIT puzzled.
    let others = snapshot
        .states
        .total_of(TcpState::TimeWait)
        .and_then(|time_wait| count.checked_sub(time_wait))
        .filter(|&others| others > 0)
        .map_or_else(String::new, |others| {
            format!(", {} of them for FIN_WAIT2", grouped(others))
        });
    let rest = format!("of {} buckets{used}{others}{overflows}", grouped(limit));
    Some((grouped(count), rest))
}

#[cfg(test)]
mod tests;
