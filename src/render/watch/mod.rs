//! What `watch` shows: documents and lines for streams, frames for a terminal.

mod json;
mod line;
mod number;

pub use self::json::json;
pub use self::line::{LINES_PER_HEADER, line, line_header};

#[cfg(test)]
mod tests;
