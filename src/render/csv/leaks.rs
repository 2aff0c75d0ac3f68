//! The leaks as CSV: a line for each process and socket that it holds.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{cell, number};
use crate::classify::close_wait::Judged;
use crate::model::{ClosedDescriptor, Process, Survey};
use crate::render::views::LeaksView;
use crate::text::safe;

const COLUMNS: [&str; 18] = [
    "pid",
    "command",
    "uid",
    "unit",
    "fds",
    "verdict",
    "leaked",
    "age_at_least_ms",
    "age_at_most_ms",
    "local_address",
    "local_port",
    "remote_address",
    "remote_port",
    "recv_q",
    "send_q",
    "inode",
    "cookie",
    "shared_with",
];

/// Every CLOSE_WAIT socket, leaked or not. One with several holders has a line
/// for each process, with its descriptors separated by spaces; one that nobody
/// has accepted has a line for each process that listens, without descriptors;
/// one without a known owner has a line without a pid. A descriptor whose
/// connection has ended has the verdict `closed_connection`. What isn't known is empty.
///
/// # Errors
///
/// When they can't be written.
pub fn leaks<W: Write>(view: &LeaksView<'_>, to: &mut W) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let written = writer.write_record(COLUMNS);
    written
        .and_then(|()| rows(view, None, &mut writer))
        .map_err(of_output)?;
    writer.flush()
}

/// The same of every namespace, its name first.
///
/// # Errors
///
/// As [`leaks`].
pub fn leaks_of_all<W: Write>(survey: &Survey<LeaksView<'_>>, to: &mut W) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let heading = ["netns"].into_iter().chain(COLUMNS);
    writer.write_record(heading).map_err(of_output)?;
    for (one, view) in survey.answers() {
        rows(view, Some(one.name()), &mut writer).map_err(of_output)?;
    }
    writer.flush()
}

/// The error of the output itself, by which a closed pipe is known.
fn of_output(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A line for each, behind the name of a namespace.
fn rows(
    view: &LeaksView<'_>,
    netns: Option<&str>,
    writer: &mut csv::Writer<impl Write>,
) -> Result<(), csv::Error> {
    let report = view.report;
    let netns = netns.map(|name| text(Some(name)));
    let netns = || netns.clone().into_iter();
    for leaks in &report.processes {
        let process = &leaks.process;
        for held in &leaks.sockets {
            let Some(judged) = report.socket(held.index) else {
                continue;
            };
            let fds: Vec<String> = held.fds.iter().map(u32::to_string).collect();
            let owner = owner(process, fds.join(" "));
            let others: Vec<String> = held
                .shared_with(process.pid)
                .map(|pid| pid.to_string())
                .collect();
            let row = owner.into_iter().chain(socket(judged));
            writer.write_record(netns().chain(row.chain([others.join(" ")])))?;
        }
    }
    let mut queued = BTreeSet::new();
    for queue in &report.listeners {
        let pids = queue.pids.iter();
        let listening: Vec<&Process> = pids.filter_map(|pid| view.processes.get(pid)).collect();
        for &index in &queue.sockets {
            let Some(judged) = report.socket(index) else {
                continue;
            };
            for process in &listening {
                queued.insert(index);
                let row = owner(process, String::new()).into_iter();
                let row = row.chain(socket(judged));
                writer.write_record(netns().chain(row.chain([String::new()])))?;
            }
        }
    }
    let unattributed: BTreeSet<usize> = report
        .unattributed
        .iter()
        .map(|entry| entry.index)
        .collect();
    // One that waits to be accepted has no descriptor, whoever listens.
    let without_descriptor = report.sockets.iter().enumerate().filter(|(index, judged)| {
        unattributed.contains(index) || (judged.socket.inode.is_none() && !queued.contains(index))
    });
    for (_, judged) in without_descriptor {
        let cgroup = judged.socket.cgroup.and_then(|id| view.cgroups.get(&id));
        let unit = cgroup.and_then(|cgroup| cgroup.unit.as_ref().map(ToString::to_string));
        let owner = [
            String::new(),
            String::new(),
            number(judged.socket.uid),
            text(unit.as_deref()),
            String::new(),
        ];
        let row = owner.into_iter().chain(socket(judged));
        writer.write_record(netns().chain(row.chain([String::new()])))?;
    }
    for one in report.closed_descriptors() {
        let pid = one.holder.pid;
        let process = view.processes.get(&pid);
        let fd = one.holder.fd.to_string();
        let owner = match process {
            Some(process) => owner(process, fd),
            None => [
                pid.to_string(),
                String::new(),
                String::new(),
                String::new(),
                fd,
            ],
        };
        writer.write_record(netns().chain(owner.into_iter().chain(closed_descriptor(one))))?;
    }
    Ok(())
}

fn owner(process: &Process, fds: String) -> [String; 5] {
    [
        process.pid.to_string(),
        text(process.command.as_deref()),
        number(process.uid),
        text(process.unit.as_ref().map(ToString::to_string).as_deref()),
        fds,
    ]
}

fn closed_descriptor(one: &ClosedDescriptor) -> [String; 13] {
    let mut cells = [const { String::new() }; 13];
    let [
        verdict,
        leaked,
        _,
        _,
        address,
        port,
        _,
        _,
        recv_q,
        _,
        inode,
        ..,
    ] = &mut cells;
    "closed_connection".clone_into(verdict);
    *leaked = false.to_string();
    *address = number(one.local.map(|end| end.address));
    *port = number(one.local.map(|end| end.port));
    *recv_q = number(one.unread);
    *inode = one.inode.to_string();
    cells
}

fn socket(judged: &Judged) -> [String; 12] {
    let socket = &judged.socket;
    [
        judged.verdict.key().to_owned(),
        judged.verdict.is_leak().to_string(),
        number(judged.age.at_least.map(|age| age.as_millis())),
        number(judged.age.at_most.map(|age| age.as_millis())),
        socket.local.address.to_string(),
        socket.local.port.to_string(),
        socket.remote.address.to_string(),
        socket.remote.port.to_string(),
        number(socket.known_recv_q()),
        number(socket.send_q),
        number(socket.inode),
        number(socket.cookie.map(|cookie| cookie.0)),
    ]
}

/// A name that others chose: it breaks no line, and harms no terminal.
fn text(text: Option<&str>) -> String {
    cell(text.map(safe).as_deref())
}
