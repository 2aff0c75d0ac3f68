//! The overview: states, what begins and ends in a second, findings.

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, first_lines, from_line};
use super::findings;
use crate::text::rate::{age, change, rate, signed_rate};

use super::super::table::{Cell, Column, Table};
use crate::classify::history::Latest;

use crate::model::{Counter, TcpState};
use crate::text::number::grouped;

/// Draws the view.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let below = rates(latest, painter).len().min(2) + 2;
    let below = u16::try_from(below).unwrap_or(0);
    // Where there is no room for all, what is wrong comes first, then the
    // states that have sockets.
    let findings = if latest.assessment.findings.is_empty() {
        1
    } else {
        2
    };
    let room = area.height.saturating_sub(findings);
    let mut table = states(latest, moment);
    let all = u16::try_from(table.rows.len() + 1).unwrap_or(u16::MAX);
    if all > room {
        table.rows = occupied(table.rows, latest);
    }
    let taken = table.draw(painter, first_lines(area, room), moment.screen);
    let mut rest = from_line(area, taken);
    if rest.height > below {
        rest = from_line(rest, 1);
    }
    if rest.height > findings {
        for texts in rates(latest, painter) {
            painter.texts(first_lines(rest, 1), &as_texts(&texts));
            rest = from_line(rest, 1);
            if rest.height <= findings {
                break;
            }
        }
    }
    if rest.height > 3 {
        rest = from_line(rest, 1);
    }
    findings::draw(painter, rest, moment, latest);
    Shown {
        last_row: table.last_row(),
        chosen: None,
    }
}

fn states(latest: &Latest, moment: &Moment<'_>) -> Table {
    let mut rows: Vec<(TcpState, u64)> = latest
        .snapshot
        .states
        .iter()
        .filter_map(|(state, count)| Some((state, count?.total)))
        .collect();
    let moved = |state: TcpState| {
        let change = latest.rates.as_ref().and_then(|rates| rates.change(state));
        change.unwrap_or(0)
    };
    match moment.screen.order_name() {
        "count" => rows.sort_by_key(|&(_, count)| std::cmp::Reverse(count)),
        "change" => rows.sort_by_key(|&(state, _)| std::cmp::Reverse(moved(state).abs())),
        _ => {}
    }
    let mut table = Table {
        columns: vec![
            Column::words("STATE", 0),
            Column::number("COUNT", 0),
            Column::number("CHANGE", 1),
            Column::number("PER SECOND", 2),
            Column::rest("HISTORY", 3, 10),
        ],
        rows: rows
            .into_iter()
            .map(|(state, count)| row(state, count, latest, moment))
            .collect(),
        empty: "no state is known",
    };
    table.filter(moment.screen);
    table
}

fn row(state: TcpState, count: u64, latest: &Latest, moment: &Moment<'_>) -> Vec<Cell> {
    let rates = latest.rates.as_ref();
    let moved = rates.and_then(|rates| rates.change(state));
    let tone = if moved.is_some_and(|moved| moved != 0) && moment.is_fresh(latest.at) {
        Tone::Fresh
    } else if count == 0 {
        Tone::Faint
    } else {
        Tone::Plain
    };
    let worst = latest
        .assessment
        .findings
        .iter()
        .filter(|finding| finding.state == Some(state))
        .map(|finding| finding.severity)
        .max();
    let name = match worst {
        Some(severity) => Tone::from(severity),
        None if count == 0 => Tone::Faint,
        None => Tone::Plain,
    };
    let dash = moment.style.dash();
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| dash.to_owned());
    let per_second = rates.and_then(|rates| rates.change_per_second(state));
    vec![
        Cell::toned(state.name(), name),
        Cell::toned(grouped(count), tone),
        Cell::toned(or_dash(moved.map(change)), tone),
        Cell::toned(or_dash(per_second.map(signed_rate)), tone),
        Cell::Graph(moment.timeline.past(state).collect()),
    ]
}

/// The rows of the states that have sockets or have just lost them.
fn occupied(rows: Vec<Vec<Cell>>, latest: &Latest) -> Vec<Vec<Cell>> {
    let is_idle = |row: &Vec<Cell>| {
        let name = match row.first() {
            Some(Cell::Text(name, _)) => name.parse::<TcpState>().ok(),
            _ => None,
        };
        name.is_some_and(|state| {
            let moved = latest.rates.as_ref().and_then(|rates| rates.change(state));
            latest.snapshot.states.total_of(state) == Some(0) && moved.unwrap_or(0) == 0
        })
    };
    rows.into_iter().filter(|row| !is_idle(row)).collect()
}

/// A line in pieces.
type Texts = Vec<(String, Tone)>;

fn as_texts(texts: &Texts) -> Vec<(&str, Tone)> {
    texts
        .iter()
        .map(|(text, tone)| (text.as_str(), *tone))
        .collect()
}

/// What begins and ends in a second, and who came to CLOSE_WAIT.
fn rates(latest: &Latest, painter: &Painter<'_>) -> Vec<Texts> {
    let dash = painter.style.dash();
    let mut line: Texts = vec![("Per second  ".to_owned(), Tone::Faint)];
    for (number, word) in [
        (latest.per_second(Counter::ActiveOpens), "opened"),
        (latest.per_second(Counter::PassiveOpens), "accepted"),
        (latest.closed_per_second, "closed"),
        (latest.per_second(Counter::EstabResets), "reset"),
        (latest.per_second(Counter::AttemptFails), "refused"),
    ] {
        if line.len() > 1 {
            line.push((", ".to_owned(), Tone::Plain));
        }
        let tone = match number {
            Some(number) if number > 0.0 => Tone::Strong,
            _ => Tone::Plain,
        };
        let number = number.map_or_else(|| dash.to_owned(), rate);
        line.push((number, tone));
        line.push((format!(" {word}"), Tone::Plain));
    }
    let mut lines = vec![line];
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
        lines.push(vec![
            ("CLOSE_WAIT  ".to_owned(), Tone::Faint),
            (text, Tone::Plain),
        ]);
    }
    lines
}
