//! Listeners, for people.

use std::fmt::Write;

use super::super::super::table::{Cell, Column, Table, Width};
use super::super::super::views::PressureView;
use super::super::survey::one_table;
use super::super::{Style, table};
use crate::classify::Severity;
use crate::classify::change;
use crate::classify::listeners::{SynEvidence, Verdict, handshake_age_s, verdict};
use crate::model::{Counter, Listener, SourceKind, Unit};
use crate::text::number::{counted, grouped};
use crate::text::safe;

/// The fullest listeners.
pub(super) fn listeners(view: &PressureView<'_>, top: usize, style: &Style) -> String {
    let Some(listeners) = &view.snapshot.pressure.listeners else {
        return match view.snapshot.collection.source {
            SourceKind::Replay => "LISTENERS  unknown: none was recorded (ss -a)\n".to_owned(),
            SourceKind::Netlink | SourceKind::Procfs => String::new(),
        };
    };
    let evidence = view.syn_evidence();
    let mut judged: Vec<(&Listener, Verdict)> = listeners
        .listeners
        .iter()
        .map(|listener| (listener, verdict(listener, &evidence)))
        .collect();
    if judged.is_empty() {
        return match listeners.count {
            0 => "LISTENERS  none\n".to_owned(),
            count => format!(
                "LISTENERS  none matches the filter, of {}\n",
                grouped(count)
            ),
        };
    }
    if top == 0 {
        let all = counted(judged.len() as u64, "listener", "listeners");
        return style.faint(&format!("LISTENERS  {all}: --top N, --json")) + "\n";
    }
    let full = judged
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::SlowAccept);
    let only = full.count() == 1;
    // A stable sort: within a verdict the fullest stays first.
    judged.sort_by_key(|(_, verdict)| std::cmp::Reverse(*verdict));
    let shown = judged.get(..top).unwrap_or(&judged);
    // Of the namespace: whose they are is certain where one queue is full.
    let drops = only.then(|| dropped(view)).flatten();
    let rows = described(shown, &evidence, drops.as_deref(), false, style);
    let mut text = table(rows, style);
    let rest = judged.get(top..).unwrap_or_default();
    if !rest.is_empty() {
        let fine = rest.iter().all(|(_, verdict)| *verdict == Verdict::Fine);
        let more = counted(rest.len() as u64, "more listener", "more listeners");
        let line = if fine {
            format!("{more}, fine")
        } else {
            format!("{more}: --top N, --json")
        };
        text.push_str(&style.faint(&line));
        text.push('\n');
    }
    text
}

/// The listeners of every namespace that have something to show, `top` of each.
pub(super) fn listeners_of_all<'a>(
    views: impl Iterator<Item = (&'a str, PressureView<'a>)>,
    top: usize,
    style: &Style,
) -> String {
    let tables = views.filter_map(|(name, view)| {
        let listeners = view.snapshot.pressure.listeners.as_ref()?;
        let evidence = view.syn_evidence();
        let mut judged: Vec<(&Listener, Verdict)> = listeners
            .listeners
            .iter()
            .map(|listener| (listener, verdict(listener, &evidence)))
            .collect();
        judged.sort_by_key(|(_, verdict)| std::cmp::Reverse(*verdict));
        judged.truncate(top);
        let rows = described(&judged, &evidence, None, false, style);
        (!rows.rows.is_empty()).then(|| rows.within("NETNS", name))
    });
    one_table(tables, style)
}

/// Listeners with their queues; a bar each where the rows are seen live.
/// `drops` tells what the one that is full dropped.
pub(crate) fn described(
    shown: &[(&Listener, Verdict)],
    evidence: &SynEvidence,
    drops: Option<&str>,
    live: bool,
    style: &Style,
) -> Table {
    let (least, most) = (8, 20);
    Table::new(
        shown,
        [
            (
                Column::words("LISTENERS", 0)
                    .wide(Width::OwnLine)
                    .only_if(!live),
                &|(listener, _)| Cell::text(name(listener)),
            ),
            (
                Column::words("LISTENERS", 0).only_if(live),
                &|(listener, _)| Cell::text(address(listener)),
            ),
            (
                Column::words("program", 2)
                    .wide(Width::OwnLine)
                    .only_if(live),
                &|(listener, _)| Cell::known(behind(listener)),
            ),
            (Column::number("accept queue", 1), &|(listener, _)| {
                Cell::text(queue(listener, style))
            }),
            (
                Column::words("", 4)
                    .wide(Width::Rest { least, most })
                    .only_if(live),
                &|(listener, verdict)| match listener.accept_limit {
                    // One more than the limit is taken in.
                    Some(limit) => {
                        let bar = Cell::bar(listener.accept_queue.into(), u64::from(limit) + 1);
                        toned(bar, *verdict, evidence)
                    }
                    None => Cell::text(""),
                },
            ),
            (Column::number("SYN_RECV", 3), &|(listener, _)| {
                Cell::known(listener.syn_recv.map(|count| grouped(count.into())))
            }),
            (Column::words("verdict", 2), &|(_, verdict)| {
                toned(Cell::text(verdict_words(*verdict)), *verdict, evidence)
            }),
            (Column::below(), &|(listener, verdict)| match verdict {
                Verdict::Fine => Cell::text(""),
                Verdict::SlowAccept => Cell::text(detail(listener, drops)),
                _ => Cell::text(detail(listener, None)),
            }),
        ],
    )
}

fn toned(cell: Cell, verdict: Verdict, evidence: &SynEvidence) -> Cell {
    match severity(verdict, evidence.cookies) {
        Some(severity) => cell.toned(severity),
        None => cell,
    }
}

/// How bad a verdict is, with this `tcp_syncookies`.
fn severity(verdict: Verdict, cookies: Option<u64>) -> Option<Severity> {
    match verdict {
        Verdict::FloodDropping => Some(Severity::Critical),
        Verdict::SynQueueFull if cookies == Some(0) => Some(Severity::Warning),
        Verdict::SlowAccept | Verdict::FloodAbsorbed => Some(Severity::Warning),
        Verdict::SynBurst | Verdict::SynQueueFull => Some(Severity::Info),
        Verdict::Fine | Verdict::Unknown => None,
    }
}

/// Where it listens, then the program and the unit, as far as they are known.
fn name(listener: &Listener) -> String {
    let mut name = listener.address();
    if listener.sockets > 1 {
        let _ = write!(name, " ({} sockets)", listener.sockets);
    }
    let unit = listener.unit(Unit::short);
    let program = listener.program.as_ref().map(ToString::to_string);
    let behind: Vec<String> = program.into_iter().chain(unit).collect();
    if !behind.is_empty() {
        let _ = write!(name, "  {}", safe(&behind.join(" ")));
    }
    name
}

fn address(listener: &Listener) -> String {
    let mut address = listener.address();
    if listener.sockets > 1 {
        let _ = write!(address, " ({} sockets)", listener.sockets);
    }
    address
}

/// The program and the unit; `None` where neither is known.
fn behind(listener: &Listener) -> Option<String> {
    let unit = listener.unit(Unit::short);
    let behind: Vec<String> = listener
        .program
        .as_ref()
        .map(ToString::to_string)
        .into_iter()
        .chain(unit)
        .collect();
    (!behind.is_empty()).then(|| behind.join(" "))
}

fn queue(listener: &Listener, style: &Style) -> String {
    let limit = listener
        .accept_limit
        .map_or_else(|| style.dash().to_owned(), |limit| grouped(limit.into()));
    let full = if listener.is_full() == Some(true) {
        " full"
    } else {
        ""
    };
    format!("{} / {limit}{full}", grouped(listener.accept_queue.into()))
}

/// A verdict in words.
pub(crate) const fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unknown => "unknown: not in /proc",
        Verdict::Fine => "fine",
        Verdict::SynQueueFull => "SYN queue full",
        Verdict::SynBurst => "burst of real clients",
        Verdict::FloodAbsorbed => "SYN flood, absorbed",
        Verdict::FloodDropping => "SYN flood, dropping",
        Verdict::SlowAccept => "slow accept",
    }
}

/// What its full queue did to clients while somebody looked.
fn dropped(view: &PressureView<'_>) -> Option<String> {
    let change = change::counter(Counter::ListenOverflows, view.snapshot, view.past())?;
    (change.by > 0).then(|| format!("{:.1} drops/s", change.per_s))
}

/// What waits at a listener in trouble.
pub(crate) fn detail(listener: &Listener, dropped: Option<&str>) -> String {
    let mut parts = Vec::from_iter(dropped.map(str::to_owned));
    if let (Some(full @ 1..), all @ 2..) = (listener.full_sockets, listener.sockets) {
        parts.push(format!(
            "{full} of {} full: the kernel picks one by the client's address, full or not",
            counted(all.into(), "socket is", "sockets are"),
        ));
    }
    if let Some(dead @ 1..) = listener.dead {
        let dead = counted(
            dead.into(),
            "waiting connection is",
            "waiting connections are",
        );
        parts.push(format!("{dead} dead already"));
    }
    if let Some(again @ 1..) = listener.syn_ack_retransmits {
        let (at_least, _) = handshake_age_s(again);
        parts.push(format!("the oldest handshake is {at_least} s old or more"));
    }
    parts.join("; ")
}
