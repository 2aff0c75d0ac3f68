//! Which process this is: five servers of one name differ by their arguments.

use super::super::super::views::LeaksView;
use super::super::Style;
use super::super::cut;
use super::super::finding::push_wrapped;
use super::name;
use super::owners::unit_name;
use crate::model::Process;
use crate::text::safe;
use crate::text::width::columns_of;

/// Lines of a command line on a terminal: that of a JVM would fill the screen.
const LINES: usize = 4;

/// The processes that were asked for, where nothing below introduces them.
pub(super) fn asked(view: &LeaksView<'_>, style: &Style) -> String {
    let mut text = String::new();
    let listed = |pid| {
        let mut processes = view.report.processes.iter();
        view.list_sockets && processes.any(|leaks| leaks.process.pid == pid)
    };
    let mut pids = view.asked.to_vec();
    pids.sort_unstable();
    pids.dedup();
    for pid in pids {
        // Of one that has ended nothing is known any more.
        if let Some(process) = view.processes.get(&pid).filter(|_| !listed(pid)) {
            text.push('\n');
            introduce(&mut text, process, style);
        }
    }
    text
}

/// Name, user and unit, and below them the command line.
pub(super) fn introduce(text: &mut String, process: &Process, style: &Style) {
    let uid = process
        .uid
        .map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let unit = match &process.unit {
        None => String::new(),
        Some(unit) => format!(", {}", unit_name(unit, style)),
    };
    let name = name(process.pid, Some(process));
    let label = format!("{}  ", style.strong(&name));
    let hanging = columns_of(&name) + 2;
    push_wrapped(text, &label, hanging, &format!("uid {uid}{unit}"), style);
    if let Some(cmdline) = &process.cmdline {
        let cmdline = cmdline.join(" ");
        let columns = style.columns().saturating_mul(LINES);
        let cmdline = cut(&safe(&cmdline), columns, style);
        push_wrapped(text, "", 0, &cmdline, style);
    }
}
