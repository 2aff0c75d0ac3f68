//! Leaks that no descriptor stands for: at listeners, and out of sight.

use std::collections::{BTreeMap, HashSet};

use super::super::super::Style;
use super::super::{View, words};
use super::layout::Columns;
use super::owners::unit;
use super::{name, paragraph, push_row};
use crate::model::{AgeBounds, Socket};
use crate::text::number::{counted, grouped};
use crate::text::safe;

/// Listeners whose queue nobody empties.
pub(super) fn listeners(view: &View<'_>, style: &Style) -> String {
    let mut text = String::new();
    for queue in &view.report.listeners {
        let names: Vec<String> = queue
            .pids
            .iter()
            .map(|&pid| name(pid, view.processes.get(&pid)))
            .collect();
        let who = match names.as_slice() {
            [] => "its process (not in sight)".to_owned(),
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
                words::age(queue.oldest, style),
            ),
            style,
        );
    }
    text
}

/// Leaked sockets without an owner, by what is known of them instead. Those that
/// wait at a listener are told of there.
pub(super) fn unattributed(view: &View<'_>, style: &Style) -> String {
    let queues = view.report.listeners.iter();
    let told: HashSet<usize> = queues.flat_map(|queue| &queue.sockets).copied().collect();
    let mut groups: BTreeMap<(String, Option<u32>), (u64, AgeBounds)> = BTreeMap::new();
    for (index, judged) in view.report.leaked_unattributed() {
        if told.contains(&index) {
            continue;
        }
        let cgroup = judged.socket.cgroup.and_then(|id| view.cgroups.get(&id));
        let place = match cgroup {
            Some(cgroup) if cgroup.removed => format!("removed cgroup #{}", cgroup.id.0),
            Some(cgroup) => match (&cgroup.unit, &cgroup.path) {
                (Some(_), _) => unit(cgroup.unit.as_ref(), style),
                (None, Some(path)) => format!("cgroup {}", safe(path)),
                (None, None) => format!("cgroup #{}", cgroup.id.0),
            },
            None => String::new(),
        };
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
    let rows = groups.into_iter().map(|((place, uid), (count, age))| {
        let place = if place.is_empty() {
            style.dash().to_owned()
        } else {
            place
        };
        let uid = uid.map_or_else(|| style.dash().to_owned(), |uid| uid.to_string());
        [place, uid, grouped(count), words::age(age, style)]
    });
    let rows: Vec<_> = rows.collect();
    let heading = "NO OWNER IN SIGHT";
    let mut table = Columns::new([heading, "UID", "LEAKED", "OLDEST"], &[1, 2]);
    for row in &rows {
        table.push(row.each_ref().map(String::as_str));
    }
    let mut text = String::from("\n");
    if table.fit(style) {
        table.write(&mut text, style, |_, _| {});
        return text;
    }
    push_row(&mut text, 0, heading, style);
    for [place, uid, leaked, age] in rows {
        let sentence = format!("{place}, uid {uid}, {leaked} leaked, oldest {age}");
        paragraph(&mut text, &sentence, style);
    }
    text
}
