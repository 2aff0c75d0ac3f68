//! The leaks as JSON, schema `tcpstate.leaks/1`.

mod shape;

use self::shape::{
    ComparisonJson, CountsJson, CoverageJson, Document, EndJson, GrowthJson, HeldJson,
    ListenerJson, LocalPortJson, PeerJson, ProcessJson, SharedWith, UnattributedJson, VanishedJson,
    milliseconds,
};
use super::super::header::Header;
use super::View;
use crate::classify::close_wait::{Growth, Held, ProcessLeaks, QueueLeaks, Unattributed};
use crate::model::{Socket, SocketPast, Unit, VanishedSocket};

/// One document and a line end.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(view: &View<'_>) -> anyhow::Result<String> {
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
        processes: report
            .processes
            .iter()
            .map(|process| process_json(view, process))
            .collect(),
        left_out: report.left_out,
        listeners: report
            .listeners
            .iter()
            .map(|listener| listener_json(view, listener))
            .collect(),
        unattributed: report
            .unattributed
            .iter()
            .filter_map(|entry| unattributed_json(view, entry))
            .collect(),
        vanished_elsewhere: vanished.map(|all| all.elsewhere),
        vanished_untold: vanished.map(|all| all.untold),
        vanished_stayed: report.vanished_stayed,
        vanished_fds: vanished.map(|_| {
            let all = report.vanished();
            all.map(|one| vanished_json(view, one)).collect()
        }),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
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

fn process_json<'a>(view: &View<'a>, leaks: &'a ProcessLeaks) -> ProcessJson<'a> {
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
        remotes: leaks.peers.iter().map(PeerJson::from).collect(),
        local_ports: leaks.local_ports.iter().map(LocalPortJson::from).collect(),
        growth: leaks.growth.map(|growth| growth_json(growth, leaks)),
        unread_bytes: leaks.unread_bytes,
        hint: leaks.hint.map(|hint| super::words::hint(hint, leaks)),
        sockets: leaks
            .sockets
            .iter()
            .filter_map(|held| held_json(view, process.pid, held))
            .collect(),
    }
}

fn held_json<'a>(view: &View<'_>, pid: u32, held: &'a Held) -> Option<HeldJson<'a>> {
    Some(HeldJson {
        fds: &held.fds,
        socket: view.report.socket(held.index)?.into(),
        shared_with: SharedWith { held, pid },
    })
}

fn growth_json(growth: Growth, leaks: &ProcessLeaks) -> GrowthJson {
    GrowthJson {
        sockets: growth.sockets,
        an_hour: growth.an_hour(),
        fd_limit_in_ms: leaks.limit_reached_in().map(milliseconds),
    }
}

fn listener_json<'a>(view: &View<'a>, leaks: &'a QueueLeaks) -> ListenerJson<'a> {
    let command = |pid| view.processes.get(pid)?.command.as_deref();
    let fullest = leaks.listeners.iter().max_by_key(|socket| socket.recv_q);
    ListenerJson {
        local: leaks.local.into(),
        pids: &leaks.pids,
        commands: leaks.pids.iter().map(command).collect(),
        not_accepted: leaks.not_accepted,
        oldest_age_ms: leaks.oldest.into(),
        accept_queue: fullest.and_then(Socket::accept_queue),
        accept_limit: fullest.and_then(Socket::accept_limit),
        inodes: leaks.listeners.iter().map(|socket| socket.inode).collect(),
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
        local: vanished.local.map(EndJson::from),
        unread: vanished.unread,
    }
}
