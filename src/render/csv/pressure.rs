//! The destinations as CSV, or the listeners, fullest first.

use super::cell;
use crate::classify::listeners::{syn_limit, verdict};
use crate::model::on_device;
use crate::render::views::PressureView;
use crate::text::safe;

/// A line a destination; a number that isn't known is empty.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn destinations(view: &PressureView<'_>) -> anyhow::Result<String> {
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
    let real = |number: Option<f64>| number.map_or_else(String::new, |n| format!("{n:.4}"));
    let ports = view.snapshot.pressure.ports.grouped();
    for destination in ports.into_iter().flat_map(|ports| &ports.destinations) {
        writer.write_record([
            destination.local(),
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

/// A line a listener; what isn't known is empty.
///
/// # Errors
///
/// When the lines can't be written as CSV, which memory alone could cause.
pub fn listeners(view: &PressureView<'_>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "local_address",
        "local_port",
        "sockets",
        "full_sockets",
        "accept_queue",
        "accept_limit",
        "unaccepted",
        "dead",
        "syn_recv",
        "syn_limit",
        "verdict",
        "pids",
        "command",
        "unit",
    ])?;
    let evidence = view.syn_evidence();
    let listeners = view.snapshot.pressure.listeners.as_ref();
    for listener in listeners.into_iter().flat_map(|all| &all.listeners) {
        let pids: Vec<String> = listener
            .pids
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let unit = listener.unit(ToString::to_string);
        let limit = syn_limit(listener, &evidence);
        writer.write_record([
            on_device(listener.local.address, listener.interface),
            listener.local.port.to_string(),
            listener.sockets.to_string(),
            whole(listener.full_sockets),
            listener.accept_queue.to_string(),
            whole(listener.accept_limit),
            whole(listener.unaccepted),
            whole(listener.dead),
            whole(listener.syn_recv),
            limit.map_or_else(String::new, |limit| limit.to_string()),
            verdict(listener, &evidence).key().to_owned(),
            pids.join(" "),
            cell(listener.command.as_deref().map(safe).as_deref()),
            cell(unit.as_deref().map(safe).as_deref()),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn whole(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
