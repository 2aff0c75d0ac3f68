//! Looks, judges, and says it in the format that is asked for.

use super::super::{source, summary};
use super::memory::{self, Recollection, Sightings};
use super::{Answer, format};
use crate::classify::check::{Reading, Status, Wishes, judge};
use crate::classify::count::Scope;
use crate::cli::{CheckArgs, CheckFormat, CommonArgs};
use crate::kernel::ProcRoot;
use crate::memory::replace;
use crate::render::check;

/// The whole check.
pub(super) fn look(
    common: &CommonArgs,
    args: &CheckArgs,
    wishes: &Wishes,
) -> anyhow::Result<Answer> {
    let proc_root = ProcRoot::new(&common.proc_root);
    let mut recollection = Recollection::open(args, wishes);
    let mut source = source::open(common, &proc_root)?;
    let scope = Scope {
        family: source::family(common),
        bound: false,
    };
    let mut sightings = Sightings::begin();
    let mut watcher = |socket: &crate::model::Socket| {
        if wishes.rates {
            sightings.note(socket);
        }
    };
    let sample = summary::read(source.as_mut(), &proc_root, scope, false, &mut watcher)?;
    let mut now = memory::now(common, &proc_root, &sample, sightings);
    let before = recollection.before(&mut now);
    let reading = Reading {
        sample: &sample,
        before: before.as_ref().map(|(memory, elapsed)| (memory, *elapsed)),
    };
    let mut verdict = judge(&reading, None, wishes);
    let warning = recollection.leave(now, &reading);
    if let Some(path) = &args.textfile {
        let page = check::prometheus(&reading, &verdict);
        if let Err(error) = replace(path, page.as_bytes(), args.timeout.0) {
            verdict.fail(error.to_string());
        }
    }
    let status = verdict.status();
    let text = match format(common, args) {
        _ if args.quiet && status == Status::Ok => String::new(),
        CheckFormat::Plugin => check::plugin(&sample, &verdict, common.verbose),
        CheckFormat::Json => check::json(&sample, &verdict)?,
        CheckFormat::Prometheus => check::prometheus(&reading, &verdict),
    };
    Ok(Answer {
        status,
        text,
        notes: warning.into_iter().collect(),
    })
}
