//! What `watch` shows: documents and lines for streams, frames for a terminal.

mod findings;
mod frame;
mod graph;
mod help;
mod leaks;
mod line;
mod listeners;
mod number;
mod overview;
mod paint;
mod ports;
mod process;
mod screen;
mod settings;
mod table;
mod time;

pub use self::frame::{Moment, frame};
pub use self::line::{LINES_PER_HEADER, line, line_header};
pub use self::screen::{Screen, Shown, Subject, View};

#[cfg(test)]
mod tests;
