//! The streams: a document or a line for each sample.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::super::output;
use super::notes::Notes;
use crate::classify::Assessment;
use crate::classify::history::{Reading, Timeline};
use crate::collect::Details;
use crate::kernel::KernelError;
use crate::render::text::watch;
use crate::render::{Style, json};
use crate::tui::schedule::{Limit, Schedule, stretched};
use crate::tui::signals;

/// Samples that may fail in a row: what fails for so long doesn't come back.
const FAILURES: u32 = 10;

/// How samples are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Documents,
    Lines(Style),
}

/// What the stream is like, and when it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) format: Format,
    pub(super) interval: Duration,
    pub(super) limit: Limit,
}

/// Writes samples until it is told to end, and tells `judged` of each.
pub(super) fn run(
    options: Options,
    sample: &mut dyn FnMut(Details) -> Result<Reading, KernelError>,
    judged: &mut dyn FnMut(&Assessment),
) -> anyhow::Result<()> {
    let Options {
        interval, limit, ..
    } = options;
    let (tell, told) = mpsc::channel();
    signals::listen(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
        let told = tell.send(signal).is_ok();
        signals::end_after_grace(signal, || ());
        told
    })?;
    let mut stream = Stream {
        format: options.format,
        interval,
        timeline: Timeline::default(),
        notes: Notes::default(),
    };
    let start = Instant::now();
    let mut schedule = Schedule::new(start, interval);
    loop {
        let began = Instant::now();
        match sample(Details::None) {
            Ok(reading) => {
                let text = stream.take(reading, judged)?;
                write(&text)?;
            }
            Err(error) => stream.fail(error)?,
        }
        let missed = schedule.advance(began, Instant::now());
        stream
            .notes
            .stretch(interval, stretched(interval, began.elapsed(), missed));
        let next = schedule.next();
        if limit.is_reached(stream.timeline.taken(), start, next) || !wait(&told, next) {
            return Ok(());
        }
    }
}

/// In one go and at once: whoever reads never sees half a document.
fn write(text: &str) -> anyhow::Result<()> {
    output::Stdout
        .write_all(text.as_bytes())
        .context("cannot write the output")
}

/// Waits for the time to come, if it does; false when a signal came first.
fn wait(told: &Receiver<i32>, until: Option<Instant>) -> bool {
    let Some(until) = until else {
        // A signal, or nobody left who could tell of one.
        let _ = told.recv();
        return false;
    };
    let time = until.saturating_duration_since(Instant::now());
    matches!(told.recv_timeout(time), Err(RecvTimeoutError::Timeout))
}

struct Stream {
    format: Format,
    interval: Duration,
    timeline: Timeline,
    notes: Notes,
}

impl Stream {
    /// Takes a sample, and gives what is to be written of it.
    fn take(
        &mut self,
        reading: Reading,
        judged: &mut dyn FnMut(&Assessment),
    ) -> anyhow::Result<String> {
        self.notes.recovered();
        self.notes.fallback(&reading);
        self.notes.failed_ports(&reading);
        let taken = self.timeline.taken();
        self.timeline.push(reading);
        let Some(latest) = self.timeline.latest() else {
            return Ok(String::new());
        };
        judged(&latest.assessment);
        match self.format {
            Format::Documents => json::watch(&self.timeline, self.interval),
            Format::Lines(style) => {
                let headed = taken.is_multiple_of(watch::LINES_PER_HEADER);
                let first = headed.then(watch::line_header).unwrap_or_default();
                Ok(first + &watch::line(latest, &style))
            }
        }
    }

    /// A sample failed. The first one says that nothing can be read here; a
    /// later one may be the incident that somebody watches for.
    fn fail(&mut self, error: KernelError) -> anyhow::Result<()> {
        self.timeline.gap();
        self.notes.failures += 1;
        if self.timeline.taken() == 0 {
            return Err(error.into());
        }
        if self.notes.failures >= FAILURES {
            return Err(error).context(format!("{FAILURES} samples in a row failed"));
        }
        self.notes.failure(&error);
        Ok(())
    }
}
