//! `tcpstate check`: should anybody be woken up?

mod look;
mod state;

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::{Outcome, output};
use crate::classify::assess::Status;
use crate::classify::thresholds::{Name, Scope, ThresholdError, Thresholds};
use crate::cli::{CheckArgs, CheckFormat, CheckStatus, CommonArgs};
use crate::render::{json, plugin, text};
use crate::text::number::elapsed;

/// What a check has to say.
struct Answer {
    status: Status,
    /// For stdout; nothing when all is well and quiet was asked for.
    text: String,
    /// For stderr.
    notes: Vec<String>,
}

/// Checks, and prints what came of it. `refusal` is what is wrong with the
/// arguments already.
pub(super) fn run(common: &CommonArgs, args: &CheckArgs, refusal: Option<&str>) -> Outcome {
    let format = super::format(common, args.format, CheckFormat::Json);
    let as_asked = |why: &str| {
        // Two formats at once: nobody reads both.
        let format = format.as_ref().copied().unwrap_or(CheckFormat::Json);
        tell(&failed(format, args, Status::Unknown, why.to_owned()))
    };
    if let Some(why) = refusal {
        return as_asked(why);
    }
    if args.list {
        return tell(&Answer {
            status: Status::Ok,
            text: text::check_list(&output::style(common.color)),
            notes: Vec::new(),
        });
    }
    if args.textfile.is_some() && (!scope(args).is_all() || common.ipv4 || common.ipv6) {
        return as_asked(OF_A_PART);
    }
    if args.timeout.0.is_zero() {
        return as_asked("cannot be done in no time: give --timeout a second or more");
    }
    match (&format, thresholds(args)) {
        (Ok(format), Ok(thresholds)) => tell(&in_time(common, args, thresholds, *format)),
        (Err(why), _) => as_asked(&why.to_string()),
        (_, Err(why)) => as_asked(&why.to_string()),
    }
}

/// The series have no label that says of which part they are.
const OF_A_PART: &str = "cannot write metrics of a part of the sockets as if they were of all: \
                         leave out --textfile, or what narrows the check";

/// Which options leave sockets out.
fn scope(args: &CheckArgs) -> Scope {
    Scope {
        by_owner: !(args.pid.is_empty() && args.unit.is_empty()),
        by_port: !args.listen_port.is_empty(),
        by_peer: !args.remote.is_empty(),
    }
}

/// How long a check waits for a file that another one has: longer would make
/// it late, and it would blame the kernel.
fn patience(args: &CheckArgs) -> Duration {
    LONGEST_WAIT.min(args.timeout.0 / 4)
}

const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Says that a check could not be begun.
pub(super) fn refuse(why: &str) -> Outcome {
    tell(&Answer {
        status: Status::Unknown,
        text: plugin::failed(Status::Unknown, why),
        notes: Vec::new(),
    })
}

/// The names and ranges of the arguments.
fn thresholds(args: &CheckArgs) -> Result<Thresholds, ThresholdError> {
    let ranges = |texts: &[String]| -> Result<Vec<_>, ThresholdError> {
        texts
            .iter()
            .map(|text| Thresholds::threshold(text))
            .collect()
    };
    let names = |texts: &[String]| -> Result<Vec<_>, ThresholdError> {
        texts.iter().map(|text| Name::find(text)).collect()
    };
    let mut thresholds = Thresholds {
        warn: ranges(&args.warning)?,
        crit: ranges(&args.critical)?,
        only: names(&args.only)?,
        ignore: names(&args.ignore)?,
        rates: args.state.is_some(),
        scope: scope(args),
    };
    thresholds.rates |= thresholds.asks_for_rates();
    thresholds.check()?;
    Ok(thresholds)
}

/// Looks in a thread that nobody waits for longer than the time there is: a
/// read of /proc can hang for as long as the process that it is about does.
/// The end of the process ends the thread.
fn in_time(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: Thresholds,
    format: CheckFormat,
) -> Answer {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (for_thread, args_for_thread) = (common.clone(), args.clone());
    let spawned = thread::Builder::new()
        .name("check".to_owned())
        .spawn(move || {
            // Whoever gave up waiting has no use for the answer.
            let _ = sender.send(answer(&for_thread, &args_for_thread, &thresholds, format));
        });
    if let Err(why) = spawned {
        let why = format!("cannot start a thread: {why}");
        return failed(format, args, Status::Unknown, why);
    }
    let timeout = args.timeout.0;
    match receiver.recv_timeout(timeout) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            let status = match args.timeout_status {
                CheckStatus::Ok => Status::Ok,
                CheckStatus::Warning => Status::Warning,
                CheckStatus::Critical => Status::Critical,
                CheckStatus::Unknown => Status::Unknown,
            };
            let why = format!(
                "no answer from the kernel within {}; see --timeout",
                elapsed(timeout)
            );
            failed(format, args, status, why)
        }
        Err(RecvTimeoutError::Disconnected) => {
            let why = "the check broke off; please report what stands on stderr".to_owned();
            failed(format, args, Status::Unknown, why)
        }
    }
}

fn answer(
    common: &CommonArgs,
    args: &CheckArgs,
    thresholds: &Thresholds,
    format: CheckFormat,
) -> Answer {
    look::look(common, args, thresholds, format)
        .unwrap_or_else(|error| failed(format, args, Status::Unknown, error.to_string()))
}

/// A check that came to nothing. Whoever reads JSON or metrics from stdout must
/// not find a line there that is neither.
fn failed(format: CheckFormat, args: &CheckArgs, status: Status, why: String) -> Answer {
    let silent = args.quiet && status == Status::Ok;
    let text = match format {
        CheckFormat::Plugin if !silent => plugin::failed(status, &why),
        CheckFormat::Json if !silent => json::check_failed(status, &why),
        CheckFormat::Plugin | CheckFormat::Json | CheckFormat::Prometheus => String::new(),
    };
    let notes = if format == CheckFormat::Plugin || silent {
        Vec::new()
    } else {
        vec![why]
    };
    Answer {
        status,
        text,
        notes,
    }
}

/// Prints an answer. The exit status counts even where nobody reads the rest.
fn tell(answer: &Answer) -> Outcome {
    for note in &answer.notes {
        output::note(note);
    }
    let printed = output::print(&answer.text);
    let status = match printed {
        Ok(()) => answer.status,
        Err(error) if is_closed_pipe(&error) => answer.status,
        Err(error) => {
            output::note(&output::in_words(&error));
            answer.status.max(Status::Unknown)
        }
    };
    Outcome::Checked(status)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
