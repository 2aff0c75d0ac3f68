//! The verdict on one CLOSE_WAIT socket.

use schemars::JsonSchema;
use serde::Serialize;

use std::time::Duration;

use super::age;
use super::compare::Earlier;
use crate::model::{AgeBounds, LONGEST_PAUSE, Socket, TimerKind, Verdict};

/// Sending counts as going on for this long at least, whatever the minimum
/// age: a program may well pause for a second.
const A_PAUSE: Duration = Duration::from_secs(1);

/// Sockets that are judged together.
const BLOCK: usize = 4096;

/// A socket with what is judged of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The socket.
    pub socket: Socket,
    /// Its time in CLOSE_WAIT.
    pub age: AgeBounds,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it counts as a half-close, if it does.
    pub half_close: Option<HalfClose>,
    /// Whether an earlier reading showed it in CLOSE_WAIT too; `None` when
    /// there was none.
    pub stayed: Option<bool>,
}

/// How a half-close is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HalfClose {
    /// Proven: it sent payload between two readings.
    #[serde(rename = "sent_between_samples")]
    Sent,
    /// Data is on its way, and the peer takes it.
    Draining,
    /// Suggested: it sent lately, well after the peer's last payload.
    SentLately,
}

impl Judged {
    /// Payload that waits for a reader, in bytes: the end of the stream counts
    /// 1 in the queue. `None` where the queue isn't told.
    #[must_use]
    pub fn unread_bytes(&self) -> Option<u32> {
        Some(self.socket.known_recv_q()?.saturating_sub(1))
    }

    /// How long ago one that counts as leaked sent something, where it may well
    /// be a half-closed stream that pauses: it spoke well after the peer did,
    /// and not too long ago.
    #[must_use]
    pub fn may_pause(&self) -> Option<Duration> {
        let sent = spoke_last(&self.socket)?;
        (self.verdict.is_leak() && sent < LONGEST_PAUSE).then_some(sent)
    }
}

impl HalfClose {
    /// The word of the JSON output.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sent => "sent_between_samples",
            Self::Draining => "draining",
            Self::SentLately => "sent_lately",
        }
    }
}

/// What sockets are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'e> {
    /// Younger sockets are not called forgotten.
    pub min_age: Duration,
    /// The host's uptime; `None` when it isn't known, as for a recorded dump.
    pub uptime: Option<Duration>,
    /// An earlier reading.
    pub earlier: Option<&'e Earlier>,
}

impl Judge<'_> {
    /// Judges sockets, and gives back the memory of those that are judged on
    /// the way: there may be very many.
    #[must_use]
    pub fn judge_all(&self, mut sockets: Vec<Socket>) -> Vec<Judged> {
        let mut judged = Vec::with_capacity(sockets.len());
        while !sockets.is_empty() {
            let block = sockets.split_off(sockets.len().saturating_sub(BLOCK));
            sockets.shrink_to_fit();
            let block = block.into_iter().rev();
            judged.extend(block.map(|socket| self.judge(socket)));
        }
        judged.reverse();
        judged
    }

    /// Judges a socket.
    #[must_use]
    pub fn judge(&self, socket: Socket) -> Judged {
        let age = age::bounds(&socket, self.uptime);
        let earlier = self.earlier.filter(|earlier| earlier.knows(&socket));
        let seen = earlier.map(|earlier| earlier.say(&socket, age));
        let age = seen.map_or(age, |seen| seen.age);
        // A second look that saw nothing leave outweighs a guess of one look.
        let was_silent = earlier.is_some_and(|earlier| earlier.since().at_least >= A_PAUSE)
            && seen.is_some_and(|seen| seen.silent);
        let half_close = if seen.is_some_and(|seen| seen.sent) {
            Some(HalfClose::Sent)
        } else {
            let suggested = self.half_close(&socket);
            suggested.filter(|how| !(was_silent && *how == HalfClose::SentLately))
        };
        let verdict = match half_close {
            Some(_) => Verdict::HalfClose,
            None => self.by_age(&socket, age),
        };
        Judged {
            socket,
            age,
            verdict,
            half_close,
            stayed: seen.map(|seen| seen.stayed),
        }
    }

    /// What one reading says of a half-close.
    fn half_close(&self, socket: &Socket) -> Option<HalfClose> {
        // A peer that doesn't read keeps data here forever: that is no
        // progress, and how long it has lasted must be judged.
        if socket.send_q.is_some_and(|bytes| bytes > 0)
            && timer(socket) != Some(TimerKind::ZeroWindowProbe)
        {
            return Some(HalfClose::Draining);
        }
        let sent = spoke_last(socket)?;
        (sent < self.min_age.max(A_PAUSE)).then_some(HalfClose::SentLately)
    }

    fn by_age(&self, socket: &Socket, age: AgeBounds) -> Verdict {
        let is_old = age.at_least.unwrap_or_default() >= self.min_age;
        if !is_old {
            let may_be_old = age.at_most.is_none_or(|age| age >= self.min_age);
            let dated = socket
                .tcp_info
                .is_some_and(|info| info.last_ack_recv.is_some());
            let bound_rises = dated && !is_refreshed(socket);
            return if may_be_old && !bound_rises {
                Verdict::Undated
            } else {
                Verdict::Recent
            };
        }
        match socket.known_recv_q() {
            _ if socket.inode.is_none() => Verdict::NotAccepted,
            None => Verdict::QueueUnknown,
            Some(0) => Verdict::NotClosed,
            Some(_) => Verdict::EofUnread,
        }
    }
}

/// How long ago it sent payload, if that was well after the peer's last. An
/// answer leaves within moments of the question, and most peers end the
/// connection on it: that is no half-close yet.
fn spoke_last(socket: &Socket) -> Option<Duration> {
    let info = socket.tcp_info?;
    let milliseconds = |time: u32| Duration::from_millis(time.into());
    let sent = milliseconds(info.last_data_sent?);
    let received = milliseconds(info.last_data_recv?);
    (sent + A_PAUSE <= received).then_some(sent)
}

/// Whether a timer runs whose answers set `last_ack_recv` anew.
fn is_refreshed(socket: &Socket) -> bool {
    matches!(
        timer(socket),
        Some(TimerKind::Keepalive | TimerKind::ZeroWindowProbe)
    )
}

fn timer(socket: &Socket) -> Option<TimerKind> {
    socket.timer.map(|timer| timer.kind)
}

#[cfg(test)]
mod tests;
