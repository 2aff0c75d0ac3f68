//! One file a subcommand: which question to ask, and what to do with the
//! answer.

mod generate;
mod leaks;
mod output;
mod sample;
mod source;
mod summary;
mod suspects;
mod watch;

use anyhow::bail;

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
    if cli.summary != SummaryArgs::default() {
        bail!(
            "cannot tell whom the options before the command are for: \
             --exact, --bound and --format belong to a command; put them behind its name"
        );
    }
    match command {
        Command::Summary(args) => summary::run(&cli.common, args),
        Command::Leaks(args) => leaks::run(&cli.common, args),
        Command::Watch(args) => watch::run(&cli.common, args),
        Command::Generate(args) => generate::run(args),
    }
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
