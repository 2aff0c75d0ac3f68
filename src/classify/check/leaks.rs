//! How metrics about leaks are read.

use super::super::rules::places;
use super::reading::{Bounds, Measured, Missing, Reading};
use crate::model::{LeakDigest, SourceKind, Suspect, Verdict, Who};
use crate::model::{float, ratio};
use crate::text::number::{counted, grouped, percent};

/// What is known of leaks: where no ages are told, as over /proc, that none is
/// known to be old means nothing.
fn dated(now: &Reading, value: fn(&LeakDigest) -> Measured) -> Measured {
    let undated = |leaks: &LeakDigest| leaks.counts.of(Verdict::Undated) > 0;
    let blind = now.snapshot.collection.source == SourceKind::Procfs
        && now.snapshot.leaks.as_ref().is_some_and(undated);
    if blind {
        Err(Missing::Unread)
    } else {
        now.leaks(value)
    }
}

/// Leaked sockets, whoever leaks them.
pub(super) fn leaked(now: &Reading) -> Measured {
    dated(now, |leaks| Ok(float(leaks.counts.leaked())))
}

/// `51 leaked CLOSE_WAIT sockets in 51 processes`: who sees the total alone
/// would look for one program.
pub(super) fn leaked_words(now: &Reading) -> Option<String> {
    let leaks = now.snapshot.leaks.as_ref()?;
    let (mut processes, mut elsewhere, mut unknown) = (0, 0, 0);
    for suspect in &leaks.suspects {
        match suspect.who {
            Who::Process { .. } => processes += 1,
            Who::Unit(_) | Who::Listener(_) => elsewhere += 1,
            Who::Others {
                processes: more,
                elsewhere: more_elsewhere,
            } => {
                processes += more;
                elsewhere += more_elsewhere;
            }
            Who::Unknown => unknown += suspect.leaked,
        }
    }
    let mut text = counted(
        leaks.counts.leaked(),
        "leaked CLOSE_WAIT socket",
        "leaked CLOSE_WAIT sockets",
    );
    match (processes + elsewhere, unknown) {
        (0, 0) => {}
        (0, _) => text.push_str(", nobody knows in how many processes"),
        (_, 0) => text = format!("{text} in {}", places(processes, elsewhere, "")),
        (_, unknown) => {
            let places = places(processes, elsewhere, "");
            text = format!("{text} in {places}, {} elsewhere", grouped(unknown));
        }
    }
    Some(text)
}

/// The largest number of one process, unit or listener.
pub(super) fn leaked_by_one(now: &Reading) -> Measured {
    dated(now, |leaks| {
        let each = leaks.suspects.iter().map(|suspect| match suspect.who {
            Who::Process { .. } | Who::Unit(_) | Who::Listener(_) => suspect.leaked,
            // None of them more than those that are named.
            Who::Others { .. } => 0,
            // Each may be another's.
            Who::Unknown => 1,
        });
        Ok(float(each.max().unwrap_or(0)))
    })
}

/// Of a process that was looked into in part, and beside sockets that nobody
/// was found for, it is at least so much.
pub(super) fn by_one_bounds(now: &Reading) -> Option<Bounds> {
    let low = leaked_by_one(now).ok()?;
    let leaks = now.snapshot.leaks.as_ref()?;
    let nobodys = leaks.suspects.iter().filter(|s| s.who == Who::Unknown);
    let nobodys: u64 = nobodys.map(|suspect| suspect.leaked).sum();
    let total = float(leaks.counts.leaked());
    let high = if leaks.suspects.iter().any(|suspect| suspect.or_more) {
        total
    } else {
        (low + float(nobodys)).min(total)
    };
    (low < high).then_some(Bounds { low, high })
}

/// How old the oldest leaked socket is.
pub(super) fn oldest(now: &Reading) -> Measured {
    dated(now, |leaks| {
        let age = leaks.oldest.at_least.unwrap_or_default();
        Ok(if leaks.counts.leaked() == 0 {
            0.0
        } else {
            age.as_secs_f64()
        })
    })
}

/// Sockets of which one look can't tell whether they leak.
pub(super) fn undated(now: &Reading) -> Measured {
    now.leaks(|leaks| Ok(float(leaks.counts.of(Verdict::Undated))))
}

/// The fullest table of descriptors among those who leak.
pub(super) fn fds_used(now: &Reading) -> Measured {
    dated(now, |leaks| {
        if leaks.counts.leaked() == 0 {
            return Ok(0.0);
        }
        let in_queues: u64 = leaks.suspects.iter().map(in_queue).sum();
        match fullest(leaks) {
            Some(fullest) => Ok(fullest.used * 100.0),
            // Who didn't accept them has no descriptors for them.
            None if in_queues == leaks.counts.leaked() => Ok(0.0),
            None => Err(Missing::Denied),
        }
    })
}

/// Whose table isn't known may have a fuller one.
pub(super) fn fds_bounds(now: &Reading) -> Option<Bounds> {
    let low = fds_used(now).ok()?;
    let leaks = now.snapshot.leaks.as_ref()?;
    let unseen = leaks.suspects.iter().any(|suspect| match suspect.who {
        Who::Process { .. } => table(suspect).is_none(),
        Who::Others { processes, .. } => processes > 0,
        Who::Unit(_) | Who::Unknown => true,
        // Who didn't accept them has no descriptors for them.
        Who::Listener(_) => false,
    });
    (unseen && low < 100.0).then_some(Bounds { low, high: 100.0 })
}

/// `java[2231] leaks and has 90 % of its 1,024 file descriptors in use`
pub(super) fn fds_words(now: &Reading) -> Option<String> {
    let fullest = fullest(now.snapshot.leaks.as_ref()?)?;
    Some(format!(
        "{}[{}] leaks and has {} of its {} file descriptors in use",
        fullest.command.unwrap_or("?"),
        fullest.pid,
        percent(fullest.used),
        grouped(fullest.limit),
    ))
}

/// Leaked sockets that nobody has accepted.
const fn in_queue(suspect: &Suspect) -> u64 {
    match suspect.who {
        Who::Listener(_) => suspect.leaked,
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

/// The fullest table that is known.
fn fullest(leaks: &LeakDigest) -> Option<Table<'_>> {
    let tables = leaks.suspects.iter().filter_map(table);
    tables.max_by(|one, other| one.used.total_cmp(&other.used))
}

fn table(suspect: &Suspect) -> Option<Table<'_>> {
    match &suspect.who {
        Who::Process {
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
        Who::Unit(_) | Who::Listener(_) | Who::Others { .. } | Who::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{java, leak_digest, snapshot};
    use super::*;
    use crate::model::Snapshot;

    fn held(suspects: Vec<(Who, u64)>) -> Snapshot {
        let total = suspects.iter().map(|(_, leaked)| leaked).sum();
        let suspects = suspects
            .into_iter()
            .map(|(who, leaked)| Suspect {
                who,
                ..java(leaked, 0)
            })
            .collect();
        snapshot()
            .with_leaks(leak_digest(&[(Verdict::NotClosed, total)], suspects))
            .build()
    }

    fn process(open_fds: Option<u64>) -> Who {
        Who::Process {
            pid: 7,
            command: None,
            open_fds,
            fd_limit: Some(1_000),
        }
    }

    fn of<T>(snapshot: &Snapshot, read: fn(&Reading) -> T) -> T {
        read(&Reading {
            snapshot,
            before: None,
            long_before: None,
            keeps: true,
        })
    }

    #[test]
    fn the_total_says_in_how_many_places_it_is() {
        let others = |processes, elsewhere| Who::Others {
            processes,
            elsewhere,
        };
        for (suspects, words) in [
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
                    (Who::Unit("nginx".to_owned()), 9),
                    (process(None), 8),
                    (Who::Listener(80), 7),
                    (others(1, 1), 2),
                ],
                "26 leaked CLOSE_WAIT sockets in 2 processes and 3 units or listeners",
            ),
            (
                vec![(process(None), 30), (Who::Unknown, 5)],
                "35 leaked CLOSE_WAIT sockets in 1 process, 5 elsewhere",
            ),
            (
                vec![(Who::Unknown, 12)],
                "12 leaked CLOSE_WAIT sockets, nobody knows in how many processes",
            ),
        ] {
            let told = of(&held(suspects), leaked_words);
            assert_eq!(told.as_deref(), Some(words));
        }
    }

    #[test]
    fn descriptors_are_those_of_the_fullest_table_that_is_known() {
        let two = held(vec![(process(Some(100)), 9), (process(Some(850)), 1)]);
        assert_eq!(of(&two, fds_used), Ok(85.0));
        assert_eq!(of(&two, fds_bounds), None);
        let words = of(&two, fds_words);
        let says = "?[7] leaks and has 85 % of its 1,000 file descriptors in use";
        assert_eq!(words.as_deref(), Some(says));
        let hidden = held(vec![(process(Some(100)), 9), (process(None), 1)]);
        assert_eq!(of(&hidden, fds_used), Ok(10.0));
        let bounds = Bounds {
            low: 10.0,
            high: 100.0,
        };
        assert_eq!(of(&hidden, fds_bounds), Some(bounds));
        // Nobody has opened anything for what is in a queue.
        let queue = held(vec![(process(Some(100)), 9), (Who::Listener(80), 1)]);
        assert_eq!(of(&queue, fds_bounds), None);
        let nobody = held(vec![(Who::Unknown, 9)]);
        assert_eq!(of(&nobody, fds_used), Err(Missing::Denied));
    }

    /// It was "not shown without privilege", to root as well.
    #[test]
    fn where_all_that_leaks_is_in_a_queue_no_descriptors_are_missing() {
        let queues = held(vec![(Who::Listener(80), 9), (Who::Listener(81), 1)]);
        assert_eq!(of(&queues, fds_used), Ok(0.0));
        assert_eq!(of(&queues, fds_bounds), None);
        let more = held(vec![(Who::Listener(80), 9), (Who::Unknown, 1)]);
        assert_eq!(of(&more, fds_used), Err(Missing::Denied));
    }
}
