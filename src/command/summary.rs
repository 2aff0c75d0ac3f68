//! `tcpstate summary`: how many connections are in each state, and is anything
//! wrong?

use super::pressure::programs;
use super::snapshot::{self, PortRead, Terms, Wanted};
use super::{Outcome, outcome, output, source};
use crate::classify::assess;
use crate::classify::count::Scope;
use crate::cli::{CommonArgs, SummaryArgs, SummaryFormat};
use crate::collect::cpu_budget::cpu_time;
use crate::collect::ownership::OwnerCache;
use crate::model::TcpState;
use crate::render::{bound_unknown, json, summary};

/// Prints the summary.
pub(super) fn run(common: &CommonArgs, args: &SummaryArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, SummaryFormat::Json)?;
    let mut namespace = source::open(common)?;
    let wanted = Wanted {
        scope: Scope {
            family: source::family(common),
            bound: args.bound,
        },
        exact: args.exact,
        ports: PortRead::default(),
        terms: Terms::default(),
    };
    let mut owners = OwnerCache::new(cpu_time);
    let mut snapshot = snapshot::read(&mut namespace, wanted, &mut owners, &mut |_| {})?;
    if let Some(proc_root) = namespace.proc_root() {
        programs::name_units(&mut snapshot, proc_root);
    }
    if let Some(reason) = &snapshot.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages, cgroups and limits of accept queues \
             are unknown"
        ));
    }
    if args.bound && snapshot.states.of(TcpState::BoundInactive).is_none() {
        output::note(bound_unknown(&snapshot));
    }
    if common.verbose > 0 {
        output::note(&summary::provenance(&snapshot));
    }
    let assessment = assess(&snapshot, None);
    let text = match format {
        SummaryFormat::Table => {
            summary::table(&snapshot, &assessment, &output::style(common.color))
        }
        SummaryFormat::Json => json::summary(&snapshot, &assessment)?,
        SummaryFormat::Csv => summary::csv(&snapshot)?,
    };
    output::print(&text)?;
    Ok(outcome(common, &assessment))
}
