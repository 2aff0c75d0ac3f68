//! What rules and metrics are read from: a snapshot and its past.

use schemars::JsonSchema;
use serde::Serialize;

use std::time::Duration;

use super::super::change::Past;
use crate::model::float;
use crate::model::{Counter, CounterSnapshot, LeakDigest, Snapshot, Sysctl};

/// A snapshot, and what is known of the time before it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// The counters of an earlier reading, long enough ago for a rate.
    pub past: Option<Past<'a>>,
    /// The counts of an earlier reading, long enough ago for growth, and how
    /// long ago it was.
    pub long_before: Option<(&'a CounterSnapshot, Duration)>,
    /// Whether a later reading can compare with this one: rates that are
    /// unknown now will be known then.
    pub continues: bool,
}

/// Why a value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It needs an earlier reading, and there is none that compares: the first
    /// run, or one a moment ago, a reboot, a counter that went down. A later
    /// run will know.
    NotYet,
    /// The same, and a later run won't know either, as nothing is kept.
    Forgotten,
    /// This network namespace doesn't show it.
    Hidden,
    /// Only a privileged process may read it.
    Denied,
    /// It is that of processes which hold sockets and are not known.
    Unowned,
    /// Its bounds lie on both sides of the threshold.
    Inexact,
    /// Nobody read what it takes, which is read where there is reason to.
    NotRead,
    /// It could not be read.
    Unread,
}

impl Missing {
    /// The reason as a phrase.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotYet => "not known before the next run",
            Self::Forgotten => "not known without a state file",
            Self::Hidden => "not shown in this network namespace",
            Self::Denied => "not shown without privilege",
            Self::Unowned => "not known whose it is",
            Self::Inexact => "known only within bounds",
            Self::NotRead => "read only where many segments are sent again, or by name",
            Self::Unread => "could not be read",
        }
    }
}

/// A value, or why there is none.
pub type Measured = Result<f64, Missing>;

/// The range in which a number lies that isn't known exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// It is at least this.
    pub low: f64,
    /// It is at most this.
    pub high: f64,
}

/// Which of its bounds is given in place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The number is a lower bound.
    AtLeast,
    /// The number is an upper bound.
    AtMost,
}

impl Bound {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
        }
    }

    /// The phrase before the number.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::AtLeast => "at least ",
            Self::AtMost => "at most ",
        }
    }
}

impl<'a> Observation<'a> {
    /// A snapshot beside an earlier one, where there is one.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, previous: Option<&'a Snapshot>) -> Self {
        Self {
            snapshot,
            past: previous.map(|previous| Past::of(previous, snapshot)),
            long_before: None,
            continues: true,
        }
    }

    /// Why there is nothing to compare with.
    const fn without_a_past(&self) -> Missing {
        if self.continues {
            Missing::NotYet
        } else {
            Missing::Forgotten
        }
    }

    /// A number of sockets. Where rows were lost it would be too low, and
    /// nobody knows by how much.
    pub(in crate::classify) fn sockets(&self, count: Option<u64>) -> Measured {
        count
            .filter(|_| self.snapshot.collection.complete)
            .map(float)
            .ok_or(Missing::Unread)
    }

    /// A value of the digest of CLOSE_WAIT, which is unknown where rows were
    /// lost.
    pub(in crate::classify) fn leaks(&self, value: fn(&LeakDigest) -> Measured) -> Measured {
        let leaks = self.snapshot.leaks.as_ref();
        leaks
            .filter(|_| self.snapshot.collection.complete)
            .map_or(Err(Missing::Unread), value)
    }

    /// The value of a sysctl.
    pub(in crate::classify) fn sysctl(&self, sysctl: Sysctl) -> Measured {
        let value = self.snapshot.sysctls.get(sysctl);
        value.map(float).ok_or(Missing::Unread)
    }

    /// How much a counter rose per second since the earlier reading. One that
    /// went down was reset: how much it rose since then is not known.
    pub(in crate::classify) fn rate(&self, counter: Counter) -> Measured {
        let now = self.snapshot.counters.get(counter).ok_or(Missing::Unread)?;
        let past = self.past.ok_or(self.without_a_past())?;
        let before = past.counters.get(counter).ok_or(Missing::NotYet)?;
        let rise = now.checked_sub(before).ok_or(Missing::NotYet)?;
        let time = past.ago.ok_or(Missing::NotYet)?;
        Ok(float(rise) / time.as_secs_f64())
    }

    /// How much a count grew per hour since the earlier reading.
    pub(super) fn growth(&self, name: &str, value: f64) -> Measured {
        let (counted, elapsed) = self.long_before.ok_or(self.without_a_past())?;
        let before = counted.values.get(name).ok_or(Missing::NotYet)?;
        Ok((value - before) / elapsed.as_secs_f64() * 3600.0)
    }
}

/// A share in per cent. A limit of 0 is reached by anything.
pub(in crate::classify) fn share(part: Measured, whole: Measured) -> Measured {
    let (part, whole) = (part?, whole?);
    Ok(if whole > 0.0 {
        part * 100.0 / whole
    } else {
        100.0
    })
}
