//! `tcpstate leaks`: which process forgot to close what, since when, and how
//! do we know?

mod repeat;
mod vanished;

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::thread;

use anyhow::bail;

use super::{Outcome, output, source};
use crate::classify::Severity;
use crate::classify::close_wait::{Earlier, Judge, LeakReport, Selection};
use crate::classify::rules::severity_of_leaks;
use crate::cli::{CommonArgs, LeaksArgs, LeaksFormat};
use crate::collect::Namespace;
use crate::collect::close_wait::{self, Filter, Reading};
use crate::collect::close_wait_owners::{self as owners, Found};
use crate::kernel::processes::process_of;
use crate::model::{Collection, Socket};
use crate::render::json;
use crate::render::leaks::{self, View};
use crate::text::safe;

/// Prints the leaks.
pub(super) fn run(common: &CommonArgs, args: &LeaksArgs) -> anyhow::Result<Outcome> {
    let format = super::format(common, args.format, LeaksFormat::Json)?;
    let mut namespace = source::open(common)?;
    check(args, &namespace)?;
    let filter = Filter {
        family: source::family(common),
        peers: &args.remote,
        ports: &args.listen_port,
    };
    let first = close_wait::close_wait(namespace.sockets(), filter)?;
    let live = namespace.is_live();
    let uptime = namespace.uptime();
    let deep = live && vanished::wanted(args);
    let mut earlier_vanished = None;
    let (reading, earlier, earlier_counts) = match args.over {
        None => (first, None, None),
        Some(over) => {
            let counts = match namespace.proc_root() {
                Some(proc_root) => owners::count(proc_root, &first.sockets)?,
                None => HashMap::new(),
            };
            if deep {
                let vanished = vanished::find(&mut namespace, &args.pid, filter)?;
                earlier_vanished = Some(vanished::keys(vanished.as_ref()));
            }
            let earlier = Earlier::new(&first.sockets, uptime);
            let then = (first.begun, first.ended);
            // Its sockets are not needed any more, and may be many.
            drop(first.sockets);
            thread::sleep(over.0.saturating_sub(then.1.elapsed()));
            let second = close_wait::close_wait(namespace.sockets(), filter)?;
            let earlier = earlier.ago(second.since(then));
            (second, Some(earlier), Some(counts))
        }
    };
    let Reading {
        mut sockets,
        mut collection,
        ..
    } = reading;
    let (mut found, closed_meanwhile) =
        find_owners(&mut namespace, &mut sockets, &args.pid, &mut collection)?;
    let judge = Judge {
        min_age: args.min_age.0,
        uptime,
        earlier: earlier.as_ref(),
    };
    let elapsed = reading.ended.duration_since(reading.begun);
    let mut report = LeakReport::new(
        args.min_age.0,
        judge.judge_all(sockets),
        found.owners(earlier_counts.as_ref()),
        Selection {
            pids: &args.pid,
            min_count: args.min_count,
        },
        earlier.as_ref(),
    );
    report.closed_meanwhile = closed_meanwhile;
    refuse_unseen(&report, &found, &args.pid)?;
    if deep {
        report.vanished = vanished::find(&mut namespace, &args.pid, filter)?;
        report.vanished_stayed = earlier_vanished.map(|then| {
            vanished::keys(report.vanished.as_ref())
                .intersection(&then)
                .count() as u64
        });
        if let Some(proc_root) = namespace.proc_root() {
            found.know(proc_root, report.vanished().map(|one| one.holder.pid))?;
        }
    }
    let view = View {
        host: &namespace.host(),
        taken_at: live.then_some(reading.taken_at),
        elapsed,
        collection: &collection,
        report: &report,
        processes: &found.processes,
        cgroups: &found.cgroups,
        asked: &args.pid,
        elsewhere: &elsewhere(&args.pid, &namespace),
        narrowed: filter.narrows() || !args.pid.is_empty(),
        repeated: &repeat::options(common, args),
        list_sockets: args.sockets,
        as_root: rustix::process::geteuid().is_root(),
    };
    show(common, format, &view)?;
    let is_wrong = severity_of_leaks(&report, args.min_count) >= Some(Severity::Warning);
    Ok(if common.exit_code && is_wrong {
        Outcome::Found
    } else {
        Outcome::Done
    })
}

/// Finds whose the sockets are, and leaves out those that were closed meanwhile:
/// a search takes longer than a request, and they have no owner for a good
/// reason. Says how many these are.
fn find_owners(
    namespace: &mut Namespace,
    sockets: &mut Vec<Socket>,
    asked: &[u32],
    collection: &mut Collection,
) -> anyhow::Result<(Found, u64)> {
    let Some(proc_root) = namespace.proc_root().cloned() else {
        return Ok((Found::default(), 0));
    };
    let source = namespace.sockets();
    let found = owners::find(source, &proc_root, sockets, asked, collection)?;
    let doubtful = |socket: &Socket| socket.inode.is_some() && !found.owns(socket);
    let closed = close_wait::drop_closed(source, sockets, doubtful)?;
    Ok((found, closed))
}

/// Those processes that are in another network namespace.
fn elsewhere(asked: &[u32], namespace: &Namespace) -> Vec<u32> {
    let is_elsewhere = |pid| {
        let proc_root = namespace.proc_root();
        proc_root.is_some_and(|proc_root| proc_root.is_elsewhere(pid))
    };
    let asked = asked.iter().copied();
    asked.filter(|&pid| is_elsewhere(pid)).collect()
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
fn refuse_unseen(report: &LeakReport, found: &Found, asked: &[u32]) -> anyhow::Result<()> {
    if let [first, ..] = report.unseen.as_slice()
        && report.unseen.len() == asked.len()
        && report.sockets.is_empty()
    {
        let command = found.processes.get(first);
        let command = command.and_then(|process| process.command.as_deref());
        bail!(
            "may not look into process {first} ({}): that needs CAP_SYS_PTRACE and \
             CAP_DAC_READ_SEARCH; run it as root",
            safe(command.unwrap_or("?"))
        );
    }
    Ok(())
}

fn show(common: &CommonArgs, format: LeaksFormat, view: &View<'_>) -> anyhow::Result<()> {
    say_how(common, view);
    match format {
        LeaksFormat::Table => output::print(&leaks::table(view, &output::style(common.color))),
        LeaksFormat::Json => output::stream(|to| json::leaks(view, to)),
        LeaksFormat::Csv => output::stream(|to| leaks::csv(view, to)),
    }
}

fn say_how(common: &CommonArgs, view: &View<'_>) {
    if let Some(reason) = &view.collection.fallback_reason {
        output::note(&format!(
            "{reason}; reading /proc/net/tcp instead: ages and cgroups are unknown, --over \
             DURATION bounds the ages"
        ));
    }
    if common.verbose > 0 {
        output::note(&leaks::provenance(view));
    }
}
