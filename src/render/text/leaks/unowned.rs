//! Leaks that no descriptor stands for: at listeners, and out of sight.

use std::collections::{BTreeMap, HashSet};

use super::super::super::table::{Cell, Column, Table};
use super::super::super::views::LeaksView;
use super::super::{Style, table};
use super::owners::unit_name;
use super::phrases;
use super::{name, paragraph};
use crate::model::{AgeBounds, Socket};
use crate::text::number::{counted, grouped};
use crate::text::safe;

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
