//! Completion of the command line: the shell's script asks the program itself,
//! so that values are those of the option at hand, and of this host.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;

use super::generate::visible;
use crate::classify::rules::{RULES, metrics};
use crate::explain::Topic;
use crate::filter::CONDITION;
use crate::kernel::ProcRoot;
use crate::kernel::processes::read_member;
use crate::model::{Member, TcpState};
use crate::text::safe;

/// The command with what completes the values that its definitions don't list.
#[must_use]
pub fn command() -> Command {
    let with_values = |command: Command| command.mut_args(completed);
    visible().mut_args(completed).mut_subcommands(with_values)
}

fn completed(argument: Arg) -> Arg {
    let completer = match argument.get_id().as_str() {
        "warning" | "critical" => ArgValueCompleter::new(ranges),
        "only" | "ignore" => ArgValueCompleter::new(judged),
        "pid" => ArgValueCompleter::new(pids),
        "unit" => ArgValueCompleter::new(units),
        "word" => ArgValueCompleter::new(explained),
        "filter" => ArgValueCompleter::new(filter_words),
        _ => return argument,
    };
    argument.add(completer)
}

/// The names that begin with what was typed. A shell shows help beside them.
fn beginning<'a>(
    typed: &OsStr,
    names: impl IntoIterator<Item = (String, Option<&'a str>)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    names
        .into_iter()
        .filter(|(name, _)| name.starts_with(&*typed))
        .map(|(name, help)| {
            CompletionCandidate::new(name).help(help.map(|help| help.to_owned().into()))
        })
        .collect()
}

/// `NAME=`, for a range to be typed behind it.
fn ranges(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning(
        typed,
        metrics().map(|metric| (format!("{}=", metric.name), Some(metric.meaning))),
    )
}

/// What can be judged alone, or left out.
fn judged(typed: &OsStr) -> Vec<CompletionCandidate> {
    let metrics = metrics().map(|metric| (metric.name.to_owned(), Some(metric.meaning)));
    let rules = RULES
        .iter()
        .map(|rule| (rule.name.to_owned(), Some(rule.topic)));
    beginning(typed, metrics.chain(rules))
}

fn explained(typed: &OsStr) -> Vec<CompletionCandidate> {
    let topics = Topic::all().map(|topic| (topic.name().to_owned(), None));
    let rules = RULES
        .iter()
        .map(|rule| (rule.name.to_owned(), Some(rule.topic)));
    beginning(typed, topics.chain(rules))
}

/// How a condition of the filter language begins, and what stands between two.
fn filter_words(typed: &OsStr) -> Vec<CompletionCandidate> {
    let conditions = CONDITION.split(", ").filter(|word| !word.contains(' '));
    let states = TcpState::NAMED.into_iter().map(TcpState::key);
    let words = conditions.chain(["state", "exclude", "and", "or"]);
    beginning(
        typed,
        words.chain(states).map(|word| (word.to_owned(), None)),
    )
}

fn pids(typed: &OsStr) -> Vec<CompletionCandidate> {
    let members = members();
    let names: Vec<(String, Option<String>)> = members
        .iter()
        .map(|member| {
            (
                member.pid.to_string(),
                member.command.as_deref().map(|name| safe(name).to_string()),
            )
        })
        .collect();
    beginning(
        typed,
        names
            .iter()
            .map(|(pid, name)| (pid.clone(), name.as_deref())),
    )
}

/// Units and containers that a process runs in, by a name that can be typed.
fn units(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut names: Vec<String> = members()
        .into_iter()
        .filter_map(|member| {
            let unit = member.unit?.short();
            // "docker 3f2a91c0d4e5": the id alone is what the option takes.
            let name = unit.rsplit(' ').next().unwrap_or(&unit);
            let is_plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_graphic());
            is_plain.then(|| name.to_owned())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    beginning(typed, names.into_iter().map(|name| (name, None)))
}

/// The processes that /proc shows; none where it can't be read, for there is
/// nobody to tell while a line is typed.
fn members() -> Vec<Member> {
    let path = Path::new("/proc");
    let proc_root = ProcRoot::new(path);
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| read_member(&proc_root, pid))
        .collect()
}
