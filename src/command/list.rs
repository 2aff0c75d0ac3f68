//! `tcpstate list`: which connections?

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Context, bail};

use super::{Outcome, output, source};
use crate::cli::{CommonArgs, ListArgs, ListFormat};
use crate::collect::ownership::{self, Budget, Hints};
use crate::collect::{self, Namespace};
use crate::filter;
use crate::model::{Extensions, Filter, Inodes, Owners, Processes, Socket, StateSet, TcpState};
use crate::render::csv;
use crate::render::text::list::{ListColumns, heading, row};
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
    if common.json {
        bail!("cannot list as JSON yet: use --format csv");
    }
    source::with(common, |namespace| show(common, args, namespace))
}

fn show(common: &CommonArgs, args: &ListArgs, namespace: Namespace) -> anyhow::Result<Outcome> {
    let filter = selection(common, args, &namespace)?;
    let mut namespace = namespace.select(filter, args.filter.join(" "))?;
    let filter = Filter::EVERYTHING;
    let owners = if args.processes {
        owners(&mut namespace, &filter)?
    } else {
        None
    };
    let columns = ListColumns {
        extended: args.extended,
        owners: owners
            .as_ref()
            .map(|(owners, processes)| (owners, processes)),
    };
    let style = output::style(common.color);
    let is_table = args.format.unwrap_or_default() == ListFormat::Table;
    let mut read = None;
    output::stream(|out| {
        if !args.no_header {
            let line = if is_table {
                heading(columns, &style)
            } else {
                csv::list_heading()
            };
            out.write_all(line.as_bytes())?;
        }
        let mut written = Ok(());
        let extensions = Extensions::NONE;
        read = Some(collect::visit(
            &mut namespace,
            &filter,
            extensions,
            &mut |socket| {
                let line = if is_table {
                    row(socket, columns)
                } else {
                    csv::list_row(socket, columns)
                };
                written = out.write_all(line.as_bytes());
                if written.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        ));
        written
    })?;
    let collection = read.context("nothing was read")??;
    if let Some(reason) = &collection.fallback_reason {
        output::note(&format!("{reason}; reading /proc/net/tcp instead"));
    }
    if !collection.complete {
        output::note(
            "some sockets may be missing: the kernel lost rows, or they could not be read",
        );
    }
    Ok(Outcome::Done)
}

/// The filter that the words and the options make.
fn selection(
    common: &CommonArgs,
    args: &ListArgs,
    namespace: &Namespace,
) -> anyhow::Result<Filter> {
    let states = if args.all {
        StateSet::ALL
    } else if args.listening {
        StateSet::NONE.with(TcpState::Listen)
    } else if args.bound {
        StateSet::NONE.with(TcpState::BoundInactive)
    } else {
        CONNECTED
    };
    let family = source::family(common);
    let selected = filter::parse(&args.filter, family, &source::names(common, namespace))?;
    let mut filter = selected.filter(states);
    if let Some(family) = family {
        filter = Filter::from(crate::model::Condition::Family(family)).and(filter);
    }
    Ok(filter)
}

/// Who holds the sockets; they are read once for their inodes, and once more to
/// be shown.
fn owners(
    namespace: &mut Namespace,
    filter: &Filter,
) -> anyhow::Result<Option<(Owners, Processes)>> {
    let mut wanted: Vec<u64> = Vec::new();
    collect::visit(
        namespace,
        filter,
        Extensions::NONE,
        &mut |socket: &Socket| {
            wanted.extend(socket.inode);
            ControlFlow::Continue(())
        },
    )?;
    let Some(proc_root) = namespace.proc_root() else {
        return Ok(None);
    };
    let inodes: Inodes = wanted.iter().copied().collect();
    let owners = ownership::find(proc_root, &inodes, &Hints::default(), Budget::Everywhere)?;
    let processes = ownership::processes(proc_root, &owners)?;
    let denied = owners.coverage.scan.processes_denied;
    if denied > 0 && wanted.iter().any(|&inode| owners.of(inode).is_empty()) {
        output::note(&format!(
            "{} may not be looked into, and some sockets have no owner here: that takes \
             CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
            counted(denied, "process", "processes")
        ));
    }
    Ok(Some((owners, processes)))
}
