//! The leaks as JSON, schema `tcpstate.leaks/1`.

mod shape;

use std::io::{self, Write};

use serde::Serialize;

use self::shape::{
    ComparisonJson, CountsJson, CoverageJson, Document, GrowthJson, HeldJson, ListenerJson,
    LocalPortJson, PeerJson, ProcessJson, UnattributedJson, VanishedJson, milliseconds,
};
use super::super::each::each;
use super::super::header::Header;
use super::super::json_text;
use super::View;
use crate::classify::close_wait::{Growth, Held, ProcessLeaks, QueueLeaks, Unattributed};
use crate::model::{Socket, SocketPast, Unit, VanishedSocket};

/// One document and a line end. It takes some 300 bytes a socket, and is
/// written as it is made: no part of it is kept.
///
/// # Errors
///
/// When it can't be written.
pub fn json<W: Write>(view: &View<'_>, to: &mut W) -> io::Result<()> {
    let report = view.report;
    let vanished = report.vanished.as_ref();
    let document = Document {
        header: Header::of(
            "tcpstate.leaks/1",
            view.host,
            view.taken_at,
            view.collection,
            view.elapsed,
        ),
        min_age_ms: milliseconds(report.min_age),
        close_wait: CountsJson::from(&report.counts),
        coverage: coverage(view),
        comparison: report.comparison.map(ComparisonJson::from),
        processes: each(|| {
            let processes = report.processes.iter();
            processes.map(|process| process_json(view, process))
        }),
        left_out: report.left_out,
        listeners: each(|| {
            let listeners = report.listeners.iter();
            listeners.map(|listener| listener_json(view, listener))
        }),
        unattributed: each(|| {
            let sockets = report.unattributed.iter();
            sockets.filter_map(|entry| unattributed_json(view, entry))
        }),
        vanished_elsewhere: vanished.map(|all| all.elsewhere),
        vanished_untold: vanished.map(|all| all.untold),
        vanished_reason: vanished
            .and_then(|all| all.unseen)
            .map(|why| super::words::unseen(why, Some(view.as_root))),
        vanished_stayed: report.vanished_stayed,
        vanished_fds: vanished
            .map(|_| each(|| report.vanished().map(|one| vanished_json(view, one)))),
    };
    json_text::write(&document, &mut *to)?;
    to.write_all(b"\n")
}

fn coverage<'a>(view: &View<'a>) -> CoverageJson<'a> {
    let report = view.report;
    let scan = report.scan.unwrap_or_default();
    CoverageJson {
        sockets: report.counts.total(),
        attributed: report.attributed,
        unattributed: report.unattributed.len() as u64,
        processes_scanned: scan.processes_scanned,
        processes_denied: scan.processes_denied,
        processes_vanished: scan.processes_vanished,
        processes_failed: scan.processes_failed,
        processes_hidden: scan.processes_hidden,
        unseen_pids: &report.unseen,
        closed_meanwhile: report.closed_meanwhile,
        reason: super::words::unattributed(view.report, Some(view.as_root)),
    }
}

fn process_json<'a>(view: &'a View<'a>, leaks: &'a ProcessLeaks) -> impl Serialize + 'a {
    let process = &leaks.process;
    ProcessJson {
        pid: process.pid,
        command: process.command.as_deref(),
        cmdline: process.cmdline.as_deref(),
        uid: process.uid,
        cgroup: process.cgroup.as_deref(),
        unit: process.unit.as_ref().map(Unit::to_string),
        leaked: leaks.counts.leaked(),
        close_wait: leaks.counts.total(),
        verdicts: CountsJson::from(&leaks.counts),
        oldest_age_ms: leaks.oldest.into(),
        open_fds: process.open_fds,
        fd_limit: process.fd_limit,
        remotes: each(move || leaks.peers.iter().map(PeerJson::from)),
        local_ports: each(move || leaks.local_ports.iter().map(LocalPortJson::from)),
        growth: leaks.growth.map(|growth| growth_json(growth, leaks)),
        unread_bytes: leaks.unread_bytes,
        hint: leaks.hint.map(|hint| super::words::hint(hint, leaks)),
        sockets: each(move || {
            let sockets = leaks.sockets.iter();
            sockets.filter_map(move |held| held_json(view, process.pid, held))
        }),
    }
}

fn held_json<'a>(view: &View<'_>, pid: u32, held: &'a Held) -> Option<impl Serialize + use<'a>> {
    Some(HeldJson {
        fds: &held.fds,
        socket: view.report.socket(held.index)?.into(),
        shared_with: each(move || held.shared_with(pid)),
    })
}

fn growth_json(growth: Growth, leaks: &ProcessLeaks) -> GrowthJson {
    GrowthJson {
        sockets: growth.sockets,
        an_hour: growth.an_hour(),
        fd_limit_in_ms: leaks.limit_reached_in().map(milliseconds),
    }
}

fn listener_json<'a>(view: &'a View<'a>, leaks: &'a QueueLeaks) -> impl Serialize + 'a {
    let command = move |pid| view.processes.get(pid)?.command.as_deref();
    let fullest = leaks.listeners.iter().max_by_key(|socket| socket.recv_q);
    ListenerJson {
        local: leaks.local.into(),
        pids: &leaks.pids,
        commands: each(move || leaks.pids.iter().map(command)),
        not_accepted: leaks.not_accepted,
        oldest_age_ms: leaks.oldest.into(),
        accept_queue: fullest.and_then(Socket::accept_queue),
        accept_limit: fullest.and_then(Socket::accept_limit),
        inodes: each(move || leaks.listeners.iter().map(|socket| socket.inode)),
    }
}

fn unattributed_json<'a>(view: &View<'a>, entry: &Unattributed) -> Option<UnattributedJson<'a>> {
    let judged = view.report.socket(entry.index)?;
    let id = judged.socket.cgroup;
    let cgroup = id.and_then(|id| view.cgroups.get(&id));
    Some(UnattributedJson {
        reason: entry.why.key(),
        socket: judged.into(),
        uid: judged.socket.uid,
        cgroup: cgroup.and_then(|cgroup| cgroup.path.as_deref()),
        cgroup_id: id.map(|id| id.0),
        unit: cgroup.and_then(|cgroup| cgroup.unit.as_ref().map(Unit::to_string)),
    })
}

fn vanished_json<'a>(view: &View<'a>, vanished: &VanishedSocket) -> VanishedJson<'a> {
    let pid = vanished.holder.pid;
    let process = view.processes.get(&pid);
    VanishedJson {
        pid,
        command: process.and_then(|process| process.command.as_deref()),
        fd: vanished.holder.fd,
        inode: vanished.inode,
        past: match vanished.past {
            SocketPast::Ended => "ended",
            SocketPast::NeverConnected => "never_connected",
            SocketPast::Unknown => "unknown",
        },
        local: vanished.local.map(Into::into),
        unread: vanished.unread,
    }
}
