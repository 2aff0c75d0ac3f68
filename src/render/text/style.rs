//! How output may look: colours, characters, width.

use super::super::table::Tone;
use crate::classify::Severity;
use crate::text::width::{beginning, columns_of};

/// Columns where nothing says how many there are.
const USUAL_WIDTH: usize = 80;

/// What the place of output can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// Whether more than ASCII may be used.
    pub unicode: bool,
    /// Columns of the terminal; `None` off a terminal, where nothing may be
    /// wrapped or cut.
    pub width: Option<usize>,
}

impl Style {
    /// Columns to fit pictures into. Text off a terminal is never cut to it.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.width.unwrap_or(USUAL_WIDTH)
    }

    /// Points at what to do.
    #[must_use]
    pub const fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// Stands where there is nothing to tell.
    #[must_use]
    pub const fn dash(&self) -> &'static str {
        if self.unicode { "–" } else { "-" }
    }

    /// Separates.
    #[must_use]
    pub const fn dot(&self) -> &'static str {
        if self.unicode { "·" } else { "-" }
    }

    /// A piece of a bar.
    #[must_use]
    pub const fn block(&self) -> &'static str {
        if self.unicode { "█" } else { "#" }
    }

    /// Stands behind the heading of the column that rows are sorted by.
    #[must_use]
    pub const fn sorted(&self) -> &'static str {
        if self.unicode { "▼" } else { "v" }
    }

    /// Stands where text was cut.
    #[must_use]
    pub const fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "~" }
    }

    /// Text that fits so many columns; what is cut ends in an ellipsis.
    #[must_use]
    pub fn cut(&self, text: &str, columns: usize) -> String {
        if columns_of(text) <= columns {
            return text.to_owned();
        }
        let kept = beginning(text, columns.saturating_sub(1));
        format!("{kept}{}", self.ellipsis())
    }

    /// Text in the colour of a severity.
    #[must_use]
    pub fn severity(&self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Critical => self.paint("1;31", text),
            Severity::Warning => self.paint("33", text),
            Severity::Info => self.paint("36", text),
        }
    }

    /// Text that says that something is well.
    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Text that steps forward.
    #[must_use]
    pub fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text that steps back.
    #[must_use]
    pub fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Text with a tone.
    #[must_use]
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Plain | Tone::Fresh => text.to_owned(),
            Tone::Faint => self.faint(text),
            Tone::Strong => self.strong(text),
            Tone::Good => self.good(text),
            Tone::Info => self.severity(Severity::Info, text),
            Tone::Warning => self.severity(Severity::Warning, text),
            Tone::Critical => self.severity(Severity::Critical, text),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
