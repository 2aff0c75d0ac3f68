//! What there is to say behind the tables.

use std::fmt::Write;
use std::time::Duration;

use super::super::super::views::LeaksView;
use super::super::finding::push_wrapped;
use super::super::{Style, push_line};
use super::phrases;
use super::{INDENT, name, paragraph, times};
use crate::classify::Severity;
use crate::classify::close_wait::{HalfClose, Judged, ProcessLeaks};
use crate::model::{LONGEST_PAUSE, SocketPast, SourceKind, Verdict};
use crate::text::number::{argument, counted, grouped};
use crate::text::safe;
use crate::text::width::columns_of;

/// Everything behind the tables, a paragraph each.
pub(super) fn notes(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    asked(&mut text, view, style);
    closed(&mut text, view, style);
    comparison(&mut text, view, style);
    spared(&mut text, view, style);
    may_pause(&mut text, view, style);
    without_info(&mut text, view, style);
    undated(&mut text, view, style);
    if view.report.left_out > 0 {
        let left_out = counted(
            view.report.left_out,
            "process or listener",
            "processes or listeners",
        );
        paragraph(
            &mut text,
            &format!("Left out by --min-count: {left_out}."),
            style,
        );
    }
    next(&mut text, view, style);
    text
}

/// Says of every process that was asked for and isn't in the table why.
fn asked(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    for &pid in view.asked {
        let in_table = view.report.processes.iter();
        let mut queues = view.report.listeners.iter();
        if in_table.into_iter().any(|leaks| leaks.process.pid == pid)
            || queues.any(|queue| queue.pids.contains(&pid))
        {
            continue;
        }
        let process = view.processes.get(&pid);
        let name = name(pid, process);
        let sentence = match process {
            _ if view.report.left_out_pids.contains(&pid) => {
                format!("{name} leaks fewer than --min-count asks for.")
            }
            None => format!("{name} ended meanwhile."),
            Some(_) if view.report.unseen.contains(&pid) => format!(
                "{name} may not be looked into: sockets of its user or cgroup whose owner is \
                 unknown may be its."
            ),
            Some(_) if view.elsewhere.contains(&pid) => {
                let sentence = format!(
                    "{name} is in another network namespace; none of the sockets here is its own."
                );
                paragraph(text, &sentence, style);
                let command = format!(
                    "tcpstate leaks --pid {pid}{} --netns {pid}",
                    safe(view.repeated)
                );
                arrow(text, &command, "looks there", style);
                continue;
            }
            Some(_) => format!("{name} holds none."),
        };
        paragraph(text, &sentence, style);
    }
}

fn closed(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let closed: Vec<_> = view.report.closed_descriptors().collect();
    for of_process in closed.chunk_by(|one, another| one.holder.pid == another.holder.pid) {
        let Some(pid) = of_process.first().map(|one| one.holder.pid) else {
            continue;
        };
        let fds = |past| {
            let those = of_process.iter().filter(|one| one.past == past);
            let fds: Vec<String> = those.map(|one| one.holder.fd.to_string()).collect();
            fds
        };
        let name = name(pid, view.processes.get(&pid));
        let ended = fds(SocketPast::Ended);
        if !ended.is_empty() {
            let sentence = format!(
                "{name} keeps {} whose connection has ended (reset, timed out, refused, or shut \
                 down by both sides): fd {}. close() is due; no list of sockets shows them.{}",
                counted(ended.len() as u64, "descriptor", "descriptors"),
                ended.join(", "),
                match view.report.closed_stayed {
                    Some(stayed @ 1..) =>
                        format!(" An earlier reading found {} in all.", grouped(stayed)),
                    _ => String::new(),
                }
            );
            if view.report.closed_stayed.is_some_and(|stayed| stayed > 0) {
                paragraph(text, &style.severity(Severity::Warning, &sentence), style);
            } else {
                paragraph(text, &sentence, style);
            }
        }
        let unknown = fds(SocketPast::Unknown);
        if !unknown.is_empty() {
            let sentence = format!(
                "{name} keeps {} of TCP sockets that are in no state: fd {}. Their connections \
                 ended, or they never had one.",
                counted(unknown.len() as u64, "descriptor", "descriptors"),
                unknown.join(", ")
            );
            paragraph(text, &sentence, style);
        }
    }
    let unseen = view.report.closed.as_ref().and_then(|all| all.unseen);
    if let Some(why) = unseen {
        let why = phrases::unseen(why, Some(view.as_root));
        let sentence = format!("There may be more such descriptors: {why}.");
        let sentence = if closed.is_empty() {
            format!("No descriptor of a closed connection was found. {sentence}")
        } else {
            sentence
        };
        paragraph(text, &sentence, style);
    }
}

fn comparison(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let Some(comparison) = &view.report.comparison else {
        return;
    };
    let gone = comparison
        .gone
        .map_or_else(String::new, |gone| format!(", {} gone", grouped(gone)));
    let sentence = format!(
        "In {}: {} stayed, {} new{gone}.",
        phrases::duration(comparison.over),
        grouped(comparison.stayed),
        grouped(comparison.new),
    );
    paragraph(text, &sentence, style);
}

/// Who has the most sockets of a verdict: `rsync[411] ×2, nginx[7]`.
fn holders_of(view: &LeaksView<'_>, verdict: Verdict, style: &Style) -> String {
    let mut some: Vec<(u64, &ProcessLeaks)> = view
        .report
        .processes
        .iter()
        .map(|leaks| (leaks.counts.of(verdict), leaks))
        .filter(|&(count, _)| count > 0)
        .collect();
    some.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
    let mut names: Vec<String> = some
        .iter()
        .take(3)
        .map(|(count, leaks)| {
            let name = name(leaks.process.pid, Some(&leaks.process));
            match some.len() {
                // Its number has just been told.
                1 => name,
                _ => times(&name, *count, style),
            }
        })
        .collect();
    if let Some(more @ 1..) = some.len().checked_sub(3) {
        names.push(format!("{} more", grouped(more as u64)));
    }
    if names.is_empty() {
        String::new()
    } else {
        format!(" of {}", names.join(", "))
    }
}

fn spared(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let counts = &view.report.counts;
    let mut spared = Vec::new();
    let half_closed = counts.of(Verdict::HalfClose);
    if half_closed > 0 {
        let proven = view.report.sockets.iter();
        let proven = proven.filter(|judged| judged.half_close == Some(HalfClose::Sent));
        let how = match proven.count() as u64 {
            0 => "still sending, as far as one reading tells".to_owned(),
            proven if proven == half_closed => "proven to be still sending".to_owned(),
            proven => format!("{} of them proven to be still sending", grouped(proven)),
        };
        spared.push(format!(
            "{}{}, {how}",
            counted(
                half_closed,
                "half-closed connection",
                "half-closed connections"
            ),
            holders_of(view, Verdict::HalfClose, style)
        ));
    }
    let recent = counts.of(Verdict::Recent);
    if recent > 0 {
        // An age that may be hours is not called young.
        let min_age = view.report.min_age;
        let mut of = view.report.sockets.iter();
        let is_young = of.all(|judged| {
            judged.verdict != Verdict::Recent || judged.age.at_most.is_some_and(|age| age < min_age)
        });
        spared.push(format!(
            "{} {} {}{}",
            grouped(recent),
            if is_young {
                "younger than"
            } else {
                "not known to be older than"
            },
            phrases::duration(min_age),
            holders_of(view, Verdict::Recent, style)
        ));
    }
    if !spared.is_empty() {
        paragraph(text, &format!("Not leaked: {}.", spared.join("; ")), style);
    }
}

/// A half-closed stream that has something to say every few minutes looks as
/// one that is forgotten, in between.
fn may_pause(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let report = view.report;
    // So long a silence was seen.
    if (report.comparison).is_some_and(|comparison| comparison.over >= LONGEST_PAUSE) {
        return;
    }
    let pausing = report.sockets.iter().filter_map(Judged::may_pause);
    let (count, last) = pausing.fold((0_u64, Duration::MAX), |(count, last), sent| {
        (count + 1, last.min(sent))
    });
    if count == 0 {
        return;
    }
    let sentence = format!(
        "{} sent data after the peer's last, {} ago: a half-closed stream that sends now and \
         then looks the same.",
        match count {
            1 => "1 of the leaked sockets".to_owned(),
            count => format!("{} of the leaked sockets", grouped(count)),
        },
        phrases::duration(last)
    );
    paragraph(text, &sentence, style);
    if view.collection.source != SourceKind::Replay {
        let why = "tells: who sends meanwhile is none";
        again(text, view, LONGEST_PAUSE, why, style);
    }
}

/// The command that looks twice.
fn again(text: &mut String, view: &LeaksView<'_>, over: Duration, why: &str, style: &Style) {
    let mut pids = String::new();
    for pid in view.asked {
        let _ = write!(pids, " --pid {pid}");
    }
    let over = argument(over);
    let command = format!("tcpstate leaks{pids}{} --over {over}", safe(view.repeated));
    arrow(text, &command, why, style);
}

/// What isn't told makes an innocent connection look leaked.
fn without_info(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let report = view.report;
    let mut leaked = report.sockets.iter().filter(|one| one.verdict.is_leak());
    if leaked.any(|judged| judged.socket.tcp_info.is_none()) {
        let read = match view.collection.source {
            SourceKind::Replay => "Recorded without tcp_info (ss -i), which counts",
            _ => "Read from /proc, which doesn't count",
        };
        let sentence = format!(
            "{read} what a connection sends: a half-closed one that still sends now and then \
             looks leaked here."
        );
        paragraph(text, &sentence, style);
    }
}

fn undated(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    let undated = view.report.counts.of(Verdict::Undated);
    if undated == 0 {
        return;
    }
    let of = view.report.sockets.iter();
    let mut of = of.filter(|judged| judged.verdict == Verdict::Undated);
    let why = if of.any(|judged| judged.socket.tcp_info.is_some()) {
        "answers to keepalives or window probes hide their age"
    } else if view.collection.source == SourceKind::Replay {
        "without tcp_info (ss -i) a recording tells no ages"
    } else {
        "/proc tells no ages"
    };
    let waiting = view.report.sockets.iter();
    let waiting = waiting.filter(|judged| judged.verdict == Verdict::Undated);
    let unsent: u64 = waiting
        .filter_map(|judged| judged.socket.send_q)
        .map(u64::from)
        .sum();
    let unsent = match unsent {
        0 => String::new(),
        bytes => format!(
            " {} wait for peers that don't read.",
            counted(bytes, "byte", "bytes")
        ),
    };
    let sentence = format!(
        "Undated: {}{}: {why}.{unsent}",
        grouped(undated),
        holders_of(view, Verdict::Undated, style)
    );
    paragraph(text, &sentence, style);
    let why = match view.collection.source {
        SourceKind::Replay => "settles it, on the host that was recorded",
        _ => "settles it: a socket that stays that long is old enough",
    };
    let over = view.report.min_age.max(Duration::from_secs(1));
    again(text, view, over, why, style);
}

fn next(text: &mut String, view: &LeaksView<'_>, style: &Style) {
    if view.list_sockets {
        return;
    }
    let worst = view.report.processes.first();
    if let Some(worst) = worst.filter(|worst| worst.counts.leaked() > 0) {
        arrow(
            text,
            &format!(
                "tcpstate leaks --pid {}{} --sockets",
                worst.process.pid,
                safe(view.repeated)
            ),
            "every descriptor, peer and age",
            style,
        );
    } else if view.asked.is_empty()
        && view.collection.source != SourceKind::Replay
        && view.report.leaked_unattributed().next().is_some()
    {
        let command = format!("tcpstate leaks{} --sockets", safe(view.repeated));
        arrow(text, &command, "every peer and age", style);
    }
}

/// What to type, and what for: behind it, or below where there is no room. A
/// command stays on one line, so that it can be copied.
pub(super) fn arrow(text: &mut String, command: &str, why: &str, style: &Style) {
    let line = format!("{} {command}   {why}", style.arrow());
    let columns = style.width.unwrap_or(usize::MAX);
    if columns_of(&line) <= columns {
        push_line(text, &line);
        return;
    }
    push_line(text, &format!("{} {command}", style.arrow()));
    let margin = " ".repeat(INDENT);
    push_wrapped(text, &margin, INDENT, why, style);
}
