//! What the user wants judged, and how.

use super::super::{RULES, Rule};
use super::metric::MetricId;
use super::metrics::METRICS;
use super::part::Part;
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
    /// It is about sockets without an owner, and owners were to be told apart.
    #[error("{0} is about sockets whose owner the kernel doesn't keep; leave out --pid and --unit")]
    NoOwner(String),
    /// It is about listeners, and peers were to be told apart.
    #[error("{0} is about listeners, which have no peer; leave out --remote")]
    NoPeer(String),
    /// It is asked for and left out at once.
    #[error("{0} is to be judged and to be left out; leave out one of the two")]
    Contradiction(String),
    /// No threshold and no rule is left.
    #[error(
        "nothing is left to judge: what is asked for has no threshold; give one with -w or -c, as \
         in established=~:5000"
    )]
    Nothing,
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

    /// Whether it is this very metric.
    fn is_metric(&self, id: MetricId) -> bool {
        matches!(self, Self::Metric(own) if *own == id)
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

/// Every metric, growth aside.
fn metrics() -> impl Iterator<Item = MetricId> {
    METRICS.iter().map(|metric| MetricId {
        metric,
        growth: false,
    })
}

/// Why a rule can't judge a part of the sockets; `None` where it can. One that
/// judges no metric is about settings.
fn refusal(rule: &Rule, part: Part) -> Option<fn(String) -> BadWish> {
    if part.is_all() {
        return None;
    }
    let mut own = metrics().filter(|id| judges(*id, rule.name));
    own.next()
        .map_or(Some(BadWish::OfAll), |id| id.metric.refusal(part))
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
    /// The part of the sockets that is looked at: what can't be told of it is
    /// left out.
    pub part: Part,
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

    /// Refuses wishes that contradict each other, and those after which nothing
    /// is judged: an OK of nothing would be a silent one.
    ///
    /// # Errors
    ///
    /// When they do.
    pub fn check(&self) -> Result<(), BadWish> {
        for id in self.asked() {
            if let Some(refused) = id.metric.refusal(self.part) {
                return Err(refused(id.to_string()));
            }
            if self.ignore.iter().any(|name| name.is_metric(id)) {
                return Err(BadWish::Contradiction(id.to_string()));
            }
        }
        let rules = self.only.iter().filter_map(|name| match name {
            Name::Rule(rule) => Some(*rule),
            Name::Metric(_) => None,
        });
        for rule in rules {
            if let Some(refused) = refusal(rule, self.part) {
                return Err(refused(rule.name.to_owned()));
            }
            if self.ignore.iter().any(|name| name.covers_rule(rule.name)) {
                return Err(BadWish::Contradiction(rule.name.to_owned()));
            }
        }
        let by_rule = RULES.iter().any(|rule| self.wants_rule(rule));
        let by_range = metrics().chain(self.growths());
        if by_rule || by_range.into_iter().any(|id| self.judges_by_range(id)) {
            Ok(())
        } else {
            Err(BadWish::Nothing)
        }
    }

    /// The metrics that have a range of the user's or are asked for by name.
    fn asked(&self) -> impl Iterator<Item = MetricId> {
        let ranges = self.warn.iter().chain(&self.crit).map(|(id, _)| *id);
        let names = self.only.iter().filter_map(|name| match name {
            Name::Metric(id) => Some(*id),
            Name::Rule(_) => None,
        });
        ranges.chain(names)
    }

    /// Whether a range judges a metric, and no rule alone.
    fn judges_by_range(&self, id: MetricId) -> bool {
        let by_default = !id.growth && (id.metric.warn.is_some() || id.metric.crit.is_some());
        self.wants_metric(id) && (self.sets(id) || (by_default && id.metric.rules.is_empty()))
    }

    /// Whether a rate is asked for by name.
    #[must_use]
    pub fn asks_for_rates(&self) -> bool {
        self.asked().any(MetricId::is_rate)
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

    /// Whether a rule is asked for by name, or a metric that it judges.
    pub(super) fn names_rule(&self, rule: &Rule) -> bool {
        self.only.iter().any(|name| name.covers_rule(rule.name))
    }

    /// Whether a metric is asked for by name.
    pub(super) fn names_metric(&self, id: MetricId) -> bool {
        self.only.iter().any(|name| name.is_metric(id))
    }

    /// Whether a rule shall judge.
    pub(super) fn wants_rule(&self, rule: &Rule) -> bool {
        let covered = |names: &[Name]| names.iter().any(|name| name.covers_rule(rule.name));
        let replaced = self
            .warn
            .iter()
            .chain(&self.crit)
            .any(|(id, _)| !id.growth && judges(*id, rule.name));
        refusal(rule, self.part).is_none()
            && (self.only.is_empty() || covered(&self.only))
            && !covered(&self.ignore)
            && !replaced
    }

    /// Whether a metric shall be shown, and judged by its ranges.
    pub(super) fn wants_metric(&self, id: MetricId) -> bool {
        if id.metric.refusal(self.part).is_some() {
            return false;
        }
        // Who sets a range for what a rule judges, and ignores the rule, wants
        // the range.
        if self.sets(id) {
            return true;
        }
        let covered = |names: &[Name]| names.iter().any(|name| name.covers_metric(id));
        if covered(&self.ignore) {
            return false;
        }
        if covered(&self.only) {
            return true;
        }
        self.only.is_empty() && !id.growth && (self.rates || !id.is_rate())
    }

    /// The growths that are asked for by name.
    pub(super) fn growths(&self) -> Vec<MetricId> {
        let mut growths: Vec<MetricId> = Vec::new();
        for id in self.asked().filter(|id| id.growth) {
            if !growths.contains(&id) {
                growths.push(id);
            }
        }
        growths
    }
}

#[cfg(test)]
mod tests;
