//! One program in the race.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::ROLE;
use crate::goals::Goal;
use crate::netlink::Walk;

/// The binary under test, built by the same cargo run.
pub(crate) const TCPSTATE: &str = env!("CARGO_BIN_EXE_tcpstate");

/// A command line with a name, and the goal it sets.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) label: String,
    /// Program and arguments.
    pub(crate) words: Vec<String>,
    /// Programs that have to be installed for it.
    needs: Vec<&'static str>,
    pub(crate) goal: Goal,
}

impl Contender {
    /// tcpstate itself.
    pub(crate) fn tcpstate(arguments: &str) -> Self {
        let mut words = vec![TCPSTATE.to_owned()];
        words.extend(arguments.split_whitespace().map(str::to_owned));
        Self {
            label: format!("tcpstate {arguments}"),
            words,
            needs: Vec::new(),
            goal: Goal::None,
        }
    }

    /// A program and its arguments, started without a shell.
    pub(crate) fn peer(program: &'static str, arguments: &str) -> Self {
        let mut words = vec![program.to_owned()];
        words.extend(arguments.split_whitespace().map(str::to_owned));
        Self {
            label: format!("{program} {arguments}"),
            words,
            needs: vec![program],
            goal: Goal::None,
        }
    }

    /// A pipeline, as people type it, in a shell.
    pub(crate) fn pipeline(line: &str, needs: &[&'static str]) -> Self {
        Self {
            label: line.to_owned(),
            words: ["sh", "-c", line].map(str::to_owned).to_vec(),
            needs: needs.to_vec(),
            goal: Goal::None,
        }
    }

    /// The same so many times over, one after the other, by a shell.
    pub(crate) fn times(mut self, times: usize) -> Self {
        let line = format!("i=0; while [ $i -lt {times} ]; do \"$@\"; i=$((i+1)); done");
        let mut words = ["sh", "-c", &line, "sh"].map(str::to_owned).to_vec();
        words.append(&mut self.words);
        self.label = format!("{times} times {}", self.label);
        Self { words, ..self }
    }

    /// A raw dump of the states in `mask`, by this program again: its start-up is alike.
    pub(crate) fn floor(what: &str, mask: u32) -> Result<Self> {
        Self::walks(what, &[Walk::of(mask)])
    }

    /// Raw dumps, at once.
    pub(crate) fn walks(what: &str, walks: &[Walk]) -> Result<Self> {
        let words = walks.iter().copied().flat_map(Walk::words).collect();
        Self::role("floor", format!("raw dump, {what}"), words)
    }

    /// The links of every descriptor on the host, read on two threads and thrown away.
    pub(crate) fn links() -> Result<Self> {
        let label = "bare readlink of every descriptor, 2 threads".to_owned();
        Self::role("links", label, Vec::new())
    }

    /// This program again.
    fn role(role: &str, label: String, arguments: Vec<String>) -> Result<Self> {
        let program = env::current_exe()?;
        let program = program.to_str().context("a path that isn't UTF-8")?;
        let mut words = vec![program.to_owned(), format!("{ROLE}{role}")];
        words.extend(arguments);
        Ok(Self {
            label,
            words,
            needs: Vec::new(),
            goal: Goal::None,
        })
    }

    /// The same question to another tcpstate, an older one say, which must not be faster by more
    /// than a twentieth. None where it doesn't know the subcommand.
    pub(crate) fn by(&self, binary: &str) -> Result<Option<Self>> {
        let mut words = self.words.clone();
        let position = words.iter().position(|word| word == TCPSTATE);
        let Some(index) = position.filter(|_| self.is_ours()) else {
            return Ok(None);
        };
        let subcommand = words.get(index + 1).cloned().unwrap_or_default();
        if !has_subcommand(binary, &subcommand)? {
            return Ok(None);
        }
        if let Some(word) = words.get_mut(index) {
            binary.clone_into(word);
        }
        Ok(Some(Self {
            label: format!("the other {}", self.label),
            words,
            needs: Vec::new(),
            goal: Goal::Share(1.05),
        }))
    }

    /// The same, with a goal.
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// The first program it needs that isn't installed.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let installed = |program: &str| {
            env::var_os("PATH").is_some_and(|path| {
                env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
            })
        };
        self.needs.iter().copied().find(|name| !installed(name))
    }

    /// Is it tcpstate?
    pub(crate) fn is_ours(&self) -> bool {
        self.words.first().is_some_and(|word| word == TCPSTATE)
    }

    /// Runs it once, unmeasured, for its standard output.
    pub(crate) fn output(&self) -> Result<Vec<u8>> {
        let (program, arguments) = self.words.split_first().context("an empty command")?;
        let output = Command::new(program).args(arguments).output()?;
        ensure!(
            output.status.success(),
            "{} failed, {}: {}",
            self.label,
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output.stdout)
    }
}

/// Does the binary have this subcommand yet, with `--json`?
pub(crate) fn has_subcommand(binary: &str, name: &str) -> Result<bool> {
    let output = Command::new(binary)
        .args([name, "--help"])
        .output()
        .with_context(|| format!("cannot run {binary}"))?;
    let help = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && help.contains("--json"))
}
