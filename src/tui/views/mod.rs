//! The views: one file each, and the help.

mod findings;
pub(super) mod leaks;
pub(super) mod overview;
pub(super) mod pressure;
mod process;
pub(super) mod settings;

use ratatui::text::Line;

use super::widgets::labelled;
use crate::render::table::Tone;

/// Columns of keys and the space behind them.
const LABEL: u16 = 12;

const KEYS: [(&str, &str); 12] = [
    (
        "1 2 .. Tab",
        "the views, by their number or one after the other",
    ),
    ("j k arrows", "choose a row; PgUp PgDn Home End go further"),
    ("Enter", "more about the chosen row, Esc back"),
    ("/", "show only rows with this text; Esc shows all again"),
    ("s", "another order of the rows"),
    ("space", "pause: nothing is sampled until space goes on"),
    ("+ -", "sample less or more often"),
    ("^L ^Z", "draw everything anew; suspend, and fg comes back"),
    ("?", "this help"),
    ("w", "write the screen to a file, which is named"),
    (
        "mouse",
        "wheel and click choose, a second click opens; Shift selects text",
    ),
    ("q Ctrl-C", "quit"),
];

const WORDS: [&str; 8] = [
    "CHANGE is since the sample before, PER SECOND the same in a second.",
    "opened: connections that we began; accepted: others' that reached us;",
    "closed: those that left ESTABLISHED and CLOSE_WAIT; reset: the part of",
    "them that a reset ended; failed: our connects that failed, and handshakes",
    "with us that the client reset (port scans and health checks do that).",
    "CLOSE_WAIT: new, closed since, and stuck: there in both samples.",
    "A history fills its height with a change of a tenth at least.",
    "Times are UTC.",
];

/// The keys, and what the numbers mean.
pub(super) fn help() -> Vec<Line<'static>> {
    let keys = KEYS.into_iter().flat_map(|(keys, meaning)| {
        let meaning = vec![Line::raw(meaning)];
        labelled(keys, LABEL, Tone::Strong, meaning)
    });
    let words = WORDS
        .into_iter()
        .map(|text| Line::styled(text, Tone::Faint));
    keys.chain(words).collect()
}
