//! File descriptors: the limit of a process, and how many the host has.

use std::fs;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this a holder never takes, so that fixtures look alike where the hard limit is high.
const MOST: u64 = 20_000;
/// What a process needs besides the fixture: standard streams, a listener, clients that close.
pub(crate) const SPARE: usize = 2000;

/// How many descriptors of a fixture one process can hold.
pub(crate) fn each_process() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(MOST);
    usize::try_from(hard.min(MOST))
        .unwrap_or(0)
        .saturating_sub(SPARE)
        .max(1)
}

/// Raises the soft limit of open files to the hard one.
pub(crate) fn raise_limit() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")
}

/// Descriptors in every /proc/PID/fd that we may read.
pub(crate) fn on_host() -> Result<usize> {
    let mut total = 0;
    for process in fs::read_dir("/proc").context("cannot read /proc")? {
        let path = process.context("cannot read /proc")?.path();
        let numeric = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        // Processes end while we look, and others' are not ours to read.
        if let (true, Ok(fds)) = (numeric, fs::read_dir(path.join("fd"))) {
            total += fds.count();
        }
    }
    Ok(total)
}
