//! A sample of `watch` as JSON, schema `tcpstate.watch/1`: the fields of the
//! summary, and what changed since the sample before.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::{json_text, summary};
use crate::classify::history::{Latest, Rates, Timeline, Transitions};
use crate::model::{AgeBounds, Counter, TcpState};

#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    summary: summary::Document<'a>,
    /// 1 for the first.
    sequence: u64,
    interval_ms: u64,
    /// How long the whole sample took, sockets, settings and counters.
    sample_us: u64,
    /// Null for the first.
    rates: Option<RatesJson<'a>>,
    close_wait: Option<TransitionsJson>,
}

#[derive(Debug, Serialize)]
struct RatesJson<'a> {
    over_us: u64,
    states: StateRates<'a>,
    connections: Connections,
    counters: CounterRates<'a>,
}

/// Connections that began and ended, in a second.
#[derive(Debug, Serialize)]
struct Connections {
    opened: Option<f64>,
    accepted: Option<f64>,
    closed: Option<f64>,
    reset: Option<f64>,
    refused: Option<f64>,
}

#[derive(Debug)]
struct StateRates<'a>(&'a Rates);

#[derive(Debug, Serialize)]
struct StateRate {
    change: i64,
    per_second: Option<f64>,
}

#[derive(Debug)]
struct CounterRates<'a>(&'a Rates);

#[derive(Debug, Serialize)]
struct TransitionsJson {
    entered: u64,
    left: Option<u64>,
    stuck: u64,
    oldest_age_ms: Option<Age>,
}

#[derive(Debug, Serialize)]
struct Age {
    at_least: u64,
    at_most: Option<u64>,
}

/// One document and a line end; nothing before the first sample.
///
/// # Errors
///
/// When the document can't be written, which memory alone could cause.
pub fn json(timeline: &Timeline, interval: Duration) -> anyhow::Result<String> {
    let Some(latest) = timeline.latest() else {
        return Ok(String::new());
    };
    let document = Document {
        summary: summary::Document::new("tcpstate.watch/1", &latest.snapshot, &latest.assessment),
        sequence: timeline.taken(),
        interval_ms: milliseconds(interval),
        sample_us: u64::try_from(latest.cost.as_micros()).unwrap_or(u64::MAX),
        rates: latest.rates.as_ref().map(|rates| RatesJson {
            over_us: u64::try_from(rates.over.as_micros()).unwrap_or(u64::MAX),
            states: StateRates(rates),
            connections: Connections::of(latest),
            counters: CounterRates(rates),
        }),
        close_wait: latest
            .close_wait
            .map(|transitions| TransitionsJson::of(transitions, latest.oldest_close_wait())),
    };
    json_text::line(&document)
}

impl Connections {
    fn of(latest: &Latest) -> Self {
        let rate = |counter| latest.per_second(counter).map(rounded);
        Self {
            opened: rate(Counter::ActiveOpens),
            accepted: rate(Counter::PassiveOpens),
            closed: latest.closed_per_second.map(rounded),
            reset: rate(Counter::EstabResets),
            refused: rate(Counter::AttemptFails),
        }
    }
}

impl TransitionsJson {
    fn of(transitions: Transitions, oldest: Option<AgeBounds>) -> Self {
        Self {
            entered: transitions.entered,
            left: transitions.left,
            stuck: transitions.stuck,
            oldest_age_ms: oldest.and_then(|oldest| {
                Some(Age {
                    at_least: milliseconds(oldest.at_least?),
                    at_most: oldest.at_most.map(milliseconds),
                })
            }),
        }
    }
}

impl Serialize for StateRates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for state in TcpState::NAMED {
            let rate = self.0.change(state).map(|change| StateRate {
                change,
                per_second: self.0.change_per_second(state).map(rounded),
            });
            map.serialize_entry(state.key(), &rate)?;
        }
        map.end()
    }
}

impl Serialize for CounterRates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for &counter in Counter::ALL {
            // A level has no rate.
            if counter != Counter::CurrEstab {
                map.serialize_entry(counter.name(), &self.0.per_second(counter).map(rounded))?;
            }
        }
        map.end()
    }
}

/// Three digits are more than a rate is good for.
fn rounded(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
