//! What a key does to the screen, as in less and htop.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::render::watch::{Screen, Shown, View};

/// The intervals that + and - step through.
const INTERVALS: [Duration; 10] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// Rows that a page has, about.
const PAGE: usize = 10;

/// A filter longer than this finds nothing.
const LONGEST_FILTER: usize = 60;

/// What a key asks of the loop; what it does to the screen is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    /// Nothing but a new frame.
    Shown,
    /// To end.
    Quit,
    /// To let the shell have the terminal.
    Suspend,
    /// To draw everything anew, whatever is on the terminal.
    Redraw,
    /// To sample at another interval.
    Interval,
    /// To sample no more, or again.
    Pause,
    /// Another view, which may need more to be read.
    View,
}

/// Does what a key is for, on what is shown.
pub(super) fn press(screen: &mut Screen, shown: Shown, key: KeyEvent, now: Instant) -> Press {
    if key.kind == KeyEventKind::Release {
        return Press::Shown;
    }
    screen.word = None;
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Press::Quit,
            KeyCode::Char('z') => Press::Suspend,
            KeyCode::Char('l') => Press::Redraw,
            _ => Press::Shown,
        };
    }
    if screen.typing {
        return type_filter(screen, key.code);
    }
    match key.code {
        KeyCode::Char('q') => return Press::Quit,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => screen.help = !screen.help,
        KeyCode::Esc => return escape(screen),
        KeyCode::Enter => look_closely(screen, shown),
        KeyCode::Char(' ' | 'p') => {
            screen.paused = match screen.paused {
                None => Some(now),
                Some(_) => None,
            };
            return Press::Pause;
        }
        KeyCode::Char('+' | '=') => return interval(screen, longer(screen.interval)),
        KeyCode::Char('-') => return interval(screen, shorter(screen.interval)),
        KeyCode::Char('/') => screen.typing = true,
        KeyCode::Char('s') => {
            screen.order = (screen.order + 1) % screen.view.orders().len().max(1);
        }
        KeyCode::Tab | KeyCode::Right => return open(screen, screen.view.moved(1)),
        KeyCode::BackTab | KeyCode::Left => {
            return open(screen, screen.view.moved(View::ALL.len() - 1));
        }
        KeyCode::Char(digit @ '1'..='9') => {
            let place = digit.to_digit(10).and_then(|digit| digit.checked_sub(1));
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(&view) = place.and_then(|place| View::ALL.get(place)) {
                return open(screen, view);
            }
        }
        code => choose(screen, code),
    }
    Press::Shown
}

fn open(screen: &mut Screen, view: View) -> Press {
    screen.help = false;
    if view == screen.view {
        return Press::Shown;
    }
    screen.open(view);
    Press::View
}

/// Leaves what was entered last.
fn escape(screen: &mut Screen) -> Press {
    if screen.help {
        screen.help = false;
    } else if screen.subject.is_some() {
        screen.subject = None;
    } else if screen.filter.is_empty() {
        screen.row = None;
    } else {
        screen.filter.clear();
    }
    Press::Shown
}

/// Opens what the chosen row is about; the row stays chosen for the way back.
fn look_closely(screen: &mut Screen, shown: Shown) {
    if screen.subject.is_none() {
        screen.subject = shown.chosen;
        screen.word = match shown.chosen {
            Some(_) => None,
            None if screen.row.is_none() => Some("choose a row first, with the arrows"),
            None => Some("nothing more is known of this row"),
        };
    }
}

fn type_filter(screen: &mut Screen, code: KeyCode) -> Press {
    match code {
        KeyCode::Enter => screen.typing = false,
        KeyCode::Esc => {
            screen.typing = false;
            screen.filter.clear();
        }
        // As in less: erasing the slash leaves.
        KeyCode::Backspace => {
            screen.typing = screen.filter.pop().is_some();
        }
        KeyCode::Char(character) if screen.filter.chars().count() < LONGEST_FILTER => {
            screen.filter.push(character);
        }
        _ => {}
    }
    screen.row = None;
    Press::Shown
}

/// Moves the chosen row; the frame knows which is the last.
fn choose(screen: &mut Screen, code: KeyCode) {
    let row = screen.row;
    let down = |rows: usize| row.map_or(rows - 1, |row| row.saturating_add(rows));
    let up = |rows| row.map(|row: usize| row.saturating_sub(rows));
    screen.row = match code {
        KeyCode::Down | KeyCode::Char('j') => Some(down(1)),
        KeyCode::PageDown => Some(down(PAGE)),
        KeyCode::Up | KeyCode::Char('k') => up(1),
        KeyCode::PageUp => up(PAGE),
        KeyCode::Home | KeyCode::Char('g') => Some(0),
        KeyCode::End | KeyCode::Char('G') => Some(usize::MAX),
        _ => row,
    };
}

fn interval(screen: &mut Screen, interval: Option<Duration>) -> Press {
    match interval {
        Some(interval) => {
            screen.interval = interval;
            screen.stretched = None;
            Press::Interval
        }
        None => Press::Shown,
    }
}

fn longer(interval: Duration) -> Option<Duration> {
    INTERVALS.into_iter().find(|&step| step > interval)
}

fn shorter(interval: Duration) -> Option<Duration> {
    INTERVALS.into_iter().rev().find(|&step| step < interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::watch::Subject;

    fn screen() -> Screen {
        Screen::new(Duration::from_secs(1))
    }

    fn code(screen: &mut Screen, code: KeyCode) -> Press {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        press(screen, Shown::default(), key, Instant::now())
    }

    fn keys(screen: &mut Screen, text: &str) -> Press {
        let mut last = Press::Shown;
        for character in text.chars() {
            last = code(screen, KeyCode::Char(character));
        }
        last
    }

    #[test]
    fn q_and_ctrl_c_quit_and_ctrl_z_suspends() {
        let mut screen = screen();
        assert_eq!(keys(&mut screen, "q"), Press::Quit);
        for (key, does) in [
            ('c', Press::Quit),
            ('z', Press::Suspend),
            ('l', Press::Redraw),
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
        assert_eq!(keys(&mut screen, "/quit 12"), Press::Shown);
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
        assert_eq!(keys(&mut screen, &last.to_string()), Press::View);
        assert_eq!(Some(&screen.view), View::ALL.last());
        assert_eq!(screen.filter, "", "each view has its own rows");
        assert_eq!(code(&mut screen, KeyCode::Tab), Press::View);
        assert_eq!(screen.view, View::Overview);
        assert_eq!(keys(&mut screen, "1"), Press::Shown, "it is open");
        assert_eq!(keys(&mut screen, "9"), Press::Shown, "there is none");
        assert_eq!(code(&mut screen, KeyCode::BackTab), Press::View);
        assert_eq!(Some(&screen.view), View::ALL.last());
    }

    #[test]
    fn space_pauses_and_goes_on() {
        let mut screen = screen();
        assert_eq!(keys(&mut screen, " "), Press::Pause);
        assert!(screen.paused.is_some());
        assert_eq!(keys(&mut screen, " "), Press::Pause);
        assert!(screen.paused.is_none());
    }

    #[test]
    fn intervals_step_and_have_ends() {
        let mut screen = screen();
        assert_eq!(keys(&mut screen, "+"), Press::Interval);
        assert_eq!(screen.interval, Duration::from_secs(2));
        assert_eq!(keys(&mut screen, "---"), Press::Interval);
        assert_eq!(screen.interval, Duration::from_millis(200));
        keys(&mut screen, "--------");
        assert_eq!(screen.interval, Duration::from_millis(100));
        assert_eq!(keys(&mut screen, "-"), Press::Shown);
        screen.interval = Duration::from_secs(7);
        keys(&mut screen, "+");
        assert_eq!(screen.interval, Duration::from_secs(10));
    }

    #[test]
    fn arrows_choose_rows() {
        let mut screen = screen();
        code(&mut screen, KeyCode::Up);
        assert_eq!(screen.row, None);
        code(&mut screen, KeyCode::Down);
        code(&mut screen, KeyCode::Down);
        assert_eq!(screen.row, Some(1));
        code(&mut screen, KeyCode::End);
        code(&mut screen, KeyCode::Down);
        assert_eq!(screen.row, Some(usize::MAX));
        code(&mut screen, KeyCode::Esc);
        assert_eq!(screen.row, None);
    }

    #[test]
    fn enter_looks_closely_at_what_is_shown_and_escape_comes_back() {
        let mut screen = screen();
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        press(&mut screen, Shown::default(), enter, Instant::now());
        assert_eq!(screen.subject, None);
        assert!(screen.word.is_some(), "said why");
        screen.row = Some(0);
        let shown = Shown {
            last_row: 3,
            chosen: Some(Subject::Process(7)),
        };
        press(&mut screen, shown, enter, Instant::now());
        assert_eq!(screen.subject, Some(Subject::Process(7)));
        code(&mut screen, KeyCode::Esc);
        assert_eq!((screen.subject, screen.row), (None, Some(0)));
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
}
