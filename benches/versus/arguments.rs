//! What the user asks for: scenarios, sizes, and against whom.

use anyhow::{Context, Result, bail};

/// The command line, as far as it isn't cargo's.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Beginnings of case names; none means all.
    pub(crate) scenarios: Vec<String>,
    /// Sockets of the measured state, instead of each case's own number.
    pub(crate) sockets: Option<usize>,
    /// Runs of each contender.
    pub(crate) runs: usize,
    /// Another tcpstate to run beside ours.
    pub(crate) against: Option<String>,
    /// Leave tcpstate out: to look at the fixtures and the peers by themselves.
    pub(crate) peers_only: bool,
}

impl Arguments {
    /// Reads the words; cargo's own `--bench` is passed over.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut arguments = Self {
            scenarios: Vec::new(),
            sockets: None,
            runs: 5,
            against: None,
            peers_only: false,
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || inline.clone().or_else(|| rest.next().cloned());
            let mut number = || -> Result<usize> {
                value()
                    .and_then(|value| value.parse().ok())
                    .filter(|&value| value > 0)
                    .with_context(|| format!("{name} needs a number above 0"))
            };
            match name {
                "--bench" => {}
                "--sockets" => arguments.sockets = Some(number()?),
                "--runs" => arguments.runs = number()?,
                "--against" => {
                    let binary = value().context("--against needs the path of a tcpstate")?;
                    arguments.against = Some(binary);
                }
                "--peers-only" => arguments.peers_only = true,
                _ if name.starts_with('-') => bail!(
                    "unknown option {name}; usage: cargo bench --bench versus -- \
                     [SCENARIO …] [--sockets N] [--runs N] [--against TCPSTATE] [--peers-only]"
                ),
                _ => arguments.scenarios.push(word.clone()),
            }
        }
        Ok(arguments)
    }

    /// The options again, for the next process of ours.
    pub(crate) fn options(&self) -> Vec<String> {
        let mut words = vec![format!("--runs={}", self.runs)];
        words.extend(self.sockets.map(|sockets| format!("--sockets={sockets}")));
        words.extend(self.against.iter().map(|path| format!("--against={path}")));
        words.extend(self.peers_only.then(|| "--peers-only".to_owned()));
        words
    }
}
