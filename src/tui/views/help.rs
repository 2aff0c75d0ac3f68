//! The keys, explained.

use ratatui::layout::Rect;

use super::super::paint::{Painter, Tone, first_lines, from_column, from_line};

const KEYS: [(&str, &str); 12] = [
    (
        "1 2 .. Tab",
        "the views, by their number or one after the other",
    ),
    ("up down", "choose a row; PgUp PgDn Home End go further"),
    ("Enter", "more about the chosen row, Esc back"),
    ("/", "show only rows with this text; Esc shows all again"),
    ("s", "another order of the rows"),
    ("space", "pause: nothing is sampled until space goes on"),
    ("+ -", "sample less or more often"),
    ("Ctrl-L", "draw everything anew"),
    ("Ctrl-Z", "suspend; fg comes back"),
    ("?", "this help"),
    ("q Ctrl-C", "quit"),
    ("", ""),
];

const WORDS: [&str; 7] = [
    "CHANGE is since the sample before, PER SECOND the same in a second.",
    "opened: connections that we began; accepted: others' that reached us;",
    "closed: those that left ESTABLISHED and CLOSE_WAIT; reset: the part of",
    "them that a reset ended; refused: handshakes that failed, ours and others'.",
    "CLOSE_WAIT: new, closed since, and stuck: there in both samples.",
    "A history fills its height with a change of a tenth at least.",
    "Times are UTC.",
];

/// Draws the help.
pub(in crate::tui) fn draw(painter: &mut Painter<'_>, area: Rect) {
    let mut rest = area;
    for (keys, meaning) in KEYS {
        painter.text(first_lines(rest, 1), keys, Tone::Strong);
        painter.text(first_lines(from_column(rest, 12), 1), meaning, Tone::Plain);
        rest = from_line(rest, 1);
    }
    for words in WORDS {
        painter.text(first_lines(rest, 1), words, Tone::Faint);
        rest = from_line(rest, 1);
    }
}
