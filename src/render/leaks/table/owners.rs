//! The processes that leak.

use std::collections::HashMap;
use std::fmt::Write;

use super::super::super::finding::push_wrapped;
use super::super::super::{Style, push_line};
use super::super::{View, words};
use super::layout::{Columns, INDENT, cut};
use super::remarks::arrow;
use super::{command, name, push_row, times};
use crate::classify::close_wait::{Peer, ProcessLeaks};
use crate::model::{Endpoint, Unit};
use crate::text::number::{counted, grouped};
use crate::text::safe;
use crate::text::width::{columns_of, pad};

/// On a terminal, rows beyond these would push the verdict off the screen.
const ROWS: usize = 12;
/// And explanations beyond these.
const EXPLAINED: usize = 4;
/// Columns of a command: what the kernel keeps of a name.
const COMMAND: usize = 15;
/// Columns of a unit.
const UNIT: usize = 20;

/// The processes that leak: a table, then each in words.
pub(super) fn processes(view: &View<'_>, style: &Style) -> String {
    let leaking: Vec<&ProcessLeaks> = view
        .report
        .processes
        .iter()
        .filter(|leaks| leaks.counts.leaked() > 0)
        .collect();
    if leaking.is_empty() {
        return String::new();
    }
    let on_terminal = style.width.is_some();
    let rows = if on_terminal { ROWS } else { usize::MAX };
    let rows: Vec<Row> = leaking
        .iter()
        .take(rows)
        .map(|leaks| Row::new(leaks, style))
        .collect();
    let mut text = String::from("\n");
    let in_column = write_rows(&mut text, &rows, style);
    let hidden = leaking.len().saturating_sub(rows.len());
    if hidden > 0 {
        let more = counted(hidden as u64, "more process", "more processes");
        push_line(&mut text, &format!("and {more}"));
        let command = format!("tcpstate leaks{} | less", safe(view.repeated));
        arrow(&mut text, &command, "shows all", style);
    }
    text.push('\n');
    let explained = if on_terminal { EXPLAINED } else { usize::MAX };
    for (leaks, others) in together(&leaking).into_iter().take(explained) {
        explain(&mut text, leaks, others, in_column, style);
    }
    text
}

/// A process as the table shows it.
struct Row<'a> {
    leaks: &'a ProcessLeaks,
    pid: String,
    command: String,
    unit: Option<String>,
    leaked: String,
    oldest: String,
    fds: String,
}

impl<'a> Row<'a> {
    fn new(leaks: &'a ProcessLeaks, style: &Style) -> Self {
        let process = &leaks.process;
        let unit = process.unit.as_ref().map(|one| unit(Some(one), style));
        Self {
            leaks,
            pid: process.pid.to_string(),
            command: cut(&command(Some(process)), COMMAND, style),
            unit,
            leaked: grouped(leaks.counts.leaked()),
            oldest: words::age(leaks.oldest, style),
            fds: fds(leaks, style),
        }
    }
}

/// A line a process where there is room, with its unit below it where there is
/// less, and in words where there is none. Says whether it told the peers too:
/// where those of one process don't fit, all are told elsewhere.
fn write_rows(text: &mut String, rows: &[Row<'_>], style: &Style) -> bool {
    let header = ["PID", "COMMAND", "UNIT", "LEAKED", "OLDEST", "FDS"];
    let mut wide = Columns::new(header, &[0, 3, 5]);
    for row in rows {
        let unit = row.unit.as_deref().unwrap_or(style.dash());
        let unit = &cut(unit, UNIT, style);
        wide.push([
            &row.pid,
            &row.command,
            unit,
            &row.leaked,
            &row.oldest,
            &row.fds,
        ]);
    }
    if wide.fit(style) {
        return write_with_peers(text, &wide.lines(), rows, style);
    }
    let mut short = Columns::new(["PID", "COMMAND", "LEAKED", "OLDEST", "FDS"], &[0, 2, 4]);
    for row in rows {
        short.push([&row.pid, &row.command, &row.leaked, &row.oldest, &row.fds]);
    }
    if short.fit(style) {
        short.write(text, style, |text, row| {
            if let Some(unit) = rows.get(row).and_then(|row| row.unit.as_deref()) {
                push_line(text, &format!("{:INDENT$}{unit}", ""));
            }
        });
        return false;
    }
    for row in rows {
        let label = format!("{}[{}]  ", row.command, row.pid);
        let unit = row.unit.as_deref().map(|unit| format!(", {unit}"));
        let sentence = format!(
            "{} leaked, oldest {}, fds {}{}",
            row.leaked,
            row.oldest,
            row.fds,
            unit.unwrap_or_default()
        );
        push_wrapped(text, &label, columns_of(&label), &sentence, style);
    }
    false
}

/// The lines of the table, the peers behind them if all fit.
fn write_with_peers(text: &mut String, lines: &[String], rows: &[Row<'_>], style: &Style) -> bool {
    let columns = lines.iter().map(|line| columns_of(line)).max();
    let columns = columns.unwrap_or(0);
    let room = style.width.map(|all| all.saturating_sub(columns));
    let shown: Vec<String> = rows
        .iter()
        .map(|row| peers(&row.leaks.peers, room, style))
        .collect();
    let fit = |text: &String| room.is_none_or(|room| columns_of(text) <= room);
    let in_column = shown.iter().all(fit);
    for (index, line) in lines.iter().enumerate() {
        let peers = match index.checked_sub(1) {
            _ if !in_column => "",
            None => "PEERS",
            Some(row) => shown.get(row).map_or("", String::as_str),
        };
        let line = format!("{}{peers}", pad(line, columns));
        push_row(text, index, &line, style);
    }
    in_column
}

/// Those that hold the very same sockets as one, with the number of the others:
/// what is said of a process goes for its children too.
fn together<'a>(leaking: &[&'a ProcessLeaks]) -> Vec<(&'a ProcessLeaks, usize)> {
    let mut first_with: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut together: Vec<(&ProcessLeaks, usize)> = Vec::new();
    for &leaks in leaking {
        let mut indices: Vec<usize> = leaks.sockets.iter().map(|held| held.index).collect();
        indices.sort_unstable();
        let place = *first_with.entry(indices).or_insert(together.len());
        match together.get_mut(place) {
            Some((_, others)) => *others += 1,
            None => together.push((leaks, 0)),
        }
    }
    together
}

/// What happened, what may be behind it, and where it leads to.
fn explain(
    text: &mut String,
    leaks: &ProcessLeaks,
    others: usize,
    peers_told: bool,
    style: &Style,
) {
    let Some(hint) = leaks.hint else {
        return;
    };
    let name = name(leaks.process.pid, Some(&leaks.process));
    let label = match others {
        0 => format!("{name}  "),
        others => format!(
            "{name} and {} with the same  ",
            counted(others as u64, "process", "processes")
        ),
    };
    let mut sentence = words::hint(hint, leaks);
    if !peers_told {
        let peers = peers(&leaks.peers, Some(style.columns()), style);
        let _ = write!(sentence, " Peers: {peers}.");
    }
    let shared = leaks.sockets.iter();
    let shared = shared.filter(|held| held.is_shared()).count();
    if shared > 0 {
        let _ = write!(
            sentence,
            " Other processes hold {} of them too: all must close.",
            grouped(shared as u64)
        );
    }
    if let Some(port) = leaks.local_ports.first() {
        let _ = write!(
            sentence,
            " {} came in on port {}.",
            grouped(port.count),
            port.port
        );
    }
    if let Some(growth) = leaks.growth
        && let Some(rate) = growth.an_hour()
        && growth.sockets != 0
    {
        let _ = write!(
            sentence,
            " {:+} in {}, {rate:+.0} an hour.",
            growth.sockets,
            words::duration(growth.over)
        );
        if let Some(time) = leaks.limit_reached_in() {
            let _ = write!(
                sentence,
                " So it runs out of descriptors in about {}.",
                words::duration(time)
            );
        }
    }
    let hanging = columns_of(&label);
    // A name as long as half the screen would leave no room beside it.
    if style.width.is_some_and(|columns| hanging > columns / 3) {
        push_line(text, label.trim_end());
        let margin = " ".repeat(INDENT);
        push_wrapped(text, &margin, INDENT, &sentence, style);
    } else {
        push_wrapped(text, &label, hanging, &sentence, style);
    }
}

/// As many peers as there is room for, at least the first.
fn peers(peers: &[Peer], room: Option<usize>, style: &Style) -> String {
    let mut text = String::new();
    for (index, peer) in peers.iter().enumerate() {
        let end = match peer.port {
            Some(port) => Endpoint::new(peer.address, port).to_string(),
            None => peer.address.to_string(),
        };
        let shown = times(&end, peer.count, style);
        let rest: u64 = peers.iter().skip(index + 1).map(|peer| peer.count).sum();
        let comma = if index == 0 { "" } else { ", " };
        let more = if rest == 0 {
            String::new()
        } else {
            format!(", +{}", grouped(rest))
        };
        let length = [&text, comma, &shown, &more]
            .iter()
            .map(|part| columns_of(part))
            .sum::<usize>();
        if index > 0 && room.is_some_and(|room| length > room) {
            let rest = rest + peer.count;
            let _ = write!(text, ", +{}", grouped(rest));
            return text;
        }
        text.push_str(comma);
        text.push_str(&shown);
    }
    text
}

fn fds(leaks: &ProcessLeaks, style: &Style) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| style.dash().to_owned(), grouped);
    let process = &leaks.process;
    format!(
        "{} / {}",
        number(process.open_fds),
        number(process.fd_limit)
    )
}

/// A unit as it fits a column: a container's id is cut on a terminal, as its
/// own tools cut it.
pub(super) fn unit(unit: Option<&Unit>, style: &Style) -> String {
    let Some(unit) = unit else {
        return style.dash().to_owned();
    };
    let name = if style.width.is_some() {
        unit.short()
    } else {
        unit.to_string()
    };
    safe(&name).into_owned()
}
