//! How values are written in words: numbers, durations, widths, and text from
//! outside made safe.

pub mod duration;
pub mod number;
mod os_error;
pub mod rate;
mod sanitize;
pub mod width;
mod wrap;

pub use os_error::reason;
pub use sanitize::{is_harmless, safe};
pub use wrap::wrap;
