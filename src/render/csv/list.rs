//! Sockets as CSV, a line each, written as they come.

use super::cell;
use crate::model::Socket;
use crate::render::text::list::{ListColumns, held_by};

/// `state,recv_q,…`
#[must_use]
pub fn list_heading() -> String {
    line(&[
        "state",
        "recv_q",
        "send_q",
        "local",
        "peer",
        "uid",
        "inode",
        "cookie",
        "processes",
    ])
}

/// One socket; what isn't known or wasn't asked for is empty.
#[must_use]
pub fn list_row(socket: &Socket, columns: ListColumns<'_>) -> String {
    fn known<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let owners = columns.owners;
    let processes = owners.map(|(owners, processes)| held_by(socket, owners, processes));
    line(&[
        socket.state.key(),
        &socket.recv_q.to_string(),
        &known(socket.send_q),
        &socket.local.to_string(),
        &socket.remote.to_string(),
        &known(socket.uid),
        &known(socket.inode),
        &known(socket.cookie.map(|cookie| cookie.0)),
        &cell(processes.as_deref()),
    ])
}

fn line(cells: &[&str]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory alone could keep it from being written.
    let written = writer.write_record(cells).is_ok();
    let bytes = writer.into_inner().unwrap_or_default();
    if written {
        String::from_utf8(bytes).unwrap_or_default()
    } else {
        String::new()
    }
}
