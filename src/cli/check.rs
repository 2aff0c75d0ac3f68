//! The arguments of `tcpstate check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value::{pid, port};
use super::{DurationArg, FilterArgs};
use crate::model::LEAK_MIN_AGE;

pub(super) const EXAMPLES: &str = "Examples:
  tcpstate check                               by the default thresholds
  tcpstate check --quiet                       for cron: no output, no mail when OK
  tcpstate check -w close_wait=10 -c close_wait=100
  tcpstate check -c time_wait=90%              of tcp_max_tw_buckets
  tcpstate check --state -c resets_per_second=500
  tcpstate check --state -w 'close_wait_growth=~:10'   an hour; shrinking is fine
  tcpstate check --only close_wait_leaked,tcp_syncookies
  tcpstate check --unit nginx -c established=5000
  tcpstate check --netns all                   every container of the host
  tcpstate check -c established=90 dport = :5432    only these connections
  tcpstate check --quiet --textfile /var/lib/prometheus/node-exporter/tcpstate.prom
  tcpstate check --list                        every metric and rule

Ranges are those of the monitoring plugins, [@]start:end, ends included: 10
alerts outside 0 to 10, 10: below 10, '~:10' (quoted) above 10, 10:20 outside,
@10:20 inside. What can shrink is below 0 then: growth wants '~:10'.";

/// What `tcpstate check` takes.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Warn when a metric is out of a range; can be given several times
    #[arg(short, long, value_name = "NAME=RANGE")]
    pub warning: Vec<String>,

    /// The same, critical
    #[arg(short, long, value_name = "NAME=RANGE")]
    pub critical: Vec<String>,

    /// Judge only these metrics and rules, and those that have a range
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Leave out these metrics and rules
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub ignore: Vec<String>,

    /// How long a socket must have been in CLOSE_WAIT to be called leaked
    #[arg(long, value_name = "DURATION", default_value_t = DurationArg(LEAK_MIN_AGE), allow_hyphen_values = true)]
    pub min_age: DurationArg,

    /// Only sockets of this process; can be given several times
    #[arg(short, long, value_name = "PID", value_parser = pid)]
    pub pid: Vec<u32>,

    /// Only sockets that this systemd unit, container or pod made or holds
    #[arg(long, value_name = "NAME")]
    pub unit: Vec<String>,

    /// Only connections at this port of ours; can be given several times
    #[arg(long, value_name = "PORT", value_parser = port)]
    pub listen_port: Vec<u16>,

    /// Only connections to this peer, as dst PEER; can be given several times
    #[arg(long, value_name = "PEER")]
    pub remote: Vec<String>,

    /// Which sockets.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Print every metric with its unit, meaning and default thresholds
    #[arg(long)]
    pub list: bool,

    /// Remember what was seen in this file, for rates and growth; without FILE
    /// in $STATE_DIRECTORY, or under $XDG_STATE_HOME or ~/.local/state
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        conflicts_with = "replay",
        value_hint = clap::ValueHint::FilePath
    )]
    pub state: Option<Option<PathBuf>>,

    /// With --netns all: performance data of each network namespace, too
    #[arg(long)]
    pub per_netns: bool,

    /// Print nothing when all is OK
    #[arg(short, long)]
    pub quiet: bool,

    /// Give up after this time
    #[arg(
        short,
        long,
        value_name = "DURATION",
        default_value = "10s",
        allow_hyphen_values = true
    )]
    pub timeout: DurationArg,

    /// What giving up means
    #[arg(long, value_enum, value_name = "STATUS", default_value_t)]
    pub timeout_status: CheckStatus,

    /// Also write Prometheus metrics into this file, whole or not at all
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub textfile: Option<PathBuf>,

    /// Which Prometheus metrics to write
    #[arg(long, value_enum, value_name = "SET", default_value_t)]
    pub metrics: CheckMetrics,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<CheckFormat>,
}

/// The formats of the check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// A line for the monitoring plugins, perfdata behind it
    #[default]
    Plugin,
    /// One document, schema tcpstate.check/1
    Json,
    /// Prometheus' text format
    Prometheus,
}

/// The sets of Prometheus metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckMetrics {
    /// Some 45 series a host: states, findings, and how near each limit is
    #[default]
    Default,
    /// Also the kernel's counters and settings, which node_exporter has too
    All,
}

/// What a check that gave up ends with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckStatus {
    /// 0
    Ok,
    /// 1
    Warning,
    /// 2
    Critical,
    /// 3
    #[default]
    Unknown,
}
