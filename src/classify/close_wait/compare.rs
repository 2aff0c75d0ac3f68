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
    bytes_sent: Option<u64>,
    data_segs_out: Option<u32>,
    send_q: Option<u32>,
}

/// An earlier reading, as far as a later one needs it.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    traces: HashMap<Identity, Trace>,
    since: Interval,
    /// Only cookies were kept: of a socket without one it knows nothing.
    by_cookie: bool,
}

/// The time between two looks at a socket. A dump takes time itself, and
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
                let info = socket.tcp_info.unwrap_or_default();
                let trace = Trace {
                    age: age::bounds(socket, uptime),
                    bytes_sent: info.bytes_sent,
                    data_segs_out: info.data_segs_out,
                    send_q: socket.send_q,
                };
                (Identity::of(socket), trace)
            })
            .collect();
        Self {
            traces,
            since: Interval::default(),
            by_cookie: false,
        }
    }

    /// The ages alone, by cookie, as they were kept on disk.
    pub fn kept(ages: impl IntoIterator<Item = (SocketCookie, AgeBounds)>) -> Self {
        let trace = |age| Trace {
            age,
            bytes_sent: None,
            data_segs_out: None,
            send_q: None,
        };
        Self {
            traces: ages
                .into_iter()
                .map(|(cookie, age)| (Identity::Cookie(cookie), trace(age)))
                .collect(),
            since: Interval::default(),
            by_cookie: true,
        }
    }

    /// Whether it would know a socket that was there.
    #[must_use]
    pub const fn knows(&self, socket: &Socket) -> bool {
        !self.by_cookie || socket.cookie.is_some()
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
            Some(trace) => Seen {
                stayed: true,
                age: self.grown(trace.age, age),
                sent: trace.was_followed_by(socket),
            },
            None => Seen {
                stayed: false,
                age: self.entered(age),
                sent: false,
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

impl Trace {
    /// Payload that went out since: `segs_out` would not do, keepalives raise
    /// it too. A queue that moved had data put into it or acknowledged.
    fn was_followed_by(&self, socket: &Socket) -> bool {
        let info = socket.tcp_info.unwrap_or_default();
        let rose = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(a, b)| b > a);
        rose(self.bytes_sent, info.bytes_sent)
            // A u32 that may wrap: any difference is progress.
            || self
                .data_segs_out
                .zip(info.data_segs_out)
                .is_some_and(|(then, now)| then != now)
            || self
                .send_q
                .zip(socket.send_q)
                .is_some_and(|(then, now)| then != now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SocketBuilder, close_wait};
    use super::*;

    const UPTIME: Option<Duration> = Some(Duration::from_secs(86_400));
    const TEN: Interval = Interval {
        at_least: Duration::from_secs(10),
        at_most: Duration::from_millis(10_050),
    };

    fn say(then: Option<SocketBuilder>, now: SocketBuilder) -> Seen {
        let then: Vec<Socket> = then.map(SocketBuilder::build).into_iter().collect();
        let now = now.build();
        Earlier::new(&then, UPTIME)
            .ago(TEN)
            .say(&now, age::bounds(&now, UPTIME))
    }

    fn seconds(age: Option<Duration>) -> Option<f64> {
        age.map(|age| age.as_secs_f64())
    }

    #[test]
    fn a_refreshed_lower_bound_is_replaced_by_what_was_known_before() {
        let seen = say(
            Some(close_wait().times(5_000, 90_000)),
            close_wait().times(200, 100_000),
        );
        assert!(seen.stayed);
        assert_eq!(seconds(seen.age.at_least), Some(15.0));
        assert_eq!(seconds(seen.age.at_most), Some(100.0));
    }

    #[test]
    fn one_that_was_not_there_is_no_older_than_the_interval() {
        let seen = say(None, close_wait().times(3_000, 90_000));
        assert!(!seen.stayed);
        assert_eq!(seconds(seen.age.at_least), Some(3.0));
        assert_eq!(seconds(seen.age.at_most), Some(10.05));
    }

    #[test]
    fn one_that_the_first_dump_missed_is_not_made_younger() {
        let seen = say(None, close_wait().times(11_000, 90_000));
        assert_eq!(seconds(seen.age.at_most), Some(90.0));
    }

    #[test]
    fn another_cookie_is_another_socket() {
        assert!(say(Some(close_wait().cookie(7)), close_wait().cookie(7)).stayed);
        assert!(!say(Some(close_wait().cookie(7)), close_wait().cookie(8)).stayed);
    }

    #[test]
    fn over_proc_the_ends_and_the_inode_tell() {
        let proc = || close_wait().without_info().without_cookie();
        let seen = say(Some(proc()), proc());
        assert!(seen.stayed);
        assert_eq!(seconds(seen.age.at_least), Some(10.0));
        assert_eq!(seen.age.at_most, None);
        assert!(!say(Some(proc().inode(7)), proc().inode(8)).stayed);
        let new = say(None, proc());
        assert_eq!(new.age.at_least, None);
        assert_eq!(seconds(new.age.at_most), Some(10.05));
    }

    #[test]
    fn kept_ages_grow_and_say_nothing_of_sockets_without_a_cookie() {
        let then = AgeBounds {
            at_least: Some(Duration::from_secs(100)),
            at_most: Some(Duration::from_secs(130)),
        };
        let kept = Earlier::kept([(SocketCookie(7), then)]).ago(TEN);
        let say = |socket: &Socket| kept.say(socket, age::bounds(socket, UPTIME));
        let stayed = say(&close_wait().cookie(7).times(200, 300_000).build());
        assert!(stayed.stayed && !stayed.sent);
        assert_eq!(seconds(stayed.age.at_least), Some(110.0));
        assert_eq!(seconds(stayed.age.at_most), Some(140.05));
        let new = say(&close_wait().cookie(8).times(200, 300_000).build());
        assert_eq!(seconds(new.age.at_most), Some(10.05));
        assert!(kept.knows(&close_wait().cookie(8).build()));
        assert!(!kept.knows(&close_wait().without_cookie().build()));
    }

    #[test]
    fn payload_that_left_is_seen_and_keepalives_are_not() {
        assert!(say(Some(close_wait().sent(10, 1)), close_wait().sent(11, 1)).sent);
        assert!(say(Some(close_wait().sent(10, 1)), close_wait().sent(10, 2)).sent);
        assert!(!say(Some(close_wait().sent(10, 1)), close_wait().sent(10, 1)).sent);
        assert!(say(Some(close_wait().send_q(9)), close_wait().send_q(3)).sent);
    }
}
