//! Findings: what is wrong now, and what appeared and cleared.

use std::time::{Duration, SystemTime};

use ratatui::layout::Rect;

use super::super::moment::Moment;
use super::super::paint::{Painter, Tone, cut, first_lines, from_column, from_line};
use crate::classify::history::{Event, EventKind, Latest};
use crate::classify::{Finding, Severity};
use crate::text::number::counted;
use crate::text::rate::clock;
use crate::text::safe;
use crate::text::wrap;

/// Columns of a severity and the space behind it.
const LABEL: u16 = 10;

/// A finding that cleared keeps its place on a full screen for so long.
const RECENT: Duration = Duration::from_secs(60);

/// Draws what is wrong now, worst first, each finding in a line at least, then
/// what happened, newest first.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) {
    let mut rest = area;
    let now = latest.snapshot.taken_at;
    let events = moment.timeline.events();
    let reserved = events.newest_first().next().is_some_and(|event| {
        event.kind == EventKind::Cleared && is_recent(event.at, now) && area.height > 1
    });
    let findings = &latest.assessment.findings;
    let mut below = findings.len() + usize::from(reserved);
    for finding in findings {
        below -= 1;
        let kept = u16::try_from(below).unwrap_or(u16::MAX);
        let lines = rest.height.saturating_sub(kept).max(1);
        rest = draw_finding(painter, rest, lines, moment, finding);
    }
    if findings.is_empty() && !latest.assessment.fine.is_empty() {
        painter.text(first_lines(rest, 1), "ok", Tone::Good);
        let fine = latest.assessment.fine.join(", ");
        for line in wrap(&fine, usize::from(area.width.saturating_sub(LABEL))) {
            painter.text(first_lines(from_column(rest, LABEL), 1), &line, Tone::Plain);
            rest = from_line(rest, 1);
        }
    }
    if !latest.assessment.unknown.is_empty() && rest.height > u16::from(reserved) {
        let unknown = latest.assessment.unknown.join(", ");
        let texts = [("unknown   ", Tone::Faint), (unknown.as_str(), Tone::Plain)];
        painter.texts(first_lines(rest, 1), &texts);
        rest = from_line(rest, 1);
    }
    for event in events.newest_first() {
        if rest.is_empty() {
            break;
        }
        draw_event(painter, first_lines(rest, 1), event);
        rest = from_line(rest, 1);
    }
}

fn is_recent(at: Option<SystemTime>, now: Option<SystemTime>) -> bool {
    // A clock that was set back doesn't make an event old.
    at.zip(now)
        .is_some_and(|(at, now)| now.duration_since(at).unwrap_or_default() < RECENT)
}

/// A finding in as many lines as it needs, or may have; gives the area below.
fn draw_finding(
    painter: &mut Painter<'_>,
    area: Rect,
    lines: u16,
    moment: &Moment<'_>,
    finding: &Finding,
) -> Rect {
    let label = match finding.severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "info",
    };
    let own = first_lines(area, lines);
    painter.text(first_lines(own, 1), label, Tone::from(finding.severity));
    let mut text = safe(&finding.message).into_owned();
    if let Some(since) = moment.timeline.events().since(finding) {
        text = format!("since {} {text}", clock(Some(since)));
    }
    let mut rest = from_column(own, LABEL);
    let width = usize::from(rest.width);
    let mut wrapped = wrap(&text, width);
    if !cut(&mut wrapped, rest.height.into()) {
        let advice = format!("{} {}", painter.style.arrow(), safe(&finding.advice));
        wrapped.extend(wrap(&advice, width));
    }
    for line in wrapped {
        painter.text(first_lines(rest, 1), &line, Tone::Plain);
        rest = from_line(rest, 1);
        if rest.is_empty() {
            break;
        }
    }
    from_line(area, own.height - rest.height)
}

fn draw_event(painter: &mut Painter<'_>, area: Rect, event: &Event) {
    let word = match event.kind {
        EventKind::Appeared => "appeared",
        EventKind::Worsened => "worse",
        EventKind::Eased => "better",
        EventKind::Cleared => "cleared",
    };
    let tone = match event.kind {
        EventKind::Cleared | EventKind::Eased => Tone::Good,
        EventKind::Appeared | EventKind::Worsened => Tone::from(event.finding.severity),
    };
    let subject = safe(&event.finding.subject);
    let dot = painter.style.dot();
    let texts = [
        (format!("{:<10}", clock(event.at)), Tone::Faint),
        (format!("{word:<10}"), tone),
        (
            format!("{subject} {dot} {}", event.finding.rule),
            Tone::Plain,
        ),
    ];
    let texts: Vec<(&str, Tone)> = texts
        .iter()
        .map(|(text, tone)| (text.as_str(), *tone))
        .collect();
    painter.texts(area, &texts);
}

/// How many findings are there, for the heading.
pub(in crate::tui) fn verdict(latest: &Latest) -> Option<(String, Tone)> {
    let worst = latest
        .assessment
        .worst()
        .filter(|&worst| worst > Severity::Info)?;
    let alarming = latest
        .assessment
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .count();
    let count = u64::try_from(alarming).unwrap_or(u64::MAX);
    Some((counted(count, "finding", "findings"), Tone::from(worst)))
}
