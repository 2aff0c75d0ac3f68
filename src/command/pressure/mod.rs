//! `tcpstate pressure`: what is about to run out?

use anyhow::bail;

use super::{Outcome, outcome, output, source};
use crate::classify::assess;
use crate::cli::{CommonArgs, PressureArgs, PressureFormat};
use crate::collect::{self, Connections, ListenerNames, Namespace, Question};
use crate::model::Part;
use crate::render::text::{self, provenance};
use crate::render::views::PressureView;
use crate::render::{csv, json};

/// Prints what is about to run out.
pub(super) fn run(common: &CommonArgs, args: &PressureArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, PressureFormat::Json)?;
    source::with(common, |namespace| look(common, args, format, namespace))
}

fn look(
    common: &CommonArgs,
    args: &PressureArgs,
    format: PressureFormat,
    namespace: Namespace,
) -> anyhow::Result<Outcome> {
    if args.over.is_some() && !namespace.is_live() {
        bail!("a recorded dump shows one moment: leave out --over");
    }
    let wanted = source::Wanted {
        words: &args.filter.words,
        listen_port: &args.listen_port,
        remote: &args.remote,
        apart: true,
        ..source::Wanted::default()
    };
    let mut namespace = source::select(namespace, common, &wanted)?;
    let question = Question {
        connections: Connections::Grouped,
        bound: args.bound,
        listeners: if args.processes {
            ListenerNames::Programs
        } else {
            ListenerNames::ProgramsInTrouble
        },
        ..Question::default()
    };
    let (earlier, snapshot) = match args.over {
        None => (None, collect::read(&mut namespace, &question, &mut |_| {})?),
        Some(over) => {
            let (first, second) = collect::read_twice(&mut namespace, &question, over.0)?;
            (Some(first), second)
        }
    };
    if let Some(reason) = &snapshot.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: limits of accept queues and bound sockets \
             are unknown"
        ));
    }
    super::tell_defects(&snapshot.collection);
    for (part, why) in &snapshot.missing {
        if *part == Part::Programs {
            output::note(&format!("the programs behind listeners are unknown: {why}"));
        }
    }
    if common.verbose > 0 {
        output::note(&provenance::of_counts(&snapshot));
    }
    let assessment = assess(&snapshot, earlier.as_ref());
    let view = PressureView {
        snapshot: &snapshot,
        previous: earlier.as_ref(),
        assessment: &assessment,
    };
    let text = match format {
        PressureFormat::Table => text::pressure(&view, args.top, &output::style(common.color)),
        PressureFormat::Json => json::pressure(&view)?,
        PressureFormat::Csv => csv::destinations(&view)?,
        PressureFormat::CsvListeners => csv::listeners(&view)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}
