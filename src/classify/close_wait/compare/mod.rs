//! Two readings of the CLOSE_WAIT sockets beside each other.

use std::collections::HashMap;
use std::time::Duration;

use super::age;
use crate::model::{AgeBounds, Endpoint, Socket, SocketCookie};

/// What makes a socket the same in two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    /// The kernel's number, never used twice.
    Cookie(SocketCookie),
    /// Over /proc, which has no cookies: both ends and the inode.
    Ends(Endpoint, Endpoint, Option<u64>),
}

/// What must be remembered of a socket to judge it later.
#[derive(Debug, Clone, Copy)]
struct Trace {
    age: AgeBounds,
    sent: Payload,
    send_q: Option<u32>,
    /// Payload was seen leaving it, lately.
    sent_lately: bool,
}

/// What was seen of a socket by looking again and again.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Its number.
    pub cookie: SocketCookie,
    /// Its time in CLOSE_WAIT, now.
    pub age: AgeBounds,
    /// Whether payload left it, lately.
    pub sent: bool,
}

/// What has left a socket. A retransmission is nothing new: it goes on while
/// the application is silent, and to a peer that is gone.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::classify) struct Payload {
    /// Bytes that were sent, each counted once (4.19).
    once: Option<u64>,
    /// Bytes that the peer has acknowledged (4.1).
    acked: Option<u64>,
}

/// An earlier reading, as far as a later one needs it.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    traces: HashMap<Identity, Trace>,
    since: Interval,
    scope: Scope,
}

/// Of which sockets an earlier reading can say anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Scope {
    /// Of all: one that it doesn't have wasn't there.
    #[default]
    All,
    /// Only cookies were kept: of a socket without one it knows nothing.
    WithCookie,
    /// Of those that it has.
    Listed,
}

/// The time between two readings of a socket. A dump takes time itself, and
/// nobody knows when in it a socket's turn came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interval {
    /// From the end of the first reading to the beginning of the second.
    pub at_least: Duration,
    /// From the beginning of the first to the end of the second.
    pub at_most: Duration,
}

/// What the earlier reading says of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether it was in CLOSE_WAIT then.
    pub stayed: bool,
    /// Its age with what both readings know.
    pub age: AgeBounds,
    /// Whether it has sent, or got rid of, data since.
    pub sent: bool,
    /// Whether it is known to have sent nothing since.
    pub silent: bool,
}

impl Earlier {
    /// Remembers a reading. `since` is the time from it to the later one,
    /// `uptime` the host's at the time of it.
    pub fn new<'s>(
        sockets: impl IntoIterator<Item = &'s Socket>,
        uptime: Option<Duration>,
    ) -> Self {
        let traces = sockets
            .into_iter()
            .map(|socket| {
                let trace = Trace {
                    age: age::bounds(socket, uptime),
                    sent: Payload::of(socket),
                    send_q: socket.send_q,
                    sent_lately: false,
                };
                (Identity::of(socket), trace)
            })
            .collect();
        Self {
            traces,
            since: Interval::default(),
            scope: Scope::All,
        }
    }

    /// No reading, but what was seen of some sockets until now.
    pub fn watched(sockets: impl IntoIterator<Item = Watched>) -> Self {
        let trace = |watched: Watched| {
            let trace = Trace {
                age: watched.age,
                sent: Payload::default(),
                send_q: None,
                sent_lately: watched.sent,
            };
            (Identity::Cookie(watched.cookie), trace)
        };
        Self {
            traces: sockets.into_iter().map(trace).collect(),
            since: Interval::default(),
            scope: Scope::Listed,
        }
    }

    /// The same reading, and what was seen of its sockets until now.
    #[must_use]
    pub fn and_watched(mut self, sockets: impl IntoIterator<Item = Watched>) -> Self {
        let since = self.since;
        for watched in sockets {
            let Some(trace) = self.traces.get_mut(&Identity::Cookie(watched.cookie)) else {
                continue;
            };
            // As it was then: it is made to grow again.
            let seen = watched.age.at_least;
            let seen = seen.map(|age| age.saturating_sub(since.at_least));
            trace.age.at_least = trace.age.at_least.max(seen);
            trace.sent_lately |= watched.sent;
        }
        self
    }

    /// The ages alone, by cookie, as they were kept on disk.
    pub fn kept(ages: impl IntoIterator<Item = (SocketCookie, AgeBounds)>) -> Self {
        let trace = |age| Trace {
            age,
            sent: Payload::default(),
            send_q: None,
            sent_lately: false,
        };
        Self {
            traces: ages
                .into_iter()
                .map(|(cookie, age)| (Identity::Cookie(cookie), trace(age)))
                .collect(),
            since: Interval::default(),
            scope: Scope::WithCookie,
        }
    }

    /// Whether it would know a socket that was there.
    #[must_use]
    pub fn knows(&self, socket: &Socket) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::WithCookie => socket.cookie.is_some(),
            Scope::Listed => self.traces.contains_key(&Identity::of(socket)),
        }
    }

    /// The same, so long ago.
    #[must_use]
    pub fn ago(mut self, since: Interval) -> Self {
        self.since = since;
        self
    }

    /// How long ago it was.
    #[must_use]
    pub const fn since(&self) -> Interval {
        self.since
    }

    /// How many sockets it had.
    #[must_use]
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Whether it had none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// What it says of a socket whose age by the later reading alone is `age`.
    #[must_use]
    pub fn say(&self, socket: &Socket, age: AgeBounds) -> Seen {
        match self.traces.get(&Identity::of(socket)) {
            Some(trace) => {
                let sent = trace.was_followed_by(socket);
                Seen {
                    stayed: true,
                    age: self.grown(trace.age, age),
                    sent,
                    silent: !sent && trace.sent.is_comparable_with(Payload::of(socket)),
                }
            }
            None => Seen {
                stayed: false,
                age: self.entered(age),
                sent: false,
                silent: false,
            },
        }
    }

    /// Both readings bound the age: the earlier one as it has grown since.
    fn grown(&self, then: AgeBounds, now: AgeBounds) -> AgeBounds {
        let at_least = then.at_least.unwrap_or_default() + self.since.at_least;
        let at_least = now.at_least.unwrap_or_default().max(at_least);
        let at_most = then.at_most.map(|age| age + self.since.at_most);
        let at_most = match (at_most, now.at_most) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        AgeBounds {
            at_least: Some(at_least),
            at_most: at_most.filter(|&age| age >= at_least),
        }
    }

    /// It was not there, so it entered since. But a dump can miss a socket:
    /// one that is older by its own word was missed.
    fn entered(&self, now: AgeBounds) -> AgeBounds {
        let limit = self.since.at_most;
        if now.at_least.is_some_and(|age| age > limit) {
            return now;
        }
        AgeBounds {
            at_least: now.at_least,
            at_most: Some(now.at_most.map_or(limit, |age| age.min(limit))),
        }
    }
}

impl Identity {
    fn of(socket: &Socket) -> Self {
        socket.cookie.map_or(
            Self::Ends(socket.local, socket.remote, socket.inode),
            Self::Cookie,
        )
    }
}

impl Payload {
    /// What a look tells of it: nothing without `tcp_info`.
    #[must_use]
    pub(in crate::classify) fn of(socket: &Socket) -> Self {
        let info = socket.tcp_info.unwrap_or_default();
        let once = info.bytes_sent.zip(info.bytes_retrans);
        Self {
            once: once.map(|(sent, again)| sent.saturating_sub(again)),
            acked: info.bytes_acked,
        }
    }

    /// The same, and where it isn't known what was known before.
    #[must_use]
    pub(in crate::classify) fn or(self, before: Self) -> Self {
        Self {
            once: self.once.or(before.once),
            acked: self.acked.or(before.acked),
        }
    }

    /// Whether more has left it later.
    #[must_use]
    pub(in crate::classify) fn is_less_than(self, later: Self) -> bool {
        let rose = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(a, b)| b > a);
        rose(self.once, later.once) || rose(self.acked, later.acked)
    }

    fn is_comparable_with(self, later: Self) -> bool {
        self.once.and(later.once).is_some() || self.acked.and(later.acked).is_some()
    }
}

impl Trace {
    /// Payload that went out since: `segs_out` would not do, keepalives raise
    /// it too. A queue that moved had data put into it or acknowledged.
    fn was_followed_by(&self, socket: &Socket) -> bool {
        self.sent_lately
            || self.sent.is_less_than(Payload::of(socket))
            || self
                .send_q
                .zip(socket.send_q)
                .is_some_and(|(then, now)| then != now)
    }
}

#[cfg(test)]
mod tests;
