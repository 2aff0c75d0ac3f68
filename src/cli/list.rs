//! What `tcpstate list` takes.

use clap::{Args, ValueEnum};

use super::value::one_or_more;
use crate::model::ListColumn;

/// What `tcpstate list` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line"
)]
pub struct ListArgs {
    /// Which connections, in the words of ss(8): state NAME, src and dst with
    /// addresses and prefixes, sport and dport with comparisons, dev, fwmark,
    /// cgroup, autobound, and, or, not, parentheses; and pid, process, user,
    /// unit, container, age, recvq, sendq, rtt, retrans, lastsnd, lastrcv
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// Sockets in all states
    #[arg(short, long, overrides_with_all = ["listening", "bound"])]
    pub all: bool,

    /// Only listeners
    #[arg(short, long, overrides_with_all = ["all", "bound"])]
    pub listening: bool,

    /// Only sockets that are bound and neither listen nor are connected (Linux
    /// 6.8 and later)
    #[arg(short = 'B', long, overrides_with_all = ["all", "listening"])]
    pub bound: bool,

    /// Every process that holds a socket, with its descriptors
    #[arg(short, long)]
    pub processes: bool,

    /// All of tcp_info: every field that the kernel sends, under its own name
    #[arg(short, long)]
    pub info: bool,

    /// Memory of each socket
    #[arg(short, long)]
    pub memory: bool,

    /// The timer that runs
    #[arg(short = 'o', long = "options")]
    pub timers: bool,

    /// The timer, and uid, inode, cookie, interface, mark, what is shut down,
    /// cgroup and unit
    #[arg(short, long)]
    pub extended: bool,

    /// Names of users, services and hosts in place of numbers, from files of
    /// /etc
    #[arg(short, long = "resolve")]
    pub resolve: bool,

    /// These columns and no others, e.g. state,local,remote,rtt,process
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub columns: Vec<ListColumn>,

    /// Sort by a column, numbers from the largest; -COLUMN: the other way round
    #[arg(
        long,
        value_name = "COLUMN",
        allow_hyphen_values = true,
        value_parser = sort_key
    )]
    pub sort: Option<(ListColumn, bool)>,

    /// Only the first of the sorted sockets
    #[arg(long, value_name = "NUMBER", requires = "sort", value_parser = one_or_more)]
    pub top: Option<u64>,

    /// Taken as ss takes it: only TCP is shown in any case
    #[arg(short = 't', long = "tcp", hide = true)]
    pub tcp: bool,

    /// Taken as ss takes it: numbers are shown unless -r is given
    #[arg(short = 'n', long = "numeric", hide = true, overrides_with = "resolve")]
    pub numeric: bool,

    /// No heading
    #[arg(short = 'H', long)]
    pub no_header: bool,

    /// All of a socket on one line
    #[arg(short = 'O', long)]
    pub oneline: bool,

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
    /// One document, schema tcpstate.list/1
    Json,
    /// A line of JSON a socket
    Ndjson,
    /// A line a socket
    Csv,
}

/// A column to sort by, and whether the other way round.
fn sort_key(text: &str) -> Result<(ListColumn, bool), String> {
    match text.strip_prefix('-') {
        Some(column) => Ok((column.parse()?, true)),
        None => Ok((text.parse()?, false)),
    }
}

impl ListArgs {
    /// The columns of the table.
    #[must_use]
    pub fn columns(&self) -> Vec<ListColumn> {
        if !self.columns.is_empty() {
            return self.columns.clone();
        }
        let mut columns = ListColumn::USUAL.to_vec();
        // What is sorted by has to be seen.
        if let Some((by, _)) = self.sort
            && !columns.contains(&by)
            && !by.is_part_of_an_end()
            && !(by == ListColumn::Process && self.processes)
        {
            columns.push(by);
        }
        columns.extend(self.processes.then_some(ListColumn::Process));
        columns
    }

    /// What is shown beside them.
    #[must_use]
    pub fn details(&self) -> Vec<ListColumn> {
        let mut details = Vec::new();
        if !self.columns.is_empty() {
            return details;
        }
        if self.timers || self.extended {
            details.extend(ListColumn::TIMERS);
        }
        if self.extended {
            details.extend(ListColumn::EXTENDED);
        }
        if self.memory {
            details.extend(ListColumn::memory());
        }
        if self.info {
            details.extend(ListColumn::info());
        }
        details
    }
}

pub(super) const LIST_EXAMPLES: &str = "Examples:
  tcpstate list                              the connections, as ss shows them
  tcpstate list -tanp                        all sockets and their programs
  tcpstate list -ltp                         listeners and their programs
  tcpstate list dport = :5432                connections to PostgreSQL
  tcpstate list state close-wait sport = :443
  tcpstate list 'dst 10.0.0.0/8 and not dport = 22'
  tcpstate list --sort rtt --top 10          the slowest connections
  tcpstate list --columns local,remote,rtt,total_retrans,process
  tcpstate list -ie --json dport = :443 | jq '.sockets[].info.rtt'
  tcpstate list --format csv -a -e           for a spreadsheet";
