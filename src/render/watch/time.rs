//! Points in time on the screen: UTC, as in the documents.

use std::time::SystemTime;

use jiff::Timestamp;

/// `14:03:07`; empty where no time is known, or a clock stands outside the
/// years that have a name.
pub(super) fn clock(at: Option<SystemTime>) -> String {
    at.and_then(|at| Timestamp::try_from(at).ok())
        .map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string())
}
