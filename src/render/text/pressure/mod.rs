//! What is about to run out: ports, queues, TIME_WAIT, memory.

mod lines;
pub(crate) mod listeners;
pub(crate) mod ports;

use super::super::views::PressureView;
use super::{Style, finding, provenance, survey};
use crate::classify::{Assessment, Finding, Judged, Severity};
use crate::model::Survey;

/// The whole view; `top` destinations and listeners of each.
#[must_use]
pub fn pressure(view: &PressureView<'_>, top: usize, style: &Style) -> String {
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = view
        .assessment
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    let mut text = provenance::heading(view.snapshot, None, style);
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

/// The same of every namespace: its name before each row, and what the whole
/// host shares once.
#[must_use]
pub fn pressure_of_all(
    survey: &Survey<Judged>,
    overall: &Assessment,
    top: usize,
    style: &Style,
) -> String {
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = overall
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    let views = || {
        survey
            .answers()
            .map(|(one, judged)| (one.name(), judged.into()))
    };
    let mut text = survey::heading(survey, style);
    let blocks = [
        finding::findings(&alarming, style),
        ports::ports_of_all(views(), top, style),
        listeners::listeners_of_all(views(), top, style),
        lines::of_host(&survey.host_wide, style),
        finding::findings(&minor, style) + &finding::verdicts(overall, style),
        survey::folded(survey, style),
    ];
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        text.push_str(block);
    }
    text
}

#[cfg(test)]
mod tests;
