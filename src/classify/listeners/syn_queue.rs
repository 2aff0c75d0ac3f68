//! How many handshakes the SYN queues of a listener hold, and whether they are
//! full.
//!
//! Each socket of a listener has a queue of its own (`icsk_accept_queue`), and
//! the kernel picks one of them by a hash of both addresses (SO_REUSEPORT). A
//! handshake doesn't say whose it is.

use crate::model::Listener;

/// The settings that bound SYN queues.
#[derive(Debug, Clone, Copy)]
pub(super) struct SynSettings {
    /// `tcp_syncookies`
    pub(super) cookies: Option<u64>,
    /// `tcp_max_syn_backlog`
    pub(super) max_backlog: Option<u64>,
}

/// What the SYN queues of a listener hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    /// The smallest of them.
    smallest: u64,
    /// All together.
    total: u64,
    /// How many they are.
    queues: u64,
}

/// Whether a SYN queue of a listener is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// None is.
    NotFull,
    /// The handshakes would fill one of several, if they were all in it; and no
    /// other listener is full for sure.
    PerhapsFull,
    /// One is, however the handshakes are spread.
    Full,
}

/// How many handshakes the SYN queues of a listener hold: each one more than
/// its accept queue may hold, and where cookies are off no more than three
/// quarters of `tcp_max_syn_backlog` and one from peers that aren't known
/// (`tcp_conn_request`: it drops when less than a quarter is left). `None` over
/// /proc.
fn room(listener: &Listener, settings: SynSettings) -> Option<Room> {
    let cap = match (settings.cookies, settings.max_backlog) {
        (Some(0), Some(backlog)) => (backlog - backlog / 4).saturating_add(1),
        _ => u64::MAX,
    };
    let members = listener.members.iter();
    let holds: Vec<u64> = members
        .map(|member| Some((u64::from(member.accept_limit?) + 1).min(cap)))
        .collect::<Option<_>>()?;
    Some(Room {
        smallest: holds.iter().copied().min()?,
        total: holds.iter().sum(),
        queues: holds.len() as u64,
    })
}

/// Whether so many handshakes fill a queue, however they are spread.
pub(super) fn is_full_for_sure(listener: &Listener, settings: SynSettings) -> bool {
    fill_of(listener, settings) == Some(Fill::Full)
}

/// Whether a handshake in a SYN queue that may be full had its SYN-ACK sent
/// again. Where the accept queue is full its ACK may have come all the same: the
/// kernel waits for the next one.
pub(super) fn goes_unanswered(listener: &Listener, settings: SynSettings) -> bool {
    listener.is_full() != Some(true)
        && listener.syn_ack_retransmits.is_some_and(|again| again > 0)
        && fill_of(listener, settings) != Some(Fill::NotFull)
}

fn fill_of(listener: &Listener, settings: SynSettings) -> Option<Fill> {
    let room = room(listener, settings)?;
    let handshakes = u64::from(listener.syn_recv?);
    // One place left in each is the most that they hold with none full.
    Some(if handshakes > room.total.saturating_sub(room.queues) {
        Fill::Full
    } else if handshakes >= room.smallest {
        Fill::PerhapsFull
    } else {
        Fill::NotFull
    })
}

/// Whether a SYN queue of a listener is full; `None` where nobody can tell.
/// `one_is_full`: the queue of some listener is full for sure.
pub(super) fn fill(listener: &Listener, settings: SynSettings, one_is_full: bool) -> Option<Fill> {
    fill_of(listener, settings).map(|fill| match fill {
        Fill::PerhapsFull if one_is_full => Fill::NotFull,
        other => other,
    })
}

/// How many handshakes the SYN queues of a listener hold, all together. `None`
/// over /proc.
pub(super) fn limit(listener: &Listener, settings: SynSettings) -> Option<u64> {
    room(listener, settings).map(|room| room.total)
}
