//! The arguments and their help, nothing else. Man pages and completions are
//! made from these definitions too.

mod check;
mod explain;
mod list;
mod value;
mod watch;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use self::check::{CheckArgs, CheckFormat, CheckMetrics, CheckStatus};
use self::explain::EXPLAIN_EXAMPLES;
pub use self::explain::ExplainArgs;
use self::list::LIST_EXAMPLES;
pub use self::list::{ListArgs, ListFormat};
pub use self::value::DurationArg;
use self::value::{count, interval, one_or_more, pid, port};
use self::watch::WATCH_EXAMPLES;
pub use self::watch::WatchArgs;
use crate::model::{GroupKey, LEAK_MIN_AGE};

/// Says how many TCP connections are in each state, and what is wrong.
///
/// Without a command, tcpstate prints the summary.
#[derive(Debug, Parser)]
#[command(
    name = "tcpstate",
    version,
    propagate_version = true,
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
  2  failed, or bad usage
check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, failed or bad usage";

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
    /// these can be trusted, which is many times faster than reading
    /// every socket; --exact reads every socket.
    #[command(after_help = SUMMARY_EXAMPLES)]
    Summary {
        /// Its options.
        #[command(flatten)]
        args: SummaryArgs,

        /// Which sockets.
        #[command(flatten)]
        filter: FilterArgs,
    },

    /// List connections, in the filter language of ss
    ///
    /// Shows what ss shows without options: established and closing connections,
    /// no listeners, no TIME_WAIT and no SYN_RECV; -a shows all. The filter is
    /// run inside the kernel as far as it can judge it. Sockets are written as
    /// they come, in constant memory, unless -p asks for their processes.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),

    /// Find the process that forgot to close its connections
    ///
    /// A connection is in CLOSE_WAIT when its peer has closed it and our
    /// application has not. It stays there until the application does: there is
    /// no timeout. This command judges every such socket, says how old it is
    /// and how that is known, and names the process, the descriptor and the
    /// peer.
    ///
    /// Leaked are sockets in CLOSE_WAIT for --min-age or longer that are
    /// not_accepted (nobody has called accept()), eof_unread (nobody reads the
    /// data, or the end of the stream) or not_closed (the end was read, and
    /// close() never came). Spared are half_close (still sending: legitimate)
    /// and recent ones. An undated one can't be judged from one reading, because
    /// answers to keepalives hide its age; --over settles it.
    #[command(after_help = LEAKS_EXAMPLES)]
    Leaks(LeaksArgs),

    /// Show what is about to run out: ports, accept queues, SYN queues
    ///
    /// TIME_WAIT is harmless until it isn't: what counts is what it blocks.
    /// This command groups connections by destination, says how many ports
    /// connect() has left towards each and what to do; judges every listener
    /// by its accept queue and its unfinished handshakes; and shows TIME_WAIT,
    /// SYN cookies, orphans, memory, resets by cause, segments sent again and
    /// Fast Open.
    ///
    /// A port counts as used when no new connection to that destination can
    /// have it: TIME_WAIT sockets that connect() would take over don't, if the
    /// peer uses timestamps. The ports left are so many at most: a port that a
    /// program chose with bind() before connect() is lost to all other
    /// destinations, and nothing tells it from one that connect() chose.
    /// Sockets that are bound and no more are counted apart.
    #[command(after_help = PRESSURE_EXAMPLES)]
    Pressure(PressureArgs),

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

    /// Say whether anybody should be woken up: for cron, Nagios, systemd
    ///
    /// Prints one line and exits with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN,
    /// as the monitoring plugins do. It judges by the rules that the summary
    /// judges by, and by thresholds; --list names them all. What can't be
    /// judged is UNKNOWN, never OK.
    ///
    /// Rates and growth compare with the check before, which leaves what it saw
    /// in a state file. The first run, and the first one after a reboot, doesn't
    /// know them yet, which is no alarm.
    #[command(after_help = check::EXAMPLES)]
    Check(CheckArgs),

    /// Explain a state, a rule, a setting, a counter or a sequence
    ///
    /// Says what it means, how one gets there and away, what is normal and what
    /// to do, beside the counts and values of this host. Without a word it draws
    /// the state machine of TCP with the number of sockets at each state.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),

    /// Write man pages or shell completions into a directory
    #[command(hide = true)]
    Generate(GenerateArgs),
}

const SUMMARY_EXAMPLES: &str = "Examples:
  tcpstate                          the summary
  tcpstate summary --json | jq .states.close_wait.total
  tcpstate summary --exit-code      exit 1 if something is wrong
  tcpstate summary --netns all      every container, a row each
  tcpstate summary dport = :5432    only connections to PostgreSQL
  tcpstate summary --by process     who has how many, in which states
  tcpstate summary --by remote/24,local-port --top 10
  tcpstate --replay dump.bin        a dump recorded with ss -tan -D dump.bin";

const LEAKS_EXAMPLES: &str = "Examples:
  tcpstate leaks                          who leaks, how much, since when
  tcpstate leaks --pid 2231 --sockets     every descriptor of one process, and
                                          those whose connection is gone already
  tcpstate leaks --over 1m                two readings: the rate, and what keepalives hide
  tcpstate leaks --remote 10.0.0.9:5432   only connections to one peer
  tcpstate leaks --listen-port 443        only connections that came in on one port
  tcpstate leaks unit nginx and src 10.0.0.0/8    in ss's filter language
  tcpstate leaks --json | jq '.processes[] | {pid, command, leaked}'
  tcpstate leaks --exit-code --min-count 10   for a script: 1 if a process leaks ten

Other users' processes can only be looked into as root (CAP_SYS_PTRACE and
CAP_DAC_READ_SEARCH); the output says how many have a known owner.";

const PRESSURE_EXAMPLES: &str = "Examples:
  tcpstate pressure                          what is about to run out
  tcpstate pressure --over 10s               two readings: rates, and when ports run out
  tcpstate pressure --remote 10.0.0.9:5432   only ports towards one destination
  tcpstate pressure --listen-port 443        only one listener
  tcpstate pressure --json | jq '.ports.destinations[0]'
  tcpstate pressure --exit-code              for a script: 1 if anything runs out";

/// What every command takes.
#[derive(Debug, Clone, Args)]
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

    /// Read another network namespace: a name of ip netns, the path of a pin, a
    /// PID, a container's name or id, NAMESPACE/POD, a unit; all for every one of
    /// the host (summary, leaks,
    /// pressure, check)
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        overrides_with = "netns",
        conflicts_with = "replay"
    )]
    pub netns: Option<String>,

    /// Print one JSON document; short for --format json (not explain)
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colour; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,

    /// Exit with 1 if there is a finding at warning or above
    #[arg(long, global = true)]
    pub exit_code: bool,

    /// Say on stderr how the numbers were obtained; check prints more with
    /// each one, watch nothing
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
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

/// Which sockets, in words: what every command takes behind its options, but
/// the summary only with its name.
#[derive(Debug, Clone, Default, Args)]
pub struct FilterArgs {
    /// Only these sockets, in the words of ss(8), as in dport = :5432 or
    /// process nginx and not dst 10.0.0.0/8; tcpstate list --help has more
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
}

/// What `tcpstate summary` takes.
#[derive(Debug, Args, Default, PartialEq, Eq)]
pub struct SummaryArgs {
    /// Read every socket instead of trusting the kernel's own counts
    #[arg(long)]
    pub exact: bool,

    /// Also count sockets that are bound but neither listening nor connected
    /// (Linux 6.8 and later; costs the walk of a second table)
    #[arg(long)]
    pub bound: bool,

    /// Count by what sockets have in common: process, unit, container, user,
    /// local-port, listener, remote, remote/24 (networks of peers), remote-port,
    /// interface
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub by: Vec<GroupKey>,

    /// Only the largest groups
    #[arg(long, value_name = "NUMBER", requires = "by", value_parser = one_or_more)]
    pub top: Option<u64>,

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

/// What `tcpstate leaks` takes.
#[derive(Debug, Args)]
pub struct LeaksArgs {
    /// Only sockets of this process, and its descriptors whose connection is
    /// gone; takes several, separated by commas
    #[arg(short, long, value_name = "PID", value_delimiter = ',', value_parser = pid)]
    pub pid: Vec<u32>,

    /// How long a socket must have been in CLOSE_WAIT to be called leaked
    #[arg(long, value_name = "DURATION", default_value_t = DurationArg(LEAK_MIN_AGE), allow_hyphen_values = true)]
    pub min_age: DurationArg,

    /// Leave out processes and listeners that leak fewer sockets
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = count::<u64>)]
    pub min_count: u64,

    /// Only connections to this peer, as dst PEER; takes several, separated by
    /// commas
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    pub remote: Vec<String>,

    /// Only connections at this port of ours, as sport = PORT; takes several,
    /// separated by commas
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = port)]
    pub listen_port: Vec<u16>,

    /// Which sockets.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Look twice, this long apart: the rate, what is new, what keepalives
    /// hide, and which half-closed connections still send
    #[arg(long, value_name = "DURATION", value_parser = interval, allow_hyphen_values = true)]
    pub over: Option<DurationArg>,

    /// List each CLOSE_WAIT socket: descriptor, age, verdict, ends, queues
    #[arg(long)]
    pub sockets: bool,

    /// Also find descriptors whose connection is gone already (reset while it
    /// was leaked); implied by --pid. Reads every socket of the host
    #[arg(long)]
    pub deep: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<LeaksFormat>,
}

/// The formats of the leaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LeaksFormat {
    /// For people
    #[default]
    Table,
    /// One document, schema tcpstate.leaks/1
    Json,
    /// A line for each process and socket that it holds, its descriptors in one
    /// column
    Csv,
}

/// What `tcpstate pressure` takes.
#[derive(Debug, Args)]
pub struct PressureArgs {
    /// Look twice, this long apart: rates, and when ports run out
    #[arg(long, value_name = "DURATION", value_parser = interval, allow_hyphen_values = true)]
    pub over: Option<DurationArg>,

    /// How many destinations and listeners the table shows; JSON and CSV have
    /// all
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = count::<usize>)]
    pub top: usize,

    /// Only ports towards this peer, and all listeners: as listening or dst
    /// PEER; can be given several times
    #[arg(long, value_name = "PEER")]
    pub remote: Vec<String>,

    /// Only listeners on this port, and all connections: as not listening or
    /// sport = PORT; can be given several times
    #[arg(long, value_name = "PORT", value_parser = port)]
    pub listen_port: Vec<u16>,

    /// Which sockets.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Name the processes behind all listeners, not only those in trouble;
    /// reads every descriptor of the host
    #[arg(short, long)]
    pub processes: bool,

    /// Also look which ports are bound and no more (Linux 6.8 and later; costs
    /// the walk of a second table). Done unasked where there may be so many that
    /// they matter
    #[arg(long)]
    pub bound: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<PressureFormat>,
}

/// The formats of the pressure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PressureFormat {
    /// For people
    #[default]
    Table,
    /// One document, schema tcpstate.pressure/1
    Json,
    /// A line a destination
    Csv,
    /// A line a listener
    CsvListeners,
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
    /// The JSON Schemas, and json.md
    Documents,
}
