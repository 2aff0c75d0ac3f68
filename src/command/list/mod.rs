//! `tcpstate list`: which connections?

mod waiting;

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::bail;

use self::waiting::Waiting;
use super::{Outcome, output, source};
use crate::cli::{CommonArgs, ListArgs, ListFormat};
use crate::collect::{self, ListQuestion, Namespace};
use crate::filter;
use crate::model::{Condition, Filter, ListColumn, ListFacts, ListStep, StateSet, TcpState};
use crate::render::csv::ListCsv;
use crate::render::json::ListJson;
use crate::render::list::ListOutput;
use crate::render::text::list::ListTable;
use crate::text::number::counted;

/// What ss shows where nothing else is asked for.
const CONNECTED: StateSet = StateSet::NONE
    .with(TcpState::Established)
    .with(TcpState::SynSent)
    .with(TcpState::FinWait1)
    .with(TcpState::FinWait2)
    .with(TcpState::CloseWait)
    .with(TcpState::LastAck)
    .with(TcpState::Closing);

/// Prints the sockets.
pub(super) fn run(common: &CommonArgs, args: &ListArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, ListFormat::Json)?;
    source::with(common, |namespace| show(common, args, format, namespace))
}

fn show(
    common: &CommonArgs,
    args: &ListArgs,
    format: ListFormat,
    namespace: Namespace,
) -> anyhow::Result<Outcome> {
    let (columns, details) = (args.columns(), args.details());
    let shown = [columns.as_slice(), &details].concat();
    let (question, mut namespace) = question(common, args, &shown, namespace)?;
    let host = namespace.host();
    let mut output: Box<dyn ListOutput> = match format {
        ListFormat::Table => {
            let style = output::style(common.color);
            let table = ListTable::new(&columns, &details, style, !args.no_header, args.oneline);
            Box::new(table)
        }
        ListFormat::Csv => Box::new(ListCsv::new(&shown, !args.no_header)),
        ListFormat::Json => Box::new(ListJson::new(&shown, &host, namespace.now(), false)),
        ListFormat::Ndjson => Box::new(ListJson::new(&shown, &host, namespace.now(), true)),
    };
    let waiting = Waiting::begin();
    let mut read = None;
    output::stream(|out| {
        let mut written = Ok(());
        let mut facts = None;
        let outcome = collect::list(
            &mut namespace,
            &question,
            waiting.progress(),
            &mut |step, known| {
                if matches!(step, ListStep::Begin(..)) {
                    waiting.list_begins();
                }
                written = write(output.as_mut(), step, known, out);
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            },
        );
        written?;
        if let Ok((end, known)) = &outcome {
            output.end(end, known, out)?;
            facts = note_of_owners(known);
        }
        read = Some(outcome.map(|(end, _)| (end, facts)));
        Ok(())
    })?;
    drop(waiting);
    // A reader that has enough of it closes the pipe.
    let Some(read) = read else {
        return Ok(Outcome::Done);
    };
    let (end, owners) = read?;
    if let Some(reason) = &end.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: cookies, interfaces, cgroups, tcp_info and \
             memory are unknown"
        ));
    }
    super::tell_defects(&end.collection);
    if let Some(note) = owners {
        output::note(&note);
    }
    Ok(Outcome::Done)
}

fn write(
    output: &mut dyn ListOutput,
    step: ListStep<'_>,
    facts: &ListFacts,
    out: &mut dyn Write,
) -> io::Result<()> {
    match step {
        ListStep::Begin(first, not_shown) => output.begin(first, not_shown, facts, out),
        ListStep::Socket(socket) => output.socket(socket, facts, out),
    }
}

/// What the words and the options ask for, of the sockets that the words select.
fn question<'a>(
    common: &CommonArgs,
    args: &ListArgs,
    columns: &'a [ListColumn],
    namespace: Namespace,
) -> anyhow::Result<(ListQuestion<'a>, Namespace)> {
    let by_option = [
        (args.all, StateSet::ALL),
        (args.listening, StateSet::NONE.with(TcpState::Listen)),
        (args.bound, StateSet::NONE.with(TcpState::BoundInactive)),
    ];
    let mut by_option = by_option.into_iter();
    let by_option = by_option.find_map(|(is_given, states)| is_given.then_some(states));
    let family = source::family(common);
    let selected = filter::parse(&args.filter, family, &source::names(common, &namespace))?;
    let mut filter = selected.expression;
    let names_states = filter.any(&mut |condition| matches!(condition, Condition::State(_)));
    let states = match selected.states {
        None if names_states => None,
        None => Some(by_option.unwrap_or(CONNECTED)),
        named => named,
    };
    if let Some(family) = family {
        filter = Filter::from(Condition::Family(family)).and(filter);
    }
    let wants = |column| columns.contains(&column) || args.sort.is_some_and(|(by, _)| by == column);
    if !namespace.is_live() && wants(ListColumn::Process) {
        bail!("a recorded dump has no processes: leave out -p");
    }
    let question = ListQuestion {
        by_default: selected.states.is_none() && !names_states && by_option.is_none(),
        states,
        columns,
        sort: args.sort,
        top: args
            .top
            .map(|top| usize::try_from(top).unwrap_or(usize::MAX)),
        names: args.resolve,
    };
    Ok((question, namespace.select(filter, args.filter.join(" "))?))
}

/// Why sockets may have no known owner.
fn note_of_owners(facts: &ListFacts) -> Option<String> {
    let (owners, _) = facts.owners.as_ref()?;
    if facts.unowned == 0 {
        return None;
    }
    let sockets = counted(facts.unowned, "socket has", "sockets have");
    let why = super::why_unowned(&owners.coverage)?;
    Some(format!("{sockets} no known owner: {why}"))
}
