//! The destinations as CSV, or the listeners, fullest first.

use super::{cell, lines, number};
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
    let real = |number: Option<f64>| number.map_or_else(String::new, |n| format!("{n:.4}"));
    let ports = view.snapshot.pressure.ports.grouped();
    lines(
        ports.into_iter().flat_map(|ports| &ports.destinations),
        &[
            ("local_address", &|to| to.local()),
            ("remote_address", &|to| to.remote.address.to_string()),
            ("remote_port", &|to| to.remote.port.to_string()),
            ("in_use", &|to| to.in_use.to_string()),
            ("time_wait", &|to| to.time_wait.to_string()),
            ("reusable", &|to| to.reusable.to_string()),
            ("usable", &|to| number(to.usable)),
            ("free", &|to| number(to.free())),
            ("used_ratio", &|to| real(to.used_ratio())),
            ("growth_per_s", &|to| real(to.growth_per_s)),
            ("exhausted_in_s", &|to| real(to.exhausted_in_s())),
            ("recent_time_wait", &|to| to.recent_time_wait.to_string()),
            ("bound_first", &|to| to.bound_first.to_string()),
            ("sustainable_per_s", &|to| real(to.sustainable_per_s)),
        ],
    )
}

/// A line a listener; what isn't known is empty.
///
/// # Errors
///
/// When the lines can't be written as CSV, which memory alone could cause.
pub fn listeners(view: &PressureView<'_>) -> anyhow::Result<String> {
    let evidence = view.syn_evidence();
    let listeners = view.snapshot.pressure.listeners.as_ref();
    lines(
        listeners.into_iter().flat_map(|all| &all.listeners),
        &[
            ("local_address", &|one| {
                on_device(one.local.address, one.interface)
            }),
            ("local_port", &|one| one.local.port.to_string()),
            ("sockets", &|one| one.sockets.to_string()),
            ("full_sockets", &|one| number(one.full_sockets)),
            ("accept_queue", &|one| one.accept_queue.to_string()),
            ("accept_limit", &|one| number(one.accept_limit)),
            ("unaccepted", &|one| number(one.unaccepted)),
            ("dead", &|one| number(one.dead)),
            ("syn_recv", &|one| number(one.syn_recv)),
            ("syn_limit", &|one| number(syn_limit(one, &evidence))),
            ("verdict", &|one| verdict(one, &evidence).key().to_owned()),
            ("pids", &|one| {
                let pids = one.pids.iter().flatten().map(ToString::to_string);
                pids.collect::<Vec<_>>().join(" ")
            }),
            ("command", &|one| {
                cell(one.command.as_deref().map(safe).as_deref())
            }),
            ("unit", &|one| {
                let unit = one.unit(ToString::to_string);
                cell(unit.as_deref().map(safe).as_deref())
            }),
        ],
    )
}
