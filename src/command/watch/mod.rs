//! `tcpstate watch`: what is changing, right now?

mod keys;
mod limit;
mod rescue;
mod schedule;
mod screen;
mod signals;
mod stream;
mod suspend;
mod terminal;
mod threads;

use std::env;
use std::io::{self, IsTerminal};

use anyhow::bail;

use self::limit::Limit;
use super::{Outcome, source};
use crate::cli::{CommonArgs, WatchArgs};
use crate::collect::{Connections, Question, Sampler};

/// Watches until it is told to end.
pub(super) fn run(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Outcome> {
    if common.replay.is_some() {
        bail!(
            "cannot watch a recording: nothing in it changes; see it with tcpstate --replay FILE"
        );
    }
    // The parser sees only what stands behind the command.
    if common.json && args.lines {
        bail!("cannot print lines and documents at once: leave out --lines or --json");
    }
    let interval = args.interval.0;
    let question = Question {
        family: source::family(common),
        connections: if args.exact {
            Connections::CountedOneByOne
        } else {
            Connections::Counted
        },
        ..Question::default()
    };
    let sampler = Sampler::new(source::open(common)?, question);
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

/// Where the output goes, as it was at the beginning: a terminal that is gone
/// is none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Terminal,
    /// A pipe, a file, a socket.
    Other,
}

impl Sink {
    fn of_stdout() -> Self {
        if io::stdout().is_terminal() {
            Self::Terminal
        } else {
            Self::Other
        }
    }

    /// Whether output failed because nobody is there any more: the reader of a
    /// pipe, or the terminal. The error of a terminal that is gone is that of
    /// a disk that fails, too.
    fn is_gone(self, error: &io::Error) -> bool {
        use rustix::io::Errno;
        let errno = Errno::from_io_error(error);
        error.kind() == io::ErrorKind::BrokenPipe
            || self == Self::Terminal && matches!(errno, Some(Errno::IO | Errno::NXIO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    /// A disk that failed ended it quietly, as if all had been written.
    #[test]
    fn only_a_terminal_is_gone_after_an_input_output_error() {
        for errno in [Errno::IO, Errno::NXIO] {
            assert!(Sink::Terminal.is_gone(&errno.into()));
            assert!(!Sink::Other.is_gone(&errno.into()));
        }
        assert!(Sink::Other.is_gone(&Errno::PIPE.into()));
        assert!(!Sink::Terminal.is_gone(&Errno::NOSPC.into()));
    }
}
