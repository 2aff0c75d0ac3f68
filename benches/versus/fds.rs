//! File descriptors: the limit of a process, and how many the host has.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow};
use rustix::buffer::spare_capacity;
use rustix::fs::{RawDir, readlinkat_raw};
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
    // Processes end while we look, and others' are not ours to read.
    Ok(tables()?
        .iter()
        .filter_map(|table| fs::read_dir(table).ok())
        .map(Iterator::count)
        .sum())
}

/// The least that finds the holders of sockets by /proc: the link of every descriptor, on two
/// threads that take one process after another. Returns how many.
pub(crate) fn read_links() -> Result<usize> {
    let tables = tables()?;
    let next = AtomicUsize::new(0);
    let read = || {
        let mut links = 0;
        let mut names = Vec::with_capacity(32 * 1024);
        let mut link = Vec::with_capacity(128);
        while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Ok(directory) = File::open(table) else {
                continue;
            };
            let mut entries = RawDir::new(&directory, names.spare_capacity_mut());
            while let Some(Ok(entry)) = entries.next() {
                link.clear();
                let read = readlinkat_raw(&directory, entry.file_name(), spare_capacity(&mut link));
                links += usize::from(read.is_ok());
            }
        }
        links
    };
    thread::scope(|scope| {
        let other = scope.spawn(read);
        let links: usize = read();
        let others = other.join().map_err(|_| anyhow!("a thread panicked"))?;
        Ok(links + others)
    })
}

/// /proc/PID/fd of every process.
fn tables() -> Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for process in fs::read_dir("/proc").context("cannot read /proc")? {
        let path = process.context("cannot read /proc")?.path();
        let numeric = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if numeric {
            tables.push(path.join("fd"));
        }
    }
    Ok(tables)
}
