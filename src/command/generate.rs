//! Man pages, completions and the reference of JSON, written from the definitions
//! that the program runs on.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::env::Shells;

use super::Outcome;
use crate::cli::{Cli, GenerateArgs, Generated};
use crate::render::findings_page::findings_page;
use crate::render::json::reference;
use crate::render::man;

/// Writes the files.
pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<Outcome> {
    let directory = args.directory.as_path();
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let written = match args.what {
        Generated::Man => man_pages(directory),
        Generated::Completions => completions(directory).map_err(Into::into),
        Generated::Documents => documents(directory).map_err(Into::into),
    };
    written.with_context(|| format!("cannot write into {}", directory.display()))?;
    Ok(Outcome::Done)
}

/// The command without what is hidden from its help. The completion scripts
/// would offer it.
pub(super) fn visible() -> Command {
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

/// A schema for each JSON document, a page about all of them, and one about the
/// findings.
fn documents(directory: &Path) -> io::Result<()> {
    let schemas = directory.join("schemas");
    fs::create_dir_all(&schemas)?;
    for document in reference::documents() {
        fs::write(schemas.join(document.file_name()), document.json_schema())?;
    }
    fs::write(directory.join("json.md"), reference::reference())?;
    fs::write(directory.join("findings.md"), findings_page())
}

/// A script for each shell, which asks the program for what may stand there.
fn completions(directory: &Path) -> io::Result<()> {
    let shells = Shells::builtins();
    for (shell, file) in [
        ("bash", "tcpstate.bash"),
        ("zsh", "_tcpstate"),
        ("fish", "tcpstate.fish"),
    ] {
        let mut script = Vec::new();
        if let Some(completer) = shells.completer(shell) {
            completer.write_registration(
                "COMPLETE",
                "tcpstate",
                "tcpstate",
                "tcpstate",
                &mut script,
            )?;
        }
        if shell == "zsh" {
            script.extend_from_slice(ZSH_FIRST_TIME);
        }
        fs::write(directory.join(file), script)?;
    }
    Ok(())
}

/// zsh loads a file of its function path when its command is first completed,
/// and runs it: that time too it must complete.
const ZSH_FIRST_TIME: &[u8] = br#"
if [ "$funcstack[1]" = "_tcpstate" ]; then
    _clap_dynamic_completer_tcpstate "$@"
fi
"#;

/// A page for the command, and one for each subcommand. They carry the date of
/// the newest entry of CHANGELOG.md that has one, so this runs where that is.
fn man_pages(directory: &Path) -> anyhow::Result<()> {
    let changes = fs::read_to_string("CHANGELOG.md")
        .context("cannot read CHANGELOG.md, whose date the pages carry; run this at its place")?;
    let date = changes
        .lines()
        .filter(|line| line.starts_with("## "))
        .find_map(|line| Some(line.rsplit_once("] - ")?.1))
        .context("no heading of CHANGELOG.md has a date, as in '## [0.1.0] - 2026-12-01'")?;
    let mut command = visible();
    command.build();
    let commands: Vec<&Command> = [&command]
        .into_iter()
        .chain(command.get_subcommands())
        .collect();
    let pages: Vec<String> = commands
        .iter()
        .map(|command| man::page_name(command))
        .collect();
    for (command, name) in commands.into_iter().zip(&pages) {
        let page = man::page(command, &pages, date)
            .with_context(|| format!("src/render/man.rs doesn't know {name}"))?;
        let file = directory.join(format!("{name}.1"));
        fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
