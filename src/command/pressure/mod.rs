//! `tcpstate pressure`: what is about to run out?

pub(super) mod programs;

use std::borrow::Cow;
use std::thread;

use anyhow::bail;

use super::{Outcome, outcome, output, source};
use crate::classify::change::time_between;
use crate::classify::{assess, ports};
use crate::cli::{CommonArgs, PressureArgs, PressureFormat};
use crate::collect::ownership::{self, Budget};
use crate::collect::read_connections;
use crate::model::{PortReading, Snapshot};
use crate::render::{json, pressure, summary};

/// Prints what is about to run out.
pub(super) fn run(common: &CommonArgs, args: &PressureArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, PressureFormat::Json)?;
    let mut namespace = source::open(common)?;
    if args.over.is_some() && !namespace.is_live() {
        bail!("a recorded dump shows one moment: leave out --over");
    }
    let family = source::family(common);
    let mut read = || read_connections(&mut namespace, family, args.bound);
    let mut snapshot = read()?;
    let earlier = match args.over {
        None => None,
        Some(over) => {
            if let Some(read_at) = snapshot.read_at {
                thread::sleep(over.0.saturating_sub(read_at.elapsed()));
            }
            Some(std::mem::replace(&mut snapshot, read()?))
        }
    };
    if let Some(reason) = &snapshot.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: limits of accept queues and bound sockets \
             are unknown"
        ));
    }
    if let Some(earlier) = &earlier {
        compare(&mut snapshot, earlier);
    }
    keep(&mut snapshot, args);
    if let Some(proc_root) = namespace.proc_root() {
        let find = |inodes, hints| {
            ownership::find(proc_root, &inodes, &hints, Budget::Everywhere).map(Cow::Owned)
        };
        let (earlier, all) = (earlier.as_ref(), args.processes);
        let named = programs::name(&mut snapshot, earlier, proc_root, all, find);
        if let Err(error) = named {
            output::note(&format!(
                "the programs behind listeners are unknown: {error}"
            ));
        }
    }
    if common.verbose > 0 {
        output::note(&summary::provenance(&snapshot));
    }
    let assessment = assess(&snapshot, earlier.as_ref());
    let view = pressure::View {
        snapshot: &snapshot,
        previous: earlier.as_ref(),
        assessment: &assessment,
    };
    let text = match format {
        PressureFormat::Table => pressure::table(&view, args.top, &output::style(common.color)),
        PressureFormat::Json => json::pressure(&view)?,
        PressureFormat::Csv => pressure::csv(&view)?,
        PressureFormat::CsvListeners => pressure::csv_of_listeners(&view)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}

/// How ports grew since an earlier sample.
pub(super) fn compare(snapshot: &mut Snapshot, earlier: &Snapshot) {
    let time = time_between(snapshot, earlier);
    if let (PortReading::Grouped(now), Some(then), Some(time)) = (
        &mut snapshot.pressure.ports,
        earlier.pressure.ports.grouped(),
        time,
    ) {
        ports::compare(now, then, time);
    }
}

/// Leaves what the arguments ask for. After everything was counted: a bound
/// port counts whoever has it.
fn keep(snapshot: &mut Snapshot, args: &PressureArgs) {
    if let PortReading::Grouped(ports) = &mut snapshot.pressure.ports
        && !args.remote.is_empty()
    {
        let all = ports.destinations.len();
        ports.destinations.retain(|destination| {
            let mut wanted = args.remote.iter();
            wanted.any(|peer| peer.accepts(&destination.remote))
        });
        ports.left_out = (all - ports.destinations.len()) as u64;
    }
    if let Some(listeners) = &mut snapshot.pressure.listeners
        && !args.listen_port.is_empty()
    {
        listeners
            .listeners
            .retain(|listener| args.listen_port.contains(&listener.local.port));
    }
}
