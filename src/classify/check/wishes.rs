//! What the user wants judged, and how.

use super::super::{RULES, Rule};
use super::metric::MetricId;
use super::metrics::METRICS;
use super::range::{NotARange, Range};

/// A rule or a metric, by its name.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    /// A rule.
    Rule(&'static Rule),
    /// A metric; it stands for the rules that judge it, too.
    Metric(MetricId),
}

/// A wish that can't be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// No such name.
    #[error("no metric or rule is called {0:?}; tcpstate check --list names them all")]
    NoSuchName(String),
    /// No such metric.
    #[error("no metric is called {0:?}; tcpstate check --list names them all")]
    NoSuchMetric(String),
    /// Not NAME=RANGE.
    #[error("{0:?} is no threshold; write NAME=RANGE, as in close_wait=100")]
    NoThreshold(String),
    /// It is about everything, and only a part was to be looked at.
    #[error(
        "{0} is about the whole network namespace; leave out --pid, --unit, --listen-port and \
         --remote"
    )]
    OfAll(String),
    /// The range isn't one.
    #[error("{0}: {1}")]
    Range(String, NotARange),
    /// A share of nothing.
    #[error("{0} has no limit that a % could be of; write a number, as in {0}=100")]
    NoLimit(String),
}

impl Name {
    /// Finds a rule or a metric. A metric goes before a rule of the same name,
    /// which judges it.
    ///
    /// # Errors
    ///
    /// When nothing has that name.
    pub fn find(name: &str) -> Result<Self, BadWish> {
        let rule = || RULES.iter().find(|rule| rule.name == name).map(Self::Rule);
        MetricId::find(name)
            .map(Self::Metric)
            .or_else(rule)
            .ok_or_else(|| BadWish::NoSuchName(name.to_owned()))
    }

    fn covers_rule(&self, rule: &str) -> bool {
        match self {
            Self::Rule(own) => own.name == rule,
            Self::Metric(id) => !id.growth && judges(*id, rule),
        }
    }

    fn covers_metric(&self, id: MetricId) -> bool {
        match self {
            Self::Rule(rule) => !id.growth && judges(id, rule.name),
            Self::Metric(own) => *own == id,
        }
    }
}

/// Whether a rule judges a metric.
fn judges(id: MetricId, rule: &str) -> bool {
    id.metric.rules.iter().any(|own| own.name == rule)
}

/// What the user wants.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Ranges to warn by; the last one for a metric counts.
    pub warn: Vec<(MetricId, Range)>,
    /// Ranges that are critical.
    pub crit: Vec<(MetricId, Range)>,
    /// Only these, and what has a range of its own; everything when empty.
    pub only: Vec<Name>,
    /// Not these.
    pub ignore: Vec<Name>,
    /// There is a state file: rates are to be judged.
    pub rates: bool,
    /// Only a part of the sockets is looked at: what is about the whole network
    /// namespace is left out.
    pub narrowed: bool,
}

impl Wishes {
    /// Reads `NAME=RANGE`.
    ///
    /// # Errors
    ///
    /// When it isn't that, or means nothing.
    pub fn threshold(text: &str) -> Result<(MetricId, Range), BadWish> {
        let (name, range) = text
            .split_once('=')
            .ok_or_else(|| BadWish::NoThreshold(text.to_owned()))?;
        let id = MetricId::find(name).ok_or_else(|| BadWish::NoSuchMetric(name.to_owned()))?;
        let range: Range = range
            .parse()
            .map_err(|why| BadWish::Range(name.to_owned(), why))?;
        if range.is_percent() && (id.growth || !id.metric.has_limit()) {
            return Err(BadWish::NoLimit(name.to_owned()));
        }
        Ok((id, range))
    }

    /// Refuses wishes that contradict each other.
    ///
    /// # Errors
    ///
    /// When they do.
    pub fn check(&self) -> Result<(), BadWish> {
        let mut ranges = self.warn.iter().chain(&self.crit);
        match ranges.find(|(id, _)| self.narrowed && !id.metric.of_sockets) {
            Some((id, _)) => Err(BadWish::OfAll(id.to_string())),
            None => Ok(()),
        }
    }

    /// Whether a rate is asked for by name.
    #[must_use]
    pub fn asks_for_rates(&self) -> bool {
        let ranges = self.warn.iter().chain(&self.crit).map(|(id, _)| *id);
        let names = self.only.iter().filter_map(|name| match name {
            Name::Metric(id) => Some(*id),
            Name::Rule(_) => None,
        });
        ranges.chain(names).any(MetricId::is_rate)
    }

    /// Whether a metric is asked for by name, its growth aside.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        let is = |id: &MetricId| !id.growth && id.metric.name == name;
        let mut ranges = self.warn.iter().chain(&self.crit);
        ranges.any(|(id, _)| is(id))
            || self.only.iter().any(|only| match only {
                Name::Metric(id) => is(id),
                Name::Rule(_) => false,
            })
    }

    /// The user's own ranges for a metric: to warn by, and critical.
    pub(super) fn ranges(&self, id: MetricId) -> (Option<Range>, Option<Range>) {
        let last = |ranges: &[(MetricId, Range)]| {
            let own = ranges.iter().rev().find(|(other, _)| *other == id);
            own.map(|(_, range)| *range)
        };
        (last(&self.warn), last(&self.crit))
    }

    /// Whether the user set a range for a metric.
    pub(super) fn sets(&self, id: MetricId) -> bool {
        self.ranges(id) != (None, None)
    }

    /// Whether a rule shall judge.
    pub(super) fn wants_rule(&self, rule: &Rule) -> bool {
        let covered = |names: &[Name]| names.iter().any(|name| name.covers_rule(rule.name));
        let replaced = self
            .warn
            .iter()
            .chain(&self.crit)
            .any(|(id, _)| !id.growth && judges(*id, rule.name));
        let of_sockets = METRICS.iter().any(|metric| {
            metric.of_sockets && metric.rules.iter().any(|own| own.name == rule.name)
        });
        (of_sockets || !self.narrowed)
            && (self.only.is_empty() || covered(&self.only))
            && !covered(&self.ignore)
            && !replaced
    }

    /// Whether a metric shall be shown, and judged by its ranges.
    pub(super) fn wants_metric(&self, id: MetricId) -> bool {
        let covered = |names: &[Name]| names.iter().any(|name| name.covers_metric(id));
        if covered(&self.ignore) || (self.narrowed && !id.metric.of_sockets) {
            return false;
        }
        if self.sets(id) || covered(&self.only) {
            return true;
        }
        self.only.is_empty() && !id.growth && (self.rates || !id.is_rate())
    }

    /// The growths that are asked for by name.
    pub(super) fn growths(&self) -> Vec<MetricId> {
        let ranges = self.warn.iter().chain(&self.crit).map(|(id, _)| *id);
        let names = self.only.iter().filter_map(|name| match name {
            Name::Metric(id) => Some(*id),
            Name::Rule(_) => None,
        });
        let mut growths: Vec<MetricId> = Vec::new();
        for id in ranges.chain(names).filter(|id| id.growth) {
            if !growths.contains(&id) {
                growths.push(id);
            }
        }
        growths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_means_nothing_says_what_would() {
        for (text, says) in [
            ("close_wait", "NAME=RANGE"),
            ("", "NAME=RANGE"),
            ("close_wait=x", "[@]start:end"),
            ("clse_wait=1", "--list"),
            ("tcp_syncookies=1", "--list"),
            ("=1", "--list"),
            ("close_wait=80%", "close_wait=100"),
            ("time_wait_growth=5%", "no limit"),
        ] {
            let why = Wishes::threshold(text).unwrap_err().to_string();
            assert!(why.contains(says), "{text}: {why}");
        }
        for text in [
            "close_wait=10",
            "time_wait=80%",
            "time_wait_used=80",
            "listen_growth=@1:",
        ] {
            assert!(Wishes::threshold(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_are_of_metrics_and_rules() {
        assert!(matches!(Name::find("close_wait"), Ok(Name::Metric(_))));
        assert!(matches!(Name::find("tcp_syncookies"), Ok(Name::Rule(_))));
        assert!(Name::find("x").unwrap_err().to_string().contains("--list"));
    }
}
