//! The leaks: who forgot what, since when, and how that is known.

mod listing;
mod notes;
mod owners;
pub(crate) mod phrases;

use super::super::views::LeaksView;
use super::finding::push_wrapped;
use super::provenance::defects;
use super::{Style, push_line, survey};
use crate::classify::Severity;
use crate::model::{Process, Survey, Verdict, VerdictCounts};
use crate::text::number::{counted, grouped};
use crate::text::safe;
use crate::text::wrap;

/// Columns before what stands on a line of its own below another.
const INDENT: usize = 4;

/// The verdict first, then who, then what may be behind it, then what was
/// spared and why, then what to type next.
#[must_use]
pub fn leaks(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    let report = view.report;
    let severity = (report.counts.leaked() > 0).then_some(Severity::Warning);
    let heading = heading(view);
    for line in wrap(&heading, style.width.unwrap_or(usize::MAX)) {
        let line = match severity {
            Some(severity) => style.severity(severity, &line),
            None => style.strong(&line),
        };
        push_line(&mut text, &line);
    }
    if let Some(defects) = defects(view.collection) {
        push_line(&mut text, &style.severity(Severity::Warning, &defects));
    }
    if let Some(selection) = &view.collection.selection {
        let words = safe(&selection.words);
        paragraph(
            &mut text,
            &format!("Only sockets that the filter selects: {words}"),
            style,
        );
    }
    if let Some(why) = phrases::unattributed(view.report, Some(view.as_root)) {
        paragraph(&mut text, &format!("Owner unknown: {why}"), style);
    }
    text.push_str(&listing::asked(view, style));
    text.push_str(&owners::processes(view, style));
    text.push_str(&owners::listeners(view, style));
    text.push_str(&owners::unattributed(view, style));
    if view.list_sockets {
        text.push_str(&listing::sockets(view, style));
    }
    let notes = notes::notes(view, style);
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&notes);
    }
    text
}

/// The leaks of every namespace: all processes in one table, then each namespace
/// with what may be behind it.
#[must_use]
pub fn leaks_of_all(survey: &Survey<LeaksView<'_>>, style: &Style) -> String {
    let mut text = survey::heading(survey, style);
    let counts = || survey.answers().map(|(_, view)| &view.report.counts);
    let leaked: u64 = counts().map(VerdictCounts::leaked).sum();
    let all = counts().map(VerdictCounts::total).sum();
    let all = counted(all, "CLOSE_WAIT socket", "CLOSE_WAIT sockets");
    let line = if leaked == 0 {
        style.strong(&format!("None of {all} is known to be leaked"))
    } else {
        let line = format!("{} of {all} leaked", grouped(leaked));
        style.severity(Severity::Warning, &line)
    };
    push_line(&mut text, &line);
    for (one, view) in survey.answers() {
        let undated = view.report.counts.of(Verdict::Undated);
        if undated > 0 {
            let name = safe(one.name());
            let line = format!("{name}: the age of {} isn't known", grouped(undated));
            push_line(&mut text, &line);
            let command = format!("tcpstate leaks{} --over 60s", safe(view.repeated));
            notes::arrow(&mut text, &command, "tells", style);
        }
    }
    let mut tables = Vec::new();
    let mut details = String::new();
    for (one, view) in survey.answers() {
        if view.report.counts.leaked() == 0 {
            continue;
        }
        let (rows, explained) = owners::in_namespace(one.name(), view, style);
        tables.extend((!rows.rows.is_empty()).then_some(rows));
        let name = safe(one.name());
        push_line(&mut details, &style.strong(&format!("\n{name}:")));
        details.push_str(&explained);
        details.push_str(&owners::listeners(view, style));
        details.push_str(&owners::unattributed(view, style));
        let command = format!("tcpstate leaks{}", safe(view.repeated));
        notes::arrow(&mut details, &command, "says all of it", style);
    }
    let rows = survey::one_table(tables, style);
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&rows);
    }
    text.push_str(&details);
    text
}

fn heading(view: &LeaksView<'_>) -> String {
    let report = view.report;
    let counts = &report.counts;
    if counts.total() == 0 {
        let such = if view.narrowed { "such " } else { "" };
        return format!("No {such}socket is in CLOSE_WAIT");
    }
    let all = counted(counts.total(), "CLOSE_WAIT socket", "CLOSE_WAIT sockets");
    let age = phrases::duration(report.min_age);
    let any = report.min_age.is_zero();
    let verdict = match counts.leaked() {
        0 if any => format!("None of {all} is known to be leaked (of any age)"),
        0 => format!("None of {all} is known to be leaked (in this state for {age} or longer)"),
        leaked => {
            let verb = if leaked == 1 { "is" } else { "are" };
            let age = if any {
                "of any age"
            } else {
                &format!("{age} or older")
            };
            format!("{} of {all} {verb} leaked ({age})", grouped(leaked))
        }
    };
    let attributed = if report.scan.is_none() {
        "owners unknown".to_owned()
    } else if report.unattributed.is_empty() {
        "all attributed".to_owned()
    } else {
        format!(
            "{} of {} attributed",
            grouped(report.attributed),
            grouped(counts.total())
        )
    };
    format!("{verdict}; {attributed}")
}

fn paragraph(text: &mut String, sentence: &str, style: &Style) {
    push_wrapped(text, "", 0, sentence, style);
}

/// `java[2231]`, made safe.
fn name(pid: u32, process: Option<&Process>) -> String {
    format!("{}[{pid}]", command(process))
}

/// What a process calls itself, made safe. A name of spaces is none to see.
fn command(process: Option<&Process>) -> String {
    let command = process.and_then(|process| process.command.as_deref());
    let command = command.filter(|command| !command.trim().is_empty());
    safe(command.unwrap_or("?")).into_owned()
}

/// `10.0.0.9:5432 ×78`; one is not counted.
fn times(what: &str, count: u64, style: &Style) -> String {
    let sign = if style.unicode { "×" } else { "x" };
    if count == 1 {
        what.to_owned()
    } else {
        format!("{what} {sign}{}", grouped(count))
    }
}

#[cfg(test)]
mod tests;
