//! `tcpstate check`: should anybody be woken up?

mod answer;
mod arguments;
mod look;
mod state;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use self::answer::{Answer, failed, tell};
use self::arguments::{filter_word_as_file, thresholds, wanted};
use super::{Outcome, output};
use crate::classify::assess::Status;
use crate::classify::thresholds::Thresholds;
use crate::cli::{CheckArgs, CheckFormat, CheckStatus, CommonArgs};
use crate::filter::FilterError;
use crate::render::{plugin, text};
use crate::text::number::elapsed;

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
    if let Some(word) = filter_word_as_file(args) {
        return as_asked(&format!(
            "cannot tell whether {word} is the file of --state or begins a filter: put the \
             filter before --state, or name the file with a path, as in ./{word}"
        ));
    }
    if args.textfile.is_some() && (!wanted(args).is_all() || common.ipv4 || common.ipv6) {
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

/// Says that a check could not be begun.
pub(super) fn refuse(why: &str) -> Outcome {
    tell(&Answer {
        status: Status::Unknown,
        text: plugin::failed(Status::Unknown, why),
        notes: Vec::new(),
    })
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
            let answer = look::look(&for_thread, &args_for_thread, &thresholds, format)
                .unwrap_or_else(|error| {
                    // The line and the carets below its word are for people.
                    let filter = error.downcast_ref::<FilterError>();
                    let why =
                        filter.map_or_else(|| error.to_string(), |error| error.what().to_owned());
                    let mut answer = failed(format, &args_for_thread, Status::Unknown, why);
                    if filter.is_some() {
                        answer.notes = vec![error.to_string()];
                    }
                    answer
                });
            let _ = sender.send(answer);
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
            let why =
                "the check failed unexpectedly; please report the message on stderr".to_owned();
            failed(format, args, Status::Unknown, why)
        }
    }
}
