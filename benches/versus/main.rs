//! tcpstate against its peers, side by side, in fixtures of known size.
//!
//! Every case runs in a network namespace of its own, made by running this program again under
//! `unshare(1)`: sockets of the host neither distort the walk nor are touched. This program also
//! runs itself as the processes that hold the sockets, as the stop-watch round each contender, and
//! as the raw dump that is the floor; the first argument (`--role=…`) says which.
//!
//! Exit status: 0 all goals reached, 1 a goal missed, 2 something could not be run.
//! `benches/README.md` says what is measured, how, and why so.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its result"
)]

mod arguments;
mod case;
mod contender;
mod fds;
mod fixture;
mod goals;
mod holder;
mod measure;
mod namespace;
mod netlink;
mod observe;
mod report;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::case::Verdict;

/// What this process is, by its first argument.
const ROLE: &str = "--role=";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, rest)) if first.starts_with(ROLE) => {
            play(first.strip_prefix(ROLE).unwrap_or_default(), rest)
        }
        _ => lead(&words),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("versus: {error:#}");
        ExitCode::from(2)
    })
}

/// The process the user started: one namespace after another, one for each case.
fn lead(words: &[String]) -> Result<ExitCode> {
    // Cargo says `--bench` for `cargo bench` only. `cargo test --all-targets` runs this too, and
    // minutes of benchmark are not a test.
    if !words.iter().any(|word| word == "--bench") {
        println!("versus: not run, this is no test: cargo bench --bench versus");
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = Arguments::parse(words)?;
    let cases = case::chosen(&arguments)?;
    println!("{}", report::preamble()?);
    let mut worst = Verdict::Reached;
    for case in &cases {
        let verdict = namespace::run_inside(case, &arguments)?;
        worst = worst.max(verdict);
    }
    println!("\n{}", worst.sentence());
    Ok(match worst {
        Verdict::Reached | Verdict::Skipped => ExitCode::SUCCESS,
        Verdict::Missed => ExitCode::from(1),
        Verdict::Failed => ExitCode::from(2),
    })
}

/// One of the processes this program starts of itself.
fn play(role: &str, words: &[String]) -> Result<ExitCode> {
    match role {
        "outer" => namespace::outer(words).map(|never| match never {}),
        "inner" => namespace::inner(words).map(|verdict| ExitCode::from(verdict.status())),
        "hold" => holder::hold(words).map(|()| ExitCode::SUCCESS),
        "measure" => measure::wrapper(words).map(|()| ExitCode::SUCCESS),
        "floor" => {
            netlink::floor(words)?;
            Ok(ExitCode::SUCCESS)
        }
        "links" => fds::read_links().map(|_| ExitCode::SUCCESS),
        other => bail!("unknown role {other:?}"),
    }
}
