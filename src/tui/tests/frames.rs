use super::super::frame::frame;
use super::super::screen::{FrameContext, Screen, Subject, View};
use super::pressed::DATABASE;
use super::staged::{
    SECOND, at_second, busy, half_sought, incident, leaking, pressed, push, timeline, unowned,
};
use crate::classify::close_wait::Unowned;
use crate::classify::history::{Leaks, Look, Reading, Search, Timeline, Waiting};
use crate::classify::testing::snapshot;
use crate::model::{Endpoint, FallbackReason, IncompleteScan, Part, SourceKind};
use crate::render::Style;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::time::Instant;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

const UNICODE: Style = Style {
    color: false,
    unicode: true,
    width: None,
};

fn screen() -> Screen {
    Screen::new(SECOND)
}

/// A context after the newest sample.
fn context<'a>(timeline: &'a Timeline, screen: &'a Screen) -> FrameContext<'a> {
    FrameContext {
        timeline,
        screen,
        now: timeline
            .latest()
            .map_or_else(Instant::now, |latest| latest.at)
            + SECOND / 10,
        style: UNICODE,
    }
}

fn drawn(context: &FrameContext<'_>, (columns, lines): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal
        .draw(|target| {
            frame(target.buffer_mut(), context);
        })
        .unwrap();
    terminal.backend().to_string()
}

fn buffer(context: &FrameContext<'_>) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    frame(&mut buffer, context);
    buffer
}

/// Draws at every size, each into a snapshot of its own.
fn assert_frames(name: &str, context: &FrameContext<'_>) {
    for size in SIZES {
        let name = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, drawn(context, size));
    }
}

#[test]
fn overview_of_a_calm_host() {
    let timeline = timeline();
    assert_frames("overview", &context(&timeline, &screen()));
}

#[test]
fn overview_of_an_incident() {
    let timeline = incident();
    assert_frames("incident", &context(&timeline, &screen()));
}

#[test]
fn leaks_by_process() {
    let timeline = leaking();
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.row = 0;
    assert_frames("leaks", &context(&timeline, &screen));
}

#[test]
fn one_process_that_leaks() {
    let timeline = leaking();
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.subject = Some(Subject::Process(2231));
    assert_frames("process", &context(&timeline, &screen));
    screen.subject = Some(Subject::Process(1));
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("Process 1 holds no socket"), "{text}");
}

/// At 40x10 the facts had taken all lines, and no socket was in sight.
#[test]
fn a_process_has_sockets_in_sight_at_every_size() {
    let timeline = leaking();
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.subject = Some(Subject::Process(2231));
    for lines in 5..60 {
        for columns in (20..200).step_by(9) {
            let text = drawn(&context(&timeline, &screen), (columns, lines));
            let verdict = |line: &&str| line.contains("not_closed") || line.contains("recent");
            let shown = text.lines().filter(verdict).count();
            let hidden = text.lines().find_map(|line| {
                let (_, rest) = line.split_once("… ")?;
                rest.split_once(" more")?.0.parse::<usize>().ok()
            });
            assert!(shown > 0 && text.contains("java[2231]"), "{text}");
            assert_eq!(shown + hidden.unwrap_or(0), 30, "{text}");
        }
    }
}

/// At 20x5 the headings of the columns had the only line that was left.
#[test]
fn rows_come_before_the_headings_of_their_columns() {
    let all: [fn() -> Timeline; 4] = [leaking, pressed, pressed, timeline];
    let shown = [
        (View::Leaks, "java"),
        (View::Listeners, "8080"),
        (View::Ports, "10.0.0.9:5432"),
        (View::Overview, "ESTABLISHED"),
    ];
    for (of, (view, name)) in all.into_iter().zip(shown) {
        let timeline = of();
        let mut screen = screen();
        screen.open(view);
        let text = drawn(&context(&timeline, &screen), (20, 5));
        assert!(text.contains(name), "{text}");
    }
}

/// An ordinary user, who sees no descriptor of others, read that no process
/// holds what was counted two lines above.
#[test]
fn that_nobody_is_in_sight_is_not_that_nobody_holds_a_socket() {
    let mut screen = screen();
    screen.open(View::Leaks);
    let timeline = unowned(Unowned::Unseen(IncompleteScan::Denied(3)));
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(!text.contains("no process holds"), "{text}");
    assert!(text.contains("owner unknown: all sockets"), "{text}");
}

/// A filter that fits nothing made it say that nobody listens, nobody leaks and
/// nothing leads out of this host.
#[test]
fn what_a_filter_hides_is_there_all_the_same() {
    for (timeline, view) in [
        (leaking(), View::Leaks),
        (pressed(), View::Ports),
        (pressed(), View::Listeners),
    ] {
        let mut screen = screen();
        screen.open(view);
        screen.filter = "nothing like it".to_owned();
        let text = drawn(&context(&timeline, &screen), (80, 24));
        assert!(text.contains("nothing here matches the filter"), "{text}");
    }
}

/// A process that leaks at each sample had 0 new ones until the search that
/// finds them, and no sample counted them as new then.
#[test]
fn what_is_new_since_the_last_search_may_be_anybodys() {
    let mut screen = screen();
    screen.open(View::Leaks);
    let timeline = half_sought();
    let row = |text: &str, name: &str| {
        let row = text.lines().find(|line| line.contains(name)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(row(&text, "java").contains("java 24 30 ≥ 6"), "{text}");
    assert!(row(&text, "nginx").contains("nginx 2 2 – "), "{text}");
    screen.subject = Some(Subject::Process(880));
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("; – new, "), "{text}");
}

/// What came since the last search may be its.
#[test]
fn a_process_is_not_said_to_hold_nothing_before_the_next_search() {
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.subject = Some(Subject::Process(2231));
    for (why, is_known) in [(Unowned::NotYet, false), (Unowned::NoDescriptor, true)] {
        let timeline = unowned(why);
        for size in SIZES {
            let text = drawn(&context(&timeline, &screen), size);
            assert_eq!(text.contains("holds no socket"), is_known, "{text}");
            assert!(text.contains("Esc goes back."), "{text}");
        }
    }
}

#[test]
fn the_smallest_screens_show_what_matters_most() {
    let timeline = leaking();
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.subject = Some(Subject::Process(2231));
    for size in [(20, 5), (30, 6), (60, 8), (200, 60)] {
        let name = format!("process_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, drawn(&context(&timeline, &screen), size));
    }
}

/// What stands in a view that could not be read, at every size of the snapshots.
#[test]
fn a_view_that_could_not_be_read_says_what_why_and_since_when() {
    let why = "cannot read /proc: Too many open files; is /proc\u{1b} a mounted /proc?";
    // A sample so many seconds after the last one, the time of which is told.
    let fail = |timeline: &mut Timeline, part, after: u32, second: u64| {
        let last = timeline
            .latest()
            .map_or_else(Instant::now, |latest| latest.at);
        timeline.push(Reading {
            at: last + SECOND * after,
            cost: SECOND / 50,
            snapshot: at_second(busy(870, 33, 1_050), second),
            close_wait: None,
            leaks: Look::Unchanged,
            waiting: None,
            failed: vec![(part, why.to_owned())],
        });
    };
    let mut timeline = leaking();
    fail(&mut timeline, Part::Leaks, 10, 13);
    fail(&mut timeline, Part::Leaks, 2, 15);
    let mut screen = screen();
    screen.open(View::Leaks);
    assert_frames("leaks_not_read", &context(&timeline, &screen));
    // The views beside it are as fresh as ever.
    screen.open(View::Overview);
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(
        !text.contains("NOT READ") && !text.contains("STALE"),
        "{text}"
    );

    let mut timeline = pressed();
    fail(&mut timeline, Part::Pressure, 10, 13);
    for (view, row) in [(View::Ports, "10.0.0.9:5432"), (View::Listeners, ":8080")] {
        screen.open(view);
        let text = drawn(&context(&timeline, &screen), (80, 24));
        let notice = "NOT READ since 12:00:13: ports and listeners are as they were 10 s ago:";
        assert!(text.contains(notice) && text.contains(row), "{text}");
    }
    let mut timeline = Timeline::default();
    fail(&mut timeline, Part::Ports, 0, 3);
    screen.open(View::Overview);
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(
        text.contains("ports are unknown: cannot read /proc"),
        "{text}"
    );
    fail(&mut timeline, Part::Pressure, 1, 4);
    screen.open(View::Ports);
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(
        text.contains("Nothing could be read for this view yet."),
        "{text}"
    );
}

/// What takes long is done seldom, and the screen says so.
#[test]
fn rows_that_are_read_seldom_tell_their_age() {
    let mut timeline = leaking();
    let at = timeline.latest().unwrap().at + SECOND;
    timeline.push(Reading {
        at,
        cost: SECOND / 20,
        snapshot: at_second(busy(870, 33, 1_050), 4),
        close_wait: None,
        leaks: Look::Found(Leaks {
            report: super::leaking::report(),
            cost: SECOND / 25,
            every: SECOND * 8 / 5,
            search: Some(Search {
                ago: SECOND * 8,
                cost: SECOND * 27 / 100,
                every: SECOND * 27,
            }),
        }),
        waiting: None,
        failed: Vec::new(),
    });
    let mut screen = screen();
    screen.open(View::Leaks);
    let mut context = context(&timeline, &screen);
    context.now = at + SECOND;
    assert_frames("leaks_seldom", &context);
    let closely = Screen {
        subject: Some(Subject::Process(2231)),
        ..screen.clone()
    };
    context.screen = &closely;
    let text = drawn(&context, (120, 40));
    assert!(text.contains("24 stuck; read 1 s ago"), "{text}");
}

#[test]
fn a_view_that_was_not_read_for_says_so() {
    let timeline = timeline();
    let mut screen = screen();
    screen.open(View::Leaks);
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("on its way"), "{text}");
    screen.paused = Some(Instant::now());
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("space goes on."), "{text}");
}

#[test]
fn growing_processes_come_first_unless_another_order_is_asked_for() {
    let timeline = leaking();
    let mut screen = screen();
    screen.open(View::Leaks);
    screen.row = usize::MAX;
    for order in 0..View::Leaks.orders().len() {
        screen.order = order;
        let shown = frame(
            &mut Buffer::empty(Rect::new(0, 0, 80, 24)),
            &context(&timeline, &screen),
        );
        assert_eq!(shown.last_row, 1);
        let nginx = Some(Subject::Process(880));
        assert_eq!(
            shown.chosen,
            nginx,
            "java is first by {}",
            screen.sorted_by().0
        );
    }
    screen.filter = "nginx".to_owned();
    let shown = frame(
        &mut Buffer::empty(Rect::new(0, 0, 80, 24)),
        &context(&timeline, &screen),
    );
    assert_eq!(
        (shown.last_row, shown.chosen),
        (0, Some(Subject::Process(880)))
    );
}

#[test]
fn ports_by_destination() {
    let timeline = pressed();
    let mut screen = screen();
    screen.open(View::Ports);
    assert_frames("ports", &context(&timeline, &screen));
    screen.row = 0;
    let shown = frame(
        &mut Buffer::empty(Rect::new(0, 0, 80, 24)),
        &context(&timeline, &screen),
    );
    screen.subject = shown.chosen;
    assert_frames("destination", &context(&timeline, &screen));
}

#[test]
fn a_destination_that_is_gone_is_said_to_be_gone() {
    let timeline = pressed();
    let mut screen = screen();
    screen.open(View::Ports);
    let elsewhere = "192.0.2.1".parse().unwrap();
    screen.subject = Some(Subject::Destination(elsewhere, None, DATABASE));
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("No connection leads there"), "{text}");
}

#[test]
fn listeners_with_their_queues() {
    let timeline = pressed();
    let mut screen = screen();
    screen.open(View::Listeners);
    assert_frames("listeners", &context(&timeline, &screen));
}

/// Nothing was known of a listener but its row.
#[test]
fn one_listener_with_its_queue_over_time() {
    let mut timeline = pressed();
    let at = timeline.latest().unwrap().at;
    for second in 4..40_u32 {
        let mut pressure = super::pressed::pressure();
        let queue = &mut pressure.listeners.as_mut().unwrap().listeners[0];
        queue.accept_queue = 129 - second % 7 * 9;
        queue.drops = Some(u64::from(second) * 31);
        let local = queue.local;
        timeline.push(Reading {
            at: at + SECOND * second,
            cost: SECOND / 50,
            snapshot: at_second(busy(870, 33, 1_050).with_pressure(pressure), second.into()),
            close_wait: None,
            leaks: Look::NotAsked,
            waiting: Some(Waiting {
                at: local,
                clients: vec![("192.0.2.7".to_owned(), 96), ("192.0.2.9".to_owned(), 4)],
            }),
            failed: Vec::new(),
        });
    }
    let mut screen = screen();
    screen.open(View::Listeners);
    let area = Rect::new(0, 0, 80, 24);
    let shown = frame(&mut Buffer::empty(area), &context(&timeline, &screen));
    assert!(matches!(shown.chosen, Some(Subject::Listener(at, None)) if at.port == 8080));
    screen.subject = shown.chosen;
    assert_frames("listener", &context(&timeline, &screen));
    screen.subject = Some(Subject::Listener(DATABASE, None));
    let text = drawn(&context(&timeline, &screen), (80, 24));
    assert!(text.contains("Nobody listens there any more."), "{text}");
}

/// The names of programs had gone, and half of the screen was bars.
#[test]
fn programs_stay_at_80_columns_and_bars_are_short() {
    let timeline = pressed();
    let mut screen = screen();
    screen.open(View::Listeners);
    for columns in [80, 120, 200] {
        let text = drawn(&context(&timeline, &screen), (columns, 24));
        assert!(text.contains("nginx[880]"), "{text}");
        let bars = text.lines().map(|line| line.matches(['█', '·']).count());
        assert!(bars.max() <= Some(20), "{text}");
    }
}

/// What is under the mouse is what the frame says is there.
#[test]
fn rows_and_tabs_are_where_the_frame_says() {
    let timeline = timeline();
    let mut screen = screen();
    for size in SIZES.into_iter().chain([(20, 6)]) {
        for row in [0, 4, usize::MAX] {
            screen.row = row;
            let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
            let shown = frame(&mut buffer, &context(&timeline, &screen));
            let reversed = |line: u16| {
                buffer
                    .cell((0, line))
                    .is_some_and(|cell| cell.modifier.contains(Modifier::REVERSED))
            };
            let (first, lines) = shown.lines;
            let chosen = (first..first + lines).find(|&line| reversed(line)).unwrap();
            let number = shown.first_row + usize::from(chosen - first);
            assert_eq!(number, row.min(shown.last_row), "{size:?}");
            assert!(reversed(1), "the tab that is open");
            assert!(shown.tabs.is_sorted() && shown.tabs[0] > 2);
        }
    }
}

#[test]
fn a_saved_screen_is_the_frame_without_the_space_at_its_ends() {
    let timeline = timeline();
    let screen = screen();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    frame(&mut buffer, &context(&timeline, &screen));
    let text = super::super::frame::text(&buffer);
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("\nESTABLISHED"), "{text}");
    assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    buffer.set_string(0, 0, "端口 ok", ratatui::style::Style::new());
    let text = super::super::frame::text(&buffer);
    assert!(text.starts_with("端口 ok"), "{text}");
}

#[test]
fn settings_and_counters() {
    let timeline = incident();
    let mut screen = screen();
    screen.open(View::Settings);
    assert_frames("settings", &context(&timeline, &screen));
}

#[test]
fn the_keys_are_explained() {
    let timeline = timeline();
    let screen = Screen {
        help: true,
        ..screen()
    };
    assert_frames("help", &context(&timeline, &screen));
}

#[test]
fn before_the_first_sample() {
    let timeline = Timeline::default();
    assert_frames("nothing", &context(&timeline, &screen()));
}

#[test]
fn what_is_old_partial_or_second_best_is_said() {
    let mut timeline = timeline();
    let mut partial = at_second(busy(860, 50, 1_100), 4);
    partial.collection.complete = false;
    partial.collection.source = SourceKind::Procfs;
    partial.collection.fallback_reason = Some(FallbackReason::DumpFailed(
        "the kernel refused the sock_diag dump: Operation not permitted".to_owned(),
    ));
    let at = timeline.latest().unwrap().at + SECOND * 2;
    push(&mut timeline, at, SECOND * 3, partial, None);
    let screen = Screen {
        failure: Some("cannot read /proc/net/tcp: \u{1b}[31mred".to_owned()),
        stretched: Some(SECOND * 4),
        ..screen()
    };
    let mut context = context(&timeline, &screen);
    context.now = at + SECOND * 90;
    assert_frames("troubled", &context);
}

#[test]
fn a_filter_is_seen_while_it_is_typed_and_while_it_works() {
    let timeline = timeline();
    let mut screen = Screen {
        filter: "WAIT".to_owned(),
        typing: true,
        row: 1,
        ..screen()
    };
    insta::assert_snapshot!(
        "filter_typed",
        drawn(&context(&timeline, &screen), (80, 24))
    );
    screen.typing = false;
    screen.filter = "nothing like it".to_owned();
    insta::assert_snapshot!(
        "filter_empty",
        drawn(&context(&timeline, &screen), (80, 24))
    );
}

#[test]
fn rows_stand_in_the_order_that_was_asked_for() {
    let timeline = timeline();
    let place = |text: &str, what: &str| text.find(what).unwrap_or_else(|| panic!("{what}"));
    let mut screen = screen();
    let by_state = drawn(&context(&timeline, &screen), (80, 24));
    assert!(place(&by_state, "TIME_WAIT") < place(&by_state, "CLOSE_WAIT"));
    screen.order = 2;
    let by_change = drawn(&context(&timeline, &screen), (80, 24));
    assert!(place(&by_change, "CLOSE_WAIT") < place(&by_change, "TIME_WAIT"));
}

#[test]
fn a_paused_screen_says_so_and_is_not_called_stale() {
    let timeline = timeline();
    let latest = timeline.latest().unwrap().at;
    let screen = Screen {
        paused: Some(latest + SECOND),
        ..screen()
    };
    let mut context = context(&timeline, &screen);
    context.now = latest + SECOND * 600;
    let text = drawn(&context, (80, 24));
    assert!(text.contains("PAUSED for 9 m 59 s"), "{text}");
    assert!(!text.contains("STALE"), "{text}");
}

#[test]
fn what_changed_is_marked_for_a_moment() {
    let timeline = timeline();
    let screen = screen();
    let mut context = context(&timeline, &screen);
    context.style.color = true;
    let is_marked = |context: &FrameContext<'_>| {
        buffer(context)
            .content()
            .iter()
            .any(|cell| cell.fg == Color::Cyan && cell.modifier.contains(Modifier::BOLD))
    };
    assert!(is_marked(&context));
    context.now += SECOND * 5;
    assert!(!is_marked(&context));
}

#[test]
fn without_colour_there_is_none_and_no_background_is_ever_assumed() {
    let timeline = incident();
    let screen = screen();
    for color in [false, true] {
        let mut context = context(&timeline, &screen);
        context.style.color = color;
        let buffer = buffer(&context);
        assert!(buffer.content().iter().all(|cell| cell.bg == Color::Reset));
        let named = [
            Color::Reset,
            Color::Red,
            Color::Yellow,
            Color::Green,
            Color::Cyan,
        ];
        assert!(buffer.content().iter().all(|cell| named.contains(&cell.fg)));
        let colored = buffer.content().iter().any(|cell| cell.fg != Color::Reset);
        assert_eq!(colored, color);
    }
}

#[test]
fn without_unicode_everything_is_ascii() {
    let timeline = incident();
    let screen = screen();
    let mut context = context(&timeline, &screen);
    context.style.unicode = false;
    for size in SIZES {
        let text = drawn(&context, size);
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn names_from_outside_cannot_draw() {
    let mut timeline = Timeline::default();
    let mut hostile = at_second(snapshot(), 0);
    hostile.host.name = Some("a\u{1b}[2Jb\nc\u{202e}d".to_owned());
    push(&mut timeline, Instant::now(), SECOND, hostile, None);
    let text = drawn(&context(&timeline, &screen()), (80, 24));
    assert!(text.contains("u{1b}[2Jb"), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text}"
    );
}

proptest! {
    /// Whatever the size of the terminal and wherever the user is: a frame, and
    /// no panic.
    #[test]
    fn every_size_can_be_drawn(
        columns in 0_u16..200,
        lines in 0_u16..60,
        view in 0..View::ALL.len(),
        row in 0_usize..100,
        order in 0_usize..5,
        subject in 0_u8..3,
        help: bool,
        typing: bool,
        filter in "[a-z_]{0,3}",
    ) {
        let timeline = match view {
            0 => incident(),
            1 => leaking(),
            _ => pressed(),
        };
        let local = Endpoint::new("0.0.0.0".parse().unwrap(), 8080);
        let listener = Some(Subject::Listener(local, None));
        let screen = Screen {
            view: View::ALL[view],
            subject: [None, Some(Subject::Process(2231)), listener][usize::from(subject)],
            row,
            order,
            help,
            typing,
            filter,
            ..screen()
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, lines));
        frame(&mut buffer, &context(&timeline, &screen));
    }
}
