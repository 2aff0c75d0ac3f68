//! How values are written in words: numbers, durations, widths, and text from
//! outside made safe.

pub mod number;
pub mod rate;
mod sanitize;
pub mod width;

pub use sanitize::{is_harmless, reason, safe, shell_word};
pub use width::wrap;
