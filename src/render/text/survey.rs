//! All network namespaces: what stands above and below their table, and the
//! table of the summary.

use std::fmt::Write;

use super::super::table::{Cell, Column, Table, Tone, Width};
use super::finding::{self, push_wrapped};
use super::summary::verdict;
use super::{Style, push_line, table};
use crate::classify::{Assessment, Judged, Severity};
use crate::model::{Examined, Snapshot, Survey, Surveyed, TcpState};
use crate::text::number::{counted, elapsed, grouped};
use crate::text::{safe, wrap};

/// Of more holders of sockets that no namespace shows the rest is counted.
const HOLDERS: usize = 3;

/// The summary of every namespace: a row each, those with nothing folded, then
/// what is wrong in any of them.
#[must_use]
pub fn summary_of_all(survey: &Survey<Judged>, overall: &Assessment, style: &Style) -> String {
    let mut text = heading(survey, style);
    if let Some(verdict) = verdict(overall, style) {
        push_line(&mut text, &verdict);
    }
    text.push('\n');
    text.push_str(&table(rows(survey), style));
    text.push_str(&folded(survey, style));
    text.push('\n');
    text.push_str(&finding::findings(&overall.findings, style));
    text.push_str(&finding::verdicts(overall, style));
    text
}

/// How many there are, and what none of them accounts for.
pub(super) fn heading<T>(survey: &Survey<T>, style: &Style) -> String {
    let mut parts = Vec::new();
    parts.extend(survey.host.as_deref().map(|name| safe(name).into_owned()));
    let all = survey.namespaces.len() as u64;
    parts.push(counted(all, "network namespace", "network namespaces"));
    let sockets = survey.namespaces.iter().filter_map(Surveyed::sockets);
    parts.push(counted(sockets.sum(), "TCP socket", "TCP sockets"));
    parts.push(elapsed(survey.elapsed));
    let line = parts.join(&format!(" {} ", style.dot()));
    let lines = wrap(&line, style.width.unwrap_or(usize::MAX));
    let mut text = String::new();
    push_line(&mut text, &style.strong(&lines.join("\n")));
    if let Some(sentence) = unaccounted(survey) {
        push_wrapped(&mut text, "", 0, &sentence, style);
    }
    text
}

/// That sockets are where nobody looked, and who has them.
fn unaccounted<T>(survey: &Survey<T>) -> Option<String> {
    let left = &survey.unaccounted;
    let at_most = left.at_most.filter(|&sockets| sockets > 0)?;
    let mut sentence = format!(
        "up to {} of the host {} in none of them: not connected, or in namespaces that only \
         sockets keep",
        counted(at_most, "TCP socket", "TCP sockets"),
        if at_most == 1 { "is" } else { "are" },
    );
    if let Some(least @ 1..) = left.elsewhere_at_least {
        // A String takes all that is written to it.
        let _ = write!(sentence, " (about {} of them)", grouped(least));
    }
    let holders: Vec<String> = left
        .holders
        .iter()
        .take(HOLDERS)
        .map(|holder| {
            let command = holder.command.as_deref().unwrap_or("process");
            format!("{}[{}] has {}", safe(command), holder.pid, holder.sockets)
        })
        .collect();
    if !holders.is_empty() {
        let more = left.holders.len().saturating_sub(HOLDERS);
        let more = match more {
            0 => String::new(),
            more => format!(" and {}", counted(more as u64, "other", "others")),
        };
        let _ = write!(sentence, "; {}{more}", holders.join(", "));
    }
    Some(sentence)
}

/// The tables of several namespaces as one; nothing where none has a row.
pub(super) fn one_table(tables: impl IntoIterator<Item = Table>, style: &Style) -> String {
    let all = Table::together(tables);
    if all.rows.is_empty() {
        return String::new();
    }
    table(all, style)
}

/// How many have no row, and why.
pub(super) fn folded<T>(survey: &Survey<T>, style: &Style) -> String {
    let empty = survey.empty() as u64;
    let mut text = String::new();
    if empty > 0 {
        let line = format!("and {} empty", grouped(empty));
        push_line(&mut text, &style.faint(&line));
    }
    text
}

/// What a row of the table is about: a namespace, or all of them.
struct Row<'a> {
    name: &'a str,
    namespace: Option<&'a Surveyed<Judged>>,
    /// `None` where it wasn't read.
    count: &'a dyn Fn(TcpState) -> Option<u64>,
    leaked: Option<u64>,
}

fn leaked(snapshot: &Snapshot) -> Option<u64> {
    let leaks = snapshot.leaks.as_ref()?;
    leaks.counts.leaked_if_known()
}

fn rows(survey: &Survey<Judged>) -> Table {
    let shown: Vec<&Surveyed<Judged>> = survey
        .namespaces
        .iter()
        .filter(|one| !matches!(one.examined, Examined::Counters))
        .collect();
    let counts: Vec<_> = shown
        .iter()
        .map(|one| {
            let judged = one.examined.answer();
            move |state| judged?.snapshot.states.total_of(state)
        })
        .collect();
    let of_all = |state| {
        let of = |(_, judged): (_, &Judged)| judged.snapshot.states.total_of(state);
        survey.answers().map(of).sum()
    };
    let mut rows: Vec<Row<'_>> = shown
        .iter()
        .zip(&counts)
        .map(|(&one, count)| Row {
            name: one.name(),
            namespace: Some(one),
            count,
            leaked: one
                .examined
                .answer()
                .and_then(|judged| leaked(&judged.snapshot)),
        })
        .collect();
    if rows.len() > 1 {
        rows.push(Row {
            name: "total",
            namespace: None,
            count: &of_all,
            leaked: survey
                .answers()
                .map(|(_, judged)| leaked(&judged.snapshot))
                .sum(),
        });
    }
    let count = |row: &Row<'_>, state| Cell::known((row.count)(state).map(grouped));
    Table::new(
        &rows,
        [
            (Column::words("NETNS", 0).wide(Width::OwnLine), &|row| {
                let cell = Cell::text(row.name);
                match row.namespace {
                    Some(_) => cell,
                    None => cell.toned(Tone::Strong),
                }
            }),
            (Column::number("ESTABLISHED", 1), &|row| {
                count(row, TcpState::Established)
            }),
            (Column::number("CLOSE_WAIT", 2), &|row| {
                count(row, TcpState::CloseWait)
            }),
            (Column::number("LEAKED", 1), &|row| {
                Cell::known(row.leaked.map(grouped))
            }),
            (Column::number("TIME_WAIT", 3), &|row| {
                count(row, TcpState::TimeWait)
            }),
            (Column::number("LISTEN", 4), &|row| {
                count(row, TcpState::Listen)
            }),
            (Column::words("WORST", 1), &|row| {
                row.namespace.map_or(Cell::text(""), worst)
            }),
        ],
    )
}

/// The worst finding of a namespace, or why there is none.
fn worst(namespace: &Surveyed<Judged>) -> Cell {
    let Some(judged) = namespace.examined.answer() else {
        let why = namespace.examined.reason().unwrap_or("not read");
        return Cell::text(why).toned(Severity::Warning);
    };
    match judged.assessment.findings.first() {
        Some(finding) => {
            let severity = match finding.severity {
                Severity::Critical => "CRITICAL",
                Severity::Warning => "WARNING",
                Severity::Info => "info",
            };
            Cell::text(format!("{severity} {}", finding.rule)).toned(finding.severity)
        }
        None if judged.assessment.unknown.is_empty() => Cell::text("ok").toned(Tone::Good),
        None => Cell::text("unknown"),
    }
}
