//! Listeners: how full their queues are, and whose fault that is.

use std::cmp::Reverse;

use ratatui::layout::Rect;

use super::super::moment::{Moment, Shown};
use super::super::paint::{Painter, Tone, below, first_lines};
use crate::render::text::pressure::listeners::{severity, verdict_words};
use crate::text::rate::rate;

use super::super::table::{Cell, Column, Table};
use crate::classify::history::Latest;
use crate::classify::listeners::{Verdict, verdict};
use crate::model::{Counter, Listener, Unit};
use crate::text::number::grouped;
use crate::text::safe;

/// Draws the view.
pub(in crate::tui) fn draw(
    painter: &mut Painter<'_>,
    area: Rect,
    moment: &Moment<'_>,
    latest: &Latest,
) -> Shown {
    let Some(listeners) = &latest.pressure().listeners else {
        painter.text(first_lines(area, 1), moment.missing(latest), Tone::Faint);
        return Shown::default();
    };
    painter.texts(
        first_lines(area, 1),
        &[
            ("Per second  ", Tone::Faint),
            (&drops(latest, moment), Tone::Plain),
        ],
    );
    let mut judged: Vec<(&Listener, Verdict)> = listeners
        .listeners
        .iter()
        .map(|listener| (listener, verdict(listener, &latest.syn)))
        .collect();
    match moment.screen.order_name() {
        "port" => judged.sort_by_key(|(listener, _)| listener.local.port),
        // The fullest are first already.
        "queue" => {}
        _ => judged.sort_by_key(|(_, verdict)| Reverse(*verdict)),
    }
    let mut table = Table {
        columns: vec![
            Column::words("LISTENER", 0),
            Column::number("WAITING", 0),
            Column::number("LIMIT", 2),
            Column::rest("ACCEPT QUEUE", 4, 12),
            Column::number("SYN_RECV", 1),
            Column::words("VERDICT", 3),
            Column::words("PROGRAM", 5),
        ],
        rows: judged
            .into_iter()
            .map(|(listener, verdict)| {
                let tone = severity(verdict, latest.syn.cookies).map_or(Tone::Plain, Tone::from);
                row(listener, verdict, tone, moment)
            })
            .collect(),
        empty: "nobody listens",
    };
    table.filter(moment.screen);
    table.draw(painter, below(area, 1), moment.screen);
    Shown {
        last_row: table.last_row(),
        chosen: None,
    }
}

/// What queues dropped, in words.
fn drops(latest: &Latest, moment: &Moment<'_>) -> String {
    let rate_of = |counter| {
        latest
            .per_second(counter)
            .map_or_else(|| moment.style.dash().to_owned(), rate)
    };
    format!(
        "{} accepted, {} dropped by accept queues, {} by SYN queues, {} cookies",
        rate_of(Counter::PassiveOpens),
        rate_of(Counter::ListenOverflows),
        rate_of(Counter::TcpReqQFullDrop),
        rate_of(Counter::SyncookiesSent),
    )
}

fn row(listener: &Listener, verdict: Verdict, tone: Tone, moment: &Moment<'_>) -> Vec<Cell> {
    let dash = || moment.style.dash().to_owned();
    let number = |number: Option<u32>| number.map_or_else(dash, |number| grouped(number.into()));
    let program = listener
        .program()
        .or_else(|| listener.unit(Unit::short))
        .unwrap_or_default();
    let sockets = match listener.sockets {
        0 | 1 => String::new(),
        sockets => format!(" ({sockets} sockets)"),
    };
    let bar = match listener.accept_limit {
        Some(limit) => Cell::Bar {
            used: listener.accept_queue.into(),
            // One more than the limit is taken in.
            of: u64::from(limit) + 1,
            tone,
        },
        None => Cell::plain(""),
    };
    vec![
        Cell::plain(format!("{}{sockets}", listener.address())),
        Cell::toned(grouped(listener.accept_queue.into()), tone),
        Cell::plain(number(listener.accept_limit)),
        bar,
        Cell::plain(number(listener.syn_recv)),
        Cell::toned(verdict_words(verdict), tone),
        Cell::plain(safe(&program)),
    ]
}
