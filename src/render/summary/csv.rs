//! The summary as CSV: a line a state.

use crate::model::{Snapshot, StateCount};

/// `state,total,ipv4,ipv6`; a number that isn't known is empty.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn csv(snapshot: &Snapshot) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["state", "total", "ipv4", "ipv6"])?;
    let cell = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
    for (state, count) in snapshot.states.iter() {
        let part = |part: fn(StateCount) -> Option<u64>| cell(count.and_then(part));
        writer.write_record([
            state.key().to_owned(),
            part(|count| Some(count.total)),
            part(|count| count.ipv4),
            part(|count| count.ipv6),
        ])?;
    }
    let unknown = snapshot.states.unknown.to_string();
    writer.write_record(["unknown", &unknown, "", ""])?;
    Ok(String::from_utf8(writer.into_inner()?)?)
}
