//! The destinations as CSV, or the listeners, fullest first.

use std::rc::Rc;

use super::{Field, cell, lines, number};
use crate::classify::Judged;
use crate::classify::listeners::{SynEvidence, syn_limit, verdict};
use crate::model::{Destination, Listener, Survey, on_device};
use crate::render::views::PressureView;
use crate::text::safe;

/// A line a destination; a number that isn't known is empty.
///
/// # Errors
///
/// When the numbers can't be written as CSV, which memory alone could cause.
pub fn destinations(view: &PressureView<'_>) -> anyhow::Result<String> {
    destinations_of([("", *view)], 1)
}

/// The same of every namespace, its name first.
///
/// # Errors
///
/// As [`destinations`].
pub fn destinations_of_all(survey: &Survey<Judged>) -> anyhow::Result<String> {
    destinations_of(views(survey), 0)
}

fn views(survey: &Survey<Judged>) -> impl Iterator<Item = (&str, PressureView<'_>)> {
    let answers = survey.answers();
    answers.map(|(one, judged)| (one.name(), judged.into()))
}

/// Without the first columns.
fn destinations_of<'a>(
    views: impl IntoIterator<Item = (&'a str, PressureView<'a>)>,
    without: usize,
) -> anyhow::Result<String> {
    let real = |number: Option<f64>| number.map_or_else(String::new, |n| format!("{n:.4}"));
    let all = views.into_iter().flat_map(|(netns, view)| {
        let ports = view.snapshot.pressure.ports.grouped().into_iter();
        let destinations = ports.flat_map(|ports| &ports.destinations);
        destinations.map(move |to| (netns, to))
    });
    let fields: [Field<'_, (&str, &Destination)>; 15] = [
        ("netns", &|(netns, _)| cell(Some(netns))),
        ("local_address", &|(_, to)| to.local()),
        ("remote_address", &|(_, to)| to.remote.address.to_string()),
        ("remote_port", &|(_, to)| to.remote.port.to_string()),
        ("in_use", &|(_, to)| to.in_use.to_string()),
        ("time_wait", &|(_, to)| to.time_wait.to_string()),
        ("reusable", &|(_, to)| to.reusable.to_string()),
        ("usable", &|(_, to)| number(to.usable)),
        ("free", &|(_, to)| number(to.free())),
        ("used_ratio", &|(_, to)| real(to.used_ratio())),
        ("growth_per_s", &|(_, to)| real(to.growth_per_s)),
        ("exhausted_in_s", &|(_, to)| real(to.exhausted_in_s())),
        ("recent_time_wait", &|(_, to)| {
            to.recent_time_wait.to_string()
        }),
        ("bound_first", &|(_, to)| to.bound_first.to_string()),
        ("sustainable_per_s", &|(_, to)| real(to.sustainable_per_s)),
    ];
    lines(all, fields.get(without..).unwrap_or_default())
}

/// A line a listener; what isn't known is empty.
///
/// # Errors
///
/// When the lines can't be written as CSV, which memory alone could cause.
pub fn listeners(view: &PressureView<'_>) -> anyhow::Result<String> {
    listeners_of([("", *view)], 1)
}

/// The same of every namespace, its name first.
///
/// # Errors
///
/// As [`listeners`].
pub fn listeners_of_all(survey: &Survey<Judged>) -> anyhow::Result<String> {
    listeners_of(views(survey), 0)
}

/// Without the first columns.
fn listeners_of<'a>(
    views: impl IntoIterator<Item = (&'a str, PressureView<'a>)>,
    without: usize,
) -> anyhow::Result<String> {
    let all = views.into_iter().flat_map(|(netns, view)| {
        let evidence = Rc::new(view.syn_evidence());
        let listeners = view.snapshot.pressure.listeners.iter();
        let listeners = listeners.flat_map(|all| &all.listeners);
        listeners.map(move |one| (netns, one, Rc::clone(&evidence)))
    });
    let fields: [Field<'_, (&str, &Listener, Rc<SynEvidence>)>; 15] = [
        ("netns", &|(netns, ..)| cell(Some(netns))),
        ("local_address", &|(_, one, _)| {
            on_device(one.local.address, one.interface)
        }),
        ("local_port", &|(_, one, _)| one.local.port.to_string()),
        ("sockets", &|(_, one, _)| one.sockets.to_string()),
        ("full_sockets", &|(_, one, _)| number(one.full_sockets)),
        ("accept_queue", &|(_, one, _)| one.accept_queue.to_string()),
        ("accept_limit", &|(_, one, _)| number(one.accept_limit)),
        ("unaccepted", &|(_, one, _)| number(one.unaccepted)),
        ("dead", &|(_, one, _)| number(one.dead)),
        ("syn_recv", &|(_, one, _)| number(one.syn_recv)),
        ("syn_limit", &|(_, one, evidence)| {
            number(syn_limit(one, evidence))
        }),
        ("verdict", &|(_, one, evidence)| {
            verdict(one, evidence).key().to_owned()
        }),
        ("pids", &|(_, one, _)| {
            let pids = one.program.iter().flat_map(|program| &program.pids);
            let pids = pids.map(ToString::to_string);
            pids.collect::<Vec<_>>().join(" ")
        }),
        ("command", &|(_, one, _)| {
            let program = one.program.as_ref();
            let command = program.and_then(|program| program.command.as_deref());
            cell(command.map(safe).as_deref())
        }),
        ("unit", &|(_, one, _)| {
            let unit = one.unit(ToString::to_string);
            cell(unit.as_deref().map(safe).as_deref())
        }),
    ];
    lines(all, fields.get(without..).unwrap_or_default())
}
