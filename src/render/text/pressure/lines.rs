//! TIME_WAIT, SYN cookies, orphans, memory and resets, a line each.

use std::fmt::Write;

use super::super::super::share;
use super::super::super::table::{Cell, Column, Table};
use super::super::super::views::PressureView;
use super::super::counters::{self, ABORTS, FAST_OPEN_TROUBLE, Item, SENT_AGAIN, tell_share};
use super::super::{Style, table};
use crate::classify::change;
use crate::classify::listeners::{SynVerdict, syn_verdict};
use crate::classify::ports::{Reuse, ReusePolicy};
use crate::model::{Counter, HostWide, Sysctl};
use crate::text::number::{self, grouped, percent};

/// The lines.
pub(super) fn lines(view: &PressureView<'_>, style: &Style) -> String {
    let lines = vec![
        ("TIME_WAIT", time_wait(view)),
        ("age", ages(view, style)),
        ("reuse", reuse(view)),
        ("SYN", syn(view)),
        ("QUEUES", queues(view)),
        ("ORPHANS", orphans(&view.snapshot.pressure.host_wide)),
        ("MEMORY", memory(&view.snapshot.pressure.host_wide)),
        ("RESETS", resets(view)),
        ("", lossy_resets(view, style)),
        ("RESENT", resent(view)),
        ("FAST OPEN", fast_open(view)),
    ];
    aligned(lines, style)
}

/// Those of what the whole host shares.
pub(super) fn of_host(host_wide: &HostWide, style: &Style) -> String {
    let lines = vec![
        ("ORPHANS", orphans(host_wide)),
        ("MEMORY", memory(host_wide)),
    ];
    aligned(lines, style)
}

/// Those that have something to say.
fn aligned(mut lines: Vec<(&str, Option<String>)>, style: &Style) -> String {
    lines.retain(|(_, line)| line.is_some());
    let rows = Table::new(
        &lines,
        [
            (Column::words("", 0), &|(heading, _)| Cell::text(*heading)),
            (Column::sentence("", 1), &|(_, line)| {
                Cell::text(line.as_deref().unwrap_or_default())
            }),
        ],
    );
    table(rows, style)
}

fn time_wait(view: &PressureView<'_>) -> Option<String> {
    let snapshot = view.snapshot;
    // FIN_WAIT2 with nobody behind it takes a bucket too.
    let buckets = snapshot
        .states
        .minisockets
        .zip(snapshot.sysctls.get(Sysctl::TcpMaxTwBuckets));
    let tally = snapshot.pressure.time_wait?;
    let mut line = format!(
        "{} client side, {} server side",
        grouped(tally.client_side),
        grouped(tally.server_side)
    );
    if tally.other > 0 {
        let _ = write!(
            line,
            ", {} of neither (bound by hand, or the listener is gone)",
            grouped(tally.other)
        );
    }
    if let Some((count, limit)) = buckets {
        let used = share(Some(count), Some(limit))
            .map_or_else(String::new, |used| format!(" ({})", percent(used)));
        let _ = write!(
            line,
            "; {} of {} buckets{used}",
            grouped(count),
            grouped(limit)
        );
    }
    match snapshot.counters.get(Counter::TcpTimeWaitOverflow) {
        Some(overflows @ 1..) => {
            let _ = write!(line, ", {} refused so far", grouped(overflows));
        }
        Some(0) => line.push_str(", none refused"),
        None => line.push_str(", unknown how many refused"),
    }
    Some(line)
}

/// How old TIME_WAIT sockets are, in steps of 10 s: evenly spread where
/// connections end all the time, in few steps after a burst.
fn ages(view: &PressureView<'_>, style: &Style) -> Option<String> {
    let tally = view.snapshot.pressure.time_wait?;
    let dash = if style.unicode { "–" } else { "-" };
    let steps: Vec<String> = (0..)
        .zip(tally.ages)
        .filter(|&(_, count)| count > 0)
        .map(|(step, count): (u32, u64)| {
            let (from, to) = (step * 10, step * 10 + 10);
            format!("{} for {from}{dash}{to} s", grouped(count))
        })
        .collect();
    (!steps.is_empty()).then(|| steps.join(", "))
}

/// What tcp_tw_reuse does for exactly these sockets.
fn reuse(view: &PressureView<'_>) -> Option<String> {
    let tally = view.snapshot.pressure.time_wait?;
    let reuse = view.snapshot.sysctls.get(Sysctl::TcpTwReuse)?;
    if tally.client_side == 0 && tally.server_side == 0 {
        return None;
    }
    let policy = ReusePolicy::of(&view.snapshot.sysctls);
    let clients = match policy.reuse {
        _ if tally.client_side == 0 => String::new(),
        Reuse::Never if reuse == 0 => "nothing: it is off".to_owned(),
        Reuse::Never => "nothing: tcp_timestamps is 0".to_owned(),
        Reuse::Always => format!("{} ports to take over now", grouped(tally.reusable)),
        Reuse::Loopback if tally.client_loopback == 0 => {
            "nothing: none of them is on loopback".to_owned()
        }
        Reuse::Loopback => format!(
            "{} ports to take over now, of the {} on loopback",
            grouped(tally.reusable),
            grouped(tally.client_loopback)
        ),
    };
    let clients = Some(clients)
        .filter(|words| !words.is_empty())
        .map(|words| format!("tcp_tw_reuse={reuse} gives {words}"));
    let servers = (tally.server_side > 0).then(|| {
        "no value of tcp_tw_reuse helps the server side, where TIME_WAIT blocks no port either: \
         let clients close first if the memory matters"
            .to_owned()
    });
    let parts: Vec<String> = clients.into_iter().chain(servers).collect();
    Some(parts.join("; "))
}

fn syn(view: &PressureView<'_>) -> Option<String> {
    let evidence = view.syn_evidence();
    let cookies = match evidence.cookies? {
        0 => "cookies off",
        1 => "cookies when a queue is full",
        2 => "cookies for every SYN",
        _ => "cookies in an unknown mode",
    };
    let verdict = match syn_verdict(&evidence, view.snapshot.pressure.listeners.as_ref()) {
        SynVerdict::Unknown => "",
        // Totals may be of another year: neither well nor ill.
        SynVerdict::Fine if !evidence.between && evidence.dropped.is_some_and(|n| n > 0) => {
            "; --over 10s tells whether it goes on"
        }
        SynVerdict::FloodAbsorbed if !evidence.between => ": a flood, now or earlier, absorbed",
        SynVerdict::Fine => ": fine",
        SynVerdict::QueueFull => ": a SYN queue is full",
        SynVerdict::Burst => ": bursts of real clients",
        SynVerdict::FloodAbsorbed => ": flood, absorbed",
        SynVerdict::FloodDropping => ": flood, dropping",
        SynVerdict::DroppedOtherwise => ", not by a full queue",
    };
    let when = if evidence.between {
        "since the first reading"
    } else {
        "so far"
    };
    let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), grouped);
    Some(format!(
        "{cookies}; {when} {} sent and {} returned, and {} SYNs dropped (accept queues \
         aside){verdict}",
        number(evidence.sent),
        number(evidence.returned),
        number(evidence.dropped)
    ))
}

fn orphans(host_wide: &HostWide) -> Option<String> {
    let orphans = grouped(host_wide.orphans?);
    Some(match host_wide.max_orphans {
        Some(limit) => format!("{orphans} of {} in the whole host", grouped(limit)),
        None => format!("{orphans} in the whole host; the limit is not visible in this namespace"),
    })
}

fn memory(host_wide: &HostWide) -> Option<String> {
    let pages = host_wide.memory_pages?;
    Some(match host_wide.memory_limits {
        Some([_, pressure, high]) => {
            let used = share(Some(pages), Some(high))
                .map_or_else(String::new, |used| format!(" ({})", percent(used)));
            format!(
                "{} of {} pages in the whole host{used}, pressure from {}",
                grouped(pages),
                grouped(high),
                grouped(pressure)
            )
        }
        None => format!(
            "{} pages in the whole host; the limit is not visible in this namespace",
            grouped(pages)
        ),
    })
}

/// How connections ended that didn't end well, the frequent causes in words.
fn resets(view: &PressureView<'_>) -> Option<String> {
    const ENDED: [Item; 3] = [
        (
            Counter::AttemptFails,
            "handshakes failed (ours, or reset by the client)",
        ),
        (Counter::EstabResets, "ended by reset"),
        (Counter::OutRsts, "RSTs sent"),
    ];
    let parts = counted(view, ENDED.iter().chain(&ABORTS));
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Share of connections ended by close() with a reset from which on it is
/// worth a word: a few are on every host, of clients that lost interest.
const LOSSY: f64 = 0.01;

/// What to do where close() resets connections: the answer that was written
/// just before may never be read.
fn lossy_resets(view: &PressureView<'_>, style: &Style) -> Option<String> {
    let value = |counter| match view.past() {
        Some(past) => change::counter(counter, view.snapshot, Some(past)).map(|change| change.by),
        None => view.snapshot.counters.get(counter),
    };
    let sum = |one, other| Some(value(one)?.saturating_add(value(other)?));
    let resets = sum(Counter::TcpAbortOnClose, Counter::TcpAbortOnData)?;
    let opened = sum(Counter::ActiveOpens, Counter::PassiveOpens)?;
    // Of connections that ended while somebody looked, some began before.
    let share = crate::model::ratio(resets, opened.max(1))?;
    (resets > 0 && share >= LOSSY).then(|| {
        format!(
            "{} to lose nothing: shutdown() for writing, read to the end, then close(), and no \
             SO_LINGER 0; the kernel's trace event tcp:tcp_send_reset names the process \
             (perf trace -a -e tcp:tcp_send_reset)",
            style.arrow()
        )
    })
}

/// What was lost on the way, or found nobody.
fn resent(view: &PressureView<'_>) -> Option<String> {
    let mut parts = counted(view, &SENT_AGAIN);
    tell_share(&mut parts, &view.snapshot.counters);
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What full queues did to clients, of the whole namespace.
fn queues(view: &PressureView<'_>) -> Option<String> {
    const COUNTERS: [Item; 5] = [
        (Counter::ListenOverflows, "dropped by full accept queues"),
        (Counter::ListenDrops, "dropped by listeners in all"),
        (
            Counter::TcpReqQFullDoCookies,
            "got cookies from full SYN queues",
        ),
        (Counter::TcpReqQFullDrop, "dropped by full SYN queues"),
        (Counter::SyncookiesFailed, "cookies came back false"),
    ];
    let mut parts = counted(view, &COUNTERS);
    // With cookies for every SYN the kernel counts each here, full or not.
    if view.snapshot.sysctls.get(Sysctl::TcpSyncookies) == Some(2) {
        for part in &mut parts {
            *part = part.replace("got cookies from full SYN queues", "got cookies");
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What is set, and what came of it: 0 where nobody uses it. What seldom
/// happens is told where it did.
fn fast_open(view: &PressureView<'_>) -> Option<String> {
    let setting = view.snapshot.sysctls.get(Sysctl::TcpFastopen);
    let counter = |counter| {
        let value = view.snapshot.counters.get(counter);
        value.map(|value| grouped(value) + &rate(view, counter))
    };
    let active = counter(Counter::TcpFastOpenActive);
    let passive = counter(Counter::TcpFastOpenPassive);
    if setting.is_none() && active.is_none() && passive.is_none() {
        return None;
    }
    let number = |value: Option<String>| value.unwrap_or_else(|| "?".to_owned());
    let setting = match setting {
        None => "tcp_fastopen is not known".to_owned(),
        Some(value) => format!("tcp_fastopen={value} ({})", used_by(value)),
    };
    let mut line = format!(
        "{setting}; data in SYNs: {} of ours taken, {} not; {} of clients taken, {} not",
        number(active),
        number(counter(Counter::TcpFastOpenActiveFail)),
        number(passive),
        number(counter(Counter::TcpFastOpenPassiveFail)),
    );
    for part in counted(view, &FAST_OPEN_TROUBLE) {
        let _ = write!(line, ", {part}");
    }
    // The kernel counts who asks, whether it gives cookies or not.
    let asked = view.snapshot.counters.get(Counter::TcpFastOpenCookieReqd);
    if let Some(asked @ 1..) = asked
        && let Some(off) = view.snapshot.sysctls.get(Sysctl::TcpFastopen)
        && off & 2 == 0
        && view.snapshot.counters.get(Counter::TcpFastOpenPassive) == Some(0)
    {
        let _ = write!(
            line,
            "; clients asked for a cookie {} in vain: giving one takes tcp_fastopen={} here, and \
             a listener with TCP_FASTOPEN",
            number::counted(asked, "time", "times"),
            off | 2,
        );
    }
    Some(line)
}

/// Who may use TCP Fast Open (`TFO_CLIENT_ENABLE`, `TFO_SERVER_ENABLE`).
const fn used_by(setting: u64) -> &'static str {
    match setting & 3 {
        0 => "off",
        1 => "clients",
        2 => "servers",
        _ => "clients and servers",
    }
}

/// Counters that aren't 0 in words, with their rate where there are two
/// samples.
fn counted<'a>(view: &PressureView<'_>, items: impl IntoIterator<Item = &'a Item>) -> Vec<String> {
    let rate = |counter| rate(view, counter);
    counters::counted(&view.snapshot.counters, items, false, rate)
}

fn rate(view: &PressureView<'_>, counter: Counter) -> String {
    change::counter(counter, view.snapshot, view.past())
        .filter(|change| change.by > 0)
        .map_or_else(String::new, |change| format!(" (+{:.1}/s)", change.per_s))
}
