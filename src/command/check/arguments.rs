//! What the arguments of a check mean.

use std::env;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::super::source::Wanted;
use crate::classify::thresholds::{Name, ThresholdError, Thresholds};
use crate::cli::{CheckArgs, CommonArgs};
use crate::collect::Namespace;
use crate::filter::CONDITION;
use crate::state_file::default_state_file;
use crate::text::number::argument;

/// The names and ranges of the arguments.
pub(super) fn thresholds(args: &CheckArgs) -> Result<Thresholds, ThresholdError> {
    let ranges = |texts: &[String]| -> Result<Vec<_>, ThresholdError> {
        texts
            .iter()
            .map(|text| Thresholds::threshold(text))
            .collect()
    };
    let names = |texts: &[String]| -> Result<Vec<_>, ThresholdError> {
        texts.iter().map(|text| Name::find(text)).collect()
    };
    let mut thresholds = Thresholds {
        warn: ranges(&args.warning)?,
        crit: ranges(&args.critical)?,
        only: names(&args.only)?,
        ignore: names(&args.ignore)?,
        rates: args.state.is_some(),
        selection: None,
        without_host: false,
    };
    thresholds.rates |= thresholds.asks_for_rates();
    thresholds.check()?;
    Ok(thresholds)
}

/// Which sockets are wanted.
pub(super) fn wanted(args: &CheckArgs) -> Wanted<'_> {
    Wanted {
        words: &args.filter.words,
        pids: &args.pid,
        units: &args.unit,
        listen_port: &args.listen_port,
        remote: &args.remote,
        apart: false,
    }
}

/// The options that decide what is counted, as the state file keeps them.
pub(super) fn scope(common: &CommonArgs, args: &CheckArgs, namespace: &Namespace) -> String {
    let mut scope = String::new();
    // One whose number may not be read is told from others by its name.
    if namespace.inode().is_none()
        && let Some(name) = namespace.host().netns.and_then(|netns| netns.name)
    {
        let _ = write!(scope, "netns={}", name.name);
    }
    for (name, given) in [("ipv4", common.ipv4), ("ipv6", common.ipv6)] {
        if given {
            scope.push_str(name);
        }
    }
    // A String takes all that is written to it.
    for pid in &args.pid {
        let _ = write!(scope, " pid={pid}");
    }
    for unit in &args.unit {
        let _ = write!(scope, " unit={unit}");
    }
    for port in &args.listen_port {
        let _ = write!(scope, " port={port}");
    }
    for peer in &args.remote {
        let _ = write!(scope, " remote={peer}");
    }
    if !args.filter.words.is_empty() {
        let _ = write!(scope, " filter={}", args.filter.words.join(" "));
    }
    // Who counts younger sockets as leaked counts others.
    let _ = write!(scope, " min-age={}", argument(args.min_age.0));
    scope
}

/// The word of a filter that `--state` took for its file, which would leave a
/// filter that means something else.
pub(super) fn filter_word_as_file(args: &CheckArgs) -> Option<&str> {
    let word = args.state.as_ref()?.as_ref()?.to_str()?;
    let begins_condition = CONDITION.split(", ").any(|known| known == word);
    let stands_between = ["state", "exclude", "not", "!", "and", "or", "(", ")"];
    let has_rest = !args.filter.words.is_empty();
    (has_rest && (begins_condition || stands_between.contains(&word))).then_some(word)
}

/// Where the state is kept, or why nobody can tell.
pub(super) fn state_path(args: &CheckArgs) -> Result<PathBuf, String> {
    if let Some(Some(path)) = &args.state {
        return Ok(path.clone());
    }
    match default_state_file(|name| env::var_os(name)) {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(
            "cannot tell where to keep state: neither STATE_DIRECTORY nor HOME is set; name a \
             file with --state FILE"
                .to_owned(),
        ),
        Err(error) => Err(format!("{error}; name a file with --state FILE")),
    }
}

/// How long a check waits for a file that another one has: longer would make
/// it late, and it would blame the kernel.
pub(super) fn patience(args: &CheckArgs) -> Duration {
    LONGEST_WAIT.min(args.timeout.0 / 4)
}

const LONGEST_WAIT: Duration = Duration::from_secs(2);
