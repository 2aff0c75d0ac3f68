//! The stop-watch: wall time, CPU time and peak memory of one run of one contender.
//!
//! `ru_maxrss` of a child starts at the memory of the process that spawned it, for the kernel
//! keeps the mark over exec. So each run is spawned by a small process of its own (this program
//! again, which has done nothing yet), and no peak below that one's own memory can be told.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::ROLE;
use crate::contender::Contender;

/// What contenders are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The time that somebody waits.
    Wall,
    /// The time of a core that is spent: of what runs beside everything else, and mostly sleeps.
    Cpu,
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    wall: Duration,
    /// Of all cores, with whatever it started and waited for.
    cpu: Duration,
    peak_kib: u64,
    succeeded: bool,
}

/// All runs of one contender.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) contender: Contender,
    samples: Vec<Snapshot>,
}

/// Runs the contenders in turn (A B C A B C …), so that whatever drifts, drifts for all.
/// Stops early when `go_on` says so, which is asked before each round.
pub(crate) fn interleaved(
    contenders: Vec<Contender>,
    runs: usize,
    mut go_on: impl FnMut() -> bool,
) -> Result<Vec<Series>> {
    let mut all: Vec<Series> = contenders
        .into_iter()
        .map(|contender| Series {
            contender,
            samples: Vec::with_capacity(runs),
        })
        .collect();
    for _ in 0..runs {
        if !go_on() {
            break;
        }
        for series in &mut all {
            let snapshot = once(&series.contender.words)?;
            ensure!(
                snapshot.succeeded || !series.contender.is_ours(),
                "{} failed",
                series.contender.label
            );
            series.samples.push(snapshot);
        }
    }
    Ok(all)
}

/// The memory below which no peak can be told: what a process that does nothing seems to take.
pub(crate) fn least_peak_mb() -> Result<f64> {
    Ok(mb(once(&["true".to_owned()])?.peak_kib))
}

/// Starts the wrapper for one run and reads what it measured.
fn once(words: &[String]) -> Result<Snapshot> {
    let output = Command::new(std::env::current_exe()?)
        .arg(format!("{ROLE}measure"))
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the measuring process")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let &[nanos, cpu_micros, peak_kib, succeeded] = numbers.as_slice() else {
        anyhow::bail!("cannot measure {}", words.join(" "));
    };
    Ok(Snapshot {
        wall: Duration::from_nanos(nanos),
        cpu: Duration::from_micros(cpu_micros),
        peak_kib,
        succeeded: succeeded == 1,
    })
}

/// The wrapper: runs the command, output to /dev/null, and prints ns, µs of CPU, KiB and whether it
/// succeeded.
pub(crate) fn wrapper(words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().context("nothing to measure")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time() + usage.system_time();
    println!(
        "{} {} {} {}",
        wall.as_nanos(),
        cpu.num_microseconds(),
        usage.max_rss(),
        u8::from(status.success())
    );
    Ok(())
}

impl Series {
    /// How often it was run.
    pub(crate) fn runs(&self) -> usize {
        self.samples.len()
    }

    /// Times in ms: (median, smallest, largest).
    pub(crate) fn millis(&self, clock: Clock) -> Option<(f64, f64, f64)> {
        let time = |snapshot: &Snapshot| match clock {
            Clock::Wall => snapshot.wall,
            Clock::Cpu => snapshot.cpu,
        };
        let mut times: Vec<f64> = self
            .samples
            .iter()
            .map(|snapshot| time(snapshot).as_secs_f64() * 1000.0)
            .collect();
        times.sort_by(f64::total_cmp);
        let middle = times.len() / 2;
        let upper = *times.get(middle)?;
        let median = if times.len().is_multiple_of(2) {
            f64::midpoint(upper, *times.get(middle.checked_sub(1)?)?)
        } else {
            upper
        };
        Some((median, *times.first()?, *times.last()?))
    }

    /// The largest peak memory of all runs.
    pub(crate) fn peak_mb(&self) -> f64 {
        mb(self
            .samples
            .iter()
            .map(|run| run.peak_kib)
            .max()
            .unwrap_or(0))
    }

    /// Runs that ended with an exit status other than 0.
    pub(crate) fn failures(&self) -> usize {
        self.samples.iter().filter(|run| !run.succeeded).count()
    }
}

#[expect(clippy::cast_precision_loss, reason = "KiB are far below 2^52")]
fn mb(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}
