//! The overview: states, what begins and ends in a second, findings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::screen::{FrameContext, Shown};
use super::super::widgets::{self, below, filtered, height, lines};
use super::findings::findings;
use crate::classify::history::Latest;
use crate::model::{Counter, TcpState};
use crate::render::Style;
use crate::render::table::{Cell, Column, Table, Tone, Width};
use crate::text::number::grouped;
use crate::text::rate::{age, change, rate, signed_rate};

/// Draws the view.
pub(in crate::tui) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
    latest: &Latest,
) -> Shown {
    let style = context.style;
    // Where there is no room for all, what is wrong comes first, then the
    // states that have sockets.
    let least = 1 + u16::from(!latest.assessment.findings.is_empty());
    let room = area.height.saturating_sub(least);
    let mut table = states(latest, context, |_| true);
    if height(&table) > room {
        table = states(latest, context, |state| is_occupied(state, latest));
    }
    let taken = height(&table).min(room);
    let states = Rect {
        height: taken,
        ..area
    };
    let shown = widgets::table(buffer, states, &table, "no state is known", context);

    let rates = rates(latest, style);
    let air = |rest: Rect, lines: usize| match usize::from(rest.height) {
        height if height > lines => below(rest, 1),
        _ => rest,
    };
    let rest = air(below(area, taken), rates.len() + 2);
    let most = rest.height.saturating_sub(least);
    let rest = lines(buffer, rest, rates.into_iter().take(most.into()), style);
    let rest = air(rest, 3);
    let findings = findings(context, latest, rest.width, rest.height.into());
    lines(buffer, rest, findings, style);
    shown
}

/// The states and how they moved.
fn states(latest: &Latest, context: &FrameContext<'_>, wanted: impl Fn(TcpState) -> bool) -> Table {
    let rates = latest.rates.as_ref();
    let moved = |state: TcpState| rates.and_then(|rates| rates.change(state));
    let counts = latest.snapshot.states.iter();
    let mut rows: Vec<(TcpState, u64)> = counts
        .filter_map(|(state, count)| Some((state, count?.total)))
        .filter(|&(state, _)| wanted(state))
        .collect();
    match context.screen.sorted_by().0 {
        "count" => rows.sort_by_key(|&(_, count)| std::cmp::Reverse(count)),
        "change" => {
            rows.sort_by_key(|&(state, _)| std::cmp::Reverse(moved(state).unwrap_or(0).abs()));
        }
        _ => {}
    }
    let tone = |&(state, count): &(TcpState, u64)| match moved(state) {
        Some(moved) if moved != 0 && context.is_fresh(latest.at) => Tone::Fresh,
        _ if count == 0 => Tone::Faint,
        _ => Tone::Plain,
    };
    let worst = |state| {
        let findings = latest.assessment.findings.iter();
        let about = findings.filter(|finding| finding.state == Some(state));
        about.map(|finding| finding.severity).max()
    };
    let (least, most) = (10, usize::MAX);
    let table = Table::new(
        &rows,
        [
            (Column::words("STATE", 0), &|&(state, count)| {
                Cell::text(state.name()).toned(match worst(state) {
                    Some(severity) => Tone::from(severity),
                    None if count == 0 => Tone::Faint,
                    None => Tone::Plain,
                })
            }),
            (Column::number("COUNT", 0), &|row| {
                Cell::text(grouped(row.1)).toned(tone(row))
            }),
            (Column::number("CHANGE", 1), &|row| {
                Cell::known(moved(row.0).map(change)).toned(tone(row))
            }),
            (Column::number("PER SECOND", 2), &|row| {
                let per_second = rates.and_then(|rates| rates.change_per_second(row.0));
                Cell::known(per_second.map(signed_rate)).toned(tone(row))
            }),
            (
                Column::words("HISTORY", 3).wide(Width::Rest { least, most }),
                &|&(state, _)| Cell::graph(context.timeline.past(state).collect()),
            ),
            (Column::number("MAX", 4), &|&(state, _)| {
                let most = context.timeline.past(state).flatten().max();
                Cell::known(most.map(grouped)).toned(Tone::Faint)
            }),
        ],
    );
    filtered(table, rows, &context.screen.filter).0
}

/// Whether a state has sockets, or has just lost them.
fn is_occupied(state: TcpState, latest: &Latest) -> bool {
    let rates = latest.rates.as_ref();
    let moved = rates.and_then(|rates| rates.change(state)).unwrap_or(0);
    latest.snapshot.states.total_of(state) != Some(0) || moved != 0
}

/// What begins and ends in a second, and who came to CLOSE_WAIT.
fn rates(latest: &Latest, style: Style) -> Vec<Line<'static>> {
    let dash = style.dash();
    let mut spans = vec![Span::styled("Per second  ", Tone::Faint)];
    for (number, word) in [
        (latest.per_second(Counter::ActiveOpens), "opened"),
        (latest.per_second(Counter::PassiveOpens), "accepted"),
        (latest.closed_per_second, "closed"),
        (latest.per_second(Counter::EstabResets), "reset"),
        (latest.per_second(Counter::AttemptFails), "failed"),
    ] {
        if spans.len() > 1 {
            spans.push(Span::raw(", "));
        }
        let tone = match number {
            Some(number) if number > 0.0 => Tone::Strong,
            _ => Tone::Plain,
        };
        let number = number.map_or_else(|| dash.to_owned(), rate);
        spans.push(Span::styled(number, tone));
        spans.push(Span::raw(format!(" {word}")));
    }
    let mut lines = vec![Line::from(spans)];
    if let Some(transitions) = latest.close_wait
        && (transitions.entered > 0 || transitions.stuck > 0 || transitions.left != Some(0))
    {
        let left = transitions.left.map_or_else(|| dash.to_owned(), grouped);
        let oldest = latest.oldest_close_wait().and_then(|oldest| {
            let bound = if oldest.at_most.is_some() {
                ""
            } else {
                "at least "
            };
            Some(format!("; the oldest for {bound}{}", age(oldest.at_least?)))
        });
        let oldest = oldest.unwrap_or_default();
        let text = format!(
            "{} new, {left} closed, {} stuck{oldest}",
            grouped(transitions.entered),
            grouped(transitions.stuck),
        );
        lines.push(Line::from(vec![
            Span::styled("CLOSE_WAIT  ", Tone::Faint),
            Span::raw(text),
        ]));
    }
    lines
}
