//! `tcpstate summary`: how many connections are in each state, and is anything
//! wrong?

use super::{Outcome, outcome, output, source};
use crate::classify::{Judged, assess, overall};
use crate::cli::{CommonArgs, FilterArgs, SummaryArgs, SummaryFormat};
use crate::collect::{self, Connections, Namespace, Question};
use crate::model::{NetnsCounts, TcpState};
use crate::render::text::{self, provenance};
use crate::render::{csv, json};

/// Prints the summary.
pub(super) fn run(
    common: &CommonArgs,
    args: &SummaryArgs,
    filter: &FilterArgs,
) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, SummaryFormat::Json)?;
    let wanted = source::Wanted {
        words: &filter.words,
        ..source::Wanted::default()
    };
    if source::wants_all(common) {
        return summarize_all(common, args, wanted, format);
    }
    source::with(common, |namespace| {
        let namespace = source::select(namespace, common, &wanted)?;
        summarize(common, args, format, namespace)
    })
}

fn summarize(
    common: &CommonArgs,
    args: &SummaryArgs,
    format: SummaryFormat,
    mut namespace: Namespace,
) -> anyhow::Result<Outcome> {
    let snapshot = collect::read(&mut namespace, &question(args), &mut |_| {})?;
    if let Some(reason) = &snapshot.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages, cgroups and limits of accept queues \
             are unknown"
        ));
    }
    super::tell_defects(&snapshot.collection);
    if args.bound && snapshot.states.of(TcpState::BoundInactive).is_none() {
        output::note(provenance::bound_unknown(&snapshot));
    }
    if common.verbose > 0 {
        output::note(&provenance::of_counts(&snapshot));
    }
    let assessment = assess(&snapshot, None);
    let text = match format {
        SummaryFormat::Table => text::summary(&snapshot, &assessment, &output::style(common.color)),
        SummaryFormat::Json => json::summary(&snapshot, &assessment)?,
        SummaryFormat::Csv => csv::summary(&snapshot)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}

fn summarize_all(
    common: &CommonArgs,
    args: &SummaryArgs,
    wanted: source::Wanted<'_>,
    format: SummaryFormat,
) -> anyhow::Result<Outcome> {
    let wants = |counts: &NetnsCounts| counts.is_empty() != Some(true);
    let patience = source::Patience::new(format == SummaryFormat::Json);
    let mut survey = source::survey(common, &wants, patience, |namespace| {
        let mut namespace = source::select(namespace, common, &wanted)?;
        let question = Question {
            host_wide: namespace.shows_host_limits(),
            ..question(args)
        };
        let snapshot = collect::read(&mut namespace, &question, &mut |_| {})?;
        Ok(Judged {
            assessment: assess(&snapshot, None),
            previous: None,
            snapshot,
        })
    })?;
    survey.sort_by_urgency(Judged::worst);
    let overall = overall(&survey);
    let text = match format {
        SummaryFormat::Table => {
            text::summary_of_all(&survey, &overall, &output::style(common.color))
        }
        SummaryFormat::Json => json::summary_of_all(&survey)?,
        SummaryFormat::Csv => csv::summary_of_all(&survey)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &overall))
}

fn question(args: &SummaryArgs) -> Question<'static> {
    Question {
        connections: if args.exact {
            Connections::CountedOneByOne
        } else {
            Connections::Counted
        },
        bound: args.bound,
        ..Question::default()
    }
}
