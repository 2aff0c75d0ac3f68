//! Where output goes, and how it shall look there.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::stdout;
use rustix::termios::tcgetwinsize;

use crate::cli::ColorChoice;
use crate::render::Style;
use crate::text::reason;

/// Below this a table makes no sense; a terminal that says so has no size yet.
const NARROWEST: u16 = 20;

/// So much of a long text is written at once: as much as a pipe holds.
const PIECE: usize = 64 * 1024;

/// Writes a finished text in one go: a command that fails later must not leave
/// half a table behind.
///
/// # Errors
///
/// When it can't be written. That nobody reads it is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    finish(Stdout, |stdout| stdout.write_all(text.as_bytes()))
}

/// Writes piece by piece what may be too long to hold it in memory. By then
/// nothing can fail any more but the writing.
pub(super) fn stream(
    write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>,
) -> anyhow::Result<()> {
    finish(BufWriter::with_capacity(PIECE, Stdout), write)
}

/// Stdout, without the buffer of the standard library, which loses what it holds
/// when a write fails. A pipe that somebody else has made non-blocking is waited
/// for like any other.
#[derive(Debug)]
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(stdout(), bytes) {
                Err(Errno::AGAIN) => {
                    match poll(&mut [PollFd::new(&stdout(), PollFlags::OUT)], None) {
                        Ok(_) | Err(Errno::INTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that has enough of it is no error, and changes no exit status.
fn finish<W: Write>(mut to: W, write: impl FnOnce(&mut W) -> io::Result<()>) -> anyhow::Result<()> {
    match write(&mut to).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the output"),
    }
}

/// An error and its causes, in the kernel's words where they are the kernel's.
#[must_use]
pub fn in_words(error: &anyhow::Error) -> String {
    let causes = error.chain().map(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .map_or_else(|| cause.to_string(), reason)
    });
    causes.collect::<Vec<_>>().join(": ")
}

/// Says something about the answer that isn't part of it.
pub(super) fn note(text: &str) {
    // With stderr gone there is nobody to tell, and the answer still counts.
    let _ = writeln!(io::stderr(), "tcpstate: {text}");
}

/// The style of stdout.
pub(super) fn style(choice: ColorChoice) -> Style {
    let on_terminal = stdout().is_terminal();
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let color = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            on_terminal && !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    };
    let width = on_terminal
        .then(|| tcgetwinsize(stdout()).ok())
        .flatten()
        .map(|size| size.ws_col)
        .filter(|&columns| columns >= NARROWEST)
        .map(usize::from);
    Style {
        color,
        unicode: speaks_utf8(),
        width,
    }
}

/// Whether the locale can show more than ASCII: cron's can't, and its mails
/// would be full of question marks.
fn speaks_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|locale| {
            let locale = locale.to_string_lossy().to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
}
