use super::*;
use crate::tui::screen::Subject;

fn screen() -> Screen {
    Screen::new(Duration::from_secs(1))
}

fn code(screen: &mut Screen, code: KeyCode) -> Action {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    press(screen, Shown::default(), key, Instant::now())
}

fn keys(screen: &mut Screen, text: &str) -> Action {
    let mut last = Action::Shown;
    for character in text.chars() {
        last = code(screen, KeyCode::Char(character));
    }
    last
}

#[test]
fn q_and_ctrl_c_quit_and_ctrl_z_suspends() {
    let mut screen = screen();
    assert_eq!(keys(&mut screen, "q"), Action::Quit);
    for (key, does) in [
        ('c', Action::Quit),
        ('z', Action::Suspend),
        ('l', Action::Redraw),
    ] {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert_eq!(
            press(&mut screen, Shown::default(), key, Instant::now()),
            does
        );
    }
}

#[test]
fn a_filter_takes_every_letter_until_it_is_done() {
    let mut screen = screen();
    assert_eq!(keys(&mut screen, "/quit 12"), Action::Shown);
    assert_eq!(screen.filter, "quit 12");
    code(&mut screen, KeyCode::Backspace);
    code(&mut screen, KeyCode::Enter);
    assert_eq!((screen.filter.as_str(), screen.typing), ("quit 1", false));
    code(&mut screen, KeyCode::Esc);
    assert_eq!(screen.filter, "");
    keys(&mut screen, "/a");
    code(&mut screen, KeyCode::Backspace);
    assert!(screen.typing);
    code(&mut screen, KeyCode::Backspace);
    assert!(!screen.typing, "the slash is gone too");
}

#[test]
fn views_are_opened_by_digit_and_in_turn() {
    let mut screen = screen();
    screen.filter = "x".to_owned();
    let last = View::ALL.len();
    assert_eq!(keys(&mut screen, &last.to_string()), Action::View);
    assert_eq!(Some(&screen.view), View::ALL.last());
    assert_eq!(screen.filter, "", "each view has its own rows");
    assert_eq!(code(&mut screen, KeyCode::Tab), Action::View);
    assert_eq!(screen.view, View::Overview);
    assert_eq!(keys(&mut screen, "1"), Action::Shown, "it is open");
    assert_eq!(keys(&mut screen, "9"), Action::Shown, "there is none");
    assert_eq!(code(&mut screen, KeyCode::BackTab), Action::View);
    assert_eq!(Some(&screen.view), View::ALL.last());
}

#[test]
fn space_pauses_and_goes_on() {
    let mut screen = screen();
    assert_eq!(keys(&mut screen, " "), Action::Pause);
    assert!(screen.paused.is_some());
    assert_eq!(keys(&mut screen, " "), Action::Pause);
    assert!(screen.paused.is_none());
}

#[test]
fn intervals_step_and_have_ends() {
    let mut screen = screen();
    assert_eq!(keys(&mut screen, "+"), Action::Interval);
    assert_eq!(screen.interval, Duration::from_secs(2));
    assert_eq!(keys(&mut screen, "---"), Action::Interval);
    assert_eq!(screen.interval, Duration::from_millis(200));
    keys(&mut screen, "--------");
    assert_eq!(screen.interval, Duration::from_millis(100));
    assert_eq!(keys(&mut screen, "-"), Action::Shown);
    screen.interval = Duration::from_secs(7);
    keys(&mut screen, "+");
    assert_eq!(screen.interval, Duration::from_secs(10));
}

/// They said nothing, as if they weren't keys.
#[test]
fn plus_and_minus_say_where_the_intervals_end() {
    let (shortest, longest) = (INTERVALS[0], INTERVALS[INTERVALS.len() - 1]);
    for (key, at, says) in [
        ("+", longest, "300 s is the longest"),
        ("-", shortest, "100 ms is the shortest"),
    ] {
        let mut screen = screen();
        screen.interval = at;
        assert_eq!(keys(&mut screen, key), Action::Shown);
        assert_eq!(
            (screen.interval, screen.message.as_deref()),
            (at, Some(says))
        );
    }
    // The words know the numbers.
    assert_eq!(longest, Duration::from_secs(300));
    assert_eq!(shortest, Duration::from_millis(100));
}

#[test]
fn arrows_choose_rows() {
    let mut screen = screen();
    code(&mut screen, KeyCode::Up);
    assert_eq!(screen.row, 0, "the first is chosen from the beginning");
    code(&mut screen, KeyCode::Down);
    keys(&mut screen, "jjk");
    assert_eq!(screen.row, 2);
    code(&mut screen, KeyCode::End);
    code(&mut screen, KeyCode::Down);
    assert_eq!(screen.row, usize::MAX);
    code(&mut screen, KeyCode::Home);
    assert_eq!(screen.row, 0);
}

#[test]
fn the_mouse_chooses_and_opens_rows_and_views() {
    let mut screen = screen();
    let shown = Shown {
        last_row: 20,
        chosen: Some(Subject::Process(7)),
        lines: (4, 10),
        first_row: 5,
        tabs: [12, 20, 30, 40, 50],
    };
    let mut mouse = |kind, column, row| {
        let modifiers = KeyModifiers::NONE;
        let event = MouseEvent {
            kind,
            column,
            row,
            modifiers,
        };
        let action = point(&mut screen, shown, event);
        (action, screen.row, screen.view, screen.subject)
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    let (view, none) = (View::Overview, None);
    assert_eq!(mouse(click, 3, 6), (Action::Shown, 7, view, none));
    assert_eq!(
        mouse(click, 3, 14),
        (Action::Shown, 7, view, none),
        "below the rows"
    );
    assert_eq!(
        mouse(click, 3, 3),
        (Action::Shown, 7, view, none),
        "above them"
    );
    assert_eq!(
        mouse(MouseEventKind::ScrollDown, 3, 6),
        (Action::Shown, 10, view, none)
    );
    assert_eq!(
        mouse(MouseEventKind::ScrollUp, 3, 6),
        (Action::Shown, 7, view, none)
    );
    assert_eq!(
        mouse(click, 60, 1),
        (Action::Shown, 7, view, none),
        "behind the tabs"
    );
    let seven = Some(Subject::Process(7));
    assert_eq!(
        mouse(click, 3, 6),
        (Action::Shown, 0, view, seven),
        "again is Enter"
    );
    assert_eq!(mouse(click, 12, 1), (Action::View, 0, View::Leaks, none));
}

#[test]
fn enter_looks_closely_at_what_is_shown_and_escape_comes_back() {
    let mut screen = screen();
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    press(&mut screen, Shown::default(), enter, Instant::now());
    assert_eq!(screen.subject, None);
    assert!(screen.message.is_some(), "said why");
    let shown = Shown {
        last_row: 3,
        chosen: Some(Subject::Process(7)),
        ..Shown::default()
    };
    press(&mut screen, shown, enter, Instant::now());
    assert_eq!(screen.subject, Some(Subject::Process(7)));
    code(&mut screen, KeyCode::Esc);
    assert_eq!((screen.subject, screen.row), (None, 0));
}

/// Who was found by name or number had no socket: none has it in its row.
#[test]
fn what_chose_a_process_is_no_filter_of_its_sockets() {
    let mut screen = screen();
    keys(&mut screen, "/java");
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    let shown = Shown {
        last_row: 3,
        chosen: Some(Subject::Process(7)),
        ..Shown::default()
    };
    press(&mut screen, shown, enter, Instant::now());
    code(&mut screen, KeyCode::Down);
    code(&mut screen, KeyCode::Down);
    press(&mut screen, shown, enter, Instant::now());
    assert_eq!((screen.filter.as_str(), screen.row), ("", 0));
    // They have a filter of their own, and rows.
    keys(&mut screen, "/80");
    press(&mut screen, shown, enter, Instant::now());
    code(&mut screen, KeyCode::End);
    code(&mut screen, KeyCode::Esc);
    code(&mut screen, KeyCode::Esc);
    assert_eq!(screen.subject, None);
    assert_eq!((screen.filter.as_str(), screen.row), ("java", 2));
}

/// The last line said that Esc shows all, and Esc left the process.
#[test]
fn escape_drops_the_filter_of_a_process_before_it_leaves_the_process() {
    let mut screen = screen();
    screen.enter(Subject::Process(7));
    keys(&mut screen, "/80");
    code(&mut screen, KeyCode::Enter);
    code(&mut screen, KeyCode::Esc);
    let process = Some(Subject::Process(7));
    assert_eq!((screen.filter.as_str(), screen.subject), ("", process));
    code(&mut screen, KeyCode::Esc);
    assert_eq!(screen.subject, None);
}

#[test]
fn s_goes_through_the_orders_and_around() {
    let mut screen = screen();
    let orders = screen.view.orders().len();
    keys(&mut screen, &"s".repeat(orders - 1));
    assert_eq!(screen.order, orders - 1);
    keys(&mut screen, "s");
    assert_eq!(screen.order, 0);
}
