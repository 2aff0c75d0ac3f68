//! Sockets as lines, as ss shows them: each is written as it comes.

use super::Style;
use crate::model::{Owners, Processes, Socket, TimerKind};
use crate::text::number::duration;
use crate::text::safe;
use crate::text::width::pad;

/// Columns of a state, the longest of which is BOUND_INACTIVE.
const STATE: usize = 14;
/// Columns of a queue: a number, or two with a slash between for a listener.
const QUEUE: usize = 9;
/// Columns of an address with its port: IPv4 fits.
const ADDRESS: usize = 22;

/// What is shown of each socket beside the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListColumns<'a> {
    /// Timer, uid, inode and cookie.
    pub extended: bool,
    /// Who holds it.
    pub owners: Option<(&'a Owners, &'a Processes)>,
}

/// The line above the others.
#[must_use]
pub fn heading(columns: ListColumns<'_>, style: &Style) -> String {
    let process = if columns.owners.is_some() {
        "  PROCESS"
    } else {
        ""
    };
    let line = format!(
        "{}  {:>QUEUE$}  {:>QUEUE$}  {}  {}{process}",
        pad("STATE", STATE),
        "RECV-Q",
        "SEND-Q",
        pad("LOCAL", ADDRESS),
        pad("PEER", ADDRESS),
    );
    format!("{}\n", style.strong(line.trim_end()))
}

/// One socket. A listener's queue is shown with its limit.
#[must_use]
pub fn row(socket: &Socket, columns: ListColumns<'_>) -> String {
    let (received, sent) = match (socket.accept_queue(), socket.accept_limit()) {
        (Some(queue), Some(limit)) => (format!("{queue}/{limit}"), String::new()),
        (Some(queue), None) => (queue.to_string(), String::new()),
        (None, _) => (
            socket.recv_q.to_string(),
            socket
                .send_q
                .map_or_else(String::new, |sent| sent.to_string()),
        ),
    };
    let mut line = format!(
        "{}  {received:>QUEUE$}  {sent:>QUEUE$}  {}  {}",
        pad(socket.state.name(), STATE),
        pad(&socket.local.to_string(), ADDRESS),
        pad(&socket.remote.to_string(), ADDRESS),
    );
    if let Some((owners, processes)) = columns.owners {
        line.push_str("  ");
        line.push_str(&held_by(socket, owners, processes));
    }
    if columns.extended {
        line.push_str("  ");
        line.push_str(&extended(socket));
    }
    let mut line = line.trim_end().to_owned();
    line.push('\n');
    line
}

/// `nginx[880] fd 7, nginx[881] fd 7`
#[must_use]
pub fn held_by(socket: &Socket, owners: &Owners, processes: &Processes) -> String {
    let Some(inode) = socket.inode else {
        return "-".to_owned();
    };
    let holders = owners.of(inode).iter().map(|holder| {
        let process = processes.get(&holder.pid);
        let command = process.and_then(|process| process.command.as_deref());
        format!(
            "{}[{}] fd {}",
            safe(command.unwrap_or("?")),
            holder.pid,
            holder.fd
        )
    });
    let holders: Vec<String> = holders.collect();
    if holders.is_empty() {
        "owner unknown".to_owned()
    } else {
        holders.join(", ")
    }
}

/// The names of ss.
const fn timer_name(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "on",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::ZeroWindowProbe => "persist",
        TimerKind::Unknown(_) => "unknown",
    }
}

fn extended(socket: &Socket) -> String {
    let mut parts = Vec::new();
    if let Some(timer) = socket.timer {
        let expires = std::time::Duration::from_millis(timer.expires_ms.into());
        parts.push(format!(
            "timer {} {}, {} sent again",
            timer_name(timer.kind),
            duration(expires),
            timer.retransmits
        ));
    }
    parts.extend(socket.uid.map(|uid| format!("uid {uid}")));
    parts.extend(socket.inode.map(|inode| format!("inode {inode}")));
    parts.extend(socket.cookie.map(|cookie| format!("cookie {:x}", cookie.0)));
    parts.extend(socket.interface.map(|index| format!("interface {index}")));
    parts.join(", ")
}
