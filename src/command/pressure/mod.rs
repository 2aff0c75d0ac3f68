//! `tcpstate pressure`: what is about to run out?

use anyhow::bail;

use super::{Outcome, outcome, output, source};
use crate::classify::{Judged, assess, overall};
use crate::cli::{CommonArgs, PressureArgs, PressureFormat};
use crate::collect::{self, Connections, ListenerNames, Namespace, Question};
use crate::model::{HostWide, NetnsCounts, Part};
use crate::render::text::{self, provenance};
use crate::render::views::PressureView;
use crate::render::{csv, json};

/// Prints what is about to run out.
pub(super) fn run(common: &CommonArgs, args: &PressureArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, PressureFormat::Json)?;
    if source::wants_all(common) {
        return look_at_all(common, args, format);
    }
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
    let judged = read(common, args, namespace)?;
    let (snapshot, assessment) = (&judged.snapshot, &judged.assessment);
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
        output::note(&provenance::of_counts(snapshot));
    }
    let view = PressureView::from(&judged);
    let text = match format {
        PressureFormat::Table => text::pressure(&view, args.top, &output::style(common.color)),
        PressureFormat::Json => json::pressure(&view)?,
        PressureFormat::Csv => csv::destinations(&view)?,
        PressureFormat::CsvListeners => csv::listeners(&view)?,
    };
    output::print(&text)?;
    Ok(outcome(common, assessment))
}

fn read(common: &CommonArgs, args: &PressureArgs, namespace: Namespace) -> anyhow::Result<Judged> {
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
    Ok(Judged {
        assessment: assess(&snapshot, earlier.as_ref()),
        previous: earlier,
        snapshot,
    })
}

fn look_at_all(
    common: &CommonArgs,
    args: &PressureArgs,
    format: PressureFormat,
) -> anyhow::Result<Outcome> {
    let wants = |counts: &NetnsCounts| counts.is_empty() != Some(true);
    let patience = source::Patience::new(format == PressureFormat::Json);
    let mut survey = source::survey(common, &wants, patience, |namespace| {
        let is_host = namespace.shows_host_limits();
        let mut judged = read(common, args, namespace)?;
        // What the whole host shares is told once.
        if !is_host {
            judged.snapshot.pressure.host_wide = HostWide::default();
            judged.assessment = assess(&judged.snapshot, judged.previous.as_ref());
        }
        Ok(judged)
    })?;
    survey.sort_by_urgency(Judged::worst);
    let overall = overall(&survey);
    let text = match format {
        PressureFormat::Table => {
            let style = output::style(common.color);
            text::pressure_of_all(&survey, &overall, args.top, &style)
        }
        PressureFormat::Json => json::pressure_of_all(&survey)?,
        PressureFormat::Csv => csv::destinations_of_all(&survey)?,
        PressureFormat::CsvListeners => csv::listeners_of_all(&survey)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &overall))
}
