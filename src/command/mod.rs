//! One file a subcommand: which question to ask, and what to do with the
//! answer.

mod check;
mod complete;
mod explain;
mod generate;
mod leaks;
mod list;
mod output;
mod pressure;
mod process;
mod source;
mod summary;
mod watch;

use anyhow::bail;

pub use self::complete::command as completed_command;
pub use self::output::{in_words, print};
pub use self::process::prepare_process;

use crate::classify::assess::Status;
use crate::classify::{Assessment, Severity};
use crate::cli::{Cli, Command, CommonArgs, FilterArgs, Source, SummaryArgs};
use crate::model::{Collection, IncompleteScan, OwnerCoverage};
use crate::render::text::provenance;
use crate::text::number::counted;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// It did, there are findings at warning or above, and the exit status
    /// shall tell.
    Found,
    /// A check came to this.
    Checked(Status),
}

/// Runs the command that was asked for.
///
/// # Errors
///
/// When it could not answer. Nothing was printed then, unless it is the printing
/// that failed.
pub fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    let refusal = refuse(&cli.common).or_else(|| process::drop_privileges(&cli.common));
    if let Some(Command::Check(args)) = &cli.command {
        let misplaced = (cli.summary != SummaryArgs::default()).then_some(MISPLACED);
        return Ok(check::run(&cli.common, args, refusal.or(misplaced)));
    }
    if let Some(why) = refusal {
        bail!(why);
    }
    let Some(command) = &cli.command else {
        return summary::run(&cli.common, &cli.summary, &FilterArgs::default());
    };
    if cli.summary != SummaryArgs::default() {
        bail!(MISPLACED);
    }
    match command {
        Command::Summary { args, filter } => summary::run(&cli.common, args, filter),
        Command::Leaks(args) => leaks::run(&cli.common, args),
        Command::List(args) => list::run(&cli.common, args),
        Command::Pressure(args) => pressure::run(&cli.common, args),
        Command::Check(args) => Ok(check::run(&cli.common, args, None)),
        Command::Watch(args) => watch::run(&cli.common, args),
        Command::Explain(args) => explain::run(&cli.common, args),
        Command::Generate(args) => generate::run(args),
    }
}

const MISPLACED: &str = "cannot tell which command the options before its name are for: --exact, \
                         --bound and --format belong to a command; put them behind its name";

/// Says that a check could not be begun, as the monitoring plugins say it.
#[must_use]
pub fn refuse_check(why: &str) -> Outcome {
    check::refuse(why)
}

/// Refuses what the parser lets through: options that exclude each other, one
/// before the command and one behind it.
fn refuse(common: &CommonArgs) -> Option<&'static str> {
    if common.ipv4 && common.ipv6 {
        return Some("cannot show only IPv4 and only IPv6 at once: leave out -4 or -6, or both");
    }
    if common.replay.is_some() && common.source != Source::Auto {
        return Some(
            "cannot read a recorded dump and this host at once: leave out --replay or --source",
        );
    }
    if common.replay.is_some() && common.netns.is_some() {
        return Some("a recorded dump is of one network namespace: leave out --replay or --netns");
    }
    None
}

/// The format that was asked for, `--json` being short for one of them.
fn format<F: Default + PartialEq>(
    common: &CommonArgs,
    format: Option<F>,
    json: F,
) -> anyhow::Result<F> {
    match format {
        Some(format) if common.json && format != json => {
            bail!("cannot print two formats at once: leave out --json or --format")
        }
        _ if common.json => Ok(json),
        format => Ok(format.unwrap_or_default()),
    }
}

/// Says on stderr what is missing from a reading, whatever the format: a program
/// that reads stdout may not show it to anybody.
fn tell_defects(collection: &Collection) {
    if let Some(defects) = provenance::defects(collection) {
        output::note(&defects);
    }
    if let Some(unjudged) = provenance::unjudged(collection) {
        output::note(&unjudged);
    }
}

/// Why sockets may have no owner in sight; `None` where every process was looked
/// into.
fn why_unowned(coverage: &OwnerCoverage) -> Option<String> {
    Some(match coverage.incomplete()? {
        IncompleteScan::Denied(processes) => format!(
            "{} may not be looked into, which takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
            counted(processes, "process", "processes")
        ),
        IncompleteScan::Hidden => "/proc hides processes of other users (hidepid)".to_owned(),
        IncompleteScan::Failed(processes) => {
            let processes = counted(processes, "process", "processes");
            format!("{processes} could not be read")
        }
        IncompleteScan::Unlisted => "the processes could not be listed".to_owned(),
    })
}

/// What the exit status shall tell of an assessment.
fn outcome(common: &CommonArgs, assessment: &Assessment) -> Outcome {
    let found = assessment
        .worst()
        .is_some_and(|worst| worst >= Severity::Warning);
    if common.exit_code && found {
        Outcome::Found
    } else {
        Outcome::Done
    }
}
