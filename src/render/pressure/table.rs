//! What is about to run out, for people.

use super::super::{Style, finding, place};
use super::{View, lines, listeners, ports};
use crate::classify::{Finding, Severity};
use crate::model::SourceKind;
use crate::text::number::{counted, elapsed};

/// The whole view; `top` destinations and listeners of each.
#[must_use]
pub fn table(view: &View<'_>, top: usize, style: &Style) -> String {
    let (alarming, minor): (Vec<Finding>, Vec<Finding>) = view
        .assessment
        .findings
        .iter()
        .cloned()
        .partition(|finding| finding.severity >= Severity::Warning);
    let mut text = heading(view, style);
    text.push('\n');
    if !view.snapshot.collection.complete {
        text.push_str(&style.severity(
            Severity::Warning,
            "incomplete: the kernel says that rows were lost",
        ));
        text.push('\n');
    }
    // The verdict first when something is wrong, the numbers first when
    // nothing is.
    let blocks = [
        finding::text(&alarming, style),
        ports::ports(view, top, style),
        listeners::listeners(view, top, style),
        lines::lines(view, style),
        finding::text(&minor, style) + &finding::verdicts(view.assessment, style),
    ];
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        text.push_str(block);
    }
    text
}

fn heading(view: &View<'_>, style: &Style) -> String {
    let snapshot = view.snapshot;
    let mut parts = Vec::new();
    parts.extend(place::place(&snapshot.host));
    parts.push(counted(
        snapshot.states.total(),
        "TCP socket",
        "TCP sockets",
    ));
    let source = match snapshot.collection.source {
        SourceKind::Netlink => "sock_diag",
        SourceKind::Procfs => "/proc/net/tcp",
        SourceKind::Replay => "recorded dump",
    };
    parts.push(format!("{source}, {}", elapsed(snapshot.elapsed)));
    let line = parts.join(&format!(" {} ", style.dot()));
    let lines = finding::wrap(&line, style.width.unwrap_or(usize::MAX));
    style.strong(&lines.join("\n"))
}
