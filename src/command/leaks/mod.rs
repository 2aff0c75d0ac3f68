//! `tcpstate leaks`: which process forgot to close what, since when, and how
//! do we know?

mod repeat;

use std::fs::File;
use std::io::ErrorKind;
use std::mem;

use anyhow::bail;

use super::{Outcome, output, source};
use crate::classify::Severity;
use crate::classify::close_wait::{Judge, LeakReport, Selection};
use crate::classify::rules::severity_of_leaks;
use crate::cli::{CommonArgs, LeaksArgs, LeaksFormat};
use crate::collect::{self, CloseWaitQuestion, CloseWaitSnapshot, Namespace};
use crate::kernel::processes::process_of;
use crate::model::{NetnsCounts, Processes};
use crate::render::text::{self, provenance};
use crate::render::views::LeaksView;
use crate::render::{csv, json};
use crate::text::safe;

/// Prints the leaks.
pub(super) fn run(common: &CommonArgs, args: &LeaksArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, LeaksFormat::Json)?;
    if source::wants_all(common) {
        return look_at_all(common, args, format);
    }
    source::with(common, |namespace| look(common, args, format, namespace))
}

fn look(
    common: &CommonArgs,
    args: &LeaksArgs,
    format: LeaksFormat,
    namespace: Namespace,
) -> anyhow::Result<Outcome> {
    let found = Found::read(common, args, namespace)?;
    refuse_unseen(&found.report, found.snapshot.processes(), &args.pid)?;
    for note in &found.snapshot.notes {
        output::note(note);
    }
    // The table says it itself.
    if format != LeaksFormat::Table {
        for pid in &found.snapshot.in_other_netns {
            output::note(&format!(
                "process {pid} is in another network namespace; tcpstate leaks --pid {pid} \
                 --netns {pid} looks there"
            ));
        }
    }
    let view = found.view(args);
    show(common, format, &view)?;
    Ok(found.outcome(common, args))
}

fn look_at_all(
    common: &CommonArgs,
    args: &LeaksArgs,
    format: LeaksFormat,
) -> anyhow::Result<Outcome> {
    // Descriptors of closed connections are in no counter.
    let deep = args.deep || !args.pid.is_empty();
    let wants = |counts: &NetnsCounts| deep || counts.may_leak() != Some(false);
    let patience = source::Patience::new(format == LeaksFormat::Json);
    let mut survey = source::survey(common, &wants, patience, |namespace| {
        Found::read(common, args, namespace)
    })?;
    survey.sort_by_urgency(|found| found.report.counts.leaked());
    let views = survey.as_ref().map(|found| found.view(args));
    match format {
        LeaksFormat::Table => {
            output::print(&text::leaks_of_all(&views, &output::style(common.color)))?;
        }
        LeaksFormat::Json => output::stream(|to| json::leaks_of_all(&views, to))?,
        LeaksFormat::Csv => output::stream(|to| csv::leaks_of_all(&views, to))?,
    }
    let found = survey
        .answers()
        .map(|(_, found)| found.outcome(common, args));
    Ok(found
        .max_by_key(|outcome| *outcome == Outcome::Found)
        .unwrap_or(Outcome::Done))
}

/// What was found in a namespace.
struct Found {
    snapshot: CloseWaitSnapshot,
    report: LeakReport,
    processes: Processes,
    /// The caller's options, for the commands that are suggested.
    repeated: String,
    narrowed: bool,
}

impl Found {
    fn read(common: &CommonArgs, args: &LeaksArgs, namespace: Namespace) -> anyhow::Result<Self> {
        check(args, &namespace)?;
        let wanted = source::Wanted {
            words: &args.filter.words,
            listen_port: &args.listen_port,
            remote: &args.remote,
            ..source::Wanted::default()
        };
        let mut namespace = source::select(namespace, common, &wanted)?;
        let question = CloseWaitQuestion {
            pids: &args.pid,
            closed_descriptors: args.deep || !args.pid.is_empty(),
            over: args.over.map(|over| over.0),
        };
        let mut snapshot = collect::read_close_wait(&mut namespace, &question)?;
        let sockets = mem::take(&mut snapshot.sockets);
        let closed = snapshot.closed.take();
        let earlier = snapshot.earlier.as_ref().map(|earlier| &earlier.sockets);
        let judge = Judge {
            min_age: args.min_age.0,
            uptime: snapshot.uptime,
            earlier,
        };
        let mut report = LeakReport::new(
            args.min_age.0,
            judge.judge_all(sockets),
            snapshot.owners(),
            Selection {
                pids: &args.pid,
                min_count: args.min_count,
            },
            earlier,
        );
        report.closed_meanwhile = snapshot.closed_meanwhile;
        report.closed = closed;
        report.closed_stayed = snapshot.closed_stayed;
        let mut processes = snapshot.closed_processes.clone();
        processes.extend(snapshot.processes().clone());
        // Of all, a command that is suggested looks into this one.
        let netns = snapshot.host.netns.as_ref();
        let name = netns.and_then(|netns| netns.name.as_ref());
        let name = name.map(|name| name.name.as_str());
        let repeated = repeat::options(common, args, name.filter(|_| source::wants_all(common)));
        let narrowed = !(namespace.filter().is_everything() && args.pid.is_empty());
        Ok(Self {
            snapshot,
            report,
            processes,
            repeated,
            narrowed,
        })
    }

    fn view<'a>(&'a self, args: &'a LeaksArgs) -> LeaksView<'a> {
        let snapshot = &self.snapshot;
        LeaksView {
            host: &snapshot.host,
            taken_at: snapshot.taken_at,
            elapsed: snapshot.elapsed,
            collection: &snapshot.collection,
            report: &self.report,
            processes: &self.processes,
            cgroups: snapshot.cgroups(),
            asked: &args.pid,
            elsewhere: &snapshot.in_other_netns,
            narrowed: self.narrowed,
            repeated: &self.repeated,
            list_sockets: args.sockets,
            as_root: rustix::process::geteuid().is_root(),
        }
    }

    fn outcome(&self, common: &CommonArgs, args: &LeaksArgs) -> Outcome {
        let severity = severity_of_leaks(&self.report, args.min_count);
        if common.exit_code && severity >= Some(Severity::Warning) {
            Outcome::Found
        } else {
            Outcome::Done
        }
    }
}

/// Refuses what can't be answered, before anything is read.
fn check(args: &LeaksArgs, namespace: &Namespace) -> anyhow::Result<()> {
    let Some(proc_root) = namespace.proc_root() else {
        if !args.pid.is_empty() || args.deep {
            bail!("a recorded dump has no processes: leave out --pid and --deep");
        }
        if args.over.is_some() {
            bail!("a recorded dump shows one moment: leave out --over");
        }
        return Ok(());
    };
    for pid in &args.pid {
        if !proc_root.file(&pid.to_string()).is_dir() {
            bail!(
                "no process {pid}, or /proc hides it (hidepid); see tcpstate leaks for the processes that hold CLOSE_WAIT \
                 sockets"
            );
        }
        // hidepid=1 lists it and tells nothing of it.
        let stat = File::open(proc_root.file(&format!("{pid}/stat")));
        if stat.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            bail!(
                "may not look into process {pid}: /proc hides what it is (hidepid), which needs \
                 CAP_SYS_PTRACE; run it as root"
            );
        }
        if let Some(process) = process_of(proc_root, *pid).filter(|process| process != pid) {
            bail!(
                "{pid} is a thread of process {process}, which has the descriptors; ask for \
                 --pid {process}"
            );
        }
    }
    Ok(())
}

/// Refuses to say of processes that could not be looked into that they hold
/// nothing: that is known of none of them.
fn refuse_unseen(report: &LeakReport, processes: &Processes, asked: &[u32]) -> anyhow::Result<()> {
    if let [first, ..] = report.unseen.as_slice()
        && report.unseen.len() == asked.len()
        && report.sockets.is_empty()
    {
        let command = processes.get(first);
        let command = command.and_then(|process| process.command.as_deref());
        bail!(
            "may not look into process {first} ({}): that needs CAP_SYS_PTRACE and \
             CAP_DAC_READ_SEARCH; run it as root",
            safe(command.unwrap_or("?"))
        );
    }
    Ok(())
}

fn show(common: &CommonArgs, format: LeaksFormat, view: &LeaksView<'_>) -> anyhow::Result<()> {
    say_how(common, view);
    match format {
        LeaksFormat::Table => output::print(&text::leaks(view, &output::style(common.color))),
        LeaksFormat::Json => output::stream(|to| json::leaks(view, to)),
        LeaksFormat::Csv => output::stream(|to| csv::leaks(view, to)),
    }
}

fn say_how(common: &CommonArgs, view: &LeaksView<'_>) {
    if let Some(reason) = &view.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages and cgroups are unknown, --over \
             DURATION bounds the ages"
        ));
    }
    super::tell_defects(view.collection);
    if common.verbose > 0 {
        output::note(&provenance::of_leaks(view));
    }
}
