//! What keys and signals do to the loop.

use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};
use signal_hook::consts::{SIGCONT, SIGQUIT, SIGTSTP};

use super::super::keys::{Press, press};
use super::super::schedule::Schedule;
use super::super::signals;
use super::super::terminal::Tty;
use super::{App, Next, suspend};

impl App<'_> {
    pub(super) fn press(&mut self, key: KeyEvent, tty: &mut Tty) -> anyhow::Result<Next> {
        let now = Instant::now();
        // Keys come faster than frames: Enter means the row that was chosen
        // just before.
        if key.code == KeyCode::Enter {
            self.draw_now(tty, now)?;
        }
        let pressed = press(&mut self.screen, self.shown, key, now);
        // The frame above is of before the key.
        self.dirty = true;
        match pressed {
            Press::Quit => return Ok(Next::Ends),
            Press::Shown => {}
            Press::Redraw => tty.redraw()?,
            Press::Suspend => self.suspend(tty)?,
            Press::Interval => self.schedule.change(now, self.screen.interval),
            Press::Pause => {
                self.timeline.gap();
                if self.screen.paused.is_none() {
                    self.schedule = Schedule::new(now, self.screen.interval);
                }
            }
            // What the view needs shall not wait for the next tick.
            Press::View => {
                if self.screen.paused.is_none() {
                    self.schedule = Schedule::new(now, self.screen.interval);
                }
            }
        }
        Ok(Next::Goes)
    }

    pub(super) fn signalled(&mut self, signal: i32, tty: &mut Tty) -> anyhow::Result<Next> {
        match signal {
            SIGTSTP => self.suspend(tty)?,
            // Stopped by what nobody can catch (SIGSTOP), and back.
            SIGCONT => tty.retake()?,
            SIGQUIT => {
                tty.give_back()?;
                signals::quit();
            }
            _ => return Ok(Next::Ends),
        }
        Ok(Next::Goes)
    }

    fn suspend(&mut self, tty: &mut Tty) -> anyhow::Result<()> {
        if !suspend::has_shell() {
            self.screen.word = Some("nobody could wake us up again: not suspended");
            return Ok(());
        }
        tty.give_back()?;
        suspend::stop();
        // The message of SIGCONT comes later than the next frame.
        tty.retake()?;
        Ok(())
    }
}
