//! `tcpstate watch`: what is changing, right now?

mod notes;
mod stream;

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::bail;

use self::stream::Format;
use super::{Outcome, outcome, output, source};
use crate::classify::Assessment;
use crate::cli::{CommonArgs, WatchArgs};
use crate::collect::{Connections, Question, Sampler};
use crate::render::Style;
#[cfg(feature = "tui")]
use crate::tui;
use crate::tui::schedule::Limit;

/// Watches until it is told to end.
pub(super) fn run(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Outcome> {
    if common.replay.is_some() {
        bail!(
            "cannot watch a recording: nothing in it changes; see it with tcpstate --replay FILE"
        );
    }
    if common.netns.is_some() {
        bail!(
            "cannot watch another network namespace yet: nsenter -t PID -n tcpstate watch runs in \
             it"
        );
    }
    // The parser sees only what stands behind the command.
    if common.json && args.lines {
        bail!("cannot print lines and documents at once: leave out --lines or --json");
    }
    let question = Question {
        connections: if args.exact {
            Connections::CountedOneByOne
        } else {
            Connections::Counted
        },
        ..Question::default()
    };
    let wanted = source::Wanted {
        words: &args.filter.words,
        ..source::Wanted::default()
    };
    let namespace = source::select(source::open(common)?, common, &wanted)?;
    let mut sampler = Sampler::new(namespace, question);
    let limit = Limit {
        count: args.count,
        duration: args.duration.map(|duration| duration.0),
    };
    let style = output::style(common.color);
    let sink = Sink::of_stdout();
    let mut ended = Outcome::Done;
    let mut judged = |assessment: &Assessment| {
        if ended == Outcome::Done {
            ended = outcome(common, assessment);
        }
    };
    let watched = if common.json || args.lines || !has_screen() {
        let format = if common.json {
            Format::Documents
        } else {
            Format::Lines(style)
        };
        let options = stream::Options {
            format,
            interval: args.interval.0,
            limit,
        };
        stream::run(options, &mut |detail| sampler.take(detail), &mut judged)
    } else {
        screen(args.interval.0, limit, style, sampler, &mut judged)
    };
    match watched {
        Err(error) if sink.is_gone(&error) => Ok(ended),
        Err(error) => Err(error),
        Ok(()) => Ok(ended),
    }
}

/// Whether stdout is a terminal that can be drawn on.
fn has_screen() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb")
}

#[cfg(feature = "tui")]
fn screen(
    interval: Duration,
    limit: Limit,
    style: Style,
    mut sampler: Sampler,
    judged: &mut dyn FnMut(&Assessment),
) -> anyhow::Result<()> {
    let options = tui::Options {
        interval,
        limit,
        style,
    };
    tui::run(
        options,
        Box::new(move |detail| Ok(sampler.take(detail)?)),
        judged,
    )
}

#[cfg(not(feature = "tui"))]
fn screen(
    _: Duration,
    _: Limit,
    _: Style,
    _: Sampler,
    _: &mut dyn FnMut(&Assessment),
) -> anyhow::Result<()> {
    bail!(
        "cannot show the screen: this tcpstate was built without its cargo feature tui; use \
         --lines or --json"
    )
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
    fn is_gone(self, error: &anyhow::Error) -> bool {
        use rustix::io::Errno;
        let Some(error) = error.downcast_ref::<io::Error>() else {
            return false;
        };
        let errno = Errno::from_io_error(error);
        error.kind() == io::ErrorKind::BrokenPipe
            || self == Self::Terminal && matches!(errno, Some(Errno::IO | Errno::NXIO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    fn error(errno: Errno) -> anyhow::Error {
        anyhow::Error::new(io::Error::from(errno)).context("cannot write the output")
    }

    /// A disk that failed ended it quietly, as if all had been written.
    #[test]
    fn only_a_terminal_is_gone_after_an_input_output_error() {
        for errno in [Errno::IO, Errno::NXIO] {
            assert!(Sink::Terminal.is_gone(&error(errno)));
            assert!(!Sink::Other.is_gone(&error(errno)));
        }
        assert!(Sink::Other.is_gone(&error(Errno::PIPE)));
        assert!(!Sink::Terminal.is_gone(&error(Errno::NOSPC)));
    }
}
