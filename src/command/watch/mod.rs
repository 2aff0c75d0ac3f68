//! `tcpstate watch`: what is changing, right now?

mod keys;
mod leaks;
mod limit;
mod pressure;
mod rescue;
mod sampler;
mod schedule;
mod screen;
mod signals;
mod stream;
mod suspend;
mod terminal;
mod threads;

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::bail;

use self::limit::Limit;
use self::sampler::Sampler;
use super::Outcome;
use crate::cli::{CommonArgs, WatchArgs};

/// Nobody can read faster, and a kernel has better things to do.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// Watches until it is told to end.
pub(super) fn run(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Outcome> {
    if common.replay.is_some() {
        bail!(
            "cannot watch a recording: nothing in it changes; see it with tcpstate --replay FILE"
        );
    }
    let interval = args.interval.0;
    if interval < SHORTEST_INTERVAL {
        bail!("cannot take a sample every {interval:?}: --interval is 1ms at least");
    }
    let sampler = Sampler::open(common, args)?;
    let limit = Limit::new(args);
    let on_screen = !common.json && !args.lines && has_screen();
    if on_screen {
        screen::run(common, interval, limit, sampler)
    } else {
        stream::run(common, interval, limit, sampler)
    }
}

/// Whether stdout is a terminal that can be drawn on.
fn has_screen() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Whether output failed because nobody is there any more: the reader of a
/// pipe, or the terminal.
fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.kind() == io::ErrorKind::BrokenPipe
        || Errno::from_io_error(error).is_some_and(|errno| matches!(errno, Errno::IO | Errno::NXIO))
}
