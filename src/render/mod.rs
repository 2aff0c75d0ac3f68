//! Shows what was read and judged. Nothing here prints: every view gives text,
//! or writes to what it is given where the text could be as long as the table of
//! sockets.
//!
//! Everything that came from outside (host names, process names, paths) goes
//! through [`safe`](crate::text::safe) on its way to a terminal.

pub mod csv;
pub mod findings_page;
pub mod json;
pub mod list;
pub mod man;
mod perfdata;
pub mod plugin;
pub mod prometheus;
pub mod table;
pub mod text;
pub mod views;

pub use text::Style;

/// A share as a number from 0 to 1 and more; `None` of nothing, or of what
/// isn't known.
fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    part.zip(whole)
        .and_then(|(part, whole)| crate::model::ratio(part, whole))
}
