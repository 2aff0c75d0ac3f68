//! What is about to run out: ports, queues, TIME_WAIT, memory.

mod lines;
pub(crate) mod listeners;
pub(crate) mod ports;

use super::super::views::PressureView;
use super::provenance::{defects, part, place, source_name};
use super::{Style, finding, push_line};
use crate::classify::{Finding, Severity};
use crate::text::number::{counted, elapsed};
use crate::text::wrap;

/// The whole view; `top` destinations and listeners of each.
#[must_use]
pub fn pressure(view: &PressureView<'_>, top: usize, style: &Style) -> String {
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = view
        .assessment
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    let mut text = heading(view, style);
    text.push('\n');
    if let Some(defects) = defects(&view.snapshot.collection) {
        push_line(&mut text, &style.severity(Severity::Warning, &defects));
    }
    // The verdict first when something is wrong, the numbers first when
    // nothing is.
    let blocks = [
        finding::findings(&alarming, style),
        ports::ports(view, top, style),
        listeners::listeners(view, top, style),
        lines::lines(view, style),
        finding::findings(&minor, style) + &finding::verdicts(view.assessment, style),
    ];
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        text.push_str(block);
    }
    text
}

fn heading(view: &PressureView<'_>, style: &Style) -> String {
    let snapshot = view.snapshot;
    let mut parts = Vec::new();
    parts.extend(place(&snapshot.host));
    parts.push(counted(
        snapshot.states.total(),
        "TCP socket",
        "TCP sockets",
    ));
    parts.extend(part(&snapshot.collection));
    let source = source_name(snapshot.collection.source);
    parts.push(format!("{source}, {}", elapsed(snapshot.elapsed)));
    let line = parts.join(&format!(" {} ", style.dot()));
    let lines = wrap(&line, style.width.unwrap_or(usize::MAX));
    style.strong(&lines.join("\n"))
}

#[cfg(test)]
mod tests;
