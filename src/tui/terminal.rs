//! The terminal: taken, and always given back.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{frame, text};
use super::screen::{FrameContext, Shown};

/// What a terminal has that doesn't know its size: a serial console says 0 by
/// 0 until somebody tells it.
const USUAL: Rect = Rect::new(0, 0, 80, 24);

/// Whether the terminal is ours now, for whoever has no [`Tty`].
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours. It is given back when this is dropped, and
/// when anything panics, in whatever thread.
pub(super) struct Tty {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// What is drawn on.
    area: Rect,
    /// Whether it is ours now: not so while we are suspended.
    taken: bool,
}

impl Tty {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        let backend = CrosstermBackend::new(io::stdout());
        let area = area_of(backend.size()?);
        // One that follows the size of the terminal would follow it to 0 by 0.
        let viewport = Viewport::Fixed(area);
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        let mut tty = Self {
            terminal,
            area,
            taken: false,
        };
        tty.retake()?;
        Ok(tty)
    }

    /// Takes the terminal again, whatever happened to it since.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        self.taken = true;
        TAKEN.store(true, Ordering::SeqCst);
        // crossterm believes that a terminal which it made raw is still raw;
        // after a stop the shell has made it something else.
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, Hide)?;
        self.redraw()
    }

    /// Forgets what is on the terminal: the next frame is drawn in full.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.area = area_of(self.terminal.size()?);
        // `clear` would ask the terminal for its cursor and wait for an
        // answer, which another thread reads.
        self.terminal.resize(self.area)
    }

    /// Draws a frame, of the size that the terminal has now if it knows.
    pub(super) fn draw(&mut self, context: &FrameContext<'_>) -> io::Result<Shown> {
        if area_of(self.terminal.size()?) != self.area {
            self.redraw()?;
        }
        // `Terminal::draw` would hide the cursor at every frame, and show it
        // again when it is dropped: where the terminal is gone that fails, and
        // ratatui says so on stderr, which panics where that is gone too.
        let shown = frame(self.terminal.current_buffer_mut(), context);
        self.terminal.flush()?;
        self.terminal.swap_buffers();
        Backend::flush(self.terminal.backend_mut())?;
        Ok(shown)
    }

    /// What is on the terminal, as text.
    pub(super) fn text(&self, context: &FrameContext<'_>) -> String {
        let mut buffer = Buffer::empty(self.area);
        frame(&mut buffer, context);
        text(&buffer)
    }

    /// Gives the terminal back.
    pub(super) fn give_back(&mut self) -> io::Result<()> {
        self.taken = false;
        give_back()
    }
}

/// Columns and lines that are drawn on at most. A terminal may say that it has
/// 65,535 of each, and a frame of that size doesn't fit into memory.
const LARGEST: (u16, u16) = (1_000, 500);

/// What there is to draw on in a terminal that says it has this size.
fn area_of(size: Size) -> Rect {
    match (size.width, size.height) {
        (0, _) | (_, 0) => USUAL,
        (width, height) => Rect::new(0, 0, width.min(LARGEST.0), height.min(LARGEST.1)),
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        if self.taken {
            // Nobody is left to tell when the terminal is gone.
            let _ = give_back();
        }
    }
}

/// Whether there is anything to read keys from: as crossterm does, stdin, or
/// else the terminal that controls this process.
pub(super) fn check_keys() -> io::Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    File::open("/dev/tty").map(drop)
}

/// Whether stdout, which was a terminal, is one that hung up.
pub(super) fn is_hung_up() -> bool {
    rustix::termios::tcgetattr(rustix::stdio::stdout()).is_err()
}

/// Gives the terminal back while the loop may sit in a write to it, and hold
/// the lock of stdout: what can't be written at once stays unwritten, but the
/// terminal's mode is its own again, which takes no write.
pub(super) fn give_back_without_waiting() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = disable_raw_mode();
    let mut commands = Vec::new();
    let stdout = rustix::stdio::stdout();
    let now = Timespec::default();
    let mut ready = [PollFd::new(&stdout, PollFlags::OUT)];
    let has_room = matches!(poll(&mut ready, Some(&now)), Ok(1..));
    if has_room && execute!(commands, DisableMouseCapture, LeaveAlternateScreen, Show).is_ok() {
        let _ = rustix::io::write(stdout, &commands);
    }
}

/// Undoes everything, and goes on when a part of it fails.
fn give_back() -> io::Result<()> {
    TAKEN.store(false, Ordering::SeqCst);
    let shown = execute!(
        io::stdout(),
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    let cooked = disable_raw_mode();
    shown.and(cooked).and(io::stdout().flush())
}

/// What a panic says shall stand on a terminal that shows it.
fn give_back_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let _ = give_back();
        before(info);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    /// The process that panics: the test below starts it.
    #[test]
    #[ignore = "a helper process: needs a terminal"]
    fn panics_while_the_terminal_is_taken() {
        let _tty = Tty::take().unwrap();
        assert!(thread::spawn(|| panic!("as a bug would")).join().is_err());
        // Nothing but the hook may give the terminal back.
        std::process::abort();
    }

    #[test]
    fn a_panic_in_any_thread_gives_the_terminal_back() {
        let directory = tempfile::tempdir().unwrap();
        let tmux = |arguments: &[&str]| {
            let socket = directory.path().join("tmux");
            let mut command = Command::new("tmux");
            command.arg("-S").arg(socket).args(arguments).output()
        };
        let binary = std::env::current_exe().unwrap();
        let test = "tui::terminal::tests::panics_while_the_terminal_is_taken";
        let shell = format!(
            "{} --exact {test} --ignored --nocapture; stty -a; cat",
            binary.display()
        );
        if let Err(error) = tmux(&["-f", "/dev/null", "new-session", "-d", &shell]) {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "can't be skipped with CI=true: tmux: {error}");
            let _ = writeln!(io::stderr(), "SKIPPED a panic in the screen: tmux: {error}");
            return;
        }
        let start = Instant::now();
        loop {
            let screen = tmux(&["capture-pane", "-p", "-S", "-"]).unwrap().stdout;
            let screen = String::from_utf8_lossy(&screen).into_owned();
            let state = ["display-message", "-p", "#{alternate_on} #{cursor_flag}"];
            let state = tmux(&state).unwrap().stdout;
            if screen.contains("as a bug would") && screen.contains(" icanon") && state == b"0 1\n"
            {
                break;
            }
            let waited = start.elapsed();
            assert!(waited < Duration::from_secs(60), "at last: {screen}");
            thread::sleep(Duration::from_millis(20));
        }
        tmux(&["kill-server"]).unwrap();
    }
}
