//! What the user wants judged, and by which ranges.

use super::metric::{About, Metric, MetricId, NotARange, Range};
use super::rule::Rule;
use super::rules::{RULES, find_metric, metrics, rule_of};
use crate::model::{Selection, TcpState};

/// A rule or a metric, by its name.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    /// A rule.
    Rule(&'static Rule),
    /// A metric; it stands for the rule whose value it is, too.
    Metric(MetricId),
}

/// Why thresholds can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No such name.
    #[error("no metric or rule is called {0:?}; tcpstate check --list names them all")]
    NoSuchName(String),
    /// No such metric.
    #[error("no metric is called {0:?}; tcpstate check --list names them all")]
    NoSuchMetric(String),
    /// Not NAME=RANGE.
    #[error("{0:?} is no threshold; write NAME=RANGE, as in close_wait=100")]
    NoThreshold(String),
    /// It is about everything, and a filter leaves sockets out.
    #[error("{0} is about the whole network namespace, of which a filter selects a part")]
    OfAll(String),
    /// It is about sockets without an owner, and the filter asks for owners, or
    /// leaves them out.
    #[error(
        "{0} is about sockets that the filter does not select: the kernel keeps no owner of them"
    )]
    NoOwner(String),
    /// It is about listeners, and the filter leaves these out.
    #[error("{0} is about listeners, which the filter does not select: they have no peer")]
    NoPeer(String),
    /// It is about a state that the filter leaves out.
    #[error("{0} is about sockets in a state that the filter does not select")]
    OtherStates(String),
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
    pub fn find(name: &str) -> Result<Self, ThresholdError> {
        let rule = || RULES.iter().find(|rule| rule.name == name).map(Self::Rule);
        find_metric(name)
            .map(Self::Metric)
            .or_else(rule)
            .ok_or_else(|| ThresholdError::NoSuchName(name.to_owned()))
    }

    fn covers_rule(&self, rule: &str) -> bool {
        match self {
            Self::Rule(own) => own.name == rule,
            Self::Metric(id) => judges(*id, rule),
        }
    }

    /// Whether it is this very metric.
    fn is_metric(&self, id: MetricId) -> bool {
        matches!(self, Self::Metric(own) if *own == id)
    }

    fn covers_metric(&self, id: MetricId) -> bool {
        match self {
            Self::Rule(rule) => judges(id, rule.name),
            Self::Metric(own) => *own == id,
        }
    }
}

/// Whether a metric is the value of a rule.
fn judges(id: MetricId, rule: &str) -> bool {
    rule_of(id).is_some_and(|own| own.name == rule)
}

/// Why something can't be told with filters; `None` where it can.
fn refusal(about: About, selection: Option<&Selection>) -> Option<fn(String) -> ThresholdError> {
    let selection = selection?;
    match about {
        About::Host | About::Everything | About::Destinations => Some(ThresholdError::OfAll),
        About::Unowned if !selection.unowned => Some(ThresholdError::NoOwner),
        About::Listeners if !selection.states.contains(TcpState::Listen) => {
            Some(ThresholdError::NoPeer)
        }
        About::In(state) if !selection.states.contains(state) => Some(ThresholdError::OtherStates),
        _ => None,
    }
}

/// Whether a rule can be told of a part of the sockets, as views show it: how
/// many ports are taken towards a destination is told of it whole.
pub(super) fn can_be_told(rule: &Rule, selection: Option<&Selection>) -> bool {
    about(rule) == About::Destinations || refusal(about(rule), selection).is_none()
}

/// What a rule is about: one without a value is about settings.
fn about(rule: &Rule) -> About {
    let value = rule.value.as_ref();
    value.map_or(About::Everything, |metric: &Metric| metric.about)
}

/// What the user wants judged.
#[derive(Debug, Clone, Default)]
pub struct Thresholds {
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
    /// The part of the sockets that a filter selects: what can't be told of it
    /// is not judged.
    pub selection: Option<Selection>,
    /// The whole host is judged by another namespace's check.
    pub without_host: bool,
}

impl Thresholds {
    /// Reads `NAME=RANGE`.
    ///
    /// # Errors
    ///
    /// When it isn't that, or means nothing.
    pub fn threshold(text: &str) -> Result<(MetricId, Range), ThresholdError> {
        let (name, range) = text
            .split_once('=')
            .ok_or_else(|| ThresholdError::NoThreshold(text.to_owned()))?;
        let id = find_metric(name).ok_or_else(|| ThresholdError::NoSuchMetric(name.to_owned()))?;
        let range: Range = range
            .parse()
            .map_err(|why| ThresholdError::Range(name.to_owned(), why))?;
        if range.is_percent() && (id.growth || !id.metric.has_limit()) {
            return Err(ThresholdError::NoLimit(name.to_owned()));
        }
        Ok((id, range))
    }

    /// Refuses thresholds that contradict each other, and those with which
    /// nothing is judged: an OK would mean nothing.
    ///
    /// # Errors
    ///
    /// When they do.
    pub fn check(&self) -> Result<(), ThresholdError> {
        for id in self.asked() {
            if let Some(refused) = refusal(id.metric.about, self.selection.as_ref()) {
                return Err(refused(id.to_string()));
            }
            if self.ignore.iter().any(|name| name.is_metric(id)) {
                return Err(ThresholdError::Contradiction(id.to_string()));
            }
        }
        let rules = self.only.iter().filter_map(|name| match name {
            Name::Rule(rule) => Some(*rule),
            Name::Metric(_) => None,
        });
        for rule in rules {
            if let Some(refused) = refusal(about(rule), self.selection.as_ref()) {
                return Err(refused(rule.name.to_owned()));
            }
            if self.ignore.iter().any(|name| name.covers_rule(rule.name)) {
                return Err(ThresholdError::Contradiction(rule.name.to_owned()));
            }
        }
        let by_rule = RULES.iter().any(|rule| self.wants_rule(rule));
        let mut values = metrics().map(MetricId::value).chain(self.growths());
        if by_rule || values.any(|id| self.wants_metric(id) && self.sets(id)) {
            Ok(())
        } else {
            Err(ThresholdError::Nothing)
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

    /// Whether a rule or its value is asked for by name.
    pub(super) fn names_rule(&self, rule: &Rule) -> bool {
        self.only.iter().any(|name| name.covers_rule(rule.name))
    }

    /// Whether a rule or its value is asked for, by name or with a range.
    #[must_use]
    pub fn asks_for(&self, rule: &str) -> bool {
        let only = self.only.iter().any(|name| name.covers_rule(rule));
        only || self.asked().any(|id| judges(id, rule))
    }

    /// Whether a rule shall judge.
    pub(super) fn wants_rule(&self, rule: &'static Rule) -> bool {
        let covered = |names: &[Name]| names.iter().any(|name| name.covers_rule(rule.name));
        let value = rule.value.as_ref().map(MetricId::value);
        // Who sets a range for the value of a rule and ignores the rule wants
        // the range.
        let is_set = value.is_some_and(|id| self.sets(id));
        let chosen = (self.only.is_empty() || covered(&self.only)) && !covered(&self.ignore);
        let is_elsewhere = self.without_host && about(rule) == About::Host;
        !is_elsewhere
            && refusal(about(rule), self.selection.as_ref()).is_none()
            && (is_set || (chosen && (self.rates || !rule.needs_past)))
    }

    /// Whether a metric shall be shown, and judged by its ranges.
    pub(super) fn wants_metric(&self, id: MetricId) -> bool {
        let is_elsewhere = self.without_host && id.metric.about == About::Host;
        if is_elsewhere || refusal(id.metric.about, self.selection.as_ref()).is_some() {
            return false;
        }
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
