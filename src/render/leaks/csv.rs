//! The leaks as CSV: a line for each process and socket.

use std::collections::BTreeSet;

use super::View;
use crate::classify::close_wait::Judged;

const COLUMNS: [&str; 16] = [
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
];

/// Every CLOSE_WAIT socket, leaked or not. One with several holders has a line
/// for each process, with its descriptors separated by spaces; one without an
/// owner in sight has a line without a pid. What isn't known is empty.
///
/// # Errors
///
/// When the lines can't be written as CSV, which memory alone could cause.
pub fn csv(view: &View<'_>) -> anyhow::Result<String> {
    let report = view.report;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for leaks in &report.processes {
        let process = &leaks.process;
        for held in &leaks.sockets {
            let Some(judged) = report.socket(held.index) else {
                continue;
            };
            let fds: Vec<String> = held.fds.iter().map(u32::to_string).collect();
            let owner = [
                process.pid.to_string(),
                cell(process.command.as_deref()),
                number(process.uid),
                cell(process.unit.as_ref().map(ToString::to_string).as_deref()),
                fds.join(" "),
            ];
            writer.write_record(owner.into_iter().chain(socket(judged)))?;
        }
    }
    let unattributed: BTreeSet<usize> = report
        .unattributed
        .iter()
        .map(|entry| entry.index)
        .collect();
    // Those that wait to be accepted have no descriptor, whoever listens.
    let without_descriptor =
        report.sockets.iter().enumerate().filter(|(index, judged)| {
            judged.socket.inode.is_none() || unattributed.contains(index)
        });
    for (_, judged) in without_descriptor {
        let cgroup = judged.socket.cgroup.and_then(|id| view.cgroups.get(&id));
        let unit = cgroup.and_then(|cgroup| cgroup.unit.as_ref().map(ToString::to_string));
        let owner = [
            String::new(),
            String::new(),
            number(judged.socket.uid),
            cell(unit.as_deref()),
            String::new(),
        ];
        writer.write_record(owner.into_iter().chain(socket(judged)))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn socket(judged: &Judged) -> [String; 11] {
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
        socket.recv_q.to_string(),
        number(socket.send_q),
        number(socket.inode),
    ]
}

fn number(number: Option<impl ToString>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A text that others chose. Spreadsheets take some first characters for the
/// beginning of a formula; a quote before them makes it text.
fn cell(text: Option<&str>) -> String {
    match text {
        Some(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => {
            format!("'{text}")
        }
        Some(text) => text.to_owned(),
        None => String::new(),
    }
}
