//! One file a subcommand: which question to ask, and what to do with the
//! answer.

mod check;
mod generate;
mod leaks;
mod output;
mod source;
mod summary;
mod suspects;

use anyhow::bail;

use crate::classify::check::Status;
use crate::classify::{Assessment, Severity};
use crate::cli::{Cli, Command, CommonArgs, SummaryArgs};

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
/// When it could not answer. Nothing was printed then, but for a closed pipe.
pub fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    let Some(command) = &cli.command else {
        return summary::run(&cli.common, &cli.summary);
    };
    let misplaced = cli.summary != SummaryArgs::default();
    if let Command::Check(args) = command {
        let misplaced = misplaced.then_some(MISPLACED);
        return Ok(check::run(&cli.common, args, misplaced));
    }
    if misplaced {
        bail!(MISPLACED);
    }
    match command {
        Command::Summary(args) => summary::run(&cli.common, args),
        Command::Leaks(args) => leaks::run(&cli.common, args),
        Command::Check(args) => Ok(check::run(&cli.common, args, None)),
        Command::Generate(args) => generate::run(args),
    }
}

const MISPLACED: &str = "cannot tell whom the options before the command are for: --exact, \
                         --bound and --format belong to a command; put them behind its name";

/// Says that a check could not be begun, as the monitoring plugins say it.
#[must_use]
pub fn refuse_check(why: &str) -> Outcome {
    check::refuse(why)
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
