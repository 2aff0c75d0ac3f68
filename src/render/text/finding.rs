//! Findings as text.

use super::{Style, push_line};
use crate::classify::{Assessment, Finding, Severity};
use crate::text::safe;
use crate::text::width::columns_of;
use crate::text::wrap;

/// Columns below which labels stand on lines of their own.
const NARROW: usize = 60;
/// What then stands before the sentence.
const NARROW_INDENT: usize = 4;

/// Columns of the severity and the space behind it.
const INDENT: usize = 10;

/// The findings as text, worst first, an arrow before what to do.
pub(super) fn findings(findings: &[Finding], style: &Style) -> String {
    let mut text = String::new();
    for finding in findings {
        let label = match finding.severity {
            Severity::Critical => "CRITICAL",
            Severity::Warning => "WARNING",
            Severity::Info => "info",
        };
        let label = style.severity(finding.severity, &format!("{label:<INDENT$}"));
        push_wrapped(&mut text, &label, INDENT, &safe(&finding.message), style);
        let arrow = format!("{:INDENT$}{} ", "", style.arrow());
        let hanging = columns_of(&arrow);
        push_wrapped(&mut text, &arrow, hanging, &safe(&finding.advice), style);
    }
    text
}

/// One line that says what was judged and found well, one of what could not be
/// judged.
pub(super) fn verdicts(assessment: &Assessment, style: &Style) -> String {
    let mut text = String::new();
    if !assessment.fine.is_empty() {
        let label = style.good(&format!("{:<INDENT$}", "ok"));
        push_wrapped(
            &mut text,
            &label,
            INDENT,
            &assessment.fine.join(", "),
            style,
        );
    }
    if !assessment.unknown.is_empty() {
        let label = style.faint(&format!("{:<INDENT$}", "unknown"));
        let topics = format!(
            "{}: not enough data to judge",
            assessment.unknown.join(", ")
        );
        push_wrapped(&mut text, &label, INDENT, &topics, style);
    }
    for (topic, command) in &assessment.not_read {
        let label = style.faint(&format!("{:<INDENT$}", "unknown"));
        let topic = format!("{topic}: not judged here, but by {command}");
        push_wrapped(&mut text, &label, INDENT, &topic, style);
    }
    text
}

/// Adds a sentence behind a label that takes `hanging` columns, wrapped on a
/// terminal.
pub(super) fn push_wrapped(
    text: &mut String,
    label: &str,
    hanging: usize,
    sentence: &str,
    style: &Style,
) {
    let columns = style.width.unwrap_or(usize::MAX);
    // On a narrow terminal a column of words beside an empty one is hard to
    // read: the sentence gets lines of its own.
    if columns < NARROW && hanging > NARROW_INDENT {
        let label = label.trim();
        // An arrow alone on a line points at nothing.
        let (label, sentence) = if label == style.arrow() {
            ("", format!("{label} {}", sentence.trim_start()))
        } else {
            (label, sentence.trim_start().to_owned())
        };
        if !label.is_empty() {
            push_line(text, label);
        }
        let margin = " ".repeat(NARROW_INDENT);
        for line in wrap(&sentence, columns.saturating_sub(NARROW_INDENT)) {
            push_line(text, &format!("{margin}{line}"));
        }
        return;
    }
    let margin = " ".repeat(hanging);
    let lines = wrap(sentence, columns.saturating_sub(hanging));
    for (index, line) in lines.iter().enumerate() {
        text.push_str(if index == 0 { label } else { &margin });
        text.push_str(line);
        text.push('\n');
    }
}
