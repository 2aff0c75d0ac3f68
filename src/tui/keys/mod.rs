//! What a key does to the screen, as in less and htop.

use std::time::{Duration, Instant};

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::screen::{Screen, Shown, Subject, TABS, View};

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

/// Rows that a step of the mouse's wheel goes.
const WHEEL: usize = 3;

/// A filter longer than this finds nothing.
const LONGEST_FILTER: usize = 60;

/// What a key asks of the loop. What it does to the screen is done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
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
    /// To save the screen as text.
    Save,
}

/// Does what a key is for, on what is shown.
pub(super) fn press(screen: &mut Screen, shown: Shown, key: KeyEvent, now: Instant) -> Action {
    if key.kind == KeyEventKind::Release {
        return Action::Shown;
    }
    screen.message = None;
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Action::Quit,
            KeyCode::Char('z') => Action::Suspend,
            KeyCode::Char('l') => Action::Redraw,
            _ => Action::Shown,
        };
    }
    if screen.typing {
        return type_filter(screen, key.code);
    }
    match key.code {
        KeyCode::Char('q') => return Action::Quit,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => screen.help = !screen.help,
        KeyCode::Esc => return escape(screen),
        KeyCode::Enter => return open_row(screen, shown),
        KeyCode::Char('w') => return Action::Save,
        KeyCode::Char(' ' | 'p') => {
            screen.paused = match screen.paused {
                None => Some(now),
                Some(_) => None,
            };
            return Action::Pause;
        }
        KeyCode::Char('+' | '=') => {
            return interval(screen, longer(screen.interval), "300 s is the longest");
        }
        KeyCode::Char('-') => {
            return interval(screen, shorter(screen.interval), "100 ms is the shortest");
        }
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
    Action::Shown
}

fn open(screen: &mut Screen, view: View) -> Action {
    screen.help = false;
    if view == screen.view {
        return Action::Shown;
    }
    screen.open(view);
    Action::View
}

/// Leaves what was entered last.
fn escape(screen: &mut Screen) -> Action {
    if screen.help {
        screen.help = false;
    } else if !screen.filter.is_empty() {
        screen.filter.clear();
    } else if screen.subject.is_some() {
        screen.leave();
    }
    Action::Shown
}

/// Opens what the chosen row is about; the row stays chosen for the way back.
fn open_row(screen: &mut Screen, shown: Shown) -> Action {
    if screen.subject.is_some() {
        return Action::Shown;
    }
    let Some(subject) = shown.chosen else {
        screen.message = Some("nothing more is known of this row".into());
        return Action::Shown;
    };
    screen.enter(subject);
    match subject {
        // Who waits there is read for it alone.
        Subject::Listener(..) => Action::View,
        Subject::Process(_) | Subject::Destination(..) => Action::Shown,
    }
}

/// Does what the mouse is for: the wheel goes through the rows, a click chooses
/// a row, or opens the one that is chosen, or a view by its tab.
pub(super) fn point(screen: &mut Screen, shown: Shown, event: MouseEvent) -> Action {
    match event.kind {
        MouseEventKind::ScrollDown => {
            screen.row = screen.row.saturating_add(WHEEL).min(shown.last_row);
        }
        MouseEventKind::ScrollUp => screen.row = screen.row.saturating_sub(WHEEL),
        MouseEventKind::Down(MouseButton::Left) if event.row == TABS => {
            let tab = shown.tabs.iter().position(|&end| event.column < end);
            if let Some(&view) = tab.and_then(|tab| View::ALL.get(tab)) {
                return open(screen, view);
            }
        }
        MouseEventKind::Down(MouseButton::Left) => {
            let (first, lines) = shown.lines;
            let Some(line) = event.row.checked_sub(first).filter(|&line| line < lines) else {
                return Action::Shown;
            };
            let row = shown.first_row + usize::from(line);
            if row == screen.row.min(shown.last_row) {
                return open_row(screen, shown);
            }
            screen.row = row;
        }
        _ => {}
    }
    Action::Shown
}

fn type_filter(screen: &mut Screen, code: KeyCode) -> Action {
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
    screen.row = 0;
    Action::Shown
}

/// Moves the chosen row; the frame knows which is the last.
fn choose(screen: &mut Screen, code: KeyCode) {
    screen.row = match code {
        KeyCode::Down | KeyCode::Char('j') => screen.row.saturating_add(1),
        KeyCode::PageDown => screen.row.saturating_add(PAGE),
        KeyCode::Up | KeyCode::Char('k') => screen.row.saturating_sub(1),
        KeyCode::PageUp => screen.row.saturating_sub(PAGE),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => usize::MAX,
        _ => screen.row,
    };
}

/// Takes another interval, or says why there is none.
fn interval(screen: &mut Screen, interval: Option<Duration>, end: &'static str) -> Action {
    let Some(interval) = interval else {
        screen.message = Some(end.into());
        return Action::Shown;
    };
    screen.interval = interval;
    screen.stretched = None;
    Action::Interval
}

fn longer(interval: Duration) -> Option<Duration> {
    INTERVALS.into_iter().find(|&step| step > interval)
}

fn shorter(interval: Duration) -> Option<Duration> {
    INTERVALS.into_iter().rev().find(|&step| step < interval)
}

#[cfg(test)]
mod tests;
