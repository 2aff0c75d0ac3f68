//! What /proc says of one process.
//!
//! The crate procfs holds the directory: everything that is read through it is
//! of one process, even when its pid is used again meanwhile. Its parsers are
//! not used: they give up a whole file for one byte that isn't UTF-8, and a
//! process chooses its own name.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::directory::DIRECTORY_BUFFER;
use super::stat::{self, words_after};
use super::{directory, membership};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Member, Process};

/// More of a file than this is left unread: a command line may have as many
/// megabytes as its process likes.
const LONGEST_FILE: u64 = 256 * 1024;

/// Reads the facts of a process; `None` when it is gone, or hidden from us.
/// What may not be read of it is `None` inside.
///
/// The command line lies in the process's own memory: it is what the process
/// made of it, and at most 256 KiB of it are read.
///
/// # Errors
///
/// When it can't be read for another reason, as where we are short of
/// descriptors: then nothing is known of it, nor whether it is there.
pub fn read_process(proc_root: &ProcRoot, pid: u32) -> Result<Option<Process>, KernelError> {
    let known = |errno| match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO => {
            Err(proc_root.error(proc_root.file(&pid.to_string()), errno.into()))
        }
        _ => Ok(None),
    };
    let directory = match open_process(proc_root, pid) {
        Ok(directory) => directory,
        Err(errno) => return known(errno),
    };
    let read = |name| read(&directory, name).ok();
    let cgroup = read("cgroup").and_then(|lines| membership::parse(&lines));
    let (cgroup, unit) = cgroup.map(|cgroup| (cgroup.path, cgroup.unit)).unzip();
    let process = Process {
        pid,
        start_time: 0,
        command: read("comm").and_then(|line| command(&line)),
        cmdline: read("cmdline").and_then(|bytes| arguments(&bytes)),
        uid: read("status").and_then(|lines| effective_uid(&lines)),
        unit: unit.flatten(),
        cgroup,
        open_fds: open_fds(&directory),
        fd_limit: read("limits").and_then(|lines| fd_limit(&lines)),
    };
    // Last: if the process is still there, it was all the time.
    match stat::read(&directory, "stat") {
        Ok(stat) => Ok(Some(Process {
            start_time: stat.start_time,
            ..process
        })),
        Err(errno) => known(errno),
    }
}

/// Reads who a process is: a third of what all its facts cost. `None` when it
/// is gone, or hidden from us.
#[must_use]
pub fn read_member(proc_root: &ProcRoot, pid: u32) -> Option<Member> {
    let directory = open_process(proc_root, pid).ok()?;
    let read = |name| read(&directory, name).ok();
    let cgroup = read("cgroup").and_then(|lines| membership::parse(&lines));
    let command = read("comm").and_then(|line| command(&line));
    // Last: if the process is still there, it was all the time.
    let start_time = stat::read(&directory, "stat").ok()?.start_time;
    Some(Member {
        pid,
        start_time,
        command,
        unit: cgroup.and_then(|cgroup| cgroup.unit),
    })
}

/// The process that a thread belongs to; `None` when it is gone or can't be
/// read. /proc lists processes only, and answers for threads too.
#[must_use]
pub fn process_of(proc_root: &ProcRoot, thread: u32) -> Option<u32> {
    let directory = open_process(proc_root, thread).ok()?;
    let status = read(&directory, "status").ok()?;
    words_after(&status, b"Tgid:").next()?.parse().ok()
}

/// The directory of a process: everything that is read through it is of one
/// process, even when its pid is used again meanwhile.
fn open_process(proc_root: &ProcRoot, pid: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, proc_root.file(&pid.to_string()), flags, Mode::empty())
}

/// A file of the process.
fn read(directory: &OwnedFd, name: &str) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(1024);
    let file = File::from(directory::open_file(directory, name)?);
    let whole = file.take(LONGEST_FILE).read_to_end(&mut bytes);
    whole.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The name, which may hold newlines before the one that ends it.
fn command(line: &[u8]) -> Option<String> {
    let name = line.strip_suffix(b"\n").unwrap_or(line);
    (!name.is_empty()).then(|| text(name))
}

/// The arguments, each ended by a NUL. Programs that write a title over them
/// (`nginx: worker process`) leave more NULs behind it.
fn arguments(bytes: &[u8]) -> Option<Vec<String>> {
    let end = bytes.iter().rposition(|&byte| byte != 0)?;
    let arguments = bytes.get(..=end)?;
    Some(arguments.split(|&byte| byte == 0).map(text).collect())
}

/// The second number of `Uid: real effective saved filesystem`.
fn effective_uid(lines: &[u8]) -> Option<u32> {
    words_after(lines, b"Uid:").nth(1)?.parse().ok()
}

/// The first word of `Max open files  soft  hard  files`.
fn fd_limit(lines: &[u8]) -> Option<u64> {
    words_after(lines, b"Max open files").next()?.parse().ok()
}

/// How many descriptors the process has open: the size of its directory since
/// Linux 6.2, which takes no right, else the number of names in it.
fn open_fds(directory: &OwnedFd) -> Option<u64> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let place = openat(directory, "fd", flags, Mode::empty()).ok()?;
    if let Ok(size @ 1..) = super::sizes::size(place.as_fd(), ".")
        && super::sizes::is_proc(&place)
    {
        return Some(size.into());
    }
    let descriptors = directory::open(&place, ".").ok()?;
    let mut buffer = Vec::with_capacity(DIRECTORY_BUFFER);
    let mut entries = RawDir::new(descriptors, buffer.spare_capacity_mut());
    let mut count = 0;
    while let Some(entry) = entries.next() {
        count += u64::from(directory::number(entry.ok()?.file_name().to_bytes()).is_some());
    }
    // A process whose first thread has ended shows none, whatever the others
    // have.
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    const STAT: &str = "7 (x) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";

    fn staged(files: &[(&str, &[u8])]) -> (tempfile::TempDir, ProcRoot) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("7")).unwrap();
        for (name, bytes) in files {
            fs::write(root.path().join("7").join(name), bytes).unwrap();
        }
        let proc_root = ProcRoot::new(root.path());
        (root, proc_root)
    }

    #[test]
    fn every_fact_is_read_from_its_file() {
        let (root, proc_root) = staged(&[
            ("stat", STAT.as_bytes()),
            ("comm", b"nginx\n"),
            ("cmdline", b"nginx: worker process\0\0\0\0"),
            (
                "status",
                b"Name:\tnginx\nUid:\t33\t34\t33\t33\nGid:\t1\t1\t1\t1\n",
            ),
            ("cgroup", b"2:cpu:/x\n0::/system.slice/nginx.service\n"),
            (
                "limits",
                b"Limit                     Soft Limit           Hard Limit           Units     \n\
                  Max open files            1024                 524288               files     \n",
            ),
        ]);
        let descriptors = root.path().join("7/fd");
        fs::create_dir(&descriptors).unwrap();
        for fd in ["0", "1", "17"] {
            symlink("socket:[5]", descriptors.join(fd)).unwrap();
        }
        assert_eq!(
            read_process(&proc_root, 7).unwrap(),
            Some(Process {
                pid: 7,
                start_time: 4711,
                command: Some("nginx".to_owned()),
                cmdline: Some(vec!["nginx: worker process".to_owned()]),
                uid: Some(34),
                cgroup: Some("/system.slice/nginx.service".to_owned()),
                unit: Some(Unit::Systemd {
                    name: "nginx.service".to_owned(),
                    user: None
                }),
                open_fds: Some(3),
                fd_limit: Some(1024),
            })
        );
    }

    #[test]
    fn a_thread_belongs_to_a_process() {
        let (_root, proc_root) = staged(&[("status", b"Name:\tx\nTgid:\t5\nPid:\t7\n")]);
        assert_eq!(process_of(&proc_root, 7), Some(5));
        assert_eq!(process_of(&proc_root, 8), None);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_a_process_without_stat_is_gone() {
        let (_root, proc_root) = staged(&[("stat", STAT.as_bytes())]);
        let process = read_process(&proc_root, 7).unwrap().unwrap();
        assert_eq!(process.start_time, 4711);
        assert_eq!((process.command, process.cmdline), (None, None));
        assert_eq!((process.uid, process.fd_limit), (None, None));
        assert_eq!((process.cgroup, process.open_fds), (None, None));
        let (_root, without_stat) = staged(&[("comm", b"x\n")]);
        assert_eq!(read_process(&without_stat, 7).unwrap(), None);
        assert_eq!(read_process(&without_stat, 8).unwrap(), None);
        assert_eq!(read_process(&without_stat, u32::MAX).unwrap(), None);
    }

    /// It hung forever: a copy of a /proc may have anything in it.
    #[test]
    fn a_fifo_in_place_of_a_file_is_not_waited_for() {
        let (root, proc_root) = staged(&[("stat", STAT.as_bytes())]);
        for name in ["comm", "cmdline", "status", "limits", "cgroup"] {
            let path = root.path().join("7").join(name);
            rustix::fs::mknodat(CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        }
        let process = read_process(&proc_root, 7).unwrap().unwrap();
        assert_eq!((process.start_time, process.command), (4711, None));
        assert_eq!(process_of(&proc_root, 7), None);
        let stat = root.path().join("7/stat");
        fs::remove_file(&stat).unwrap();
        rustix::fs::mknodat(CWD, stat, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read_process(&proc_root, 7).unwrap(), None);
    }

    #[test]
    fn hostile_names_are_kept_and_hide_nothing() {
        let (_root, proc_root) = staged(&[
            (
                "stat",
                b"7 (evil) R 1\n) S 1) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0",
            ),
            ("comm", b"evil) R 1\n) S 1\n"),
            ("cmdline", b"\x1b[2J\"},{\0a\nb\0\0\xff\0"),
            (
                "status",
                b"Name:\tUid:\\n0\xff:\nUid:\t1000\t1000\t1000\t1000\n",
            ),
            ("cgroup", b"0::/a:b\xff\x1b\n"),
            ("limits", b"\nMax open files unlimited unlimited files\n"),
        ]);
        let process = read_process(&proc_root, 7).unwrap().unwrap();
        assert_eq!(process.start_time, 99);
        assert_eq!(process.command.as_deref(), Some("evil) R 1\n) S 1"));
        let cmdline = ["\u{1b}[2J\"},{", "a\nb", "", "\u{fffd}"];
        assert_eq!(process.cmdline, Some(cmdline.map(str::to_owned).to_vec()));
        assert_eq!(process.uid, Some(1000));
        assert_eq!(process.cgroup.as_deref(), Some("/a:b\u{fffd}\u{1b}"));
        assert_eq!(process.fd_limit, None);
    }

    #[test]
    fn numbers_out_of_range_are_unknown() {
        assert_eq!(effective_uid(b"Uid:\t0\t4294967296\t0\t0\n"), None);
        assert_eq!(effective_uid(b"Uid:\t0\n"), None);
        assert_eq!(effective_uid(b"Uid:\t0\t4294967295\n"), Some(u32::MAX));
        assert_eq!(
            fd_limit(b"Max open files 99999999999999999999 1 files"),
            None
        );
        assert_eq!(arguments(b""), None);
        assert_eq!(arguments(b"\0\0"), None);
        assert_eq!(command(b"\n"), None);
    }

    #[test]
    fn the_live_proc_tells_of_ourselves() {
        let own = std::process::id();
        let process = read_process(&ProcRoot::new(Path::new("/proc")), own)
            .unwrap()
            .unwrap();
        assert_eq!(process.pid, own);
        assert!(process.start_time > 0);
        assert_eq!(
            process.cmdline.unwrap().first().map(String::as_str),
            std::env::args().next().as_deref()
        );
        assert_eq!(process.uid, Some(rustix::process::geteuid().as_raw()));
        assert!(process.open_fds.unwrap() >= 3);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(process.fd_limit, limit.current);
    }
}
