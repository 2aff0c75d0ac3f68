//! Ages, hints and reasons in words.

use super::super::Style;
use crate::classify::close_wait::{Held, Hint, LeakReport, Peer, ProcessLeaks, Unowned};
use crate::model::{AgeBounds, InFlight, IncompleteScan, Verdict};
pub(crate) use crate::text::number::duration;
use crate::text::number::{counted, grouped};
use crate::text::safe;

/// `≥ 2 h 14 m`; without the sign where the upper bound reads the same.
pub(crate) fn age(age: AgeBounds, style: &Style) -> String {
    let sign = if style.unicode { "≥" } else { ">=" };
    let below = if style.unicode { "≤" } else { "<=" };
    match (age.at_least.map(duration), age.at_most.map(duration)) {
        (Some(least), Some(most)) if least == most => least,
        (Some(least), _) => format!("{sign} {least}"),
        (None, Some(most)) => format!("{below} {most}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// What the kernel saw, then what may be behind it.
pub(crate) fn hint(hint: Hint, leaks: &ProcessLeaks) -> String {
    let counts = &leaks.counts;
    let mut facts = Vec::new();
    let not_closed = counts.of(Verdict::NotClosed);
    if not_closed > 0 {
        facts.push(format!(
            "{} not closed: a read consumed the end of the stream, and the descriptor stays",
            grouped(not_closed)
        ));
    }
    let queue_unknown = counts.of(Verdict::QueueUnknown);
    if queue_unknown > 0 {
        facts.push(format!(
            "{} not closed; this kernel doesn't tell whether anything waits to be read",
            grouped(queue_unknown)
        ));
    }
    let unread = counts.of(Verdict::EofUnread);
    if unread > 0 {
        facts.push(format!(
            "{} unread: {}, nobody reads",
            grouped(unread),
            match leaks.unread_bytes {
                0 => "the end of the stream waits".to_owned(),
                bytes => counted(bytes, "byte of data waits", "bytes of data wait"),
            }
        ));
    }
    let cause = match hint {
        Hint::Waiting => waiting(leaks),
        Hint::PeerNotReading => format!(
            "{} wait for a peer that doesn't read: does the application wait for it without a \
             timeout?",
            counted(leaks.unsent_bytes, "byte", "bytes")
        ),
        Hint::Pool(peer) => {
            let end = peer.end();
            // Who inherited them may not even know that it has them, and
            // reads nothing.
            let or_inherited = if not_closed == 0 {
                ", or descriptors that came over fork() or exec() (no close-on-exec)"
            } else {
                ""
            };
            format!(
                "{} towards {end}: a connection pool that keeps what the server \
                 closed{or_inherited}?",
                grouped(peer.count)
            )
        }
        Hint::NotReading | Hint::NotClosing if queue_unknown * 2 > counts.leaked() => {
            "A path without close(), or nobody who reads?".to_owned()
        }
        Hint::NotReading => {
            "Is a thread blocked or hung, or did the connections drop out of the event loop \
             (a short read under edge-triggered epoll)?"
                .to_owned()
        }
        Hint::NotClosing => {
            "A path without close(), or a short read that was taken for \"no more data\" \
             (edge-triggered epoll)?"
                .to_owned()
        }
    };
    let registered = leaks.sockets.iter().filter(|held| held.io_uring.is_some());
    let registered = registered.count() as u64;
    let io_uring = if registered > 0 {
        format!(
            " {} in the registered files of its io_uring: they have no descriptor, and are closed \
             by a close with their file index (direct descriptors) or by unregistering.",
            counted(registered, "socket is", "sockets are")
        )
    } else {
        String::new()
    };
    format!("{}. {cause}{io_uring}", facts.join("; "))
}

/// Whom a proxy waits for: those here by name.
fn waiting(leaks: &ProcessLeaks) -> String {
    let Some(waits) = &leaks.waits else {
        return String::new();
    };
    let mut ends: Vec<String> = waits.peers.iter().take(3).map(Peer::end).collect();
    if waits.peers.len() > 3 {
        ends.push("others".to_owned());
    }
    let holders = waits.holders.iter().take(3);
    let holders: Vec<String> = holders
        .map(|(pid, command)| format!("{}[{pid}]", safe(command.as_deref().unwrap_or("?"))))
        .collect();
    let who = if holders.is_empty() {
        String::new()
    } else {
        format!(" ({})", holders.join(", "))
    };
    format!(
        "As many other connections ended with them, which it has closed and {}{who} hasn't \
         (FIN_WAIT2): it waits for that side, as a proxy does.",
        ends.join(", ")
    )
}

/// Which processes were not looked into, and why.
pub(crate) fn unseen(why: IncompleteScan, as_root: Option<bool>) -> String {
    match why {
        IncompleteScan::Denied(processes) => format!(
            "{} may not be looked into: that needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, {}",
            counted(processes, "process", "processes"),
            match as_root {
                Some(true) => "and this root is without one of them",
                Some(false) => "so run it as root",
                None => "which root has",
            }
        ),
        IncompleteScan::Hidden => {
            "/proc hides other users' processes (hidepid); CAP_SYS_PTRACE shows them".to_owned()
        }
        IncompleteScan::Failed(processes) => format!(
            "{} could not be read; are file descriptors or memory short (ulimit -n)?",
            counted(processes, "process", "processes")
        ),
        IncompleteScan::Unlisted => "the processes in /proc could not be listed".to_owned(),
    }
}

/// The descriptors of a process that refer to a socket: `7,8`, `7 of thread 12`,
/// `io_uring 4`.
pub(crate) fn fds(held: &Held) -> String {
    let fds: Vec<String> = held.fds.iter().map(u32::to_string).collect();
    let mut text = fds.join(",");
    if let Some(thread) = held.thread {
        text = format!("{text} of thread {thread}");
    }
    if let Some(ring) = held.io_uring {
        let comma = if text.is_empty() { "" } else { ", " };
        text = format!("{text}{comma}io_uring {ring}");
    }
    text
}

/// Where descriptors wait to be received.
fn in_flight(in_flight: &[InFlight]) -> String {
    let waiting: Vec<String> = in_flight
        .iter()
        .map(|one| {
            format!(
                "{} in the UNIX socket fd {} of process {}",
                grouped(one.descriptors),
                one.holder.fd,
                one.holder.pid
            )
        })
        .collect();
    format!(
        "in flight over SCM_RIGHTS: {}, which doesn't receive them",
        waiting.join(", ")
    )
}

/// How many sockets have an unknown owner, and why; `None` when all have.
pub(crate) fn unattributed(report: &LeakReport, as_root: Option<bool>) -> Option<String> {
    let first = report.unattributed.first()?.why;
    let of = |wanted: fn(&Unowned) -> bool| {
        let entries = report.unattributed.iter();
        entries.filter(|entry| wanted(&entry.why)).count() as u64
    };
    let mut reasons = Vec::new();
    let mut tell = |number: u64, reason: String| {
        if number > 0 {
            reasons.push(format!("{} ({reason})", grouped(number)));
        }
    };
    if let Some(Unowned::Unseen(why)) = report
        .unattributed
        .iter()
        .map(|entry| entry.why)
        .find(|why| matches!(why, Unowned::Unseen(_)))
        .or(Some(first))
    {
        tell(
            of(|why| matches!(why, Unowned::Unseen(_))),
            unseen(why, as_root),
        );
    }
    tell(
        of(|why| *why == Unowned::NoDescriptor),
        "no descriptor found in any process: in flight between processes, a single thread's \
         own, in another pid namespace, or the kernel's own"
            .to_owned(),
    );
    tell(
        of(|why| *why == Unowned::InFlight),
        in_flight(&report.in_flight),
    );
    tell(
        of(|why| *why == Unowned::NoListener),
        "not accepted, and its listener was not found".to_owned(),
    );
    tell(
        of(|why| *why == Unowned::NotSearched),
        "a recorded dump doesn't say whose they are".to_owned(),
    );
    tell(
        of(|why| *why == Unowned::NotYet),
        "new since the last search, the next one tells whose they are".to_owned(),
    );
    Some(reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_age_says_which_bounds_are_known() {
        let style = Style {
            unicode: true,
            ..Style::default()
        };
        let of = |at_least: Option<u64>, at_most: Option<u64>| {
            let seconds = |time: Option<u64>| time.map(Duration::from_secs);
            let bounds = AgeBounds {
                at_least: seconds(at_least),
                at_most: seconds(at_most),
            };
            age(bounds, &style)
        };
        assert_eq!(of(Some(61), Some(90)), "≥ 1 m 1 s");
        assert_eq!(of(Some(8_040), Some(8_041)), "2 h 14 m");
        assert_eq!(of(Some(5), None), "≥ 5 s");
        assert_eq!(of(None, Some(5)), "≤ 5 s");
        assert_eq!(of(None, None), "unknown");
    }
}
