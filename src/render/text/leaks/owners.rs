//! The processes that leak.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use super::super::super::table::{Cell, Column, Table, Width};
use super::super::super::views::LeaksView;
use super::super::finding::push_wrapped;
use super::super::{Style, push_line, table};
use super::notes::arrow;
use super::{INDENT, command, name, paragraph, phrases, times};
use crate::classify::close_wait::{Peer, ProcessLeaks};
use crate::model::{AgeBounds, Process, Socket, Unit};
use crate::text::number::{counted, grouped};
use crate::text::safe;
use crate::text::width::columns_of;

/// On a terminal, rows beyond these would push the verdict off the screen.
const ROWS: usize = 12;
/// And explanations beyond these.
const EXPLAINED: usize = 4;
/// Columns of a command: what the kernel keeps of a name.
const COMMAND: usize = 15;
/// Columns of a unit.
const UNIT: usize = 20;
/// Columns of peers, but for the first, which is never cut.
const PEERS: usize = 60;

/// The processes that leak: a table, then each in words.
pub(super) fn processes(view: &LeaksView<'_>, style: &Style) -> String {
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
    let shown = leaking.get(..rows).unwrap_or(&leaking);
    let mut text = String::from("\n");
    text.push_str(&table(owners(shown, style), style));
    let hidden = leaking.len().saturating_sub(shown.len());
    if hidden > 0 {
        let more = counted(hidden as u64, "more process", "more processes");
        push_line(&mut text, &format!("and {more}"));
        let command = format!("tcpstate leaks{} | less", safe(view.repeated));
        arrow(&mut text, &command, "shows all", style);
    }
    text.push('\n');
    let explained = if on_terminal { EXPLAINED } else { usize::MAX };
    for (leaks, others) in together(&leaking).into_iter().take(explained) {
        explain(&mut text, leaks, others, style);
    }
    text
}

/// The processes of a namespace that leak, its name before each, and what may be
/// behind the worst of them.
pub(super) fn in_namespace(name: &str, view: &LeaksView<'_>, style: &Style) -> (Table, String) {
    let leaking = view.report.processes.iter();
    let leaking: Vec<&ProcessLeaks> = leaking.filter(|leaks| leaks.counts.leaked() > 0).collect();
    let mut text = String::new();
    for (leaks, others) in together(&leaking).into_iter().take(1) {
        explain(&mut text, leaks, others, style);
    }
    (owners(&leaking, style).within("NETNS", name), text)
}

fn owners(shown: &[&ProcessLeaks], style: &Style) -> Table {
    Table::new(
        shown,
        [
            (Column::number("PID", 0), &|leaks| {
                Cell::text(leaks.process.pid.to_string())
            }),
            (
                Column::words("COMMAND", 0).wide(Width::AtMost(COMMAND)),
                &|leaks| Cell::text(command(Some(&leaks.process))),
            ),
            (
                Column::words("UNIT", 4).wide(Width::AtMost(UNIT)),
                &|leaks| {
                    let unit = leaks.process.unit.as_ref();
                    Cell::known(unit.map(|one| unit_name(one, style)))
                },
            ),
            (Column::number("LEAKED", 1), &|leaks| {
                Cell::text(grouped(leaks.counts.leaked()))
            }),
            (Column::words("OLDEST", 2).labelled(), &|leaks| {
                Cell::text(phrases::age(leaks.oldest, style))
            }),
            (Column::number("FDS", 3), &|leaks| {
                Cell::text(fds(&leaks.process, style))
            }),
            (Column::words("PEERS", 5).labelled(), &|leaks| {
                Cell::text(peers(&leaks.peers, style.width.map(|_| PEERS), style))
            }),
        ],
    )
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
fn explain(text: &mut String, leaks: &ProcessLeaks, others: usize, style: &Style) {
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
    let mut sentence = phrases::hint(hint, leaks);
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
            phrases::duration(growth.over)
        );
        if let Some(time) = leaks.limit_reached_in() {
            let _ = write!(
                sentence,
                " So it runs out of descriptors in about {}.",
                phrases::duration(time)
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
        let shown = times(&peer.end(), peer.count, style);
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

fn fds(process: &Process, style: &Style) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| style.dash().to_owned(), grouped);
    format!(
        "{} / {}",
        number(process.open_fds),
        number(process.fd_limit)
    )
}

/// A unit as people call it: a container's id is cut on a terminal, as its own
/// tools cut it.
pub(super) fn unit_name(unit: &Unit, style: &Style) -> String {
    let name = if style.width.is_some() {
        unit.short()
    } else {
        unit.to_string()
    };
    safe(&name).into_owned()
}

/// Listeners whose queue nobody empties.
pub(super) fn listeners(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    for queue in &view.report.listeners {
        let names: Vec<String> = queue
            .pids
            .iter()
            .map(|&pid| name(pid, view.processes.get(&pid)))
            .collect();
        let who = match names.as_slice() {
            [] => "its process (unknown)".to_owned(),
            [one] => one.clone(),
            several => format!("{} (they share the port)", several.join(", ")),
        };
        let fullest = queue.listeners.iter().max_by_key(|socket| socket.recv_q);
        let waiting = fullest.and_then(Socket::accept_queue);
        let limit = fullest.and_then(Socket::accept_limit);
        let full = match (waiting, limit) {
            (Some(waiting), Some(limit)) => format!(
                " {} holds {} of {}.",
                match queue.listeners.len() {
                    0 | 1 => "Its queue".to_owned(),
                    several => format!("The fullest of {several} queues"),
                },
                grouped(waiting.into()),
                grouped(limit.into())
            ),
            _ => String::new(),
        };
        let verb = if queue.not_accepted == 1 {
            "waits"
        } else {
            "wait"
        };
        text.push('\n');
        paragraph(
            &mut text,
            &format!(
                "{}  {} that the peer has closed {verb} to be accepted, the oldest {}.{full} \
                 Is the accept loop of {who} stuck?",
                queue.local,
                counted(queue.not_accepted, "connection", "connections"),
                phrases::age(queue.oldest, style),
            ),
            style,
        );
    }
    text
}

/// Leaked sockets without an owner, by what is known of them instead. Those that
/// wait at a listener are told of there.
pub(super) fn unattributed(view: &LeaksView<'_>, style: &Style) -> String {
    let queues = view.report.listeners.iter();
    let told: HashSet<usize> = queues.flat_map(|queue| &queue.sockets).copied().collect();
    let mut groups: BTreeMap<(Option<String>, Option<u32>), (u64, AgeBounds)> = BTreeMap::new();
    for (index, judged) in view.report.leaked_unattributed() {
        if told.contains(&index) {
            continue;
        }
        let cgroup = judged.socket.cgroup.and_then(|id| view.cgroups.get(&id));
        let place = cgroup.map(|cgroup| match (&cgroup.unit, &cgroup.path) {
            _ if cgroup.removed => format!("removed cgroup #{}", cgroup.id.0),
            (Some(unit), _) => unit_name(unit, style),
            (None, Some(path)) => format!("cgroup {}", safe(path)),
            (None, None) => format!("cgroup #{}", cgroup.id.0),
        });
        groups
            .entry((place, judged.socket.uid))
            .and_modify(|(count, age)| {
                *count += 1;
                *age = age.older(judged.age);
            })
            .or_insert((1, judged.age));
    }
    if groups.is_empty() {
        return String::new();
    }
    let groups: Vec<_> = groups.into_iter().collect();
    let rows = Table::new(
        &groups,
        [
            (Column::words("OWNER UNKNOWN", 0), &|((place, _), _)| {
                Cell::known(place.as_deref())
            }),
            (Column::number("UID", 2), &|((_, uid), _)| {
                Cell::known(uid.map(|uid| uid.to_string()))
            }),
            (Column::number("LEAKED", 1), &|(_, (count, _))| {
                Cell::text(grouped(*count))
            }),
            (Column::words("OLDEST", 3).labelled(), &|(_, (_, age))| {
                Cell::text(phrases::age(*age, style))
            }),
        ],
    );
    format!("\n{}", table(rows, style))
}
