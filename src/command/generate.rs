//! Man pages and completions, made from the same definitions as the parser.

use std::fs;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Outcome;
use crate::cli::{Cli, GenerateArgs, Generated};

/// Writes the files.
pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<Outcome> {
    let directory = args.directory.as_path();
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let written = match args.what {
        Generated::Man => clap_mangen::generate_to(Cli::command(), directory),
        Generated::Completions => [Shell::Bash, Shell::Zsh, Shell::Fish]
            .into_iter()
            .try_for_each(|shell| {
                clap_complete::generate_to(shell, &mut Cli::command(), "tcpstate", directory)
                    .map(drop)
            }),
    };
    written.with_context(|| format!("cannot write into {}", directory.display()))?;
    Ok(Outcome::Done)
}
