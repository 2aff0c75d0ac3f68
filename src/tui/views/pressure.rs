//! What may run out: ports by destination, and the queues of listeners.

use std::cmp::Reverse;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::screen::{FrameContext, Shown, Subject};
use super::super::widgets::{
    self, above, below, chosen, filtered, history, labelled, lines, wrapped,
};
use crate::classify::history::{Latest, ListenerKey};
use crate::classify::listeners::{Verdict, verdict};
use crate::model::{Counter, Destination, Listener, Ports};
use crate::render::table::Tone;
use crate::render::text::pressure::ports::{detail, full_in, taken};
use crate::render::text::pressure::{listeners, ports};
use crate::text::number::{grouped, percent};
use crate::text::rate::{rate, signed_rate};
use crate::text::safe;

/// Draws the ports by destination, or those towards one.
pub(in crate::tui) fn draw_ports(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Shown {
    let style = context.style;
    let Some(taken_by) = latest.pressure().ports.grouped() else {
        return missing(buffer, area, context, latest);
    };
    if let Some(subject @ Subject::Destination(..)) = context.screen.subject {
        let text = destination(context, latest, taken_by, subject, area.width);
        lines(buffer, area, text, style);
        return Shown::default();
    }
    let heading = taken(taken_by, &latest.snapshot, &style);
    let rest = above(
        buffer,
        area,
        wrapped(&heading, area.width, Tone::Plain),
        style,
    );
    // The fullest are first already.
    let mut destinations: Vec<&Destination> = taken_by.destinations.iter().collect();
    match context.screen.sorted_by().0 {
        "growth" => destinations.sort_by(|one, another| {
            let growth = |destination: &Destination| destination.growth_per_s.unwrap_or(0.0);
            growth(another).total_cmp(&growth(one))
        }),
        "TIME_WAIT" => destinations.sort_by_key(|destination| Reverse(destination.time_wait)),
        _ => {}
    }
    let table = ports::described(&destinations, &latest.snapshot, true, true, &style);
    let (table, destinations) = filtered(table, destinations, &context.screen.filter);
    let shown = widgets::table(buffer, rest, &table, "no outgoing connections", context);
    let chosen = chosen(&table, context).and_then(|row| destinations.get(row));
    Shown {
        chosen: chosen.map(|to| Subject::of(to)),
        ..shown
    }
}

fn missing(buffer: &mut Buffer, area: Rect, context: &FrameContext<'_>, latest: &Latest) -> Shown {
    let missing = Line::styled(context.missing(latest), Tone::Faint);
    lines(buffer, area, [missing], context.style);
    Shown::default()
}

/// One destination in words and numbers.
fn destination(
    context: &FrameContext<'_>,
    latest: &Latest,
    ports: &Ports,
    subject: Subject,
    columns: u16,
) -> Vec<Line<'static>> {
    let is_it = |to: &&Destination| subject == Subject::of(to);
    let Some(destination) = ports.destinations.iter().find(is_it) else {
        return vec![Line::raw(
            "No connection leads there any more. Esc goes back.",
        )];
    };
    let arrow = context.style.arrow();
    let usable = destination.usable.map_or_else(
        || "an unknown number of".to_owned(),
        |usable| grouped(usable.into()),
    );
    let full = full_in(destination);
    let pace = match destination.growth_per_s {
        None => "How fast that changes is known after ten seconds.".to_owned(),
        Some(growth) if full.is_empty() => format!("{} ports a second.", signed_rate(growth)),
        Some(growth) => format!("{} ports a second: {full}.", signed_rate(growth)),
    };
    let ends = format!("{} {arrow} {}", destination.local(), destination.remote);
    let used = format!(
        "{} of {usable} usable ports in use; {} can't be had by a new connection ({}).",
        grouped(destination.in_use.into()),
        grouped(destination.blocked().into()),
        destination
            .used_ratio()
            .map_or_else(|| context.style.dash().to_owned(), percent),
    );
    let detail = format!("{}.", detail(destination, &latest.snapshot));
    let mut text = wrapped(&ends, columns, Tone::Strong);
    for sentence in [used, detail, pace] {
        text.extend(wrapped(&sentence, columns, Tone::Plain));
    }
    text
}

/// Draws the listeners.
pub(in crate::tui) fn draw_listeners(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Shown {
    let style = context.style;
    let Some(known) = &latest.pressure().listeners else {
        return missing(buffer, area, context, latest);
    };
    if let Some(Subject::Listener(local, interface)) = context.screen.subject {
        return listener(buffer, area, context, latest, (local, interface));
    }
    let rest = above(buffer, area, vec![drops(latest, context)], style);
    let mut judged: Vec<(&Listener, Verdict)> = known
        .listeners
        .iter()
        .map(|listener| (listener, verdict(listener, &latest.syn)))
        .collect();
    match context.screen.sorted_by().0 {
        "port" => judged.sort_by_key(|(listener, _)| listener.local.port),
        // The fullest are first already.
        "queue" => {}
        _ => judged.sort_by_key(|(_, verdict)| Reverse(*verdict)),
    }
    let table = listeners::described(&judged, &latest.syn, None, true, &style);
    let (table, judged) = filtered(table, judged, &context.screen.filter);
    let shown = widgets::table(buffer, rest, &table, "nobody listens", context);
    let chosen = chosen(&table, context).and_then(|row| judged.get(row));
    Shown {
        chosen: chosen.map(|(at, _)| Subject::Listener(at.local, at.interface)),
        ..shown
    }
}

/// Columns of what a fact is about, and the space behind it.
const LABEL: u16 = 9;

/// Draws one listener: who it is, what its queues did, and who waits there.
fn listener(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
    key: ListenerKey,
) -> Shown {
    let style = context.style;
    let mut known = latest
        .pressure()
        .listeners
        .iter()
        .flat_map(|all| &all.listeners);
    let Some(listener) = known.find(|one| (one.local, one.interface) == key) else {
        let gone = Line::raw("Nobody listens there any more. Esc goes back.");
        lines(buffer, area, [gone], style);
        return Shown::default();
    };
    let mut text = wrapped(&safe(&listener.subject()), area.width, Tone::Strong);
    for (label, fact) in facts(listener, context, latest) {
        let fact = wrapped(&safe(&fact), area.width.saturating_sub(LABEL), Tone::Plain);
        text.extend(labelled(label, LABEL, Tone::Faint, fact));
    }
    let rest = below(lines(buffer, area, text, style), 1);
    let past: Vec<Option<u64>> = context.timeline.queue(key).collect();
    let most = past.iter().flatten().max().copied().unwrap_or(0);
    let heading = format!("Waiting to be accepted, {} at most:", grouped(most));
    let rest = lines(buffer, rest, [Line::styled(heading, Tone::Faint)], style);
    let graph = Rect {
        height: rest.height.min(6),
        ..rest
    };
    history(&past, graph, style, buffer);
    Shown::default()
}

/// What is known of a listener, each with a label.
fn facts(
    listener: &Listener,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Vec<(&'static str, String)> {
    let dash = || context.style.dash().to_owned();
    let verdict = verdict(listener, &latest.syn);
    let limit = listener
        .accept_limit
        .map_or_else(dash, |limit| grouped(limit.into()));
    let handshakes = listener
        .syn_recv
        .map_or_else(dash, |count| grouped(count.into()));
    let queue = format!(
        "{} of {limit} waiting to be accepted, {handshakes} in the handshake: {}",
        grouped(listener.accept_queue.into()),
        listeners::verdict_words(verdict),
    );
    let drops = match (listener.drops, context.timeline.drops_per_second(listener)) {
        (None, _) => "unknown: the kernel doesn't tell".to_owned(),
        (Some(drops), None) => format!("{} segments since it began to listen", grouped(drops)),
        (Some(drops), Some(per_second)) => format!(
            "{} segments since it began to listen, {} a second now",
            grouped(drops),
            rate(per_second)
        ),
    };
    let mut facts = vec![("Queue", queue), ("Drops", drops)];
    if let Some(waiting) = latest
        .waiting
        .as_ref()
        .filter(|one| one.at == listener.local)
    {
        facts.push(("Waits", waiting.to_string()));
    }
    let more = listeners::detail(listener, None);
    if !more.is_empty() {
        facts.push(("Also", more));
    }
    facts
}

/// What queues dropped, in words.
fn drops(latest: &Latest, context: &FrameContext<'_>) -> Line<'static> {
    let rate_of = |counter| {
        latest
            .per_second(counter)
            .map_or_else(|| context.style.dash().to_owned(), rate)
    };
    let text = format!(
        "{} accepted, {} dropped by accept queues, {} by SYN queues, {} cookies",
        rate_of(Counter::PassiveOpens),
        rate_of(Counter::ListenOverflows),
        rate_of(Counter::TcpReqQFullDrop),
        rate_of(Counter::SyncookiesSent),
    );
    Line::from(vec![
        Span::styled("Per second  ", Tone::Faint),
        Span::raw(text),
    ])
}
