//! What `tcpstate explain` takes.

use clap::Args;

/// What `tcpstate explain` takes.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A state, a rule, a setting or a counter of the kernel, or one of
    /// handshake, close, reset, fastopen, syncookies; without one, the state
    /// machine with the counts of this host
    #[arg(value_name = "WORD")]
    pub word: Option<String>,

    /// Show nothing of this host, only what things mean
    #[arg(long)]
    pub no_live: bool,
}

pub(super) const EXPLAIN_EXAMPLES: &str = "Examples:
  tcpstate explain                    the state machine, with the counts of this host
  tcpstate explain CLOSE_WAIT         a state: how one gets in and out, what to do
  tcpstate explain ports_exhaustion   a rule of tcpstate check --list
  tcpstate explain tcp_tw_reuse       a setting, with its value here
  tcpstate explain ListenDrops        a counter, with its value here
  tcpstate explain handshake          a sequence, drawn";
