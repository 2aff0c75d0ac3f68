//! A sample of `watch` as JSON: the fields of the summary, and what changed
//! since the sample before.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::parts::{ByName, CounterRates, Names, microseconds, milliseconds, rated_counters};
use super::summary::Summary;
use super::write::line;
use crate::classify::history::{Latest, Rates, Timeline, Transitions};
use crate::model::{AgeBounds, Counter, TcpState};

pub(super) const SCHEMA: &str = "tcpstate.watch/1";

/// `tcpstate watch --json`, a document a sample: the summary, and what changed
/// since the sample before.
#[derive(Serialize, JsonSchema)]
pub(super) struct Watch<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// Number of the sample, from 1.
    sequence: u64,
    /// The interval between samples, in milliseconds.
    interval_ms: u64,
    /// Time that the whole sample took, in microseconds.
    sample_us: u64,
    /// Change since the sample before. Null in the first sample.
    rates: Option<SampleRates>,
    /// What happened in CLOSE_WAIT since the sample before. Null over /proc,
    /// which can't tell sockets apart.
    close_wait: Option<CloseWait>,
}

/// Change between two samples.
#[derive(Serialize, JsonSchema)]
struct SampleRates {
    /// The time between the samples, in microseconds.
    over_us: u64,
    /// Change of the number of sockets in each state. Null where the samples
    /// come from two sources.
    states: ByName<StateRates>,
    /// Connections that began and ended.
    connections: Connections,
    /// Rate of each counter, a second. Null where the counter fell: it was
    /// reset.
    counters: ByName<CounterRates>,
}

/// Connections that began and ended, a second.
#[derive(Serialize, JsonSchema)]
struct Connections {
    /// Opened by us.
    opened: Option<f64>,
    /// Accepted.
    accepted: Option<f64>,
    /// Closed.
    closed: Option<f64>,
    /// Reset or timed out.
    reset: Option<f64>,
    /// Connects of ours that failed, and handshakes of our listeners that the
    /// client reset (AttemptFails).
    failed: Option<f64>,
}

struct StateRates;

impl Names for StateRates {
    const TITLE: &'static str = "StateRates";
    type Value = Option<StateRate>;

    fn names() -> Vec<(&'static str, String)> {
        let states = TcpState::NAMED.into_iter();
        states.map(|state| (state.key(), String::new())).collect()
    }
}

/// Change of the number of sockets in one state.
#[derive(Serialize, JsonSchema)]
struct StateRate {
    /// How many more, or fewer.
    change: i64,
    /// The same, a second.
    per_second: Option<f64>,
}

/// Sockets followed through CLOSE_WAIT.
#[derive(Serialize, JsonSchema)]
struct CloseWait {
    /// Sockets that entered CLOSE_WAIT.
    entered: u64,
    /// Sockets that left it. Null: rows were lost.
    left: Option<u64>,
    /// Sockets that stayed.
    stuck: u64,
    /// Age of the oldest. Null: unknown.
    oldest_age_ms: Option<AgeBounds>,
}

/// One document and a line end; nothing before the first sample.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn watch(timeline: &Timeline, interval: Duration) -> anyhow::Result<String> {
    let Some(latest) = timeline.latest() else {
        return Ok(String::new());
    };
    line(&Watch {
        summary: Summary::new(SCHEMA, &latest.snapshot, &latest.assessment, None),
        sequence: timeline.taken(),
        interval_ms: milliseconds(interval),
        sample_us: microseconds(latest.cost),
        rates: latest
            .rates
            .as_ref()
            .map(|rates| SampleRates::of(rates, latest)),
        close_wait: latest
            .close_wait
            .map(|transitions| CloseWait::of(transitions, latest.oldest_close_wait())),
    })
}

impl SampleRates {
    fn of(rates: &Rates, latest: &Latest) -> Self {
        let state_rate = |state| {
            let change = rates.change(state)?;
            let per_second = rates.change_per_second(state).map(rounded);
            Some(StateRate { change, per_second })
        };
        Self {
            over_us: microseconds(rates.over),
            states: TcpState::NAMED
                .into_iter()
                .map(|state| (state.key(), state_rate(state)))
                .collect(),
            connections: Connections::of(latest),
            counters: rated_counters()
                .map(|counter| (counter.name(), rates.per_second(counter).map(rounded)))
                .collect(),
        }
    }
}

impl Connections {
    fn of(latest: &Latest) -> Self {
        let rate = |counter| latest.per_second(counter).map(rounded);
        Self {
            opened: rate(Counter::ActiveOpens),
            accepted: rate(Counter::PassiveOpens),
            closed: latest.closed_per_second.map(rounded),
            reset: rate(Counter::EstabResets),
            failed: rate(Counter::AttemptFails),
        }
    }
}

impl CloseWait {
    fn of(transitions: Transitions, oldest: Option<AgeBounds>) -> Self {
        Self {
            entered: transitions.entered,
            left: transitions.left,
            stuck: transitions.stuck,
            oldest_age_ms: oldest.filter(|oldest| oldest.at_least.is_some()),
        }
    }
}

/// Three digits are more than a rate is good for.
fn rounded(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
}
