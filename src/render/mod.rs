//! Shows what was read and judged. Nothing here prints: every view gives text.
//!
//! Everything that came from outside (host names, process names, paths) goes
//! through [`safe()`] on its way to a terminal.

mod finding;
mod header;
pub mod leaks;
pub mod pressure;
mod safe;
mod style;
pub mod summary;

pub use safe::safe;
pub use style::Style;

/// A share as a number from 0 to 1 and more; `None` of nothing, or of what
/// isn't known.
#[expect(clippy::cast_precision_loss, reason = "counts here are below 2^53")]
fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0)?;
    Some(part? as f64 / whole as f64)
}
