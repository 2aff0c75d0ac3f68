//! Ports by destination, for people.

use std::fmt::Write;

use super::super::super::table::{Cell, Column, Table, Width};
use super::super::super::views::PressureView;
use super::super::provenance::bound_unknown;
use super::super::survey::one_table;
use super::super::{Style, finding, table};
use crate::classify::Severity;
use crate::classify::ports::{CRITICAL, WARNING, why_not_reusable};
use crate::model::{Destination, Ports, Snapshot};
use crate::text::number::{counted, grouped, percent};
use crate::text::rate::rate;

/// From this share on a destination gets a second line.
const WORTH_A_LINE: f64 = 0.5;

/// The fullest destinations, and what takes ports out of the range.
pub(super) fn ports(view: &PressureView<'_>, top: usize, style: &Style) -> String {
    let Some(ports) = view.snapshot.pressure.ports.grouped() else {
        return String::new();
    };
    let mut text = String::new();
    let all = ports.destinations.as_slice();
    let shown = all.get(..top).unwrap_or(all);
    if ports.destinations.is_empty() {
        let line = match ports.left_out {
            0 if view.snapshot.states.total() == 0 => "no connections".to_owned(),
            0 => "no outgoing connection to show".to_owned(),
            others => format!(
                "no connection matches the filter, of {}",
                counted(others, "destination", "destinations")
            ),
        };
        let _ = writeln!(text, "PORTS  {line}");
    } else if !shown.is_empty() {
        let rates = view.previous.is_some();
        let rows: Vec<&Destination> = shown.iter().collect();
        let rows = described(&rows, view.snapshot, rates, false, style);
        text.push_str(&table(rows, style));
    }
    let more = ports.destinations.len() - shown.len();
    if more > 0 {
        let line = if shown.is_empty() {
            let all = counted(more as u64, "destination", "destinations");
            format!("PORTS  {all}: --top N, --json")
        } else {
            let more = counted(more as u64, "more destination", "more destinations");
            format!("{more}, none fuller: --top N, --json")
        };
        text.push_str(&style.faint(&line));
        text.push('\n');
    }
    for pool in &ports.shared_pools {
        let left = pool.free().map_or_else(String::new, |free| {
            format!("; {} are left", grouped(free.into()))
        });
        let whose = if pool.local_address.is_unspecified() {
            "of all local addresses together".to_owned()
        } else {
            format!("of {}", pool.local())
        };
        let line = format!(
            "{} {whose} seem to have been chosen by bind(), and are shared by {}{left}; \
             with IP_BIND_ADDRESS_NO_PORT each could use all ports",
            counted(pool.in_use.into(), "port", "ports"),
            counted(pool.destinations.into(), "destination", "destinations"),
        );
        finding::push_wrapped(&mut text, "", 0, &line, style);
    }
    let taken = taken(ports, view.snapshot, style);
    finding::push_wrapped(&mut text, "", 0, &taken, style);
    text
}

/// The fullest destinations of every namespace, `top` of each.
pub(super) fn ports_of_all<'a>(
    views: impl Iterator<Item = (&'a str, PressureView<'a>)>,
    top: usize,
    style: &Style,
) -> String {
    let tables = views.filter_map(|(name, view)| {
        let ports = view.snapshot.pressure.ports.grouped()?;
        let shown: Vec<&Destination> = ports.destinations.iter().take(top).collect();
        let rates = view.previous.is_some();
        let rows = described(&shown, view.snapshot, rates, false, style);
        (!rows.rows.is_empty()).then(|| rows.within("NETNS", name))
    });
    one_table(tables, style)
}

/// Destinations with the ports that they take. `rates`: there was a sample
/// before. Where the rows are seen live, what would have lines of its own has
/// columns.
pub(crate) fn described(
    shown: &[&Destination],
    snapshot: &Snapshot,
    rates: bool,
    live: bool,
    style: &Style,
) -> Table {
    let arrow = style.arrow();
    Table::new(
        shown,
        [
            (
                Column::words("PORTS  towards", 0)
                    .wide(Width::OwnLine)
                    .only_if(!live),
                &|to| Cell::text(format!("{} {arrow} {}", to.local(), to.remote)),
            ),
            (Column::words("from", 6).only_if(live), &|to| {
                Cell::text(to.local())
            }),
            (Column::words("towards", 0).only_if(live), &|to| {
                Cell::text(to.remote.to_string())
            }),
            (Column::number("in use", 2), &|to| {
                Cell::text(grouped(to.in_use.into()))
            }),
            (Column::number("usable", 5), &|to| {
                Cell::known(to.usable.map(|usable| grouped(usable.into())))
            }),
            (Column::number("used", 1), &|to| {
                let cell = Cell::known(to.used_ratio().map(percent));
                match severity(to) {
                    Some(severity) => cell.toned(severity),
                    None => cell,
                }
            }),
            (Column::number("free", 3).only_if(live), &|to| {
                Cell::known(to.free().map(|free| grouped(free.into())))
            }),
            (Column::number("TIME_WAIT", 3).only_if(live), &|to| {
                Cell::text(grouped(to.time_wait.into()))
            }),
            (Column::number("new/s", 6).only_if(live), &|to| {
                Cell::text(rate(to.entering_per_s()))
            }),
            (Column::number("growth", 4).only_if(rates), &|to| {
                Cell::known(to.growth_per_s.map(|growth| format!("{growth:+.1}/s")))
            }),
            (Column::words("at this rate", 3).only_if(rates), &|to| {
                Cell::text(full_in(to))
            }),
            (Column::below(), &|to| {
                let used = to.used_ratio();
                if used.is_some_and(|used| used < WORTH_A_LINE) {
                    Cell::text("")
                } else {
                    Cell::text(detail(to, snapshot))
                }
            }),
        ],
    )
}

/// How bad it is that so much of its ports is used.
fn severity(destination: &Destination) -> Option<Severity> {
    let used = destination.used_ratio()?;
    if used >= CRITICAL {
        Some(Severity::Critical)
    } else {
        (used >= WARNING).then_some(Severity::Warning)
    }
}

/// When no port is left, if it goes on so.
pub(crate) fn full_in(destination: &Destination) -> String {
    match destination.exhausted_in_s() {
        None => String::new(),
        Some(_) if destination.free() == Some(0) => "full now".to_owned(),
        Some(seconds) if seconds < 1.0 => "full in < 1 s".to_owned(),
        Some(seconds) if seconds < 120.0 => format!("full in {seconds:.0} s"),
        Some(seconds) if seconds < 7_200.0 => format!("full in {:.0} min", seconds / 60.0),
        Some(seconds) => format!("full in {:.0} h", seconds / 3_600.0),
    }
}

/// What holds the ports, and which rate they sustain.
pub(crate) fn detail(destination: &Destination, snapshot: &Snapshot) -> String {
    let mut parts = Vec::new();
    if destination.time_wait > 0 {
        let why = why_not_reusable(destination, snapshot);
        let reusable = match destination.reusable {
            0 => "none reusable".to_owned(),
            reusable => format!(
                "{} reusable if the peer uses timestamps",
                grouped(reusable.into())
            ),
        };
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let waiting = grouped(destination.time_wait.into());
        parts.push(format!("{waiting} in TIME_WAIT, {reusable}{why}"));
    }
    if let Some(free) = destination.free() {
        parts.push(format!("{} free", grouped(free.into())));
    }
    if let Some(rate) = destination.sustainable_per_s {
        let digits = usize::from(rate < 10.0);
        parts.push(format!(
            "sustains {rate:.digits$} new connections/s if we close first"
        ));
    }
    parts.join("; ")
}

/// What takes ports out of the range for everybody.
pub(crate) fn taken(ports: &Ports, snapshot: &Snapshot, style: &Style) -> String {
    let Some(range) = ports.settings.range else {
        return "ip_local_port_range is unknown, and so is the number of ports".to_owned();
    };
    let dash = if style.unicode { "–" } else { "-" };
    let mut causes = Vec::new();
    if let Some(listened @ 1..) = ports.listened {
        causes.push(counted(listened.into(), "listener", "listeners"));
    }
    if let Some(bound @ 1..) = ports.bound {
        causes.push(counted(bound.into(), "bound socket", "bound sockets"));
    }
    let reserved = ports.settings.reserved.as_ref();
    if let Some(reserved @ 1..) = reserved.map(|set| set.count_in(range)) {
        causes.push(counted(reserved.into(), "reservation", "reservations"));
    }
    let range = format!("{}{dash}{}", range.first, range.last);
    let unknown = if ports.bound.is_none() {
        format!("; {}", bound_unknown(snapshot))
    } else {
        String::new()
    };
    if causes.is_empty() {
        let bound = if ports.bound.is_some() {
            ", bound socket"
        } else {
            ""
        };
        format!("no listener{bound} or reservation takes a port of {range}{unknown}")
    } else {
        let causes = causes.join(", ");
        format!("ports of {range} are taken by {causes}{unknown}")
    }
}
