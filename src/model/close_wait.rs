//! What can be said of a connection in CLOSE_WAIT.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IncompleteScan, Socket};

use super::number::milliseconds;

// The kernel keeps no time of the change, so an age is a pair of bounds.
/// Bounds of an age, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[schemars(rename = "Age")]
pub struct AgeBounds {
    /// The lower bound. `None`: unknown.
    #[serde(with = "milliseconds::option")]
    #[schemars(with = "Option<u64>")]
    pub at_least: Option<Duration>,
    /// The upper bound. `None`: unknown.
    #[serde(with = "milliseconds::option")]
    #[schemars(with = "Option<u64>")]
    pub at_most: Option<Duration>,
}

impl AgeBounds {
    /// What both of two sources say of one age. An upper bound that the other
    /// contradicts was wrong: a dump had missed the socket.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let at_least = self.at_least.max(other.at_least);
        let at_most = match (self.at_most, other.at_most) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        Self {
            at_least,
            at_most: at_most.filter(|&age| Some(age) >= at_least),
        }
    }

    /// The bounds of the older of two sockets.
    #[must_use]
    pub fn older(self, other: Self) -> Self {
        Self {
            at_least: self.at_least.max(other.at_least),
            at_most: match (self.at_most, other.at_most) {
                (Some(one), Some(another)) => Some(one.max(another)),
                _ => None,
            },
        }
    }
}

/// A half-closed stream may have something to say every few minutes: who sent in
/// CLOSE_WAIT counts as half-closed for so long at least.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What has left a socket. A retransmission is nothing new: it goes on while
/// the application is silent, and to a peer that is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Bytes that were sent, each counted once (4.19).
    pub once: Option<u64>,
    /// Bytes that the peer has acknowledged (4.1).
    pub acked: Option<u64>,
}

impl Payload {
    /// What a look tells of it: nothing without `tcp_info`.
    #[must_use]
    pub fn of(socket: &Socket) -> Self {
        let info = socket.tcp_info.unwrap_or_default();
        let once = info.bytes_sent.zip(info.bytes_retrans);
        Self {
            once: once.map(|(sent, again)| sent.saturating_sub(again)),
            acked: info.bytes_acked,
        }
    }

    /// The same, and where it isn't known what was known before.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            once: self.once.or(before.once),
            acked: self.acked.or(before.acked),
        }
    }

    /// Whether more has left it later.
    #[must_use]
    pub fn is_less_than(self, later: Self) -> bool {
        let rose = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(a, b)| b > a);
        rose(self.once, later.once) || rose(self.acked, later.acked)
    }

    /// Whether both tell the same of it.
    #[must_use]
    pub fn is_comparable_with(self, later: Self) -> bool {
        self.once.and(later.once).is_some() || self.acked.and(later.acked).is_some()
    }
}

/// What was seen to leave a socket in CLOSE_WAIT, from one look to the next.
/// Times are since boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// What had left it at the last look.
    pub payload: Payload,
    /// The look that saw last that there was more; `None`: none did.
    #[serde(rename = "last_ms", with = "milliseconds::option")]
    pub last: Option<Duration>,
    /// The longest time without anything that ended with more.
    #[serde(rename = "pause_ms", with = "milliseconds")]
    pub pause: Duration,
}

impl Sending {
    /// Another look at it; `first` is the time of the first one.
    pub fn look(&mut self, payload: Payload, first: Duration, now: Duration) {
        if self.payload.is_less_than(payload) {
            let silent = now.saturating_sub(self.last.unwrap_or(first));
            self.pause = self.pause.max(silent);
            self.last = Some(now);
        }
        self.payload = payload.or(self.payload);
    }

    /// Whether it may well send again: it sent, and has been silent for no
    /// longer than twice as long as before, or than [`LONGEST_PAUSE`].
    #[must_use]
    pub fn goes_on(&self, now: Duration) -> bool {
        let allowed = LONGEST_PAUSE.max(self.pause * 2);
        self.last
            .is_some_and(|last| now.saturating_sub(last) < allowed)
    }
}

/// What is judged of one CLOSE_WAIT socket.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Still sending, or what was sent is still on its way: legitimate.
    HalfClose,
    /// The bounds of its age lie on both sides of the minimum age, and the
    /// lower one can't rise: answers to keepalives or window probes reset it,
    /// or the source knows no ages. Only a second reading can tell.
    Undated,
    /// Not old enough to be called forgotten.
    Recent,
    /// Nobody has called accept() for it.
    NotAccepted,
    /// Data or the end of the stream waits, and nobody reads it.
    EofUnread,
    /// A read consumed the end of the stream, and close() never came.
    NotClosed,
    /// It is not closed, and this kernel doesn't tell whether anything waits to
    /// be read.
    QueueUnknown,
}

impl Verdict {
    /// Every verdict, in the order in which they are tried.
    pub const ALL: [Self; 7] = [
        Self::HalfClose,
        Self::Undated,
        Self::Recent,
        Self::NotAccepted,
        Self::EofUnread,
        Self::NotClosed,
        Self::QueueUnknown,
    ];

    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::HalfClose => "half_close",
            Self::Undated => "undated",
            Self::Recent => "recent",
            Self::NotAccepted => "not_accepted",
            Self::EofUnread => "eof_unread",
            Self::NotClosed => "not_closed",
            Self::QueueUnknown => "queue_unknown",
        }
    }

    /// Whether it means that an application forgot the connection.
    #[must_use]
    pub const fn is_leak(self) -> bool {
        matches!(
            self,
            Self::NotAccepted | Self::EofUnread | Self::NotClosed | Self::QueueUnknown
        )
    }
}

/// CLOSE_WAIT sockets by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictCounts {
    counts: [u64; Verdict::ALL.len()],
}

impl VerdictCounts {
    /// Counts one socket.
    pub fn add(&mut self, verdict: Verdict) {
        if let Some(count) = self.counts.get_mut(verdict as usize) {
            *count += 1;
        }
    }

    /// How many have a verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.counts.get(verdict as usize).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many are leaked; `None` where none is known to be and some may be,
    /// whose age isn't known.
    #[must_use]
    pub fn leaked_if_known(&self) -> Option<u64> {
        let leaked = self.leaked();
        (leaked > 0 || self.of(Verdict::Undated) == 0).then_some(leaked)
    }

    /// How many are known to be leaked.
    #[must_use]
    pub fn leaked(&self) -> u64 {
        Verdict::ALL
            .into_iter()
            .filter(|verdict| verdict.is_leak())
            .map(|verdict| self.of(verdict))
            .sum()
    }
}

/// A connection whose application is alive is closed within milliseconds, or
/// is at the end of a timeout; a minute is forgotten.
pub const LEAK_MIN_AGE: Duration = Duration::from_secs(60);

/// CLOSE_WAIT judged, in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakDigest {
    /// Younger sockets are not called leaked.
    pub min_age: Duration,
    /// The sockets by verdict.
    pub counts: VerdictCounts,
    /// The age of the oldest leaked one; of nothing where none is.
    pub oldest: AgeBounds,
    /// Who leaks, as far as that was cheap to find out, the worst first.
    pub owners: Vec<LeakOwner>,
    /// Why an owner may be missing among these although every process was to
    /// be looked into.
    pub unseen: Option<IncompleteScan>,
}

/// Somebody who leaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakOwner {
    /// Who it is.
    pub kind: LeakOwnerKind,
    /// How many sockets.
    pub leaked: u64,
    /// How many more processes hold some of these, or all, too.
    pub others: u64,
    /// With how many of these a connection ended that it has closed and the
    /// peer hasn't (FIN_WAIT2): a proxy waits for that side.
    pub waits: u64,
    /// Whether it may well be more: not every socket was looked for.
    pub or_more: bool,
    /// The age of the oldest.
    pub oldest: AgeBounds,
}

impl LeakOwner {
    /// Whether it waits for others, who must act first.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.waits > 0 && self.waits >= self.leaked
    }
}

/// What could be found out about an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeakOwnerKind {
    /// The process that holds them.
    Process {
        /// Its number.
        pid: u32,
        /// Its name.
        command: Option<String>,
        /// Its open descriptors.
        open_fds: Option<u64>,
        /// Its limit of these.
        fd_limit: Option<u64>,
    },
    /// The systemd unit or container that the sockets were made in: no process
    /// was looked into, or none may be.
    Unit(String),
    /// The listener at this port of ours, which leaves them in its queue.
    Listener(u16),
    /// More of them together, none of which leaks more than any of those that
    /// are named.
    Others {
        /// How many processes.
        processes: u64,
        /// How many units and listeners.
        elsewhere: u64,
    },
    /// Nobody knows without a search.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_verdict_is_counted_for_itself() {
        let mut counts = VerdictCounts::default();
        for (times, verdict) in (1..).zip(Verdict::ALL) {
            for _ in 0..times {
                counts.add(verdict);
            }
        }
        for (times, verdict) in (1..).zip(Verdict::ALL) {
            assert_eq!(counts.of(verdict), times, "{verdict:?}");
        }
        assert_eq!(counts.leaked(), 4 + 5 + 6 + 7);
        assert_eq!(counts.total(), 28);
    }

    #[test]
    fn the_older_of_two_has_the_higher_of_each_bound() {
        let bounds = |at_least: u64, at_most: u64| AgeBounds {
            at_least: Some(Duration::from_secs(at_least)),
            at_most: Some(Duration::from_secs(at_most)),
        };
        assert_eq!(bounds(1, 9).older(bounds(3, 5)), bounds(3, 9));
        let unbounded = AgeBounds {
            at_most: None,
            ..bounds(2, 0)
        };
        assert_eq!(unbounded.older(bounds(3, 5)).at_most, None);
        assert_eq!(
            unbounded.older(bounds(3, 5)).at_least,
            bounds(3, 0).at_least
        );
    }

    #[test]
    fn an_age_from_elsewhere_gets_tighter_and_never_contradicts_itself() {
        let bounds = |at_least, at_most: Option<u64>| AgeBounds {
            at_least: Some(Duration::from_secs(at_least)),
            at_most: at_most.map(Duration::from_secs),
        };
        let seen = bounds(10, Some(12));
        assert_eq!(seen.and(AgeBounds::default()), seen);
        assert_eq!(seen.and(bounds(3, Some(500))), seen);
        assert_eq!(seen.and(bounds(11, Some(11))), bounds(11, Some(11)));
        // Older than it can be by what was watched: a dump had missed it.
        assert_eq!(seen.and(bounds(90, None)), bounds(90, None));
    }

    /// A stream with something to say every quarter of an hour was a leak for a
    /// third of the time.
    #[test]
    fn who_sent_may_be_silent_for_twice_as_long_as_before() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let sent = |once| Payload {
            once: Some(once),
            acked: None,
        };
        let mut sending = Sending::default();
        sending.look(sent(10), minutes(0), minutes(0));
        assert!(
            !sending.goes_on(minutes(0)),
            "nothing was seen to leave yet"
        );
        sending.look(sent(20), minutes(0), minutes(1));
        assert!(sending.goes_on(minutes(10)) && !sending.goes_on(minutes(11)));
        sending.look(sent(20), minutes(0), minutes(15));
        sending.look(sent(30), minutes(0), minutes(16));
        assert!(sending.goes_on(minutes(45)) && !sending.goes_on(minutes(46)));
        // What isn't told is not nothing.
        sending.look(Payload::default(), minutes(0), minutes(17));
        sending.look(sent(30), minutes(0), minutes(18));
        assert_eq!(sending.last, Some(minutes(16)));
    }

    proptest! {
        #[test]
        fn the_older_is_no_younger_than_either(
            ages in proptest::collection::vec((0_u64..100, 0_u64..100), 2),
        ) {
            let bounds = |index: usize| {
                let (low, more) = ages[index];
                AgeBounds {
                    at_least: Some(Duration::from_secs(low)),
                    at_most: Some(Duration::from_secs(low + more)),
                }
            };
            let older = bounds(0).older(bounds(1));
            prop_assert!(older.at_least <= older.at_most);
            prop_assert!(older.at_least >= bounds(0).at_least.max(bounds(1).at_least));
        }
    }
}
