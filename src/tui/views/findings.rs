//! Findings: what is wrong now, and what appeared and cleared.

use std::time::{Duration, SystemTime};

use ratatui::text::{Line, Span};

use super::super::screen::FrameContext;
use super::super::widgets::{cut, labelled, wrapped};
use crate::classify::history::{Event, EventKind, Latest};
use crate::classify::{Finding, Severity};
use crate::render::table::Tone;
use crate::text::rate::clock;
use crate::text::safe;

/// Columns of a severity and the space behind it.
const LABEL: u16 = 10;

/// A finding that cleared keeps its place on a full screen for so long.
const RECENT: Duration = Duration::from_secs(60);

/// What is wrong now, worst first, each finding in a line at least, then what
/// happened, newest first: more lines than there are, where not all of it fits.
pub(super) fn findings(
    context: &FrameContext<'_>,
    latest: &Latest,
    columns: u16,
    room: usize,
) -> Vec<Line<'static>> {
    let columns = columns.saturating_sub(LABEL);
    let now = latest.snapshot.taken_at;
    let events = context.timeline.events();
    let reserved = events.newest_first().next().is_some_and(|event| {
        event.kind == EventKind::Cleared && is_recent(event.at, now) && room > 1
    });
    let assessment = &latest.assessment;
    let mut lines = Vec::new();
    let mut below = assessment.findings.len() + usize::from(reserved);
    for finding in &assessment.findings {
        below -= 1;
        let most = room.saturating_sub(lines.len() + below).max(1);
        lines.extend(finding_lines(context, finding, columns, most));
    }
    if assessment.findings.is_empty() && !assessment.fine.is_empty() {
        let fine = wrapped(&assessment.fine.join(", "), columns, Tone::Plain);
        lines.extend(labelled("ok", LABEL, Tone::Good, fine));
    }
    let not_read = assessment.not_read.iter().map(|(topic, _)| *topic);
    let unknown: Vec<&str> = assessment.unknown.iter().copied().chain(not_read).collect();
    if !unknown.is_empty() && room > lines.len() + usize::from(reserved) {
        let unknown = vec![Line::raw(unknown.join(", "))];
        lines.extend(labelled("unknown", LABEL, Tone::Faint, unknown));
    }
    let left = room.saturating_sub(lines.len());
    let events = events.newest_first().take(left);
    lines.extend(events.map(|event| event_line(event, context)));
    lines
}

fn is_recent(at: Option<SystemTime>, now: Option<SystemTime>) -> bool {
    // A clock that was set back doesn't make an event old.
    at.zip(now)
        .is_some_and(|(at, now)| now.duration_since(at).unwrap_or_default() < RECENT)
}

/// A finding in as many lines as it needs, or may have.
fn finding_lines(
    context: &FrameContext<'_>,
    finding: &Finding,
    columns: u16,
    most: usize,
) -> Vec<Line<'static>> {
    let (label, tone) = match finding.severity {
        Severity::Critical => ("CRITICAL", Tone::Critical),
        Severity::Warning => ("WARNING", Tone::Warning),
        Severity::Info => ("info", Tone::Plain),
    };
    let mut text = safe(&finding.message).into_owned();
    if let Some(since) = context.timeline.events().since(finding) {
        text = format!("since {} {text}", clock(Some(since)));
    }
    let mut lines = wrapped(&text, columns, Tone::Plain);
    if !cut(&mut lines, most) {
        let advice = format!("{} {}", context.style.arrow(), safe(&finding.advice));
        lines.extend(wrapped(&advice, columns, Tone::Plain));
        lines.truncate(most);
    }
    labelled(label, LABEL, tone, lines)
}

fn event_line(event: &Event, context: &FrameContext<'_>) -> Line<'static> {
    let (word, tone) = match event.kind {
        EventKind::Appeared => ("appeared", event.finding.severity.into()),
        EventKind::Worsened => ("worse", event.finding.severity.into()),
        EventKind::Eased => ("better", Tone::Good),
        EventKind::Cleared => ("cleared", Tone::Good),
    };
    let subject = safe(&event.finding.subject);
    let dot = context.style.dot();
    Line::from(vec![
        Span::styled(format!("{:<10}", clock(event.at)), Tone::Faint),
        Span::styled(format!("{word:<10}"), tone),
        Span::raw(format!("{subject} {dot} {}", event.finding.rule)),
    ])
}
