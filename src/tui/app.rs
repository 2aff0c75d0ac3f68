//! The loop behind the screen: samples, keys, signals and frames.
//!
//! Samples are taken, keys are read and signals are awaited in threads of their
//! own, each of which tells this loop: a slow sample never delays a key.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use super::keys::{Action, point, press};
use super::schedule::{Limit, Schedule, stretched};
use super::screen::{FrameContext, Screen, Shown};
use super::signals;
use super::terminal::{self, Tty};
use super::threads::{Message, Sampler, start_keyboard, start_sampler};
use crate::classify::Assessment;
use crate::classify::history::{Reading, Timeline};
use crate::collect::Details;
use crate::render::Style;

/// Clocks on the screen go on without a sample.
const REFRESH: Duration = Duration::from_millis(500);
/// Messages that may wait: whoever pastes a file into the terminal waits, too.
const PENDING: usize = 64;
/// No eye sees more frames.
const FRAME: Duration = Duration::from_millis(40);

/// As text: that of a terminal that is gone would end the screen quietly.
fn no_keys(error: &io::Error) -> anyhow::Error {
    anyhow!("cannot read keys: {error}; use --lines")
}

/// How the screen begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Time from sample to sample.
    pub(crate) interval: Duration,
    /// When it ends by itself.
    pub(crate) limit: Limit,
    /// Colours and characters.
    pub(crate) style: Style,
}

/// Shows the screen until it is told to end, and tells `judged` of each sample.
///
/// # Errors
///
/// When the first sample can't be taken, the terminal can't be set up, or the
/// output fails. The error of a terminal that is gone has its [`io::Error`].
pub(crate) fn run(
    options: Options,
    sampler: Sampler,
    judged: &mut dyn FnMut(&Assessment),
) -> anyhow::Result<()> {
    let (tell, messages) = mpsc::sync_channel(PENDING);
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT];
    let told = tell.clone();
    signals::listen(&signals, move |signal| {
        // A loop that is stuck takes nothing out of a channel that is full.
        let sent = told.try_send(Message::Signal(signal));
        signals::end_after_grace(signal, terminal::give_back_without_waiting);
        match sent {
            Err(TrySendError::Full(message)) => told.send(message).is_ok(),
            Err(TrySendError::Disconnected(_)) => false,
            Ok(()) => true,
        }
    })?;
    let (orders, sampler) = start_sampler(sampler, tell.clone())?;
    let now = Instant::now();
    let mut app = App {
        judged,
        limit: options.limit,
        orders,
        sampler,
        waiting: false,
        timeline: Timeline::default(),
        screen: Screen::new(options.interval),
        schedule: Schedule::new(now, options.interval),
        start: now,
        style: options.style,
        dirty: true,
        drawn: None,
        shown: Shown::default(),
    };
    // Where nothing can be read, that is said on the terminal as it is.
    if !app.first_sample(&messages)? {
        return Ok(());
    }
    // Taking the terminal fails as one that is gone, where it only has no keys.
    terminal::check_keys().map_err(|error| no_keys(&error))?;
    let mut tty = Tty::take().context("cannot set the terminal up; --lines needs none")?;
    start_keyboard(tell)?;
    app.run(&mut tty, &messages)?;
    tty.give_back().context("cannot give the terminal back")
}

/// The loop and what it knows.
struct App<'a> {
    judged: &'a mut dyn FnMut(&Assessment),
    limit: Limit,
    orders: Sender<Details>,
    sampler: JoinHandle<()>,
    /// A sample was ordered and hasn't come.
    waiting: bool,
    timeline: Timeline,
    screen: Screen,
    schedule: Schedule,
    start: Instant,
    style: Style,
    /// The frame on the terminal isn't the one that would be drawn now.
    dirty: bool,
    drawn: Option<Instant>,
    /// What is on the terminal.
    shown: Shown,
}

impl App<'_> {
    /// Waits for the first sample; false when a signal came before it.
    fn first_sample(&mut self, messages: &Receiver<Message>) -> anyhow::Result<bool> {
        self.order()?;
        loop {
            match messages.recv_timeout(REFRESH) {
                Ok(Message::Sampled(sampled)) => {
                    self.sampled(sampled?);
                    return Ok(true);
                }
                Ok(Message::Signal(SIGTSTP)) => signals::stop(),
                Ok(Message::Signal(SIGCONT)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Signal(_)) => return Ok(false),
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the threads are gone"),
            }
            self.check_sampler()?;
        }
    }

    fn run(&mut self, tty: &mut Tty, messages: &Receiver<Message>) -> anyhow::Result<()> {
        loop {
            let now = Instant::now();
            if self.is_over(now) {
                return Ok(());
            }
            if self.is_due(now) {
                self.order()?;
            }
            self.draw(tty, now)?;
            match messages.recv_timeout(self.timeout(now)) {
                Ok(message) => {
                    if self.handle(message, tty)?.is_break() {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.dirty = true,
                Err(RecvTimeoutError::Disconnected) => bail!("the threads are gone"),
            }
            self.check_sampler()?;
        }
    }

    /// Whether the limits that were given are reached, and nothing is awaited.
    fn is_over(&self, now: Instant) -> bool {
        // While it is paused no tick is used, and the next stays where it is.
        let next = match self.screen.paused {
            Some(_) => Some(now),
            None => self.schedule.next(),
        };
        !self.waiting
            && self
                .limit
                .is_reached(self.timeline.taken(), self.start, next)
    }

    fn is_due(&self, now: Instant) -> bool {
        let next = self.schedule.next();
        !self.waiting && self.screen.paused.is_none() && next.is_some_and(|next| now >= next)
    }

    fn order(&mut self) -> anyhow::Result<()> {
        self.waiting = true;
        if self.orders.send(self.screen.detail()).is_err() {
            bail!("the thread that samples is gone");
        }
        Ok(())
    }

    /// A thread that panicked has said so; it would never answer.
    fn check_sampler(&self) -> anyhow::Result<()> {
        if self.sampler.is_finished() {
            bail!("the thread that samples is gone");
        }
        Ok(())
    }

    /// How long to wait for a message.
    fn timeout(&self, now: Instant) -> Duration {
        let mut until = now + REFRESH;
        if !self.waiting
            && self.screen.paused.is_none()
            && let Some(next) = self.schedule.next()
        {
            until = until.min(next);
        }
        if self.dirty
            && let Some(drawn) = self.drawn
        {
            until = until.min(drawn + FRAME);
        }
        until.saturating_duration_since(now)
    }

    fn draw(&mut self, tty: &mut Tty, now: Instant) -> anyhow::Result<()> {
        let soon = self.drawn.is_some_and(|drawn| now < drawn + FRAME);
        if self.dirty && !soon {
            self.draw_now(tty, now)?;
        }
        Ok(())
    }

    fn draw_now(&mut self, tty: &mut Tty, now: Instant) -> anyhow::Result<()> {
        let shown = tty.draw(&FrameContext {
            timeline: &self.timeline,
            screen: &self.screen,
            now,
            style: self.style,
        })?;
        // Only the frame knows which row is the last.
        self.screen.row = self.screen.row.min(shown.last_row);
        self.shown = shown;
        self.drawn = Some(now);
        self.dirty = false;
        Ok(())
    }

    fn handle(&mut self, message: Message, tty: &mut Tty) -> anyhow::Result<ControlFlow<()>> {
        self.dirty = true;
        match message {
            Message::Sampled(Ok(reading)) => self.sampled(reading),
            Message::Sampled(Err(error)) => self.failed(&error),
            Message::Key(key) => return self.press(key, tty),
            Message::Mouse(event) => {
                let action = point(&mut self.screen, self.shown, event);
                return self.act(action, tty);
            }
            Message::Resized => {}
            // No keys come from a terminal that is gone.
            Message::KeyboardFailed(_) if terminal::is_hung_up() => {
                return Ok(ControlFlow::Break(()));
            }
            Message::KeyboardFailed(error) => return Err(no_keys(&error)),
            Message::Signal(signal) => return self.signalled(signal, tty),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn sampled(&mut self, reading: Box<Reading>) {
        self.screen.failure = None;
        self.advance(reading.at, reading.cost);
        self.timeline.push(*reading);
        if let Some(latest) = self.timeline.latest() {
            (self.judged)(&latest.assessment);
        }
    }

    /// What is on the screen stays there, and is called stale.
    fn failed(&mut self, error: &anyhow::Error) {
        self.screen.failure = Some(error.to_string());
        self.timeline.gap();
        self.advance(Instant::now(), Duration::ZERO);
    }

    /// The sample that was ordered is here; it began at `began`.
    fn advance(&mut self, began: Instant, cost: Duration) {
        self.waiting = false;
        let missed = self.schedule.advance(began, Instant::now());
        self.screen.stretched = stretched(self.screen.interval, cost, missed);
    }

    fn press(&mut self, key: KeyEvent, tty: &mut Tty) -> anyhow::Result<ControlFlow<()>> {
        let now = Instant::now();
        // Keys come faster than frames: Enter means the row that was chosen
        // just before.
        if key.code == KeyCode::Enter {
            self.draw_now(tty, now)?;
        }
        let action = press(&mut self.screen, self.shown, key, now);
        // The frame above is of before the key.
        self.dirty = true;
        self.act(action, tty)
    }

    fn act(&mut self, action: Action, tty: &mut Tty) -> anyhow::Result<ControlFlow<()>> {
        let now = Instant::now();
        match action {
            Action::Quit => return Ok(ControlFlow::Break(())),
            Action::Shown => {}
            Action::Save => {
                let text = tty.text(&FrameContext {
                    timeline: &self.timeline,
                    screen: &self.screen,
                    now,
                    style: self.style,
                });
                self.screen.message = Some(match save(&text) {
                    Ok(path) => format!("saved as {}", path.display()).into(),
                    Err(error) => format!("not saved: {error}").into(),
                });
            }
            Action::Redraw => tty.redraw()?,
            Action::Suspend => self.suspend(tty)?,
            Action::Interval => self.schedule.change(now, self.screen.interval),
            Action::Pause => {
                self.timeline.gap();
                if self.screen.paused.is_none() {
                    self.schedule = Schedule::new(now, self.screen.interval);
                }
            }
            // What the view needs shall not wait for the next tick.
            Action::View => {
                if self.screen.paused.is_none() {
                    self.schedule = Schedule::new(now, self.screen.interval);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn signalled(&mut self, signal: i32, tty: &mut Tty) -> anyhow::Result<ControlFlow<()>> {
        match signal {
            SIGTSTP => self.suspend(tty)?,
            // Stopped by what nobody can catch (SIGSTOP), and back.
            SIGCONT => tty.retake()?,
            SIGQUIT => {
                tty.give_back()?;
                signals::quit();
            }
            _ => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn suspend(&mut self, tty: &mut Tty) -> anyhow::Result<()> {
        if !signals::has_shell() {
            self.screen.message = Some("not suspended: no shell could continue it".into());
            return Ok(());
        }
        tty.give_back()?;
        signals::stop();
        // The message of SIGCONT comes later than the next frame.
        tty.retake()?;
        Ok(())
    }
}

/// Writes the screen to a new file in the current directory, or where that can't
/// be written to, in that for temporary files. A file or link that is there is
/// left alone.
fn save(text: &str) -> io::Result<PathBuf> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let name = format!("tcpstate-{now}.txt");
    let directories = [env::current_dir()?, env::temp_dir()];
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for directory in directories {
        let path = directory.join(&name);
        let mut options = OpenOptions::new();
        // It names programs of other users.
        options.write(true).create_new(true).mode(0o600);
        match options
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
        {
            Ok(()) => return Ok(path),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
