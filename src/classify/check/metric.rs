//! What a metric is.

use std::fmt;

use super::super::{Finding, Rule};
use super::Range;
use super::metrics::METRICS;
use super::part::{About, Part};
use super::reading::{Bounds, Measured, Missing, Reading};
use super::wishes::BadWish;
use crate::model::{Counter, TcpState};

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Per cent.
    Percent,
    /// Seconds.
    Seconds,
    /// Things a second.
    PerSecond,
    /// Things an hour: the growth of a count.
    PerHour,
}

impl Unit {
    /// The word of the list and of JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Percent => "%",
            Self::Seconds => "s",
            Self::PerSecond => "per second",
            Self::PerHour => "per hour",
        }
    }

    /// The unit of measure of the perfdata, which knows few.
    #[must_use]
    pub const fn uom(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Seconds => "s",
            Self::Count | Self::PerSecond | Self::PerHour => "",
        }
    }
}

/// How a value is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The number of sockets in a state.
    State(TcpState),
    /// The number of sockets in all states.
    AllStates,
    /// How much these counters rose a second, together.
    Rate(&'static [Counter]),
    /// Anything else.
    Of(fn(&Reading) -> Measured),
}

/// Something that thresholds can be set for.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What its value is counted in.
    pub unit: Unit,
    /// What it is.
    pub meaning: &'static str,
    /// The rules that judge it unless the user does.
    pub rules: &'static [Rule],
    /// What of that the rules find is about it, where not all is.
    pub(super) concerns: Option<fn(&Finding) -> bool>,
    /// Warns by default. Where a rule judges, these are that rule's limits.
    pub warn: Option<Range>,
    /// Is critical by default, as `warn`.
    pub crit: Option<Range>,
    /// What it is about, which decides of which parts of the sockets it is told.
    pub about: About,
    pub(super) source: Source,
    /// What 100 % of it are.
    pub(super) limit: Option<fn(&Reading) -> Measured>,
    /// Between what it lies, where it isn't known exactly.
    pub(super) bounds: Option<fn(&Reading) -> Option<Bounds>>,
    /// Says it in words, where these tell more than name and number.
    pub(super) words: Option<fn(&Reading) -> Option<String>>,
}

impl Metric {
    pub(super) const fn new(
        name: &'static str,
        unit: Unit,
        meaning: &'static str,
        source: Source,
    ) -> Self {
        Self {
            name,
            unit,
            meaning,
            rules: &[],
            concerns: None,
            warn: None,
            crit: None,
            about: match source {
                Source::State(TcpState::TimeWait | TcpState::SynRecv) => About::Nobodys,
                Source::State(TcpState::Listen) => About::Listeners,
                Source::State(_) | Source::AllStates => About::Sockets,
                Source::Rate(_) | Source::Of(_) => About::Everything,
            },
            source,
            limit: None,
            bounds: None,
            words: None,
        }
    }

    pub(super) const fn state(state: TcpState, meaning: &'static str) -> Self {
        Self::new(state.key(), Unit::Count, meaning, Source::State(state))
    }

    pub(super) const fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    /// Why it can't be told of a part of the sockets; `None` where it can.
    pub(super) fn refusal(&self, part: Part) -> Option<fn(String) -> BadWish> {
        match self.about {
            About::Everything if !part.is_all() => Some(BadWish::OfAll),
            About::Nobodys if part.by_owner => Some(BadWish::NoOwner),
            About::Listeners if part.by_peer => Some(BadWish::NoPeer),
            _ => None,
        }
    }

    pub(super) const fn limited(self, limit: fn(&Reading) -> Measured) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    pub(super) const fn bounded(self, bounds: fn(&Reading) -> Option<Bounds>) -> Self {
        Self {
            bounds: Some(bounds),
            ..self
        }
    }

    pub(super) const fn worded(self, words: fn(&Reading) -> Option<String>) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    pub(super) const fn judged_by(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    pub(super) const fn concerned_by(self, concerns: fn(&Finding) -> bool) -> Self {
        Self {
            concerns: Some(concerns),
            ..self
        }
    }

    pub(super) const fn warns(self, range: Range) -> Self {
        Self {
            warn: Some(range),
            ..self
        }
    }

    pub(super) const fn alarms(self, range: Range) -> Self {
        Self {
            crit: Some(range),
            ..self
        }
    }

    /// Whether thresholds in per cent make sense.
    #[must_use]
    pub const fn has_limit(&self) -> bool {
        self.limit.is_some() || matches!(self.unit, Unit::Percent)
    }

    /// Whether it is the number of sockets in a state, or in all.
    #[must_use]
    pub const fn counts_states(&self) -> bool {
        matches!(self.source, Source::State(_) | Source::AllStates)
    }

    /// Its value now.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn read(&self, reading: &Reading) -> Measured {
        match self.source {
            Source::State(state) => reading.sockets(reading.snapshot.states.total_of(state)),
            Source::AllStates => reading.sockets(Some(reading.snapshot.states.total())),
            Source::Rate(counters) => reading.rate(counters),
            Source::Of(read) => read(reading),
        }
    }

    /// Between what its value lies, where that isn't known exactly.
    #[must_use]
    pub fn bounds(&self, reading: &Reading) -> Option<Bounds> {
        self.bounds.and_then(|bounds| bounds(reading))
    }

    /// What 100 % of it are now; `None` where it has no limit.
    #[must_use]
    pub fn limit(&self, reading: &Reading) -> Option<Measured> {
        if self.unit == Unit::Percent {
            return Some(Ok(100.0));
        }
        self.limit.map(|limit| limit(reading))
    }
}

/// The name says it all.
impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A metric, or the growth of one.
#[derive(Debug, Clone, Copy)]
pub struct MetricId {
    /// The metric.
    pub metric: &'static Metric,
    /// How much it grows an hour, instead of its value.
    pub growth: bool,
}

/// What is put behind the name of a count for its growth.
pub const GROWTH: &str = "_growth";

impl MetricId {
    /// Finds a metric by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let exact = |name: &str| METRICS.iter().find(|metric| metric.name == name);
        if let Some(metric) = exact(name) {
            return Some(Self {
                metric,
                growth: false,
            });
        }
        exact(name.strip_suffix(GROWTH)?)
            .filter(|metric| metric.unit == Unit::Count)
            .map(|metric| Self {
                metric,
                growth: true,
            })
    }

    /// What its value is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        if self.growth {
            Unit::PerHour
        } else {
            self.metric.unit
        }
    }

    /// The rules that judge it unless the user does; none judges growth.
    pub(super) fn rules(self) -> impl Iterator<Item = &'static Rule> {
        let rules = if self.growth { &[] } else { self.metric.rules };
        rules.iter()
    }

    /// Whether it takes an earlier look to know it.
    #[must_use]
    pub const fn is_rate(self) -> bool {
        self.growth || matches!(self.metric.unit, Unit::PerSecond)
    }

    /// Its value now.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn read(self, reading: &Reading) -> Measured {
        let value = self.metric.read(reading)?;
        if self.growth {
            // The growth of a bound is no growth.
            if self.metric.bounds(reading).is_some() {
                return Err(Missing::Inexact);
            }
            reading.growth(self.metric.name, value)
        } else {
            Ok(value)
        }
    }

    /// Between what its value lies, where that isn't known exactly.
    pub(super) fn bounds(self, reading: &Reading) -> Option<Bounds> {
        self.metric.bounds(reading).filter(|_| !self.growth)
    }

    /// Its value in words, where it has some.
    pub(super) fn words(self, reading: &Reading) -> Option<String> {
        let words = self.metric.words.filter(|_| !self.growth)?;
        words(reading)
    }

    /// What 100 % of it are now; `None` where it has no limit.
    #[must_use]
    pub fn limit(self, reading: &Reading) -> Option<Measured> {
        if self.growth {
            None
        } else {
            self.metric.limit(reading)
        }
    }
}

impl PartialEq for MetricId {
    fn eq(&self, other: &Self) -> bool {
        self.metric.name == other.metric.name && self.growth == other.growth
    }
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let growth = if self.growth { GROWTH } else { "" };
        write!(f, "{}{growth}", self.metric.name)
    }
}
