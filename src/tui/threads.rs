//! The threads beside the loop of the screen, and what they tell it.

use std::io;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use crossterm::event::{self, Event, KeyEvent, MouseEvent};

use crate::classify::history::Reading;
use crate::collect::Details;

/// Takes a sample, with what is asked for besides.
pub(crate) type Sampler = Box<dyn FnMut(Details) -> anyhow::Result<Reading> + Send>;

/// What the threads tell.
pub(super) enum Message {
    /// A sample that was ordered.
    Sampled(anyhow::Result<Box<Reading>>),
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resized,
    /// Keys can't be read any more, and why.
    KeyboardFailed(io::Error),
    /// A signal.
    Signal(i32),
}

/// Takes a sample for each order, which says what is asked for besides.
pub(super) fn start_sampler(
    mut sampler: Sampler,
    tell: SyncSender<Message>,
) -> anyhow::Result<(Sender<Details>, JoinHandle<()>)> {
    let (order, orders) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("sampler".to_owned())
        .spawn(move || {
            for detail in orders {
                let reading = sampler(detail).map(Box::new);
                if tell.send(Message::Sampled(reading)).is_err() {
                    return;
                }
            }
        })
        .context("cannot start the thread that samples")?;
    Ok((order, thread))
}

/// Reads keys.
pub(super) fn start_keyboard(tell: SyncSender<Message>) -> anyhow::Result<()> {
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            loop {
                let message = match event::read() {
                    Ok(Event::Key(key)) => Message::Key(key),
                    Ok(Event::Mouse(event)) => Message::Mouse(event),
                    Ok(Event::Resize(..)) => Message::Resized,
                    Ok(_) => continue,
                    Err(error) => Message::KeyboardFailed(error),
                };
                let failed = matches!(message, Message::KeyboardFailed(_));
                if tell.send(message).is_err() || failed {
                    return;
                }
            }
        })
        .context("cannot start the thread that reads keys")?;
    Ok(())
}
