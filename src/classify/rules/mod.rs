//! The rules, one file a subject, and the list of all of them.
//!
//! A rule that is added to [`RULES`] appears in every view, its value in the
//! metrics of check.

mod accept_queue;
mod close_wait;
mod host_wide;
mod ports;
mod rates;
mod syn;
mod syn_flood;
mod time_wait;
mod unacknowledged;
mod unlisted;
mod unresponsive;

use super::finding::{Evidence, Finding};
use super::metric::{GROWTH, Metric, MetricId, Missing, Observation, Unit};
use super::rule::{Judgement, Levels, Rule};
use crate::model::{Listener, Snapshot, SourceKind, Sysctl, TcpState};
use crate::text::number::decimal;

pub use close_wait::severity_of_leaks;

use accept_queue::{ACCEPT_QUEUE_FULL, ACCEPT_QUEUE_USED};
use close_wait::{
    CLOSE_WAIT_LEAK, CLOSE_WAIT_OLDEST, CLOSE_WAIT_TOTAL, CLOSE_WAIT_UNDATED, LEAKER_FDS,
};
use host_wide::{ORPHANS, ORPHANS_COUNT, TCP_MEMORY};
use ports::PORTS_EXHAUSTION;
use rates::{RESETS, SYN_DROPS, TIME_WAIT_OVERFLOWS};
use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES};
use syn_flood::SYN_FLOOD;
use time_wait::{TCP_TW_RECYCLE, TIME_WAIT_BUCKETS};
use unacknowledged::UNACKNOWLEDGED;
use unlisted::UNLISTED;
use unresponsive::UNRESPONSIVE_PEERS;

/// Every rule, in the order in which findings of the same severity are shown. A
/// rule stands behind those that cover it.
pub const RULES: &[Rule] = &[
    CLOSE_WAIT_LEAK,
    CLOSE_WAIT_TOTAL,
    LEAKER_FDS,
    UNLISTED,
    PORTS_EXHAUSTION,
    ACCEPT_QUEUE_FULL,
    SYN_FLOOD,
    SYN_DROPS,
    UNACKNOWLEDGED,
    UNRESPONSIVE_PEERS,
    TIME_WAIT_BUCKETS,
    TIME_WAIT_OVERFLOWS,
    SYN_RECV_BACKLOG,
    TCP_SYNCOOKIES,
    TCP_TW_RECYCLE,
    ORPHANS,
    TCP_MEMORY,
    RESETS,
];

/// Values that have thresholds only where the user sets some.
const VALUES: &[Metric] = &[
    CLOSE_WAIT_OLDEST,
    CLOSE_WAIT_UNDATED,
    ACCEPT_QUEUE_USED,
    ORPHANS_COUNT,
    Metric::state(TcpState::CloseWait, "closed by the peer, not by us"),
    Metric::state(
        TcpState::TimeWait,
        "closed by us first; 100 % is tcp_max_tw_buckets",
    )
    .limited(|observation| observation.sysctl(Sysctl::TcpMaxTwBuckets)),
    Metric::state(TcpState::SynRecv, "handshakes that aren't finished"),
    Metric::state(TcpState::Established, "open connections"),
    Metric::state(TcpState::SynSent, "connections that we try to open"),
    Metric::state(TcpState::FinWait1, "closed by us, not acknowledged"),
    Metric::state(TcpState::FinWait2, "closed by us, not by the peer"),
    Metric::state(
        TcpState::LastAck,
        "closed by the peer, then us, not acknowledged",
    ),
    Metric::state(
        TcpState::Closing,
        "closed by both at once, not acknowledged",
    ),
    Metric::state(TcpState::Listen, "listening sockets"),
    Metric::state(TcpState::Close, "not connected, yet in the table"),
    Metric::all_states("sockets", "TCP sockets in all states"),
];

/// Every metric: the values of the rules, then those that no rule judges.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    let of_rules = RULES.iter().filter_map(|rule| rule.value.as_ref());
    of_rules.chain(VALUES)
}

/// Finds a metric by its name, or the growth of one.
#[must_use]
pub fn find_metric(name: &str) -> Option<MetricId> {
    let exact = |name: &str| metrics().find(|metric| metric.name == name);
    if let Some(metric) = exact(name) {
        return Some(MetricId::value(metric));
    }
    exact(name.strip_suffix(GROWTH)?)
        .filter(|metric| metric.unit == Unit::Count)
        .map(|metric| MetricId {
            metric,
            growth: true,
        })
}

/// The rule whose value a metric is; no rule judges growth.
#[must_use]
pub fn rule_of(id: MetricId) -> Option<&'static Rule> {
    let is_own = |rule: &&Rule| {
        let value = rule.value.as_ref();
        value.is_some_and(|value| value.name == id.metric.name)
    };
    RULES.iter().find(is_own).filter(|_| !id.growth)
}

/// Judges by the ranges alone. `describe` adds subject, advice and state, and
/// may change the rest.
fn by_range(
    rule: &Rule,
    observation: &Observation,
    levels: &Levels,
    describe: impl FnOnce(&mut Finding),
) -> Judgement {
    let Some(metric) = &rule.value else {
        return Judgement::NotAsked;
    };
    let value = match metric.read(observation) {
        Ok(value) => value,
        Err(Missing::Unread) => return Judgement::Unknown,
        Err(_) => return Judgement::NotAsked,
    };
    let Some(severity) = levels.certain(value, metric.bounds(observation)) else {
        return Judgement::Fine;
    };
    let phrase = metric.phrase(observation).unwrap_or_else(|| {
        let unit = metric.unit.uom();
        format!("{} is {}{unit}", metric.name, decimal(value))
    });
    let beyond = levels.range(severity);
    let beyond = beyond.map_or_else(String::new, |range| format!(", {}", range.phrase(value)));
    let mut finding = Finding {
        rule: rule.name,
        severity,
        subject: metric.name.to_owned(),
        message: format!("{phrase}{beyond}"),
        advice: String::new(),
        evidence: vec![Evidence::number("value", value)],
        state: None,
    };
    describe(&mut finding);
    Judgement::Found(vec![finding])
}

/// The listeners, where all rows were read.
fn listeners<'a>(observation: &Observation<'a>) -> Result<&'a [Listener], Missing> {
    let snapshot = observation.snapshot;
    let listeners = snapshot.pressure.listeners.as_ref();
    listeners
        .filter(|_| snapshot.collection.complete)
        .map(|listeners| listeners.listeners.as_slice())
        .ok_or(Missing::Unread)
}

/// What a rule about listeners says where there is nothing about them: a
/// recording of other states was asked and can't tell.
fn without_listeners(snapshot: &Snapshot) -> Judgement {
    match snapshot.collection.source {
        SourceKind::Replay => Judgement::Unknown,
        SourceKind::Netlink | SourceKind::Procfs => Judgement::NotAsked,
    }
}

/// More findings of a kind than this say nothing more.
pub(super) const MOST_FINDINGS: usize = 5;

/// What a rule about sockets says where none is amiss: rows that are missing
/// might have been those that are.
fn none_amiss(snapshot: &Snapshot) -> Judgement {
    if snapshot.collection.complete {
        Judgement::Fine
    } else {
        Judgement::Unknown
    }
}

#[cfg(test)]
mod testing {
    use super::super::Severity;
    use super::super::change::Past;
    use super::super::metric::Observation;
    use super::super::rule::{Judgement, Rule};
    use crate::model::Snapshot;

    /// What a rule says by its own ranges.
    pub(super) fn judged_by(rule: &Rule, snapshot: &Snapshot, past: Option<Past<'_>>) -> Judgement {
        let observation = Observation {
            past,
            ..Observation::of(snapshot, None)
        };
        rule.judge(&observation, &rule.defaults())
    }

    /// The severity of the first finding; `None` when nothing was found.
    pub(super) fn severity(judgement: &Judgement) -> Option<Severity> {
        match judgement {
            Judgement::Found(findings) => Some(findings[0].severity),
            Judgement::Fine => None,
            Judgement::Unknown | Judgement::NotAsked | Judgement::NotRead => {
                panic!("everything needed is there")
            }
        }
    }
}

#[cfg(test)]
mod tests;
