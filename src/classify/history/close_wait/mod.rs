//! Which sockets entered and left CLOSE_WAIT, by their cookies.
//!
//! Memory holds the sockets in CLOSE_WAIT and those that have just left it,
//! and no others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::close_wait::{Payload, Watched};
use crate::model::{AgeBounds, Socket, SocketCookie, TcpState};

/// When a socket was first seen in CLOSE_WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The sample that saw it first.
    pub first: Instant,
    /// The sample before that one, which did not see it: it entered the state
    /// between the two. `None`: it was there when watching began, or nobody
    /// looked before; its age is a lower bound.
    pub not_before: Option<Instant>,
}

impl Seen {
    /// Its age is at least this.
    #[must_use]
    pub fn age_at_least(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.first)
    }

    /// The bounds of its age that something else gave, made tighter by this.
    #[must_use]
    pub fn refine(&self, age: AgeBounds, now: Instant) -> AgeBounds {
        let at_least = age.at_least.max(Some(self.age_at_least(now)));
        let at_most = match (age.at_most, self.age_at_most(now)) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        AgeBounds {
            at_least,
            at_most: at_most.filter(|&age| Some(age) >= at_least),
        }
    }

    /// Its age is at most this; `None` when nobody saw it enter.
    #[must_use]
    pub fn age_at_most(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.not_before?))
    }
}

/// What happened between two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transitions {
    /// Sockets that were not in CLOSE_WAIT before.
    pub entered: u64,
    /// Sockets that are not in CLOSE_WAIT any more; `None` where rows were
    /// lost, and a missing socket may still be there.
    pub left: Option<u64>,
    /// Sockets that were, and are.
    pub stuck: u64,
    /// The one that has been there longest.
    pub oldest: Option<Seen>,
}

/// Dumps miss a socket now and then, and CLOSE_WAIT is never entered twice: who
/// comes back has been there all the time. So for this many samples nobody is
/// forgotten; a dump that lost rows earns more.
const GRACE: u32 = 1;
const GRACE_INCOMPLETE: u32 = 10;

/// Who sent in CLOSE_WAIT counts as half-closed for so long: a stream may have
/// something to say every few minutes.
const SENDS: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Seen by a sample that isn't over, or failed.
    New,
    /// Counted as entered.
    Here,
    /// Counted as left.
    Gone,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    seen: Seen,
    phase: Phase,
    /// The sample that saw it last, by its number.
    last: u64,
    /// Samples since then that came to their end.
    missed: u32,
    /// What has left it.
    payload: Payload,
    /// The sample that saw that there was more.
    sent: Option<Instant>,
}

/// Follows the sockets in CLOSE_WAIT from sample to sample.
#[derive(Debug, Default)]
pub struct CloseWaitMemory {
    known: HashMap<SocketCookie, Known>,
    /// Number of the sample that is being taken.
    snapshot: u64,
    /// When it began.
    now: Option<Instant>,
    /// When the last one that came to its end began.
    previous: Option<Instant>,
    /// A source without cookies was read.
    blind: bool,
}

impl CloseWaitMemory {
    /// A sample begins.
    pub fn begin(&mut self, now: Instant) {
        self.snapshot += 1;
        self.now = Some(now);
        self.blind = false;
        // Where every sample fails, none comes to its end and forgets them.
        let snapshot = self.snapshot;
        let is_recent = |known: &Known| snapshot - known.last <= GRACE_INCOMPLETE.into();
        self.known
            .retain(|_, known| known.phase != Phase::New || is_recent(known));
    }

    /// The sample shows a socket, perhaps not for the first time: dumps repeat
    /// themselves.
    pub fn see(&mut self, socket: &Socket) {
        if socket.state != TcpState::CloseWait {
            return;
        }
        let (Some(cookie), Some(now)) = (socket.cookie, self.now) else {
            self.blind = true;
            return;
        };
        let seen = Seen {
            first: now,
            not_before: self.previous,
        };
        let fresh = Known {
            seen,
            phase: Phase::New,
            last: self.snapshot,
            missed: 0,
            payload: Payload::of(socket),
            sent: None,
        };
        let known = self.known.entry(cookie).or_insert(fresh);
        if known.payload.is_less_than(fresh.payload) {
            known.sent = Some(now);
        }
        known.payload = fresh.payload.or(known.payload);
        known.last = self.snapshot;
        known.missed = 0;
    }

    /// The sample is over. `None` when it is the first, or had no cookies to
    /// tell sockets by. A sample that fails is never over.
    pub fn end(&mut self, complete: bool) -> Option<Transitions> {
        let previous = self.previous;
        if self.blind {
            // What entered meanwhile would look as if it had just come.
            self.known.clear();
            self.previous = None;
            return None;
        }
        self.previous = self.now;
        let (mut entered, mut left, mut stuck, mut oldest) = (0, 0, 0, None);
        let snapshot = self.snapshot;
        let grace = if complete { GRACE } else { GRACE_INCOMPLETE };
        self.known.retain(|_, known| {
            if known.last == snapshot {
                match known.phase {
                    Phase::New => entered += 1,
                    Phase::Here | Phase::Gone => stuck += 1,
                }
                known.phase = Phase::Here;
                oldest = Some(older(oldest, known.seen));
                return true;
            }
            known.missed += 1;
            if known.phase == Phase::Here && complete {
                known.phase = Phase::Gone;
                left += 1;
            }
            known.phase != Phase::New && known.missed <= grace
        });
        previous.map(|_| Transitions {
            entered,
            left: complete.then_some(left),
            stuck,
            oldest,
        })
    }

    /// How many sockets are remembered.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.known.len()
    }

    /// What watching tells of sockets for a verdict: of those that have been in
    /// CLOSE_WAIT for this long, or sent meanwhile.
    pub fn watched(&self, now: Instant, min_age: Duration) -> impl Iterator<Item = Watched> {
        self.known.iter().filter_map(move |(&cookie, known)| {
            let sent = known
                .sent
                .is_some_and(|sent| now.saturating_duration_since(sent) < SENDS);
            let age = known.seen.refine(AgeBounds::default(), now);
            let is_old = age.at_least >= Some(min_age);
            (is_old || sent).then_some(Watched { cookie, age, sent })
        })
    }

    /// What is known of a socket.
    #[must_use]
    pub fn seen(&self, cookie: SocketCookie) -> Option<Seen> {
        self.known.get(&cookie).map(|known| known.seen)
    }
}

fn older(oldest: Option<Seen>, seen: Seen) -> Seen {
    match oldest {
        Some(oldest) if oldest.first <= seen.first => oldest,
        _ => seen,
    }
}

#[cfg(test)]
mod tests;
