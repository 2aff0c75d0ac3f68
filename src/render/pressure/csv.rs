//! The destinations as CSV, fullest first.

use super::View;

/// A line a destination; a number that isn't known is empty.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn csv(view: &View<'_>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "local_address",
        "remote_address",
        "remote_port",
        "in_use",
        "time_wait",
        "reusable",
        "usable",
        "free",
        "used_ratio",
        "growth_per_s",
        "exhausted_in_s",
        "recent_time_wait",
        "bound_first",
        "sustainable_per_s",
    ])?;
    let whole = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
    let real = |number: Option<f64>| number.map_or_else(String::new, |n| format!("{n:.4}"));
    let ports = view.sample.pressure.ports.grouped();
    for destination in ports.into_iter().flat_map(|ports| &ports.destinations) {
        writer.write_record([
            destination.local_address.to_string(),
            destination.remote.address.to_string(),
            destination.remote.port.to_string(),
            destination.in_use.to_string(),
            destination.time_wait.to_string(),
            destination.reusable.to_string(),
            whole(destination.usable),
            whole(destination.free()),
            real(destination.used_ratio()),
            real(destination.growth_per_s),
            real(destination.exhausted_in_s()),
            destination.recent_time_wait.to_string(),
            destination.bound_first.to_string(),
            real(destination.sustainable_per_s),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
