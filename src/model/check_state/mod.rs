//! What a check leaves on disk for the next one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::number::milliseconds;
use super::{
    AgeBounds, Counter, Counters, ListenerDrops, Payload, Sending, Snapshot, SocketCookie,
};

/// Counters are kept again after this time, and no rate is taken over less: a
/// burst of a few milliseconds is no rate.
pub const SHORTEST_RATE: Duration = Duration::from_secs(10);

/// Growth is given per hour, so a few sockets more within seconds would be
/// thousands.
pub const SHORTEST_GROWTH: Duration = Duration::from_secs(60);

/// Older counters say nothing about now: one event in a week is no rate.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// More checks than this don't share a file; one that is no longer run leaves
/// its state there. A check of all network namespaces counts for each of them.
const MOST: usize = 1_024;

/// What the checks of several namespaces and scopes left in one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckStates(pub Vec<CheckState>);

/// What one check leaves for the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckState {
    /// When it began to read, since boot (`CLOCK_BOOTTIME`, which nobody sets
    /// and which goes on in suspend).
    #[serde(rename = "begun_ms", with = "milliseconds")]
    pub begun: Duration,
    /// When it had read everything, since boot.
    #[serde(rename = "ended_ms", with = "milliseconds")]
    pub ended: Duration,
    /// Which boot that was (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Inode number of the network namespace.
    pub netns: Option<u64>,
    /// The options that filter sockets: counts of different sockets don't
    /// compare.
    pub scope: String,
    /// What was counted at several times, oldest first.
    pub snapshots: Vec<CounterSnapshot>,
    /// The CLOSE_WAIT sockets of the last check that saw them all; `None` where
    /// none did, as over /proc, which has no cookies.
    pub close_wait: Option<Sightings>,
}

/// What was counted at one time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CounterSnapshot {
    /// When, since boot.
    #[serde(rename = "at_ms", with = "milliseconds")]
    pub at: Duration,
    /// The kernel's counters.
    pub counters: Counters,
    /// What each listener had discarded.
    pub drops: ListenerDrops,
    /// The counts, by the names of their metrics.
    pub values: BTreeMap<String, f64>,
}

/// All CLOSE_WAIT sockets, as one reading saw them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sightings {
    /// When the reading began, since boot.
    #[serde(rename = "begun_ms", with = "milliseconds")]
    pub begun: Duration,
    /// When it had seen all, since boot.
    #[serde(rename = "ended_ms", with = "milliseconds")]
    pub ended: Duration,
    /// When each was first seen in this state.
    pub sockets: HashMap<SocketCookie, Sighting>,
}

/// When a socket was first seen in a state that it is in still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// It was seen then, since boot.
    #[serde(rename = "seen_ms", with = "milliseconds")]
    pub seen: Duration,
    /// It wasn't in that state yet then, since boot; `None` when nobody had
    /// looked.
    #[serde(rename = "not_yet_ms", with = "milliseconds::option")]
    pub not_yet: Option<Duration>,
    /// What was seen to leave it since.
    #[serde(default)]
    pub sending: Sending,
}

impl CounterSnapshot {
    /// What a reading counted, but for the values of metrics; `None` of one that
    /// doesn't say when.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let listeners = snapshot.pressure.listeners.as_ref();
        Some(Self {
            at: snapshot.read_at?,
            counters: snapshot.counters.clone(),
            drops: listeners.map_or_else(ListenerDrops::default, |all| all.drops.clone()),
            values: BTreeMap::new(),
        })
    }
}

impl CheckStates {
    /// What the last check of the same sockets left. After a boot, or in
    /// another network namespace, there is nothing that compares; nor when its
    /// time is still to come, as after a virtual machine was put back.
    #[must_use]
    pub fn before(&self, now: &CheckState) -> Option<&CheckState> {
        let mut of_this_boot = self.0.iter().filter(|_| !now.boot_id.is_empty());
        of_this_boot.find(|state| state.is_of(now) && state.ended < now.begun)
    }

    /// Takes in what a check leaves, in the place of what the same check left
    /// before. What is of another boot compares with nothing any more; where it
    /// isn't known which boot this is, nobody can tell what does.
    pub fn put(&mut self, state: CheckState) {
        if state.boot_id.is_empty() {
            return;
        }
        self.0
            .retain(|other| other.boot_id == state.boot_id && !other.is_of(&state));
        self.0.sort_by_key(|other| other.ended);
        let surplus = (self.0.len() + 1).saturating_sub(MOST);
        self.0.drain(..surplus);
        self.0.push(state);
    }
}

impl CheckState {
    /// Whether both are about the same sockets, of the same boot.
    fn is_of(&self, other: &Self) -> bool {
        self.boot_id == other.boot_id && self.netns == other.netns && self.scope == other.scope
    }

    /// Whether a counter stood higher than it does now. The number of a network
    /// namespace is given again when it is gone, and the next one's counters
    /// begin at 0: nothing here is about that one.
    #[must_use]
    pub fn is_ahead_of(&self, counters: &Counters) -> bool {
        let Some(counted) = self.snapshots.last() else {
            return false;
        };
        counted.counters.iter().any(|(counter, before)| {
            // The one that goes up and down.
            let falls = counter == Counter::CurrEstab;
            let now = counters.get(counter);
            !falls && before.zip(now).is_some_and(|(before, now)| now < before)
        })
    }

    /// The last counters that are old enough and not too old, and their age.
    #[must_use]
    pub fn counted_before(
        &self,
        now: Duration,
        at_least: Duration,
    ) -> Option<(&CounterSnapshot, Duration)> {
        let ages = self
            .snapshots
            .iter()
            .rev()
            .map(|counted| (counted, now.saturating_sub(counted.at)));
        let mut old_enough = ages.filter(|(_, age)| *age >= at_least);
        old_enough.next().filter(|(_, age)| *age <= LONGEST)
    }

    /// Adds what is counted now to the snapshots that a check before left.
    /// However often checks run, few are kept, and one of them is old enough for
    /// growth as soon as there was time for it.
    pub fn keep_counters(&mut self, counted: CounterSnapshot, before: Option<&Self>) {
        let now = counted.at;
        let age = |counted: &CounterSnapshot| now.saturating_sub(counted.at);
        let mut snapshots = before.map_or_else(Vec::new, |before| before.snapshots.clone());
        let spare = snapshots
            .iter()
            .rposition(|counted| age(counted) >= SHORTEST_GROWTH);
        snapshots.drain(..spare.unwrap_or(0));
        if snapshots
            .last()
            .is_none_or(|last| age(last) >= SHORTEST_RATE)
        {
            snapshots.push(counted);
        }
        self.snapshots = snapshots;
    }

    /// Keeps the sockets that are in CLOSE_WAIT now, with what has left each.
    /// Those that the state before this one knows keep their first sighting;
    /// one that is new was seen first now, and hadn't been there when that look
    /// began.
    pub fn keep_close_wait(
        &mut self,
        seen: &HashMap<SocketCookie, Payload>,
        before: Option<&Self>,
    ) {
        let known = before.and_then(|before| before.close_wait.as_ref());
        let new = Sighting {
            seen: self.ended,
            not_yet: known.map(|known| known.begun),
            sending: Sending::default(),
        };
        let first = |cookie| known.and_then(|known| known.sockets.get(cookie)).copied();
        let sockets = seen.iter().map(|(cookie, &payload)| {
            let mut sighting = first(cookie).unwrap_or(new);
            sighting.look(payload, self.ended);
            (*cookie, sighting)
        });
        self.close_wait = Some(Sightings {
            begun: self.begun,
            ended: self.ended,
            sockets: sockets.collect(),
        });
    }

    /// Keeps what the check before knew of CLOSE_WAIT: this one didn't see all
    /// sockets, and what it missed is still what it was.
    pub fn keep_close_wait_of(&mut self, before: Option<&Self>) {
        self.close_wait = before.and_then(|before| before.close_wait.clone());
    }
}

impl Sighting {
    /// It is looked at again.
    pub fn look(&mut self, payload: Payload, now: Duration) {
        self.sending.look(payload, self.seen, now);
    }

    /// How long it has been in this state at a time.
    #[must_use]
    pub fn age(&self, now: Duration) -> AgeBounds {
        AgeBounds {
            at_least: Some(now.saturating_sub(self.seen)),
            at_most: self.not_yet.map(|time| now.saturating_sub(time)),
        }
    }
}

#[cfg(test)]
mod tests;
