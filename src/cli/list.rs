//! What `tcpstate list` takes.

use clap::{Args, ValueEnum};

/// What `tcpstate list` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line"
)]
pub struct ListArgs {
    /// Which connections, in the words of ss(8): state NAME, src and dst with
    /// addresses and prefixes, sport and dport with comparisons, dev, fwmark,
    /// cgroup, and, or, not, parentheses; and uid, age, recvq, sendq, rtt,
    /// retrans
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// Sockets in all states
    #[arg(short, long)]
    pub all: bool,

    /// Only listeners
    #[arg(short, long, conflicts_with = "all")]
    pub listening: bool,

    /// Only sockets that are bound and neither listen nor are connected (Linux
    /// 6.8 and later)
    #[arg(short = 'B', long, conflicts_with_all = ["all", "listening"])]
    pub bound: bool,

    /// The processes that hold each socket, with their descriptors
    #[arg(short, long)]
    pub processes: bool,

    /// Timer, uid, inode and cookie of each socket
    #[arg(short, long)]
    pub extended: bool,

    /// Taken as ss takes it: only TCP is shown in any case
    #[arg(short = 't', long = "tcp", hide = true)]
    pub tcp: bool,

    /// Taken as ss takes it: numbers are shown in any case
    #[arg(short = 'n', long = "numeric", hide = true)]
    pub numeric: bool,

    /// No heading
    #[arg(short = 'H', long)]
    pub no_header: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<ListFormat>,
}

/// The formats of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    #[default]
    Table,
    /// A line a socket
    Csv,
}

pub(super) const LIST_EXAMPLES: &str = "Examples:
  tcpstate list                              the connections, as ss shows them
  tcpstate list -a                           sockets in all states
  tcpstate list -ltp                         listeners and their programs
  tcpstate list dport = :5432                connections to PostgreSQL
  tcpstate list state close-wait sport = :443
  tcpstate list 'dst 10.0.0.0/8 and not dport = 22'
  tcpstate list --format csv -a -e           for a script";
