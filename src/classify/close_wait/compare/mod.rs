//! Two readings of the CLOSE_WAIT sockets beside each other.

use std::collections::HashMap;
use std::time::Duration;

use super::age;
use crate::model::{AgeBounds, Endpoint, Payload, Sighting, Sightings, Socket, SocketCookie};

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
    pub fn watched(
        sockets: impl IntoIterator<Item = (SocketCookie, Sighting)>,
        now: Duration,
    ) -> Self {
        let trace = |(cookie, sighting)| (cookie, Trace::of(&sighting, now, now));
        Self::by_cookie(sockets.into_iter().map(trace), Scope::Listed)
    }

    /// What was kept on disk by looks until the one that ended last, as it is
    /// worth `now`. Times are since boot.
    #[must_use]
    pub fn kept(kept: &Sightings, now: Duration) -> Self {
        let sockets = kept.sockets.iter();
        let traces =
            sockets.map(|(&cookie, sighting)| (cookie, Trace::of(sighting, kept.ended, now)));
        Self::by_cookie(traces, Scope::WithCookie)
    }

    fn by_cookie(traces: impl Iterator<Item = (SocketCookie, Trace)>, scope: Scope) -> Self {
        Self {
            traces: traces
                .map(|(cookie, trace)| (Identity::Cookie(cookie), trace))
                .collect(),
            since: Interval::default(),
            scope,
        }
    }

    /// The same reading, and what was seen of its sockets until now.
    #[must_use]
    pub fn and_watched(
        mut self,
        sockets: impl IntoIterator<Item = (SocketCookie, Sighting)>,
        now: Duration,
    ) -> Self {
        let since = self.since;
        for (cookie, sighting) in sockets {
            let Some(trace) = self.traces.get_mut(&Identity::Cookie(cookie)) else {
                continue;
            };
            // As it was then: it is made to grow again.
            let seen = sighting.age(now);
            trace.age = trace.age.and(AgeBounds {
                at_least: seen.at_least.map(|age| age.saturating_sub(since.at_least)),
                at_most: seen.at_most.map(|age| age.saturating_sub(since.at_least)),
            });
            trace.sent_lately |= sighting.sending.goes_on(now);
        }
        self
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
        let then = AgeBounds {
            at_least: Some(then.at_least.unwrap_or_default() + self.since.at_least),
            at_most: then.at_most.map(|age| age + self.since.at_most),
        };
        now.and(then)
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

impl Trace {
    /// What was seen of a socket until a time, as it is worth `now`.
    fn of(sighting: &Sighting, until: Duration, now: Duration) -> Self {
        Self {
            age: sighting.age(until),
            sent: sighting.sending.payload,
            send_q: None,
            sent_lately: sighting.sending.goes_on(now),
        }
    }

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
