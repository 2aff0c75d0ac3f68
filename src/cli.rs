//! The arguments and their help, nothing else. Man pages and completions are
//! made from these definitions too.

mod duration;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::duration::{DurationArg, NotADuration};

/// Says how many TCP connections are in each state, and what is wrong.
///
/// Without a command, tcpstate prints the summary.
#[derive(Debug, Parser)]
#[command(
    name = "tcpstate",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    after_help = EXIT_STATUS
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArgs,

    /// What the summary takes, when no command is named.
    #[command(flatten)]
    pub summary: SummaryArgs,

    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How every command ends.
pub const EXIT_STATUS: &str = "Exit status:
  0  done
  1  findings at warning or above, and --exit-code was given
  2  failed, or bad usage";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count connections by state and say whether anything is wrong
    ///
    /// Counts every TCP socket of this network namespace by state and address
    /// family, shows the settings that matter with what their values mean, how
    /// connections began and ended so far, and the findings, worst first.
    ///
    /// ESTABLISHED and TIME_WAIT are taken from the kernel's own counts where
    /// these can be trusted, which is many times faster than looking at every
    /// socket; --exact looks at every socket.
    #[command(after_help = SUMMARY_EXAMPLES)]
    Summary(SummaryArgs),

    /// Watch what is changing, right now
    ///
    /// On a terminal, a screen: each state with its count, change, rate and
    /// history, what opens and closes in a second, findings as they appear and
    /// clear. Keys: ? shows them all, q quits.
    ///
    /// Off a terminal, a line a sample with a header now and then; with --json,
    /// a document a sample (NDJSON, schema tcpstate.watch/1). Each is written
    /// out at once.
    ///
    /// The interval is kept without drift: the time that a sample takes doesn't
    /// add to it. A sample that takes longer than the interval leaves ticks
    /// out, and that is said. Times are UTC.
    ///
    /// SIGINT (Ctrl-C) and SIGTERM are a normal end, with status 0, where many
    /// programs die by the signal: a loop around tcpstate watch that shall end
    /// with it has to ask for more than its status.
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArgs),

    /// Write man pages or shell completions into a directory
    #[command(hide = true)]
    Generate(GenerateArgs),
}

const SUMMARY_EXAMPLES: &str = "Examples:
  tcpstate                          the summary
  tcpstate summary --json | jq .states.close_wait.total
  tcpstate summary --exit-code      exit 1 if something is wrong
  tcpstate --replay dump.bin        a dump recorded with ss -tan -D dump.bin";

const WATCH_EXAMPLES: &str = "Examples:
  tcpstate watch                              the screen
  tcpstate watch -n 5s                        a sample every five seconds
  tcpstate watch --lines | tee incident.log   a line a second, kept
  tcpstate watch --json --duration 10m > incident.ndjson
  tcpstate watch --json | jq -c '[.taken_at, .rates.connections.opened]'
  tcpstate watch --count 2 --exit-code        two samples, 1 if anything is wrong";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line, and none depends on another"
)]
pub struct CommonArgs {
    /// Only IPv4 sockets
    #[arg(short = '4', long, global = true, conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included
    #[arg(short = '6', long, global = true)]
    pub ipv6: bool,

    /// Where sockets are read from
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "SOURCE"
    )]
    pub source: Source,

    /// Read a recorded dump (raw netlink messages, as ss -D FILE writes them)
    /// instead of this host
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "source")]
    pub replay: Option<PathBuf>,

    /// Where /proc is mounted
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/proc",
        value_hint = clap::ValueHint::DirPath
    )]
    pub proc_root: PathBuf,

    /// Print one JSON document; short for --format json
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colour; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,

    /// Exit with 1 if there is a finding at warning or above
    #[arg(long, global = true)]
    pub exit_code: bool,

    /// Say on stderr how the numbers were obtained
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// Where sockets are read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Netlink, and /proc where netlink is refused
    #[default]
    Auto,
    /// sock_diag netlink, or an error
    Netlink,
    /// /proc/net/tcp and tcp6: slower, no ages, no limits of accept queues
    Procfs,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What `tcpstate summary` takes.
#[derive(Debug, Args, Default, PartialEq, Eq)]
pub struct SummaryArgs {
    /// Look at every socket instead of trusting the kernel's own counts
    #[arg(long)]
    pub exact: bool,

    /// Also count sockets that are bound but neither listening nor connected
    /// (Linux 6.8 and later; costs the walk of a second table)
    #[arg(long)]
    pub bound: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<SummaryFormat>,
}

/// The formats of the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// For people
    #[default]
    Table,
    /// One document, schema tcpstate.summary/1
    Json,
    /// A line a state: state,total,ipv4,ipv6
    Csv,
}

/// What `tcpstate watch` takes.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Time from sample to sample
    #[arg(short = 'n', long, value_name = "DURATION", default_value = "1s")]
    pub interval: DurationArg,

    /// End after so many samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// End after so much time
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<DurationArg>,

    /// Print a line a sample on a terminal too
    #[arg(long, conflicts_with = "json")]
    pub lines: bool,

    /// Look at every socket instead of trusting the kernel's own counts
    #[arg(long)]
    pub exact: bool,
}

/// What the hidden `tcpstate generate` takes.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// What to write
    #[arg(value_enum)]
    pub what: Generated,

    /// Where to
    pub directory: PathBuf,
}

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// Man pages
    Man,
    /// Completions for bash, zsh and fish
    Completions,
}
