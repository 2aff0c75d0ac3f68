//! Values that are measured from a snapshot and its past.

use std::fmt;

use crate::model::{Counter, TcpState};

mod observation;
mod range;

pub use observation::{Bound, Bounds, Measured, Missing, Observation};
pub use range::{NotARange, Range};

pub(super) use observation::share;

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number.
    Count,
    /// Per cent.
    Percent,
    /// Seconds.
    Seconds,
    /// Events per second.
    PerSecond,
    /// The growth of a count per hour.
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

/// What a metric is about, which decides with which filters it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The whole host, whatever the network namespace.
    Host,
    /// The whole network namespace.
    Everything,
    /// Single sockets.
    Sockets,
    /// Single sockets in this state.
    In(TcpState),
    /// Single sockets without an owner: the kernel keeps neither inode nor
    /// cgroup with them.
    Unowned,
    /// Listeners, which have no peer.
    Listeners,
    /// Destinations, and the ports that all sockets have taken towards each.
    Destinations,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The number of sockets in a state.
    State(TcpState),
    /// The number of sockets in all states.
    AllStates,
    /// How much a counter rose per second.
    Rate(Counter),
    /// Anything else.
    Of(fn(&Observation) -> Measured),
}

/// A value that thresholds can be set for.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// The unit of its value.
    pub unit: Unit,
    /// What it is.
    pub meaning: &'static str,
    /// The default range that is a warning.
    pub warn: Option<Range>,
    /// The default range that is critical.
    pub crit: Option<Range>,
    /// What it is about, which decides with which filters it can be told.
    pub about: About,
    /// Whether it is the highest of several places rather than their sum, as
    /// shares and ages are.
    pub(super) is_highest: bool,
    source: Source,
    /// What 100 % of it are.
    limit: Option<fn(&Observation) -> Measured>,
    /// The range in which it lies where it isn't known exactly.
    bounds: Option<fn(&Observation) -> Option<Bounds>>,
    /// Its value in a phrase, where that tells more than name and number.
    phrase: Option<fn(&Observation) -> Option<String>>,
}

impl Metric {
    const fn from_source(
        name: &'static str,
        unit: Unit,
        meaning: &'static str,
        source: Source,
    ) -> Self {
        Self {
            name,
            unit,
            meaning,
            warn: None,
            crit: None,
            about: match source {
                Source::State(TcpState::TimeWait | TcpState::SynRecv) => About::Unowned,
                Source::State(TcpState::Listen) => About::Listeners,
                Source::State(_) | Source::AllStates => About::Sockets,
                Source::Rate(_) | Source::Of(_) => About::Everything,
            },
            is_highest: matches!(unit, Unit::Percent | Unit::Seconds),
            source,
            limit: None,
            bounds: None,
            phrase: None,
        }
    }

    /// A value that a function measures.
    pub(super) const fn new(
        name: &'static str,
        unit: Unit,
        meaning: &'static str,
        measure: fn(&Observation) -> Measured,
    ) -> Self {
        Self::from_source(name, unit, meaning, Source::Of(measure))
    }

    /// The number of sockets in a state.
    pub(super) const fn state(state: TcpState, meaning: &'static str) -> Self {
        Self::from_source(state.key(), Unit::Count, meaning, Source::State(state))
    }

    /// The number of sockets in all states.
    pub(super) const fn all_states(name: &'static str, meaning: &'static str) -> Self {
        Self::from_source(name, Unit::Count, meaning, Source::AllStates)
    }

    /// How much a counter rose per second.
    pub(super) const fn rate(name: &'static str, meaning: &'static str, counter: Counter) -> Self {
        Self::from_source(name, Unit::PerSecond, meaning, Source::Rate(counter))
    }

    pub(super) const fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    pub(super) const fn limited(self, limit: fn(&Observation) -> Measured) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    pub(super) const fn bounded(self, bounds: fn(&Observation) -> Option<Bounds>) -> Self {
        Self {
            bounds: Some(bounds),
            ..self
        }
    }

    pub(super) const fn phrased(self, phrase: fn(&Observation) -> Option<String>) -> Self {
        Self {
            phrase: Some(phrase),
            ..self
        }
    }

    /// Of several places it is the highest value, not the sum.
    pub(super) const fn highest(self) -> Self {
        Self {
            is_highest: true,
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
    pub fn read(&self, observation: &Observation) -> Measured {
        match self.source {
            Source::State(state) => {
                observation.sockets(observation.snapshot.states.total_of(state))
            }
            Source::AllStates => observation.sockets(Some(observation.snapshot.states.total())),
            Source::Rate(counter) => observation.rate(counter),
            Source::Of(read) => read(observation),
        }
    }

    /// The range in which its value lies where that isn't known exactly.
    #[must_use]
    pub fn bounds(&self, observation: &Observation) -> Option<Bounds> {
        self.bounds.and_then(|bounds| bounds(observation))
    }

    /// Its value in a phrase, where it has one.
    pub(super) fn phrase(&self, observation: &Observation) -> Option<String> {
        self.phrase.and_then(|phrase| phrase(observation))
    }

    /// What 100 % of it are now; `None` where it has no limit.
    #[must_use]
    pub fn limit(&self, observation: &Observation) -> Option<Measured> {
        if self.unit == Unit::Percent {
            return Some(Ok(100.0));
        }
        self.limit.map(|limit| limit(observation))
    }
}

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
    /// Its growth per hour in place of its value.
    pub growth: bool,
}

/// What follows the name of a count to ask for its growth.
pub const GROWTH: &str = "_growth";

impl MetricId {
    /// The value of a metric.
    #[must_use]
    pub const fn value(metric: &'static Metric) -> Self {
        Self {
            metric,
            growth: false,
        }
    }

    /// The unit of its value.
    #[must_use]
    pub const fn unit(self) -> Unit {
        if self.growth {
            Unit::PerHour
        } else {
            self.metric.unit
        }
    }

    /// Whether it takes an earlier reading to know it.
    #[must_use]
    pub const fn is_rate(self) -> bool {
        self.growth || matches!(self.metric.unit, Unit::PerSecond)
    }

    /// Its value now.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn read(self, observation: &Observation) -> Measured {
        let value = self.metric.read(observation)?;
        if self.growth {
            // The growth of a bound is no growth.
            if self.metric.bounds(observation).is_some() {
                return Err(Missing::Inexact);
            }
            observation.growth(self.metric.name, value)
        } else {
            Ok(value)
        }
    }

    /// The range in which its value lies where that isn't known exactly.
    pub(super) fn bounds(self, observation: &Observation) -> Option<Bounds> {
        self.metric.bounds(observation).filter(|_| !self.growth)
    }

    /// Its value in a phrase, where it has one.
    pub(super) fn phrase(self, observation: &Observation) -> Option<String> {
        self.metric.phrase(observation).filter(|_| !self.growth)
    }

    /// What 100 % of it are now; `None` where it has no limit.
    #[must_use]
    pub fn limit(self, observation: &Observation) -> Option<Measured> {
        if self.growth {
            None
        } else {
            self.metric.limit(observation)
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
