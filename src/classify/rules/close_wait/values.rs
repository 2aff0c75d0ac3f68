//! Values about CLOSE_WAIT that no rule judges.

use super::super::super::metric::{About, Measured, Metric, Missing, Observation, Unit};
use crate::model::float;
use crate::model::{LeakDigest, SourceKind, Verdict};

/// How old the oldest leaked socket is.
pub(in crate::classify::rules) const CLOSE_WAIT_OLDEST: Metric = Metric::new(
    "close_wait_oldest",
    Unit::Seconds,
    "how long the oldest of them has been forgotten, at least",
    oldest,
)
.about(About::Sockets);

/// Sockets of which one reading can't tell whether they leak.
pub(in crate::classify::rules) const CLOSE_WAIT_UNDATED: Metric = Metric::new(
    "close_wait_undated",
    Unit::Count,
    "connections in CLOSE_WAIT whose age keepalives hide; a state file settles it",
    |observation| observation.leaks(|leaks| Ok(float(leaks.counts.of(Verdict::Undated)))),
)
.about(About::Sockets);

/// A value about leaked sockets. Where no ages are told, as over /proc and by a
/// recording without tcp_info, that none is known to be old means nothing.
pub(super) fn dated(observation: &Observation, value: fn(&LeakDigest) -> Measured) -> Measured {
    let undated = |leaks: &LeakDigest| leaks.counts.of(Verdict::Undated) > 0;
    let snapshot = observation.snapshot;
    if snapshot.collection.source != SourceKind::Netlink
        && snapshot.leaks.as_ref().is_some_and(undated)
    {
        Err(Missing::Unread)
    } else {
        observation.leaks(value)
    }
}

fn oldest(observation: &Observation) -> Measured {
    dated(observation, |leaks| {
        let age = leaks.oldest.at_least.unwrap_or_default();
        Ok(if leaks.counts.leaked() == 0 {
            0.0
        } else {
            age.as_secs_f64()
        })
    })
}
