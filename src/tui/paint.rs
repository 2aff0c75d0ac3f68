//! Writing into a frame: clipped, and in colours that any background bears.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style as CellStyle};

use crate::classify::Severity;
use crate::render::Style;
pub(super) use crate::text::width::columns_of as width;
use crate::text::wrap;

/// What a text means to the eye. Colours are the terminal's own named ones,
/// which its owner chose to be read on its background; nothing is said by a
/// colour alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// Steps forward.
    Strong,
    /// Steps back.
    Faint,
    /// Has just changed.
    Fresh,
    Good,
    Warning,
    Critical,
    /// The row that the arrows are at, or the tab that is open.
    Chosen,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Plain,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// A frame to write into.
pub(super) struct Painter<'a> {
    buffer: &'a mut Buffer,
    pub(super) style: Style,
}

impl<'a> Painter<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, style: Style) -> Self {
        Self { buffer, style }
    }

    /// Writes on the first line of an area, as far as it reaches, and gives
    /// the columns that were taken. Text that is cut ends in an ellipsis.
    pub(super) fn text(&mut self, area: Rect, text: &str, tone: Tone) -> u16 {
        let area = area.intersection(self.buffer.area);
        if area.is_empty() {
            return 0;
        }
        let wanted = width(text);
        let room = usize::from(area.width);
        let style = self.cell_style(tone);
        let (x, _) = if wanted <= room {
            self.buffer.set_stringn(area.x, area.y, text, room, style)
        } else {
            let ellipsis = self.ellipsis();
            let kept = room.saturating_sub(width(ellipsis));
            let (x, y) = self.buffer.set_stringn(area.x, area.y, text, kept, style);
            let left = usize::from(area.right().saturating_sub(x));
            self.buffer.set_stringn(x, y, ellipsis, left, style)
        };
        x.saturating_sub(area.x)
    }

    /// Writes several texts one after the other.
    pub(super) fn texts(&mut self, mut area: Rect, texts: &[(&str, Tone)]) -> u16 {
        let start = area.x;
        for (text, tone) in texts {
            let taken = self.text(area, text, *tone);
            area = from_column(area, taken);
        }
        area.x - start
    }

    /// Writes what must be known of rows above these, and gives what is left for
    /// them. On a small screen they matter more.
    pub(super) fn above(&mut self, area: Rect, text: &str) -> Rect {
        let mut lines = wrap(text, usize::from(area.width));
        cut(&mut lines, usize::from(area.height / 3).max(1));
        let mut taken = 0;
        for line in lines {
            self.text(first_lines(from_line(area, taken), 1), &line, Tone::Plain);
            taken += 1;
        }
        below(area, taken)
    }

    /// Writes so that the text ends where the area does.
    pub(super) fn right(&mut self, area: Rect, text: &str, tone: Tone) {
        let taken = u16::try_from(width(text))
            .unwrap_or(u16::MAX)
            .min(area.width);
        self.text(from_column(area, area.width - taken), text, tone);
    }

    /// Gives a tone to what is there.
    pub(super) fn tint(&mut self, area: Rect, tone: Tone) {
        let style = self.cell_style(tone);
        self.buffer
            .set_style(area.intersection(self.buffer.area), style);
    }

    /// Blanks what is there.
    pub(super) fn wipe(&mut self, area: Rect) {
        for position in area.intersection(self.buffer.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
    }

    fn ellipsis(&self) -> &'static str {
        if self.style.unicode { "…" } else { ".." }
    }

    fn cell_style(&self, tone: Tone) -> CellStyle {
        let plain = CellStyle::new();
        let colored = |color| {
            if self.style.color {
                plain.fg(color)
            } else {
                plain
            }
        };
        match tone {
            Tone::Plain => plain,
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Faint => plain.add_modifier(Modifier::DIM),
            Tone::Fresh => colored(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Good => colored(Color::Green),
            Tone::Warning => colored(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Critical => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Chosen => plain.add_modifier(Modifier::REVERSED),
        }
    }
}

/// Leaves so many of some lines, and whether it had to: what is too much is
/// cut where the last line ends, and not where a word does.
pub(super) fn cut(lines: &mut Vec<String>, room: usize) -> bool {
    let is_too_much = lines.len() > room;
    if is_too_much {
        let tail = lines.split_off(room.saturating_sub(1)).join(" ");
        lines.push(tail);
    }
    is_too_much
}

/// What is left of an area behind so many columns.
pub(super) fn from_column(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect {
        x: area.x + columns,
        width: area.width - columns,
        ..area
    }
}

/// What is left of an area below so many lines.
pub(super) fn from_line(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect {
        y: area.y + lines,
        height: area.height - lines,
        ..area
    }
}

/// What is left of an area below so many lines that are about it, with a line of
/// air where there is room.
pub(super) fn below(area: Rect, lines: u16) -> Rect {
    let air = u16::from(area.height >= 8);
    from_line(area, lines + air)
}

/// So many lines of an area, from its top.
pub(super) fn first_lines(area: Rect, lines: u16) -> Rect {
    Rect {
        height: lines.min(area.height),
        ..area
    }
}
