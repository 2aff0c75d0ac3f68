//! Which sockets entered and left CLOSE_WAIT, by their cookies.
//!
//! Memory holds the sockets in CLOSE_WAIT and those that have just left it,
//! and no others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::{AgeBounds, Payload, Sending, Sighting, Socket, SocketCookie, TcpState};

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
    /// How long the one that has been there longest is known to be.
    pub oldest: Option<AgeBounds>,
}

/// Dumps miss a socket now and then, and CLOSE_WAIT is never entered twice: who
/// comes back has been there all the time. So for this many samples nobody is
/// forgotten; a dump that lost rows earns more.
const GRACE: u32 = 1;
const GRACE_INCOMPLETE: u32 = 10;

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
    /// Times are since the first sample began.
    sighting: Sighting,
    phase: Phase,
    /// The sample that saw it last, by its number.
    last: u64,
    /// Samples since then that came to their end.
    missed: u32,
}

/// Follows the sockets in CLOSE_WAIT from sample to sample.
#[derive(Debug, Default)]
pub struct CloseWaitMemory {
    known: HashMap<SocketCookie, Known>,
    /// When the first sample began.
    origin: Option<Instant>,
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
        self.origin.get_or_insert(now);
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
        let now = self.since_origin(now);
        let fresh = Known {
            sighting: Sighting {
                seen: now,
                not_yet: self.previous.map(|previous| self.since_origin(previous)),
                sending: Sending::default(),
            },
            phase: Phase::New,
            last: self.snapshot,
            missed: 0,
        };
        let known = self.known.entry(cookie).or_insert(fresh);
        known.sighting.look(Payload::of(socket), now);
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
        let (mut entered, mut left, mut stuck) = (0, 0, 0);
        let mut oldest: Option<Sighting> = None;
        let snapshot = self.snapshot;
        let grace = if complete { GRACE } else { GRACE_INCOMPLETE };
        self.known.retain(|_, known| {
            if known.last == snapshot {
                match known.phase {
                    Phase::New => entered += 1,
                    Phase::Here | Phase::Gone => stuck += 1,
                }
                known.phase = Phase::Here;
                if oldest.is_none_or(|oldest| known.sighting.seen < oldest.seen) {
                    oldest = Some(known.sighting);
                }
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
            oldest: self
                .now
                .and_then(|now| Some(oldest?.age(self.since_origin(now)))),
        })
    }

    /// A time by the clock of sightings.
    #[must_use]
    pub fn since_origin(&self, time: Instant) -> Duration {
        self.origin.map_or(Duration::ZERO, |origin| {
            time.saturating_duration_since(origin)
        })
    }

    /// How many sockets are remembered.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.known.len()
    }

    /// What watching tells of sockets for a verdict: of those that have been in
    /// CLOSE_WAIT for this long, or sent meanwhile. Times are as those of
    /// [`Self::since_origin`].
    pub fn watched(
        &self,
        now: Instant,
        min_age: Duration,
    ) -> impl Iterator<Item = (SocketCookie, Sighting)> {
        let now = self.since_origin(now);
        self.known.iter().filter_map(move |(&cookie, known)| {
            let sighting = known.sighting;
            let counts =
                sighting.age(now).at_least >= Some(min_age) || sighting.sending.goes_on(now);
            counts.then_some((cookie, sighting))
        })
    }
}

#[cfg(test)]
mod tests;
