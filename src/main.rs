//! The `tcpstate` command: parse, run, exit status.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use tcpstate::classify::assess::Status;
use tcpstate::cli::Cli;
use tcpstate::command::{self, Outcome};

/// Failed, or bad usage.
const FAILED: u8 = 2;
/// Findings at warning or above, and `--exit-code` was given.
const FOUND: u8 = 1;

fn main() -> ExitCode {
    command::prepare_process();
    // A shell that completes a line sets COMPLETE; nothing else is done then.
    CompleteEnv::with_factory(command::completed_command).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match command::run(&cli) {
        Ok(Outcome::Checked(status)) => ExitCode::from(status.code()),
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(FOUND),
        Err(error) => {
            complain(&command::in_words(&error));
            ExitCode::from(FAILED)
        }
    }
}

/// Help and version are asked for and go to stdout; the rest is bad usage.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        complain(text);
        if !is_check() {
            return ExitCode::from(FAILED);
        }
        // Whatever runs plugins shows the first line of stdout.
        if wants_a_document() {
            return ExitCode::from(Status::Unknown.code());
        }
        let first = text.lines().next().unwrap_or("bad usage");
        return match command::refuse_check(first) {
            Outcome::Checked(status) => ExitCode::from(status.code()),
            Outcome::Done | Outcome::Found => ExitCode::from(FAILED),
        };
    }
    let text = error.render();
    let printed = if io::stdout().is_terminal() {
        command::print(&text.ansi().to_string())
    } else {
        command::print(&text.to_string())
    };
    match printed {
        Err(why) => {
            complain(&command::in_words(&why));
            ExitCode::from(FAILED)
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// Whether the arguments, bad as they are, ask for `tcpstate check`. Where the
/// parser can't tell the command, a word that names it decides: whoever runs
/// plugins takes 2 for critical.
fn is_check() -> bool {
    let matches = Cli::command().ignore_errors(true).try_get_matches();
    let command = matches.ok().and_then(|matches| {
        let name = matches.subcommand_name()?;
        Some(name == "check")
    });
    command.unwrap_or_else(|| std::env::args_os().any(|word| word == "check"))
}

/// Whether the arguments, bad as they are, ask for something else on stdout
/// than the line of a plugin.
fn wants_a_document() -> bool {
    let mut words = std::env::args_os().skip(1).peekable();
    while let Some(word) = words.next() {
        let of_format = |format: &str| matches!(format, "json" | "prometheus");
        let Some(word) = word.to_str() else { continue };
        if word == "--json" || word.strip_prefix("--format=").is_some_and(of_format) {
            return true;
        }
        let next = words.peek().and_then(|next| next.to_str());
        if word == "--format" && next.is_some_and(of_format) {
            return true;
        }
    }
    false
}

fn complain(message: &str) {
    // With stderr gone too there is nobody left to tell.
    let _ = writeln!(io::stderr(), "tcpstate: {message}");
}
