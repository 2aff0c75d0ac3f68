//! What may run out: ports by destination, and the queues of listeners.

use std::cmp::Reverse;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::screen::{FrameContext, Shown, Subject};
use super::super::widgets::{self, above, chosen, filtered, lines, wrapped};
use crate::classify::history::Latest;
use crate::classify::listeners::{Verdict, verdict};
use crate::model::{Counter, Destination, Listener, Ports};
use crate::render::table::Tone;
use crate::render::text::pressure::ports::{detail, full_in, taken};
use crate::render::text::pressure::{listeners, ports};
use crate::text::number::{grouped, percent};
use crate::text::rate::{rate, signed_rate};

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
    match context.screen.order_name() {
        "growth" => destinations.sort_by(|one, another| {
            let growth = |destination: &Destination| destination.growth_per_s.unwrap_or(0.0);
            growth(another).total_cmp(&growth(one))
        }),
        "TIME_WAIT" => destinations.sort_by_key(|destination| Reverse(destination.time_wait)),
        _ => {}
    }
    let table = ports::described(&destinations, &latest.snapshot, true, true, &style);
    let (table, destinations) = filtered(table, destinations, &context.screen.filter);
    widgets::table(buffer, rest, &table, "no outgoing connections", context);
    let chosen = chosen(&table, context).and_then(|row| destinations.get(row));
    Shown {
        last_row: table.rows.len().saturating_sub(1),
        chosen: chosen.map(|to| Subject::of(to)),
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
    let rest = above(buffer, area, vec![drops(latest, context)], style);
    let mut judged: Vec<(&Listener, Verdict)> = known
        .listeners
        .iter()
        .map(|listener| (listener, verdict(listener, &latest.syn)))
        .collect();
    match context.screen.order_name() {
        "port" => judged.sort_by_key(|(listener, _)| listener.local.port),
        // The fullest are first already.
        "queue" => {}
        _ => judged.sort_by_key(|(_, verdict)| Reverse(*verdict)),
    }
    let table = listeners::described(&judged, &latest.syn, None, true, &style);
    let (table, _) = filtered(table, judged, &context.screen.filter);
    widgets::table(buffer, rest, &table, "nobody listens", context);
    Shown {
        last_row: table.rows.len().saturating_sub(1),
        chosen: None,
    }
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
