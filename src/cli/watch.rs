//! The arguments of `tcpstate watch`.

use clap::Args;

use super::value::{one_or_more, pace};
use super::{DurationArg, FilterArgs};

pub(super) const WATCH_EXAMPLES: &str = "Examples:
  tcpstate watch                              the screen
  tcpstate watch -n 5s                        a sample every five seconds
  tcpstate watch --lines | tee incident.log   a line a second, kept
  tcpstate watch --json --duration 10m > incident.ndjson
  tcpstate watch --json | jq -c '[.taken_at, .rates.connections.opened]'
  tcpstate watch --count 2 --exit-code        two samples, 1 if anything is wrong";

/// What `tcpstate watch` takes.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Time from sample to sample
    #[arg(short = 'n', long, value_name = "DURATION", default_value = "1s", value_parser = pace, allow_hyphen_values = true)]
    pub interval: DurationArg,

    /// End after so many samples
    #[arg(long, value_name = "N", value_parser = one_or_more)]
    pub count: Option<u64>,

    /// End after this time
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub duration: Option<DurationArg>,

    /// Print a line a sample on a terminal too
    #[arg(long, conflicts_with = "json")]
    pub lines: bool,

    /// Read every socket instead of trusting the kernel's own counts
    #[arg(long)]
    pub exact: bool,

    /// Which sockets.
    #[command(flatten)]
    pub filter: FilterArgs,
}
