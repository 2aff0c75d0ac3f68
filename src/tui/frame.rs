//! A whole frame: heading, tabs, what must be known, the view, keys. A pure
//! function of what was sampled, what the user made of the screen, and the
//! time.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Tabs, Widget};

use super::screen::{FRESH, FrameContext, Shown, TABS, View};
use super::views::{self, leaks, overview, pressure, settings};
use super::widgets::{below, cut, lines, wrapped};
use crate::classify::Severity;
use crate::classify::history::{Failure, Latest};
use crate::model::{Part, SourceKind};
use crate::render::table::Tone;
use crate::render::text::provenance::place;
use crate::text::number::{counted, elapsed};
use crate::text::rate::{age, clock, interval};
use crate::text::safe;
use crate::text::width::columns_of;

/// Draws a frame, and says what is on it.
pub(super) fn frame(buffer: &mut Buffer, context: &FrameContext<'_>) -> Shown {
    let area = buffer.area;
    Clear.render(area, buffer);
    let shown = draw(buffer, area, context);
    if !context.style.color {
        for cell in &mut buffer.content {
            cell.fg = Color::Reset;
        }
    }
    shown
}

/// A frame as text, without colours and the space at the ends of its lines.
pub(super) fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.area.rows() {
        let mut line = String::new();
        // The cells behind a wide character are its own.
        let mut covered = 0;
        for place in row.positions() {
            let symbol = buffer.cell(place).map_or(" ", |cell| cell.symbol());
            if covered == 0 {
                line.push_str(symbol);
            }
            covered = columns_of(symbol).max(covered).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn draw(buffer: &mut Buffer, area: Rect, context: &FrameContext<'_>) -> Shown {
    let style = context.style;
    let heading = heading(context, area.width);
    if area.height < 3 {
        lines(buffer, area, [heading], style);
        return Shown::default();
    }
    let one = Constraint::Length(1);
    let layout = Layout::vertical([one, one, Constraint::Fill(1), one]);
    let [top, tabs, body, bottom] = area.layout(&layout);
    lines(buffer, top, [heading], style);
    debug_assert_eq!(tabs.y, area.y + TABS);
    let tabs = draw_tabs(buffer, tabs, context);
    lines(buffer, bottom, [keys(context)], style);
    let body = lines(buffer, body, notices(context, body), style);
    // A line of air where there is room.
    let air = u16::from(area.height >= 24 && body.height >= 21);
    let body = below(body, air);
    if context.screen.help {
        lines(buffer, body, views::help(), style);
        return Shown {
            tabs,
            ..Shown::default()
        };
    }
    let Some(latest) = context.timeline.latest() else {
        return Shown::default();
    };
    let draw = match context.screen.view {
        View::Overview => overview::draw,
        View::Leaks => leaks::draw,
        View::Ports => pressure::draw_ports,
        View::Listeners => pressure::draw_listeners,
        View::Settings => settings::draw,
    };
    Shown {
        tabs,
        ..draw(buffer, body, context, latest)
    }
}

/// Whose sockets, how many, when, how often, and what that costs; what doesn't
/// fit is left out from the end.
fn heading(context: &FrameContext<'_>, columns: u16) -> Line<'static> {
    let Some(latest) = context.timeline.latest() else {
        return Line::styled("tcpstate: the first sample is on its way", Tone::Strong);
    };
    let snapshot = &latest.snapshot;
    let parts = [
        counted(snapshot.states.total(), "TCP socket", "TCP sockets"),
        format!("{} UTC", clock(snapshot.taken_at)),
        format!("every {}", interval(context.screen.interval)),
        format!("sampled in {}", elapsed(latest.cost)),
    ];
    let separator = format!(" {} ", context.style.dot());
    let mut line = Line::default();
    for part in place(&snapshot.host).into_iter().chain(parts) {
        let before = line.width();
        if before > 0 {
            if before + columns_of(&separator) + columns_of(&part) > columns.into() {
                break;
            }
            line.push_span(Span::styled(separator.clone(), Tone::Faint));
        }
        line.push_span(Span::styled(part, Tone::Strong));
    }
    line
}

/// Draws the tabs, and says behind which column each ends.
fn draw_tabs(
    buffer: &mut Buffer,
    area: Rect,
    context: &FrameContext<'_>,
) -> [u16; View::ALL.len()] {
    let open = (!context.screen.help).then_some(context.screen.view);
    let names: usize = View::ALL.iter().map(|view| view.name().len() + 5).sum();
    let has_room = names <= usize::from(area.width);
    let titles = (1_u8..).zip(View::ALL).map(|(number, view)| {
        // Where it is narrow only the open view has its name.
        if has_room || open == Some(view) {
            format!(" {number} {} ", view.name())
        } else {
            format!(" {number} ")
        }
    });
    let titles: Vec<String> = titles.collect();
    let mut taken = 0;
    let mut ends = [0; View::ALL.len()];
    for (end, title) in ends.iter_mut().zip(&titles) {
        taken += title.len() + 1;
        *end = u16::try_from(taken).unwrap_or(u16::MAX);
    }
    Tabs::new(titles)
        .select(View::ALL.iter().position(|&view| open == Some(view)))
        .highlight_style(Modifier::REVERSED)
        .divider(" ")
        .padding("", "")
        .render(area, buffer);
    if let Some(verdict) = context.timeline.latest().and_then(verdict)
        && usize::from(area.width) > taken + verdict.width()
    {
        verdict.right_aligned().render(area, buffer);
    }
    ends
}

/// How many findings of each severity are there.
fn verdict(latest: &Latest) -> Option<Line<'static>> {
    let mut line = Line::default();
    for (severity, word) in [
        (Severity::Critical, "CRITICAL"),
        (Severity::Warning, "WARNING"),
    ] {
        let findings = latest.assessment.findings.iter();
        let count = findings
            .filter(|finding| finding.severity == severity)
            .count();
        if count > 0 {
            if line.width() > 0 {
                line.push_span(", ");
            }
            line.push_span(Span::styled(
                format!("{count} {word}"),
                Tone::from(severity),
            ));
        }
    }
    (line.width() > 0).then_some(line)
}

/// What must be known of what is shown: that it is old, partial, or not what
/// was asked for.
fn notices(context: &FrameContext<'_>, body: Rect) -> Vec<Line<'static>> {
    let screen = context.screen;
    let mut notices = Vec::new();
    let Some(latest) = context.timeline.latest() else {
        return notices;
    };
    let old = context.age(latest);
    if let Some(since) = screen.paused {
        let paused = context.now.saturating_duration_since(since);
        let text = format!(
            "PAUSED for {}: nothing is sampled; space goes on",
            age(paused)
        );
        notices.push(Line::styled(text, Tone::Warning));
    } else if let Some(failure) = &screen.failure {
        let text = format!("STALE, {} old: {}", age(old), safe(failure));
        notices.push(Line::styled(text, Tone::Critical));
    } else if old > screen.stretched.unwrap_or(screen.interval) * 2 + FRESH {
        let text = format!("STALE, {} old: the next sample takes its time", age(old));
        notices.push(Line::styled(text, Tone::Warning));
    }
    for failure in context.failures(latest) {
        notices.extend(not_read(context, latest, failure, body));
    }
    if !latest.snapshot.collection.complete {
        let text = "PARTIAL: the kernel says that rows were lost".to_owned();
        notices.push(Line::styled(text, Tone::Warning));
    }
    if let Some(reason) = &latest.snapshot.collection.fallback_reason {
        let text = format!("from /proc/net/tcp: {}", safe(&reason.to_string()));
        notices.push(Line::styled(text, Tone::Warning));
    } else if latest.snapshot.collection.source == SourceKind::Procfs {
        let text = "from /proc/net/tcp: who enters CLOSE_WAIT is unknown".to_owned();
        notices.push(Line::styled(text, Tone::Plain));
    }
    if let Some(stretched) = screen.stretched {
        let text = format!(
            "a sample takes {}: the interval is stretched to {}",
            elapsed(latest.cost),
            interval(stretched)
        );
        notices.push(Line::styled(text, Tone::Warning));
    }
    if let Some(message) = &screen.message {
        let text = safe(message).into_owned();
        notices.push(Line::styled(text, Tone::Warning));
    }
    notices
}

/// What could not be read, since when, what stands there instead, and why; in
/// a third of the room at most.
fn not_read(
    context: &FrameContext<'_>,
    latest: &Latest,
    failure: &Failure,
    body: Rect,
) -> Vec<Line<'static>> {
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
        context.instead(latest, failure),
        safe(&failure.why),
    );
    let mut lines = wrapped(&text, body.width, Tone::Critical);
    cut(&mut lines, usize::from(body.height / 3).max(1));
    lines
}

/// What keys do, or the filter while it is typed.
fn keys(context: &FrameContext<'_>) -> Line<'static> {
    let screen = context.screen;
    if screen.typing {
        return Line::from(vec![
            Span::styled(format!("/{}", screen.filter), Tone::Strong),
            Span::styled(" ", Modifier::REVERSED),
            Span::styled("   Enter keeps the filter, Esc drops it", Tone::Faint),
        ]);
    }
    let mut line = Line::default();
    if !screen.filter.is_empty() {
        let filter = format!("only {:?} (Esc: all)  ", screen.filter);
        line.push_span(Span::styled(filter, Tone::Warning));
    }
    let order = format!(" order: {}  ", screen.sorted_by().0);
    for (key, meaning) in [
        ("q", " quit  "),
        ("?", " help  "),
        ("space", " pause  "),
        ("/", " filter  "),
        ("s", order.as_str()),
        ("+ -", " interval  "),
    ] {
        line.push_span(Span::styled(key, Tone::Strong));
        line.push_span(Span::styled(meaning.to_owned(), Tone::Faint));
    }
    line
}
