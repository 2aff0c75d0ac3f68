//! What metrics are read from.

use schemars::JsonSchema;
use serde::Serialize;

use std::time::Duration;

use super::super::change::Past;
use crate::model::float;
use crate::model::{Counter, LeakDigest, Mark, Snapshot, Sysctl};

/// What a check looks at: what was read now, and the check before it.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What was read now.
    pub snapshot: &'a Snapshot,
    /// What was counted before, long enough ago for a rate, and how long.
    pub before: Option<(&'a Mark, Duration)>,
    /// The same, long enough ago for growth.
    pub long_before: Option<(&'a Mark, Duration)>,
    /// Whether the check after this one will find what this one leaves.
    pub keeps: bool,
}

/// Why a metric has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It needs an earlier look, and there is none that compares: the first
    /// run or one a moment ago, a reboot, a counter that went down. A later run
    /// will know.
    NotYet,
    /// The same, and the next run won't know either: nothing can be kept.
    Forgotten,
    /// This network namespace doesn't show it: it is the host's.
    Hidden,
    /// It is known to root alone.
    Denied,
    /// What is known of it doesn't tell on which side of the threshold it is.
    Inexact,
    /// It could not be read.
    Unread,
}

impl Missing {
    /// The reason in words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotYet => "not known before the next run",
            Self::Forgotten => "not known without a state file",
            Self::Hidden => "not shown in this network namespace",
            Self::Denied => "not shown without privilege",
            Self::Inexact => "known only within bounds",
            Self::Unread => "could not be read",
        }
    }
}

/// A value, or why there is none.
pub type Measured = Result<f64, Missing>;

/// Between what a number lies that isn't known exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// It is at least this.
    pub low: f64,
    /// It is at most this.
    pub high: f64,
}

/// Which end of its bounds is given in the place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The number is at least so much.
    AtLeast,
    /// The number is at most so much.
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

    /// The words in a line, before the number.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "at least ",
            Self::AtMost => "at most ",
        }
    }
}

impl Reading<'_> {
    /// The check before as the rules compare with it.
    pub(super) fn past(&self) -> Option<Past<'_>> {
        let (mark, ago) = self.before?;
        Some(Past {
            counters: &mark.counters,
            ago: Some(ago),
        })
    }

    /// Why there is nothing to compare with.
    pub(super) const fn without_a_past(&self) -> Missing {
        if self.keeps {
            Missing::NotYet
        } else {
            Missing::Forgotten
        }
    }

    /// A number of sockets. Where rows were lost it would be too low, and
    /// nobody knows by how much.
    pub(super) fn sockets(&self, count: Option<u64>) -> Measured {
        count
            .filter(|_| self.snapshot.collection.complete)
            .map(float)
            .ok_or(Missing::Unread)
    }

    /// What the digest of CLOSE_WAIT says; a part of the sockets says nothing.
    pub(super) fn leaks(&self, value: fn(&LeakDigest) -> Measured) -> Measured {
        let leaks = self.snapshot.leaks.as_ref();
        leaks
            .filter(|_| self.snapshot.collection.complete)
            .map_or(Err(Missing::Unread), value)
    }

    /// A setting.
    pub(super) fn sysctl(&self, sysctl: Sysctl) -> Measured {
        let value = self.snapshot.sysctls.get(sysctl);
        value.map(float).ok_or(Missing::Unread)
    }

    /// How much counters rose a second since a check before. One that went
    /// down was reset: how much it rose since then is not known.
    pub(super) fn rate(&self, counters: &[Counter]) -> Measured {
        let past = self.before.ok_or(self.without_a_past());
        let mut rise = 0;
        for &counter in counters {
            let now = self.snapshot.counters.get(counter).ok_or(Missing::Unread)?;
            let before = past?.0.counters.get(counter).ok_or(Missing::NotYet)?;
            rise += now.checked_sub(before).ok_or(Missing::NotYet)?;
        }
        Ok(float(rise) / past?.1.as_secs_f64())
    }

    /// How much a count grew an hour since a check before.
    pub(super) fn growth(&self, name: &str, value: f64) -> Measured {
        let (mark, elapsed) = self.long_before.ok_or(self.without_a_past())?;
        let before = mark.values.get(name).ok_or(Missing::NotYet)?;
        Ok((value - before) / elapsed.as_secs_f64() * 3600.0)
    }
}

/// A share in per cent. A limit of 0 is reached by anything.
pub(super) fn share(part: Measured, whole: Measured) -> Measured {
    let (part, whole) = (part?, whole?);
    Ok(if whole > 0.0 {
        part * 100.0 / whole
    } else {
        100.0
    })
}
