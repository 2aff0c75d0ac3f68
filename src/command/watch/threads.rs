//! The threads beside the loop of the screen, and what they tell it.

use std::io;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use crossterm::event::{self, Event, KeyEvent};

use crate::classify::history::Reading;
use crate::collect::{Details, Sampler};
use crate::kernel::KernelError;
use crate::render::watch::View;

/// What the threads tell.
pub(super) enum Message {
    /// A sample that was ordered.
    Sampled(Result<Box<Reading>, KernelError>),
    /// A key.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// Keys can't be read any more, and why.
    Deaf(io::Error),
    /// A signal.
    Signal(i32),
}

/// Takes a sample for each order, which says for what view.
pub(super) fn start_sampler(
    mut sampler: Sampler,
    tell: SyncSender<Message>,
) -> anyhow::Result<(Sender<View>, JoinHandle<()>)> {
    let (order, orders) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("sampler".to_owned())
        .spawn(move || {
            for view in orders {
                let reading = sampler.take(details(view)).map(Box::new);
                if tell.send(Message::Sampled(reading)).is_err() {
                    return;
                }
            }
        })
        .context("cannot start the thread that samples")?;
    Ok((order, thread))
}

/// What a view needs besides the sample.
const fn details(view: View) -> Details {
    match view {
        View::Leaks => Details::Leaks,
        View::Ports | View::Listeners => Details::Connections,
        View::Overview | View::Settings => Details::None,
    }
}

/// Reads keys.
pub(super) fn start_keyboard(tell: SyncSender<Message>) -> anyhow::Result<()> {
    thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            loop {
                let message = match event::read() {
                    Ok(Event::Key(key)) => Message::Key(key),
                    Ok(Event::Resize(..)) => Message::Resized,
                    Ok(_) => continue,
                    Err(error) => Message::Deaf(error),
                };
                let deaf = matches!(message, Message::Deaf(_));
                if tell.send(message).is_err() || deaf {
                    return;
                }
            }
        })
        .context("cannot start the thread that reads keys")?;
    Ok(())
}
