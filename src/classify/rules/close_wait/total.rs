//! All leaked CLOSE_WAIT sockets together: their number, the oldest, and those
//! that one reading can't judge.

use super::super::super::Severity;
use super::super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit};
use super::super::super::rule::{Judgement, Levels, Rule};
use super::super::by_range;
use super::{CLOSE_WAIT_LEAK, places};
use crate::model::float;
use crate::model::{LeakDigest, LeakOwnerKind, SourceKind, TcpState, Verdict};
use crate::text::number::{counted, grouped};

/// Many small leaks are one that is in every process: so many spare connections
/// are no chance any more.
pub(in crate::classify::rules) const CLOSE_WAIT_TOTAL: Rule =
    Rule::new("close_wait_leaked", "CLOSE_WAIT", judge)
        .explained(
            "Connections that applications forgot to close, all together: many small leaks are one \
         that is in every process, such as a library that all of them use. Judged by their \
         number. See whose they are: tcpstate leaks.",
        )
        .measuring(
            Metric::new(
                "close_wait_leaked",
                Unit::Count,
                "CLOSE_WAIT connections that applications forgot to close",
                |observation| dated(observation, |leaks| Ok(float(leaks.counts.leaked()))),
            )
            .about(About::In(TcpState::CloseWait))
            .phrased(phrase)
            .warns(Range::from(10.0))
            .alarms(Range::from(CRITICAL)),
        )
        .covered_by(&[CLOSE_WAIT_LEAK.name]);

const CRITICAL: f64 = 200.0;

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    if observation.snapshot.leaks.is_none() {
        return Judgement::NotAsked;
    }
    by_range(&CLOSE_WAIT_TOTAL, observation, levels, |finding| {
        "CLOSE_WAIT".clone_into(&mut finding.subject);
        "see whose they are: tcpstate leaks".clone_into(&mut finding.advice);
        finding.state = Some(TcpState::CloseWait);
    })
}

/// How bad the total is by default.
pub(super) fn severity(leaks: &LeakDigest) -> Option<Severity> {
    let total = float(leaks.counts.leaked());
    CLOSE_WAIT_TOTAL.defaults().severity(Some(total), None)
}

/// Whether so many sockets are critical whoever leaks them.
pub(super) fn is_critical(leaked: u64) -> Option<Severity> {
    (float(leaked) >= CRITICAL).then_some(Severity::Critical)
}

/// `51 leaked CLOSE_WAIT sockets in 51 processes`: who sees the total alone
/// would look for one program.
fn phrase(observation: &Observation) -> Option<String> {
    let leaks = observation.snapshot.leaks.as_ref()?;
    let (mut processes, mut others, mut unknown) = (0, 0, 0);
    for owner in &leaks.owners {
        match owner.kind {
            LeakOwnerKind::Process { .. } => processes += 1,
            LeakOwnerKind::Unit(_) | LeakOwnerKind::Listener(_) => others += 1,
            LeakOwnerKind::Others {
                processes: more,
                elsewhere,
            } => {
                processes += more;
                others += elsewhere;
            }
            LeakOwnerKind::Unknown => unknown += owner.leaked,
        }
    }
    let mut text = counted(
        leaks.counts.leaked(),
        "leaked CLOSE_WAIT socket",
        "leaked CLOSE_WAIT sockets",
    );
    match (processes + others, unknown) {
        (0, 0) => {}
        (0, _) => text.push_str(", in an unknown number of processes"),
        (_, 0) => text = format!("{text} in {}", places(processes, others, "")),
        (_, unknown) => {
            let places = places(processes, others, "");
            text = format!("{text} in {places}, {} elsewhere", grouped(unknown));
        }
    }
    Some(text)
}

/// How old the oldest leaked socket is.
pub(in crate::classify::rules) const CLOSE_WAIT_OLDEST: Metric = Metric::new(
    "close_wait_oldest",
    Unit::Seconds,
    "minimum age of the oldest leaked CLOSE_WAIT connection",
    oldest,
)
.about(About::In(TcpState::CloseWait));

/// Sockets of which one reading can't tell whether they leak.
pub(in crate::classify::rules) const CLOSE_WAIT_UNDATED: Metric = Metric::new(
    "close_wait_undated",
    Unit::Count,
    "CLOSE_WAIT connections whose age keepalives hide; a state file settles it",
    |observation| observation.leaks(|leaks| Ok(float(leaks.counts.of(Verdict::Undated)))),
)
.about(About::In(TcpState::CloseWait));

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

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::{java, leak_digest, snapshot};
    use super::*;
    use crate::model::{LeakOwner, Snapshot};

    fn held(owners: Vec<(LeakOwnerKind, u64)>) -> Snapshot {
        let total = owners.iter().map(|(_, leaked)| leaked).sum();
        let owners = owners
            .into_iter()
            .map(|(kind, leaked)| LeakOwner {
                kind,
                ..java(leaked, 0)
            })
            .collect();
        snapshot()
            .with_leaks(leak_digest(&[(Verdict::NotClosed, total)], owners))
            .build()
    }

    fn process(open_fds: Option<u64>) -> LeakOwnerKind {
        LeakOwnerKind::Process {
            pid: 7,
            command: None,
            open_fds,
            fd_limit: Some(1_000),
        }
    }

    fn of<T>(snapshot: &Snapshot, read: fn(&Observation) -> T) -> T {
        read(&Observation::of(snapshot, None))
    }

    #[test]
    fn the_total_says_in_how_many_places_it_is() {
        let others = |processes, elsewhere| LeakOwnerKind::Others {
            processes,
            elsewhere,
        };
        for (owners, words) in [
            (
                vec![(process(None), 1)],
                "1 leaked CLOSE_WAIT socket in 1 process",
            ),
            (
                vec![(process(None), 30), (others(1_020, 0), 1_020)],
                "1,050 leaked CLOSE_WAIT sockets in 1,021 processes",
            ),
            (
                vec![
                    (LeakOwnerKind::Unit("nginx".to_owned()), 9),
                    (process(None), 8),
                    (LeakOwnerKind::Listener(80), 7),
                    (others(1, 1), 2),
                ],
                "26 leaked CLOSE_WAIT sockets in 2 processes and 3 units or listeners",
            ),
            (
                vec![(process(None), 30), (LeakOwnerKind::Unknown, 5)],
                "35 leaked CLOSE_WAIT sockets in 1 process, 5 elsewhere",
            ),
            (
                vec![(LeakOwnerKind::Unknown, 12)],
                "12 leaked CLOSE_WAIT sockets, in an unknown number of processes",
            ),
        ] {
            let told = of(&held(owners), phrase);
            assert_eq!(told.as_deref(), Some(words));
        }
    }
}
