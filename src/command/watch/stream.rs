//! The streams: a document or a line for each sample.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::super::{Outcome, outcome, output};
use super::limit::Limit;
use super::schedule::{Schedule, stretched};
use super::{Sink, rescue, signals};
use crate::classify::history::{Reading, Timeline};
use crate::cli::CommonArgs;
use crate::collect::{Details, Sampler};
use crate::kernel::KernelError;
use crate::render::{Style, json, watch};
use crate::text::number::elapsed;

/// Samples that may fail in a row: what fails for so long doesn't come back.
const FAILURES: u32 = 10;

/// Writes samples until it is told to end.
pub(super) fn run(
    common: &CommonArgs,
    interval: Duration,
    limit: Limit,
    mut sampler: Sampler,
) -> anyhow::Result<Outcome> {
    let sink = Sink::of_stdout();
    let (tell, told) = mpsc::channel();
    signals::listen(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
        let told = tell.send(signal).is_ok();
        rescue::end_after_grace(signal);
        told
    })?;
    let mut stream = Stream {
        json: common.json,
        style: output::style(common.color),
        interval,
        timeline: Timeline::default(),
        notes: Notes::default(),
    };
    let start = Instant::now();
    let mut schedule = Schedule::new(start, interval);
    let mut ended = Outcome::Done;
    loop {
        let began = Instant::now();
        match sampler.take(Details::None) {
            Ok(reading) => match stream.show(reading) {
                Err(error)
                    if error
                        .downcast_ref::<io::Error>()
                        .is_some_and(|error| sink.is_gone(error)) =>
                {
                    return Ok(ended);
                }
                shown => shown?,
            },
            Err(error) => stream.fail(error)?,
        }
        if let Some(latest) = stream.timeline.latest()
            && ended == Outcome::Done
        {
            ended = outcome(common, &latest.assessment);
        }
        let missed = schedule.advance(began, Instant::now());
        stream
            .notes
            .stretch(interval, stretched(interval, began.elapsed(), missed));
        let next = schedule.next();
        if limit.is_reached(stream.timeline.taken(), start, next) || !wait(&told, next) {
            return Ok(ended);
        }
    }
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
    json: bool,
    style: Style,
    interval: Duration,
    timeline: Timeline,
    notes: Notes,
}

impl Stream {
    fn show(&mut self, reading: Reading) -> anyhow::Result<()> {
        self.notes.recovered();
        self.notes.fallback(&reading);
        self.notes.parts(&reading);
        let headed = !self.json
            && self
                .timeline
                .taken()
                .is_multiple_of(watch::LINES_PER_HEADER);
        self.timeline.push(reading);
        let mut text = if headed {
            watch::line_header()
        } else {
            String::new()
        };
        if self.json {
            text.push_str(&json::watch(&self.timeline, self.interval)?);
        } else if let Some(latest) = self.timeline.latest() {
            text.push_str(&watch::line(latest, &self.style));
        }
        let mut stdout = io::stdout().lock();
        // In one go and at once: whoever reads never sees half a document.
        let written = stdout.write_all(text.as_bytes());
        written
            .and_then(|()| stdout.flush())
            .context("cannot write the output")
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

/// What was said on stderr already: an incident isn't the time to say it every
/// second.
#[derive(Debug, Default)]
struct Notes {
    failures: u32,
    failure: Option<String>,
    fallback: Option<String>,
    part: Option<String>,
    stretched: bool,
}

impl Notes {
    fn failure(&mut self, error: &KernelError) {
        let text = error.to_string();
        if self.failure.as_ref() != Some(&text) {
            output::note(&format!("a sample is missing: {text}"));
            self.failure = Some(text);
        }
    }

    fn recovered(&mut self) {
        self.failures = 0;
        if self.failure.take().is_some() {
            output::note("samples are back");
        }
    }

    fn fallback(&mut self, reading: &Reading) {
        let reason = reading.snapshot.collection.fallback_reason.as_ref();
        let reason = reason.map(ToString::to_string);
        if reason == self.fallback {
            return;
        }
        match &reason {
            Some(reason) => output::note(&format!(
                "{reason}; reading /proc/net/tcp instead: who enters CLOSE_WAIT is unknown"
            )),
            None => output::note("sockets are read over netlink again"),
        }
        self.fallback = reason;
    }

    /// A stream asks for ports besides, and for nothing else that can fail
    /// alone.
    fn parts(&mut self, reading: &Reading) {
        let failed = reading.failed.first().map(|(_, why)| why.clone());
        if failed == self.part {
            return;
        }
        match &failed {
            Some(why) => output::note(&format!("whether ports run out is unknown: {why}")),
            None => output::note("ports are read again"),
        }
        self.part = failed;
    }

    fn stretch(&mut self, interval: Duration, stretched: Option<Duration>) {
        if let Some(stretched) = stretched
            && !self.stretched
        {
            output::note(&format!(
                "a sample takes longer than the interval of {}, which is stretched to {}",
                elapsed(interval),
                elapsed(stretched),
            ));
            self.stretched = true;
        }
    }
}
