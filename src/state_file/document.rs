//! What stands in a state file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    CheckState, CheckStates, Counter, CounterSnapshot, Counters, ListenerDrops, Sighting,
    Sightings, SocketCookie,
};

/// The version that is written, and the only one that is read.
pub(super) const VERSION: u32 = 2;

/// The whole file. Its first field tells whose it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Document {
    schema: String,
    checks: Vec<Check>,
}

/// What checks of the same sockets left.
#[derive(Debug, Serialize, Deserialize)]
struct Check {
    boot_id: String,
    netns: Option<u64>,
    scope: String,
    begun_ms: u64,
    ended_ms: u64,
    marks: Vec<Counted>,
    close_wait: Option<Seen>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    at_ms: u64,
    counters: BTreeMap<String, u64>,
    #[serde(default)]
    drops: ListenerDrops,
    values: BTreeMap<String, f64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    begun_ms: u64,
    ended_ms: u64,
    /// Cookie, when it was seen, when it wasn't yet there.
    sockets: Vec<(u64, u64, Option<u64>)>,
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<&CheckStates> for Document {
    fn from(states: &CheckStates) -> Self {
        Self {
            schema: format!("tcpstate.state/{VERSION}"),
            checks: states.0.iter().map(Check::from).collect(),
        }
    }
}

impl From<Document> for CheckStates {
    fn from(document: Document) -> Self {
        Self(document.checks.into_iter().map(CheckState::from).collect())
    }
}

impl From<&CheckState> for Check {
    fn from(state: &CheckState) -> Self {
        Self {
            boot_id: state.boot_id.clone(),
            netns: state.netns,
            scope: state.scope.clone(),
            begun_ms: milliseconds(state.begun),
            ended_ms: milliseconds(state.ended),
            marks: state.snapshots.iter().map(Counted::from).collect(),
            close_wait: state.close_wait.as_ref().map(Seen::from),
        }
    }
}

impl From<Check> for CheckState {
    fn from(check: Check) -> Self {
        Self {
            begun: Duration::from_millis(check.begun_ms),
            ended: Duration::from_millis(check.ended_ms),
            boot_id: check.boot_id,
            netns: check.netns,
            scope: check.scope,
            snapshots: check.marks.into_iter().map(CounterSnapshot::from).collect(),
            close_wait: check.close_wait.map(Sightings::from),
        }
    }
}

impl From<&CounterSnapshot> for Counted {
    fn from(counted: &CounterSnapshot) -> Self {
        let counters = counted.counters.iter();
        Self {
            at_ms: milliseconds(counted.at),
            counters: counters
                .filter_map(|(counter, value)| Some((counter.name().to_owned(), value?)))
                .collect(),
            drops: counted.drops.clone(),
            values: counted.values.clone(),
        }
    }
}

impl From<Counted> for CounterSnapshot {
    fn from(counted: Counted) -> Self {
        let mut counters = Counters::default();
        for &counter in Counter::ALL {
            if let Some(&value) = counted.counters.get(counter.name()) {
                counters.set(counter, value);
            }
        }
        Self {
            at: Duration::from_millis(counted.at_ms),
            counters,
            drops: counted.drops,
            values: counted.values,
        }
    }
}

impl From<&Sightings> for Seen {
    fn from(sightings: &Sightings) -> Self {
        let socket = |(cookie, sighting): (&SocketCookie, &Sighting)| {
            let not_yet = sighting.not_yet.map(milliseconds);
            (cookie.0, milliseconds(sighting.seen), not_yet)
        };
        Self {
            begun_ms: milliseconds(sightings.begun),
            ended_ms: milliseconds(sightings.ended),
            sockets: sightings.sockets.iter().map(socket).collect(),
        }
    }
}

impl From<Seen> for Sightings {
    fn from(seen: Seen) -> Self {
        let socket = |(cookie, seen, not_yet): (u64, u64, Option<u64>)| {
            let sighting = Sighting {
                seen: Duration::from_millis(seen),
                not_yet: not_yet.map(Duration::from_millis),
            };
            (SocketCookie(cookie), sighting)
        };
        Self {
            begun: Duration::from_millis(seen.begun_ms),
            ended: Duration::from_millis(seen.ended_ms),
            sockets: seen.sockets.into_iter().map(socket).collect(),
        }
    }
}
