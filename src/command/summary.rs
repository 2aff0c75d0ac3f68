//! `tcpstate summary`: how many connections are in each state, and is anything
//! wrong?

use anyhow::bail;

use super::{Outcome, outcome, output, source};
use crate::classify::{Judged, assess, overall};
use crate::cli::{CommonArgs, FilterArgs, SummaryArgs, SummaryFormat};
use crate::collect::{self, Connections, GroupReading, Namespace, Question};
use crate::model::{GroupKey, GroupValue, NetnsCounts, NoGroup, TcpState};
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
        if !args.by.is_empty() {
            bail!("cannot group every network namespace at once: name one with --netns NAME");
        }
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
    let most = args.top.and_then(|top| usize::try_from(top).ok());
    let most = most.unwrap_or(usize::MAX);
    let grouped = if args.by.is_empty() {
        None
    } else {
        let reading = group(args, &mut namespace)?;
        let text = match format {
            SummaryFormat::Table => {
                text::groups(&reading.groups, most, &output::style(common.color))
            }
            SummaryFormat::Csv => csv::groups(&reading.groups, most)?,
            SummaryFormat::Json => String::new(),
        };
        if format != SummaryFormat::Json {
            super::tell_defects(&reading.collection);
            output::print(&text)?;
            return Ok(Outcome::Done);
        }
        Some(reading.groups)
    };
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
        SummaryFormat::Json => {
            let groups = grouped.as_ref().map(|groups| (groups, most));
            json::summary(&snapshot, &assessment, groups)?
        }
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

/// Counts by what sockets have in common, and says who can't be known.
fn group(args: &SummaryArgs, namespace: &mut Namespace) -> anyhow::Result<GroupReading> {
    let by_process = args.by.contains(&GroupKey::Process);
    if by_process && !namespace.is_live() {
        bail!("a recorded dump has no processes: leave out --by process");
    }
    let reading = collect::group(namespace, &args.by)?;
    let unseen = GroupValue::None(NoGroup::Unseen);
    let is_lacking = reading
        .groups
        .sorted()
        .iter()
        .any(|(values, _)| values.contains(&unseen));
    let owners = reading.owners.as_ref().filter(|_| is_lacking);
    if let Some(why) = owners.and_then(super::why_unowned) {
        output::note(&format!("some sockets have no known owner: {why}"));
    }
    Ok(reading)
}
