//! A whole frame: heading, tabs, what must be known, the view, keys. A pure
//! function of what was sampled, what the user made of the screen, and the
//! time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::moment::{FRESH, Moment, Shown};
use super::paint::{Painter, Tone, cut, first_lines, from_column, from_line, width};
use super::screen::View;
use super::views::{findings, help, leaks, listeners, overview, ports, settings};
use crate::classify::history::{Failure, Latest, Part};
use crate::model::SourceKind;
use crate::render::text::provenance::place;
use crate::text::number::{counted, elapsed};
use crate::text::rate::{age, clock, interval};
use crate::text::safe;
use crate::text::wrap;

/// Draws a frame, and says what is on it.
pub(super) fn frame(buffer: &mut Buffer, moment: &Moment<'_>) -> Shown {
    let area = buffer.area;
    let mut painter = Painter::new(buffer, moment.style);
    painter.wipe(area);
    if area.height < 3 {
        draw_heading(&mut painter, area, moment);
        return Shown::default();
    }
    draw_heading(&mut painter, first_lines(area, 1), moment);
    draw_tabs(&mut painter, first_lines(from_line(area, 1), 1), moment);
    let mut body = Rect {
        height: area.height - 3,
        ..from_line(area, 2)
    };
    for (text, tone) in notices(moment, body) {
        painter.text(first_lines(body, 1), &text, tone);
        body = from_line(body, 1);
    }
    // A line of air where there is room.
    if area.height >= 24 && body.height >= 21 {
        body = from_line(body, 1);
    }
    draw_keys(&mut painter, from_line(area, area.height - 1), moment);
    if moment.screen.help {
        help::draw(&mut painter, body);
        return Shown::default();
    }
    let Some(latest) = moment.timeline.latest() else {
        return Shown::default();
    };
    match moment.screen.view {
        View::Overview => overview::draw(&mut painter, body, moment, latest),
        View::Leaks => leaks::draw(&mut painter, body, moment, latest),
        View::Ports => ports::draw(&mut painter, body, moment, latest),
        View::Listeners => listeners::draw(&mut painter, body, moment, latest),
        View::Settings => settings::draw(&mut painter, body, moment, latest),
    }
}

/// Whose sockets, how many, when, how often, and what that costs; what doesn't
/// fit is left out from the end.
fn draw_heading(painter: &mut Painter<'_>, area: Rect, moment: &Moment<'_>) {
    let dot = format!(" {} ", moment.style.dot());
    let Some(latest) = moment.timeline.latest() else {
        painter.text(
            area,
            "tcpstate: the first sample is on its way",
            Tone::Strong,
        );
        return;
    };
    let snapshot = &latest.snapshot;
    let mut parts = vec![
        counted(snapshot.states.total(), "TCP socket", "TCP sockets"),
        format!("{} UTC", clock(snapshot.taken_at)),
        format!("every {}", interval(moment.screen.interval)),
        format!("sampled in {}", elapsed(latest.cost)),
    ];
    if let Some(place) = place(&snapshot.host) {
        parts.insert(0, place);
    }
    let mut rest = area;
    let mut first = true;
    for part in parts {
        let separator = if first { "" } else { dot.as_str() };
        let wanted = width(&part) + width(separator);
        if !first && wanted > rest.width.into() {
            break;
        }
        let taken = painter.texts(rest, &[(separator, Tone::Faint), (&part, Tone::Strong)]);
        rest = from_column(rest, taken);
        first = false;
    }
}

fn draw_tabs(painter: &mut Painter<'_>, area: Rect, moment: &Moment<'_>) {
    let names: usize = View::ALL.iter().map(|view| view.name().len() + 5).sum();
    let has_room = names <= usize::from(area.width);
    let mut rest = area;
    for (number, view) in (1_u8..).zip(View::ALL) {
        let is_open = view == moment.screen.view && !moment.screen.help;
        let tone = if is_open { Tone::Chosen } else { Tone::Plain };
        // Where it is narrow only the open view has its name.
        let text = if has_room || is_open {
            format!(" {number} {} ", view.name())
        } else {
            format!(" {number} ")
        };
        let taken = painter.texts(rest, &[(&text, tone), (" ", Tone::Plain)]);
        rest = from_column(rest, taken);
    }
    let verdict = moment.timeline.latest().and_then(findings::verdict);
    if let Some((text, tone)) = verdict
        && usize::from(rest.width) > width(&text)
    {
        painter.right(rest, &text, tone);
    }
}

/// What must be known of what is shown: that it is old, partial, or not what
/// was asked for.
fn notices(moment: &Moment<'_>, body: Rect) -> Vec<(String, Tone)> {
    let screen = moment.screen;
    let mut notices = Vec::new();
    let Some(latest) = moment.timeline.latest() else {
        return notices;
    };
    let old = moment.age(latest);
    if let Some(since) = screen.paused {
        let paused = moment.now.saturating_duration_since(since);
        let text = format!(
            "PAUSED for {}: nothing is sampled; space goes on",
            age(paused)
        );
        notices.push((text, Tone::Warning));
    } else if let Some(trouble) = &screen.trouble {
        let text = format!("STALE, {} old: {}", age(old), safe(trouble));
        notices.push((text, Tone::Critical));
    } else if old > screen.stretched.unwrap_or(screen.interval) * 2 + FRESH {
        let text = format!("STALE, {} old: the next sample takes its time", age(old));
        notices.push((text, Tone::Warning));
    }
    for failure in moment.failures(latest) {
        notices.extend(not_read(moment, latest, failure, body));
    }
    if !latest.snapshot.collection.complete {
        let text = "PARTIAL: the kernel says that rows were lost".to_owned();
        notices.push((text, Tone::Warning));
    }
    if let Some(reason) = &latest.snapshot.collection.fallback_reason {
        let text = format!("from /proc/net/tcp: {}", safe(&reason.to_string()));
        notices.push((text, Tone::Warning));
    } else if latest.snapshot.collection.source == SourceKind::Procfs {
        let text = "from /proc/net/tcp: who enters CLOSE_WAIT is unknown".to_owned();
        notices.push((text, Tone::Plain));
    }
    if let Some(stretched) = screen.stretched {
        let text = format!(
            "a sample takes {}: the interval is stretched to {}",
            elapsed(latest.cost),
            interval(stretched)
        );
        notices.push((text, Tone::Warning));
    }
    if let Some(word) = screen.word {
        notices.push((word.to_owned(), Tone::Warning));
    }
    notices
}

/// What could not be read, since when, what stands there instead, and why; in
/// a third of the room at most.
fn not_read(
    moment: &Moment<'_>,
    latest: &Latest,
    failure: &Failure,
    body: Rect,
) -> Vec<(String, Tone)> {
    let what = match failure.part {
        Part::Ports => "ports",
        Part::Leaks => "holders and ages",
        Part::Pressure => "ports and listeners",
        Part::Programs => "programs",
    };
    let since = match failure.since {
        Some(since) => format!(" since {}", clock(Some(since))),
        None => String::new(),
    };
    let text = format!(
        "NOT READ{since}: {what} are {}: {}",
        moment.instead(latest, failure),
        safe(&failure.why),
    );
    let mut lines = wrap(&text, usize::from(body.width));
    cut(&mut lines, usize::from(body.height / 3).max(1));
    let lines = lines.into_iter();
    lines.map(|line| (line, Tone::Critical)).collect()
}

fn draw_keys(painter: &mut Painter<'_>, area: Rect, moment: &Moment<'_>) {
    let screen = moment.screen;
    if screen.typing {
        let taken = painter.text(area, &format!("/{}", screen.filter), Tone::Strong);
        let cursor = from_column(area, taken);
        let taken = taken + painter.text(cursor, " ", Tone::Chosen);
        let hint = "   Enter keeps the filter, Esc drops it";
        painter.text(from_column(area, taken), hint, Tone::Faint);
        return;
    }
    let filter;
    let mut texts: Vec<(&str, Tone)> = Vec::new();
    if !screen.filter.is_empty() {
        filter = format!("only {:?} (Esc: all)  ", screen.filter);
        texts.push((&filter, Tone::Warning));
    }
    let order = format!(" order: {}  ", screen.order_name());
    for (key, meaning) in [
        ("q", " quit  "),
        ("?", " help  "),
        ("space", " pause  "),
        ("/", " filter  "),
        ("s", order.as_str()),
        ("+ -", " interval  "),
    ] {
        texts.push((key, Tone::Strong));
        texts.push((meaning, Tone::Faint));
    }
    painter.texts(area, &texts);
}
