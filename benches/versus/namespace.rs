//! A network namespace for each case, with a TCP hash table of its own.
//!
//! The size of that table is read when a namespace is *made*, from the one that makes it, so two
//! are nested: the outer one only to set `tcp_child_ehash_entries`, the inner one for the case.
//! Without it all namespaces share one table, and every dump walks everybody's sockets.

use std::convert::Infallible;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::arguments::Arguments;
use crate::case::{self, Case, Verdict};
use crate::{ROLE, netlink, observe};

const SYSCTLS: &str = "/proc/sys/net/";

/// What every fixture needs. Absent ones (older kernels) don't matter to it.
const SETTINGS: [(&str, &str); 5] = [
    // The default 2 lets loopback connects take over TIME_WAIT sockets, so they'd never pile up.
    ("ipv4/tcp_tw_reuse", "0"),
    ("ipv4/tcp_max_tw_buckets", "4000000"),
    ("ipv4/tcp_max_syn_backlog", "65536"),
    ("core/somaxconn", "65536"),
    // The clients' ends of CLOSE_WAIT sockets leave FIN_WAIT2 behind; be rid of it soon, but not
    // while more are made: then a new client would take the port, and its SYN reset the old server.
    ("ipv4/tcp_fin_timeout", "6"),
];

/// The ports that connect() gives out while a fixture is made, and others that no socket has.
pub(crate) const PORTS: (u16, u16) = (10_000, 65_000);
pub(crate) const UNUSED_PORTS: (u16, u16) = (65_001, 65_535);

/// Runs one case in a fresh namespace and says how it went.
pub(crate) fn run_inside(case: &Case, arguments: &Arguments) -> Result<Verdict> {
    let root = rustix::process::geteuid().is_root();
    // The user namespace too for who isn't root: only there may they make a network namespace.
    let mut command = unshare(if root { "-n" } else { "-Urn" }, "outer")?;
    command
        .arg(
            if case.shares_table() {
                0
            } else {
                hash_table_size()
            }
            .to_string(),
        )
        .arg(&case.name)
        .args(arguments.options());
    let status = command
        .status()
        .context("cannot run unshare (util-linux), which makes the namespace")?;
    Ok(Verdict::from_status(status.code()))
}

/// In the outer namespace: set the table size, then become the inner one.
pub(crate) fn outer(words: &[String]) -> Result<Infallible> {
    let (size, rest) = words.split_first().context("the outer role needs a size")?;
    set("ipv4/tcp_child_ehash_entries", size)
        .context("before Linux 6.1 a namespace can't have its own hash table")?;
    Err(unshare("-n", "inner")?.args(rest).exec()).context("cannot run unshare a second time")
}

/// In the inner namespace: prepare it and run the case.
pub(crate) fn inner(words: &[String]) -> Result<Verdict> {
    let (name, options) = words.split_first().context("the inner role needs a case")?;
    // Whoever kills the benchmark means all of it; the holders then end with this process.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot bind this process to its parent")?;
    let before = observe::sockstat()?;
    ensure!(
        before.inuse == 0 && before.time_wait == 0,
        "this network namespace is not a fresh one: it has TCP sockets"
    );
    netlink::loopback_up().context("cannot bring up lo")?;
    for (name, value) in SETTINGS {
        if Path::new(SYSCTLS).join(name).exists() {
            set(name, value)?;
        }
    }
    set_port_range(PORTS)?;
    case::run(name, &Arguments::parse(options)?)
}

/// `unshare FLAGS this-program --role=ROLE`.
fn unshare(flags: &str, role: &str) -> Result<Command> {
    let program = std::env::current_exe().context("where is this program?")?;
    let mut command = Command::new("unshare");
    command.arg(flags).arg(program).arg(format!("{ROLE}{role}"));
    Ok(command)
}

/// As many buckets as the host gives itself: walking them is part of what a dump costs.
fn hash_table_size() -> u32 {
    fs::read_to_string(Path::new(SYSCTLS).join("ipv4/tcp_ehash_entries"))
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok())
        // Negative where this namespace shares its parent's table.
        .map_or(262_144, i32::unsigned_abs)
}

/// Sets the ports that connect() gives out.
pub(crate) fn set_port_range((low, high): (u16, u16)) -> Result<()> {
    set("ipv4/ip_local_port_range", &format!("{low} {high}"))
}

/// Writes one sysctl of the present namespace.
fn set(name: &str, value: &str) -> Result<()> {
    let path = Path::new(SYSCTLS).join(name);
    fs::write(&path, value).with_context(|| format!("cannot set {} to {value}", path.display()))
}
