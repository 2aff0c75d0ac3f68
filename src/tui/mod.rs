//! The screen of `watch`: keys, terminal, loop and views.
//!
//! A frame is a pure function of the samples so far, the screen as the user left
//! it, and the time. When samples come and which signals end it is the streams'
//! concern too.

#[cfg(feature = "tui")]
mod app;
#[cfg(feature = "tui")]
mod frame;
#[cfg(feature = "tui")]
mod keys;
pub(crate) mod schedule;
#[cfg(feature = "tui")]
mod screen;
pub(crate) mod signals;
#[cfg(feature = "tui")]
mod terminal;
#[cfg(feature = "tui")]
mod threads;
#[cfg(feature = "tui")]
mod views;
#[cfg(feature = "tui")]
mod widgets;

#[cfg(feature = "tui")]
pub(crate) use self::app::{Options, run};

#[cfg(feature = "tui")]
#[cfg(test)]
mod tests;
