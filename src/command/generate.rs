//! Man pages, completions and the reference of JSON, written from the definitions
//! that the program runs on.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Outcome;
use crate::cli::{Cli, EXIT_STATUS, GenerateArgs, Generated};
use crate::render::json::reference;

/// Writes the files.
pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<Outcome> {
    let directory = args.directory.as_path();
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let written = match args.what {
        Generated::Man => man_pages(directory),
        Generated::Completions => completions(directory),
        Generated::Documents => documents(directory),
    };
    written.with_context(|| format!("cannot write into {}", directory.display()))?;
    Ok(Outcome::Done)
}

/// The command without what is hidden from its help. The completion scripts
/// would offer it.
fn visible() -> Command {
    let whole = Cli::command();
    let mut command = Command::new("tcpstate")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .disable_help_subcommand(true)
        .args(whole.get_arguments().cloned())
        .subcommands(
            whole
                .get_subcommands()
                .filter(|subcommand| !subcommand.is_hide_set())
                .cloned(),
        );
    if let Some(about) = whole.get_about() {
        command = command.about(about.clone());
    }
    if let Some(about) = whole.get_long_about() {
        command = command.long_about(about.clone());
    }
    command
}

/// A schema for each JSON document, and one page about all of them.
fn documents(directory: &Path) -> io::Result<()> {
    let schemas = directory.join("schemas");
    fs::create_dir_all(&schemas)?;
    for document in reference::documents() {
        fs::write(schemas.join(document.file_name()), document.json_schema())?;
    }
    fs::write(directory.join("json.md"), reference::reference())
}

fn completions(directory: &Path) -> io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut visible(), "tcpstate", directory)?;
    }
    Ok(())
}

/// A page for the command, and one for each subcommand.
fn man_pages(directory: &Path) -> io::Result<()> {
    let mut command = visible();
    command.build();
    for subcommand in command.get_subcommands() {
        // Pages are looked up as `man tcpstate-summary`, and their synopsis is
        // what one types: `tcpstate summary`.
        let page = format!("tcpstate-{}", subcommand.get_name());
        let subcommand = subcommand.clone().display_name(page.clone());
        man_page(subcommand, directory, &page)?;
    }
    man_page(command, directory, "tcpstate")
}

fn man_page(command: Command, directory: &Path, name: &str) -> io::Result<()> {
    let is_whole = command.has_subcommands();
    let examples = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_whole {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(examples) = examples {
        verbatim_section(&mut page, "EXAMPLES", &examples)?;
    }
    verbatim_section(&mut page, "EXIT STATUS", EXIT_STATUS)?;
    man.render_version_section(&mut page)?;
    fs::write(directory.join(format!("{name}.1")), page)
}

/// A help text under a heading of its own, line by line, without the heading
/// that it has in the help.
fn verbatim_section(page: &mut Vec<u8>, heading: &str, text: &str) -> io::Result<()> {
    writeln!(page, ".SH \"{heading}\"\n.nf")?;
    for line in text.lines().skip(1) {
        // A leading dot or quote would be a command to roff.
        let line = line.trim_start().replace('\\', "\\e").replace('-', "\\-");
        writeln!(page, "\\&{line}")?;
    }
    writeln!(page, ".fi")
}
