//! Waiting for a condition, never for a time.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// How long the slowest machine may take. Nothing is measured against it: a condition that isn't
/// met by then never will be.
const DEADLINE: Duration = Duration::from_secs(60);

/// Polls until `condition` gives a value, and panics with what `condition` complained of last.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match condition() {
            Ok(value) => return value,
            Err(complaint) => assert!(
                start.elapsed() < DEADLINE,
                "waited {DEADLINE:?} for {what}; at last: {complaint}"
            ),
        }
        sleep(Duration::from_millis(2));
    }
}
