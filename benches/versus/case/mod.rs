//! The cases: a fixture, and the races that are run in it.

mod check;
mod leaks;
mod list;
mod pressure;
mod summary;
mod watch;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::contender::{Contender, TCPSTATE, has_subcommand};
use crate::fds;
use crate::fixture::{Connections, Fixture, Plan};
use crate::measure::{self, Clock};
use crate::observe::Observed;
use crate::report;

/// One fixture and what runs in it.
#[derive(Debug)]
pub(crate) struct Case {
    /// `SCENARIO/SIZE`; a beginning of it chooses it.
    pub(crate) name: String,
    /// The subcommand in question.
    subcommand: &'static str,
    plan: Plan,
    /// The state whose sockets the goals go by.
    state: usize,
    /// How long the sockets stay, from the first one made; `TIME_WAIT` ends by itself.
    lifetime: Option<Duration>,
    /// Are descriptors part of the fixture?
    counts_fds: bool,
    /// The races, for so many sockets observed.
    races: Races,
}

/// The races that belong to a number of sockets observed: goals go by it.
type Races = fn(usize) -> Result<Vec<Race>>;

/// Contenders that are run in turn; tcpstate among them.
#[derive(Debug)]
struct Race {
    contenders: Vec<Contender>,
    /// What is compared.
    clock: Clock,
    /// Where the number of sockets stands in tcpstate's JSON: a fast wrong answer is no win. The
    /// first of these pointers that there is in a document counts, a `~name` in it being the entry
    /// of an array that has this name.
    answer: &'static [&'static str],
}

/// How a case ended; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Reached,
    Skipped,
    Missed,
    Failed,
}

impl Verdict {
    /// Over the process boundary. `unshare` ends with 1 when it fails itself, so 1 is nobody's.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Reached => 0,
            Self::Skipped => 10,
            Self::Missed => 11,
            Self::Failed => 2,
        }
    }

    pub(crate) fn from_status(status: Option<i32>) -> Self {
        match status {
            Some(0) => Self::Reached,
            Some(10) => Self::Skipped,
            Some(11) => Self::Missed,
            _ => Self::Failed,
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Reached => "All goals reached.",
            Self::Skipped => "No goal missed, but not everything was judged: see above.",
            Self::Missed => "A goal was missed.",
            Self::Failed => "Not everything could be run: see above.",
        }
    }
}

/// All cases, in the sizes asked for.
fn all(arguments: &Arguments) -> Vec<Case> {
    let mut cases = summary::cases(arguments.sockets);
    cases.extend(check::cases(arguments.sockets));
    cases.extend(list::cases(arguments.sockets));
    cases.extend(leaks::cases(arguments.sockets));
    cases.extend(pressure::cases(arguments.sockets));
    cases.extend(watch::cases(arguments.sockets));
    cases
}

/// Those whose names begin with what the user said.
pub(crate) fn chosen(arguments: &Arguments) -> Result<Vec<Case>> {
    let all = all(arguments);
    let known: Vec<String> = all.iter().map(|case| case.name.clone()).collect();
    for scenario in &arguments.scenarios {
        ensure!(
            known.iter().any(|name| name.starts_with(scenario)),
            "no scenario {scenario:?}; there are {}",
            known.join(", ")
        );
    }
    Ok(all
        .into_iter()
        .filter(|case| {
            let said = &arguments.scenarios;
            said.is_empty()
                || said
                    .iter()
                    .any(|beginning| case.name.starts_with(beginning))
        })
        .collect())
}

impl Case {
    /// Are its sockets in the hash table of the host, with those of other namespaces?
    pub(crate) fn shares_table(&self) -> bool {
        matches!(
            self.plan,
            Plan::Established {
                kind: Connections::Beside { .. },
                ..
            }
        )
    }
}

/// Runs one case in the present namespace.
pub(crate) fn run(name: &str, arguments: &Arguments) -> Result<Verdict> {
    let case = all(arguments)
        .into_iter()
        .find(|case| case.name == name)
        .with_context(|| format!("no case {name}"))?;
    println!("\n{name}");
    if !arguments.peers_only && !has_subcommand(TCPSTATE, case.subcommand)? {
        println!(
            "  skipped: this tcpstate has no `{} --json`",
            case.subcommand
        );
        return Ok(Verdict::Skipped);
    }
    let start = Instant::now();
    let fixture = Fixture::make(case.plan)?;
    let mut observed = Observed::now()?;
    if case.counts_fds {
        observed.fds = Some(fds::on_host()?);
    }
    println!("  observed: {observed}");
    println!("  made in {:.1} s", start.elapsed().as_secs_f64());
    let mut reached = true;
    for race in (case.races)(observed.state(case.state))? {
        reached &= race.run(&case, arguments, &fixture, &observed)?;
    }
    let after = Observed::now()?.state(case.state);
    if after != observed.state(case.state) {
        println!("  observed afterwards: {after}");
    }
    Ok(match (arguments.peers_only, reached) {
        (true, _) => Verdict::Skipped,
        (false, true) => Verdict::Reached,
        (false, false) => Verdict::Missed,
    })
}

impl Race {
    /// Runs and prints it; says whether every goal was reached.
    fn run(
        self,
        case: &Case,
        arguments: &Arguments,
        fixture: &Fixture,
        observed: &Observed,
    ) -> Result<bool> {
        let mut entered = Vec::new();
        for contender in self.contenders {
            if contender.is_ours() && arguments.peers_only {
                continue;
            }
            if let Some(program) = contender.missing() {
                println!(
                    "  left out: {} ({program} is not installed)",
                    contender.label
                );
                continue;
            }
            let other = match &arguments.against {
                // One of it: what else of ours runs here is a goal of its own.
                Some(binary) if entered.is_empty() => contender.by(binary)?,
                _ => None,
            };
            entered.push(contender);
            entered.extend(other);
        }
        let mut right = true;
        for ours in entered.iter().filter(|contender| contender.is_ours()) {
            let told = number_at(&ours.output()?, self.answer)?;
            let is = observed.state(case.state);
            if told != Some(is) {
                right = false;
                println!("  WRONG: {} says {told:?}, observed {is}", ours.label);
            }
        }
        let runs = arguments.runs;
        let mut round = Duration::ZERO;
        let mut last = Instant::now();
        let all = measure::interleaved(entered, runs, || {
            round = round.max(last.elapsed());
            last = Instant::now();
            case.lifetime
                .is_none_or(|lifetime| fixture.age() + round < lifetime)
        })?;
        let done = all.iter().map(measure::Series::runs).min().unwrap_or(0);
        if done < runs.min(5) {
            bail!("only {done} of {runs} runs before the sockets ended by themselves");
        }
        println!("  medians of {done} runs, in turn");
        let (table, reached) = report::table(&all, self.clock);
        print!("{table}");
        Ok(right && reached)
    }
}

/// A number in a JSON document, the last one of several, by the first pointer that leads to one.
fn number_at(documents: &[u8], pointers: &[&str]) -> Result<Option<usize>> {
    let documents = serde_json::Deserializer::from_slice(documents).into_iter::<Value>();
    let document = documents.last().context("no JSON from tcpstate")?;
    let document = document.context("tcpstate's JSON")?;
    Ok(pointers.iter().find_map(|pointer| {
        let mut steps = pointer.split('/').skip(1);
        let number = steps.try_fold(&document, step)?.to_string();
        // The check has floats only, and writes whole ones with a point.
        number.strip_suffix(".0").unwrap_or(&number).parse().ok()
    }))
}

/// One step of a pointer.
fn step<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match step.strip_prefix('~') {
        Some(name) => value.as_array()?.iter().find(|entry| entry["name"] == name),
        None => value.get(step),
    }
}

/// 100000 as "100k".
fn short(number: usize) -> String {
    match number {
        0 => "0".to_owned(),
        number if number.is_multiple_of(1_000_000) => format!("{}M", number / 1_000_000),
        number if number.is_multiple_of(1000) => format!("{}k", number / 1000),
        number => number.to_string(),
    }
}
