//! What is wrong with a listener, in a word.

use schemars::JsonSchema;
use serde::Serialize;

use super::evidence::{Cookies, SynEvidence};
use super::syn_queue::Fill;
use crate::model::{Listener, Listeners};

/// What is wrong with one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ListenerVerdict")]
pub enum Verdict {
    /// The source doesn't tell what is needed.
    Unknown,
    /// Nothing.
    Fine,
    /// Its SYN queue is full, and nobody saw that it turned a client away: a
    /// few slow ones are enough.
    SynQueueFull,
    /// More handshakes than its SYN queue holds; the clients that get cookies
    /// come back with them.
    SynBurst,
    /// The same, and cookies don't come back: legitimate clients get in all the
    /// same.
    #[serde(rename = "syn_flood_absorbed")]
    FloodAbsorbed,
    /// Its SYN queue is full and cookies are off, and SYNs were dropped while
    /// somebody looked.
    #[serde(rename = "syn_flood_dropping")]
    FloodDropping,
    /// Its accept queue is full: the application doesn't accept fast enough.
    SlowAccept,
}

impl Verdict {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fine => "fine",
            Self::SynQueueFull => "syn_queue_full",
            Self::SynBurst => "syn_burst",
            Self::FloodAbsorbed => "syn_flood_absorbed",
            Self::FloodDropping => "syn_flood_dropping",
            Self::SlowAccept => "slow_accept",
        }
    }
}

/// What SYN cookies tell of the whole namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SynVerdict {
    /// The counters or settings aren't known.
    Unknown,
    /// No more cookies are sent than come back.
    Fine,
    /// A SYN queue is full, and nobody saw that it turned a client away.
    #[serde(rename = "syn_queue_full")]
    QueueFull,
    /// Cookies are sent and come back: legitimate clients, too many at once.
    #[serde(rename = "syn_burst")]
    Burst,
    /// Cookies are sent and don't come back.
    #[serde(rename = "syn_flood_absorbed")]
    FloodAbsorbed,
    /// SYNs are dropped, and cookies are off.
    #[serde(rename = "syn_flood_dropping")]
    FloodDropping,
    /// SYNs are dropped, and no full SYN queue explains it.
    DroppedOtherwise,
}

impl SynVerdict {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fine => "fine",
            Self::QueueFull => "syn_queue_full",
            Self::Burst => "syn_burst",
            Self::FloodAbsorbed => "syn_flood_absorbed",
            Self::FloodDropping => "syn_flood_dropping",
            Self::DroppedOtherwise => "dropped_otherwise",
        }
    }
}

/// Share of an accept queue that makes it worth a second look.
const NEARLY_FULL: f64 = 0.8;

/// Whether the accept queue of a listener has hardly a place left: one that
/// fills and empties is seldom full in the moment when somebody looks.
#[must_use]
pub fn is_nearly_full(listener: &Listener) -> bool {
    listener
        .used_ratio()
        .is_some_and(|used| used >= NEARLY_FULL)
}

/// What is wrong with a listener.
#[must_use]
pub fn verdict(listener: &Listener, evidence: &SynEvidence) -> Verdict {
    match listener.is_full() {
        None => return Verdict::Unknown,
        Some(true) => return Verdict::SlowAccept,
        Some(false) => {}
    }
    let Some(fill) = evidence.fill(listener) else {
        return Verdict::Unknown;
    };
    // With cookies for every SYN no queue ever fills: only a single listener
    // can be told to be the flooded one.
    let always = evidence.cookies == Some(2) && evidence.listeners == Some(1);
    // A queue of slow clients is as full as a flooded one: what tells is
    // whether it turns others away now. Totals may be of another year.
    match (fill, evidence.cookies) {
        (Fill::Full, None) => Verdict::Unknown,
        (Fill::Full | Fill::PerhapsFull, Some(0)) if evidence.drops_now() => Verdict::FloodDropping,
        (Fill::Full | Fill::PerhapsFull, Some(1..)) if evidence.between => {
            match (evidence.came_back(), fill) {
                (Cookies::Returned, _) => Verdict::SynBurst,
                (Cookies::Lost, _) => Verdict::FloodAbsorbed,
                (Cookies::Unknown | Cookies::Few, Fill::Full) => Verdict::SynQueueFull,
                (Cookies::Unknown | Cookies::Few, _) => Verdict::Fine,
            }
        }
        (Fill::Full, Some(_)) => Verdict::SynQueueFull,
        _ if always && evidence.came_back() == Cookies::Lost => Verdict::FloodAbsorbed,
        _ => Verdict::Fine,
    }
}

/// What cookies and drops tell of the whole namespace.
#[must_use]
pub fn syn_verdict(evidence: &SynEvidence, listeners: Option<&Listeners>) -> SynVerdict {
    let worst = listeners.and_then(|listeners| {
        let judged = listeners.listeners.iter();
        judged
            .map(|listener| verdict(listener, evidence))
            .max_by_key(
                // The accept queue isn't this one's matter.
                |verdict| match verdict {
                    Verdict::SlowAccept | Verdict::Unknown => Verdict::Unknown,
                    other => *other,
                },
            )
    });
    match worst {
        Some(Verdict::FloodDropping) => return SynVerdict::FloodDropping,
        Some(Verdict::FloodAbsorbed) => return SynVerdict::FloodAbsorbed,
        Some(Verdict::SynBurst) => return SynVerdict::Burst,
        Some(Verdict::SynQueueFull) => return SynVerdict::QueueFull,
        _ => {}
    }
    match evidence.cookies {
        None => SynVerdict::Unknown,
        // No queue is full now, and none was.
        Some(0) if evidence.drops_now() && evidence.dropped_by_queue == Some(0) => {
            SynVerdict::DroppedOtherwise
        }
        Some(0) if evidence.drops_now() => SynVerdict::FloodDropping,
        Some(0) => SynVerdict::Fine,
        Some(mode) => match evidence.came_back() {
            Cookies::Unknown => SynVerdict::Unknown,
            Cookies::Lost => SynVerdict::FloodAbsorbed,
            // With cookies for everybody, those that come back are the rule.
            Cookies::Returned if mode == 1 => SynVerdict::Burst,
            Cookies::Returned | Cookies::Few => SynVerdict::Fine,
        },
    }
}

#[cfg(test)]
mod tests;
