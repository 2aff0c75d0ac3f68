//! Shows what was read and judged. Nothing here prints: every view gives text.
//!
//! Everything that came from outside (host names, process names, paths) goes
//! through [`safe()`] on its way to a terminal.

mod finding;
mod header;
pub mod leaks;
mod safe;
mod style;
pub mod summary;
pub mod watch;

pub use safe::safe;
pub use style::Style;

/// Adds a line to a text.
fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
