//! Shows what was read and judged. Nothing here prints: every view gives text,
//! or writes to what it is given where the text could be as long as the table of
//! sockets.
//!
//! Everything that came from outside (host names, process names, paths) goes
//! through [`safe()`] on its way to a terminal.

mod bound;
mod cell;
pub mod check;
mod finding;
pub mod json;
pub mod leaks;
pub(crate) mod place;
pub mod pressure;
mod style;
pub mod summary;
pub mod table;
mod text;
pub mod watch;

pub use bound::bound_unknown;
pub use style::Style;

/// Adds a line to a text.
fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A share as a number from 0 to 1 and more; `None` of nothing, or of what
/// isn't known.
fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    part.zip(whole)
        .and_then(|(part, whole)| crate::model::ratio(part, whole))
}
