//! File descriptors of who leaks.

use super::super::super::Severity;
use super::super::super::close_wait::{FDS_CRITICAL, FDS_HIGH};
use super::super::super::metric::{
    About, Bounds, Measured, Metric, Missing, Observation, Range, Unit,
};
use super::super::super::rule::{Judgement, Levels, Rule};
use super::super::by_range;
use super::{CLOSE_WAIT_LEAK, dated};
use crate::model::{IncompleteScan, LeakDigest, LeakOwner, LeakOwnerKind, TcpState, ratio};
use crate::text::number::{grouped, percent};

/// A process that leaks and has hardly a descriptor left: it fails soon,
/// whatever took its descriptors.
pub(in crate::classify::rules) const LEAKER_FDS: Rule =
    Rule::new("leaker_fds_used", "CLOSE_WAIT", judge)
        .explained(
            "A process that leaks connections has used most of its file descriptors. At the limit \
         accept(), open() and socket() fail with EMFILE, and it stops serving. Restart it in \
         time, raise its limit for the meanwhile, and fix the leak.",
        )
        .measuring(
            Metric::new(
                "leaker_fds_used",
                Unit::Percent,
                "file descriptors that a leaking process has in use, as a share of its limit",
                fds_used,
            )
            .about(About::In(TcpState::CloseWait))
            .bounded(bounds)
            .phrased(phrase)
            .warns(Range::from(FDS_HIGH * 100.0))
            .alarms(Range::from(FDS_CRITICAL * 100.0)),
        )
        .covered_by(&[CLOSE_WAIT_LEAK.name]);

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let Some(leaks) = &observation.snapshot.leaks else {
        return Judgement::NotAsked;
    };
    by_range(&LEAKER_FDS, observation, levels, |finding| {
        if let Some(fullest) = fullest(leaks) {
            finding.subject = fullest.name();
            finding.advice = format!("tcpstate leaks --pid {}", fullest.pid);
        }
        finding.state = Some(TcpState::CloseWait);
    })
}

/// How bad the fullest table of descriptors is by default.
pub(super) fn severity(leaks: &LeakDigest) -> Option<Severity> {
    let used = fullest(leaks)?.used * 100.0;
    LEAKER_FDS.defaults().severity(Some(used), None)
}

/// The fullest table of descriptors among those who leak.
fn fds_used(observation: &Observation) -> Measured {
    dated(observation, |leaks| {
        if leaks.counts.leaked() == 0 {
            return Ok(0.0);
        }
        let in_queues: u64 = leaks.owners.iter().map(in_queue).sum();
        match fullest(leaks) {
            Some(fullest) => Ok(fullest.used * 100.0),
            // Who didn't accept them has no descriptors for them.
            None if in_queues == leaks.counts.leaked() => Ok(0.0),
            None => Err(why_unknown(leaks)),
        }
    })
}

/// Why no table is known.
fn why_unknown(leaks: &LeakDigest) -> Missing {
    let is_named = |owner: &LeakOwner| matches!(owner.kind, LeakOwnerKind::Process { .. });
    match leaks.unseen {
        Some(IncompleteScan::Denied(_) | IncompleteScan::Hidden) => Missing::Denied,
        Some(IncompleteScan::Failed(_) | IncompleteScan::Unlisted) => Missing::Unread,
        // Who has the socket among its descriptors may look at these.
        None if leaks.owners.iter().any(is_named) => Missing::Unread,
        None => Missing::Unowned,
    }
}

/// Whose table isn't known may have a fuller one.
fn bounds(observation: &Observation) -> Option<Bounds> {
    let low = fds_used(observation).ok()?;
    let leaks = observation.snapshot.leaks.as_ref()?;
    let unseen = leaks.owners.iter().any(|owner| match owner.kind {
        LeakOwnerKind::Process { .. } => table(owner).is_none(),
        LeakOwnerKind::Others { processes, .. } => processes > 0,
        LeakOwnerKind::Unit(_) | LeakOwnerKind::Unknown => true,
        // Who didn't accept them has no descriptors for them.
        LeakOwnerKind::Listener(_) => false,
    });
    (unseen && low < 100.0).then_some(Bounds { low, high: 100.0 })
}

/// `java[2231] leaks and has 90 % of its 1,024 file descriptors in use`
fn phrase(observation: &Observation) -> Option<String> {
    let fullest = fullest(observation.snapshot.leaks.as_ref()?)?;
    Some(format!(
        "{} leaks and has {} of its {} file descriptors in use",
        fullest.name(),
        percent(fullest.used),
        grouped(fullest.limit),
    ))
}

/// Leaked sockets that nobody has accepted.
const fn in_queue(owner: &LeakOwner) -> u64 {
    match owner.kind {
        LeakOwnerKind::Listener(_) => owner.leaked,
        _ => 0,
    }
}

/// A process and its table of descriptors.
struct Table<'a> {
    pid: u32,
    command: Option<&'a str>,
    limit: u64,
    used: f64,
}

impl Table<'_> {
    /// `java[2231]`
    fn name(&self) -> String {
        format!("{}[{}]", self.command.unwrap_or("?"), self.pid)
    }
}

/// The fullest table that is known.
fn fullest(leaks: &LeakDigest) -> Option<Table<'_>> {
    let tables = leaks.owners.iter().filter_map(table);
    tables.max_by(|one, other| one.used.total_cmp(&other.used))
}

fn table(owner: &LeakOwner) -> Option<Table<'_>> {
    match &owner.kind {
        LeakOwnerKind::Process {
            pid,
            command,
            open_fds,
            fd_limit,
        } => Some(Table {
            pid: *pid,
            command: command.as_deref(),
            limit: (*fd_limit)?,
            used: ratio((*open_fds)?, (*fd_limit)?)?,
        }),
        LeakOwnerKind::Unit(_)
        | LeakOwnerKind::Listener(_)
        | LeakOwnerKind::Others { .. }
        | LeakOwnerKind::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::{java, leak_digest, snapshot};
    use super::*;
    use crate::model::{LeakOwner, Snapshot, Verdict};

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
    fn descriptors_are_those_of_the_fullest_table_that_is_known() {
        let two = held(vec![(process(Some(100)), 9), (process(Some(850)), 1)]);
        assert_eq!(of(&two, fds_used), Ok(85.0));
        assert_eq!(of(&two, bounds), None);
        let words = of(&two, phrase);
        let says = "?[7] leaks and has 85 % of its 1,000 file descriptors in use";
        assert_eq!(words.as_deref(), Some(says));
        let hidden = held(vec![(process(Some(100)), 9), (process(None), 1)]);
        assert_eq!(of(&hidden, fds_used), Ok(10.0));
        let expected = Bounds {
            low: 10.0,
            high: 100.0,
        };
        assert_eq!(of(&hidden, bounds), Some(expected));
        // Nobody has opened anything for what is in a queue.
        let queue = held(vec![
            (process(Some(100)), 9),
            (LeakOwnerKind::Listener(80), 1),
        ]);
        assert_eq!(of(&queue, bounds), None);
        let nobody = held(vec![(LeakOwnerKind::Unknown, 9)]);
        assert_eq!(of(&nobody, fds_used), Err(Missing::Unowned));
        // It was the lack of privilege, whatever it was.
        for (unseen, why) in [
            (IncompleteScan::Denied(1), Missing::Denied),
            (IncompleteScan::Hidden, Missing::Denied),
            (IncompleteScan::Failed(1), Missing::Unread),
            (IncompleteScan::Unlisted, Missing::Unread),
        ] {
            let mut nobody = held(vec![(LeakOwnerKind::Unknown, 9)]);
            let leaks = nobody.leaks.as_mut().unwrap();
            leaks.unseen = Some(unseen);
            assert_eq!(of(&nobody, fds_used), Err(why));
        }
        let unreadable = held(vec![(process(None), 9)]);
        assert_eq!(of(&unreadable, fds_used), Err(Missing::Unread));
    }

    /// It was "not shown without privilege", to root as well.
    #[test]
    fn where_all_that_leaks_is_in_a_queue_no_descriptors_are_missing() {
        let queues = held(vec![
            (LeakOwnerKind::Listener(80), 9),
            (LeakOwnerKind::Listener(81), 1),
        ]);
        assert_eq!(of(&queues, fds_used), Ok(0.0));
        assert_eq!(of(&queues, bounds), None);
        let more = held(vec![
            (LeakOwnerKind::Listener(80), 9),
            (LeakOwnerKind::Unknown, 1),
        ]);
        assert_eq!(of(&more, fds_used), Err(Missing::Unowned));
    }
}
