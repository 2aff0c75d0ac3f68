//! Samples of `watch` as lines.

mod line;

pub use self::line::{LINES_PER_HEADER, line, line_header};

#[cfg(test)]
mod tests;
