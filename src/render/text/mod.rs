//! Text for people: one file a subject.

mod check_list;
mod counters;
pub mod explain;
pub(crate) mod finding;
mod groups;
pub(crate) mod leaks;
pub mod list;
pub(crate) mod pressure;
pub mod provenance;
mod style;
pub(crate) mod summary;
mod survey;
mod table;
pub mod watch;

pub use self::check_list::check_list;
pub use self::groups::groups;
pub use self::leaks::{leaks, leaks_of_all};
pub use self::pressure::{pressure, pressure_of_all};
pub use self::style::Style;
pub use self::summary::summary;
pub use self::survey::summary_of_all;

use self::table::{cut, table};

/// Adds a line to a text.
fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
