//! Holders among processes that the test makes, and in staged trees.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Which, find_owners, read_process, recheck};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Holder, Inodes, Owners, ScanCoverage};

const EVERYWHERE: Which<'static> = Which::All { first: &[] };

fn find(
    proc_root: &ProcRoot,
    wanted: impl IntoIterator<Item = u64>,
    which: Which<'_>,
) -> Result<Owners, KernelError> {
    let wanted: Inodes = wanted.into_iter().collect();
    find_owners(proc_root, &wanted, which)
}

fn live() -> ProcRoot {
    ProcRoot::new(Path::new("/proc"))
}

fn inode(socket: &impl AsFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

fn holder(pid: u32, fd: &impl AsRawFd) -> Holder {
    let fd = fd.as_raw_fd().cast_unsigned();
    Holder::descriptor(pid, fd)
}

/// A process that holds a socket as its standard input until it is killed.
struct Heir(Child);

impl Heir {
    fn of(socket: OwnedFd) -> Self {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").stdin(socket).stdout(Stdio::null());
        Self(sleep.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn every_descriptor_of_every_process_is_found() {
    let own = std::process::id();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let copy = client.try_clone().unwrap();
    let mut heir = Heir::of(client.try_clone().unwrap().into());
    let heir_pid = heir.0.id();
    let wanted = [inode(&listener), inode(&client), u64::MAX];

    let holders = find(&live(), wanted, EVERYWHERE).unwrap();
    let mut of_client = vec![
        holder(own, &client),
        holder(own, &copy),
        Holder::descriptor(heir_pid, 0),
    ];
    of_client.sort_unstable();
    assert_eq!(holders.of(inode(&client)), of_client);
    assert_eq!(holders.of(inode(&listener)), [holder(own, &listener)]);
    assert_eq!(holders.of(u64::MAX), []);
    assert_eq!(holders.iter().count(), 2);
    let mut pids = vec![own, heir_pid];
    pids.sort_unstable();
    assert_eq!(holders.pids(), pids);
    assert!(holders.coverage.scan.processes_scanned >= 2);

    let start_time = read_process(&live(), heir_pid).unwrap().unwrap().start_time;
    assert_eq!(holders.start_time(heir_pid), Some(start_time));

    let only = Which::Only(&[heir_pid, heir_pid]);
    let of_heir = find(&live(), wanted, only).unwrap();
    assert_eq!(of_heir.pids(), [heir_pid]);
    assert_eq!(of_heir.coverage.scan.processes_scanned, 1);

    heir.kill();
    let holders = find(&live(), wanted, EVERYWHERE).unwrap();
    assert_eq!(holders.pids(), [own]);
    let gone = find(&live(), wanted, only).unwrap();
    assert_eq!(gone.coverage.scan.processes_vanished, 1);
    assert_eq!(gone.coverage.scan.incomplete(), None);
}

#[test]
fn a_process_that_has_ended_and_was_not_waited_for_holds_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut heir = Heir::of(listener.try_clone().unwrap().into());
    let pid = heir.0.id();
    heir.0.kill().unwrap();
    while !fs::read_to_string(format!("/proc/{pid}/stat"))
        .unwrap()
        .contains(") Z ")
    {
        std::thread::yield_now();
    }
    let holders = find(&live(), [inode(&listener)], Which::Only(&[pid])).unwrap();
    assert_eq!(holders.of(inode(&listener)), []);
    assert_eq!(holders.coverage.scan.processes_scanned, 1);
}

#[test]
fn where_nothing_is_wanted_nothing_is_read() {
    let nowhere = ProcRoot::new(Path::new("/nonexistent"));
    let holders = find(&nowhere, [], EVERYWHERE).unwrap();
    assert_eq!(holders.coverage.scan, ScanCoverage::default());
    let error = find(&nowhere, [1], EVERYWHERE).unwrap_err();
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}

const STAT: &str = "(x) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";

fn stage(root: &Path, pid: &str, links: &[(&str, &str)]) {
    let descriptors = root.join(pid).join("fd");
    fs::create_dir_all(&descriptors).unwrap();
    for (name, target) in links {
        symlink(target, descriptors.join(name)).unwrap();
    }
}

#[test]
fn a_copied_proc_is_read_like_a_live_one() {
    let root = tempfile::tempdir().unwrap();
    stage(
        root.path(),
        "7",
        &[
            ("3", "socket:[50]"),
            ("4", "socket:[51]"),
            ("5", "socket:[50]"),
            ("x", "socket:[50]"),
            ("6", "/tmp/socket:[50]"),
            ("99999999999", "socket:[50]"),
            ("8", "socket:[99999999999999999999]"),
        ],
    );
    fs::write(root.path().join("7/fd/9"), "no link").unwrap();
    fs::write(root.path().join("7/stat"), format!("7 {STAT}")).unwrap();
    stage(root.path(), "8", &[("0", "socket:[50]")]);
    stage(root.path(), "self", &[("0", "socket:[50]")]);
    fs::create_dir(root.path().join("9")).unwrap();
    fs::write(root.path().join("10"), "no directory").unwrap();

    let proc_root = ProcRoot::new(root.path());
    for first in [&[][..], &[9, 7, 12345]] {
        let holders = find(&proc_root, [50], Which::All { first }).unwrap();
        let found = [3, 5].map(|fd| Holder::descriptor(7, fd));
        // 8 has no stat any more: it ended while it was read.
        assert_eq!(holders.of(50), found);
        assert_eq!(holders.pids(), [7]);
        assert_eq!(holders.start_time(7), Some(4711));
        assert_eq!(
            holders.coverage.scan,
            ScanCoverage {
                processes_scanned: 1,
                processes_vanished: 3,
                ..ScanCoverage::default()
            }
        );
    }
}

#[test]
fn a_holder_that_let_go_or_ended_is_forgotten_and_the_others_stay() {
    let own = std::process::id();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kept = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let shared = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut heir = Heir::of(shared.try_clone().unwrap().into());
    let wanted = [inode(&kept), inode(&shared), inode(&listener)];
    let mut holders = find(&live(), wanted, EVERYWHERE).unwrap();
    let known = [holder(own, &kept), holder(own, &shared)];
    let heirs = Holder::descriptor(heir.0.id(), 0);
    let listening = inode(&listener);
    let check = |holders: &mut Owners| {
        // Of what isn't wanted any more nothing is kept.
        recheck(&live(), holders, |inode| inode != listening).unwrap();
        assert!(holders.of(listening).is_empty());
    };
    check(&mut holders);
    assert_eq!(holders.of(wanted[0]), [known[0]]);
    assert_eq!(holders.of(wanted[1]).len(), 2);
    // Another file takes the number.
    let file = fs::File::open("/dev/null").unwrap();
    let mut socket = OwnedFd::from(shared);
    rustix::io::dup2(&file, &mut socket).unwrap();
    check(&mut holders);
    assert_eq!(holders.of(wanted[0]), [known[0]]);
    assert_eq!(holders.of(wanted[1]), [heirs]);
    heir.kill();
    check(&mut holders);
    assert!(holders.of(wanted[1]).is_empty());
    assert_eq!(holders.pids(), [own]);
}

/// Before Linux 6.2 nobody tells how many descriptors a process has, as nobody
/// does of a copy, so it can't be told from the number that it shows none.
#[test]
fn a_process_whose_first_thread_has_ended_is_read_by_another_where_no_number_is_told() {
    let root = tempfile::tempdir().unwrap();
    stage(root.path(), "7", &[]);
    stage(root.path(), "7/task/7", &[]);
    stage(root.path(), "7/task/8", &[]);
    stage(
        root.path(),
        "7/task/9",
        &[("3", "socket:[50]"), ("4", "/x")],
    );
    fs::write(root.path().join("7/stat"), format!("7 {STAT}")).unwrap();
    // This one has descriptors, and threads with more are not asked.
    stage(root.path(), "11", &[("0", "/x")]);
    stage(root.path(), "11/task/11", &[("0", "/x")]);
    stage(root.path(), "11/task/12", &[("1", "socket:[50]")]);
    fs::write(root.path().join("11/stat"), format!("11 {STAT}")).unwrap();

    let proc_root = ProcRoot::new(root.path());
    let holders = find(&proc_root, [50], EVERYWHERE).unwrap();
    assert_eq!(holders.of(50), [Holder::descriptor(7, 3)]);
    assert_eq!(holders.start_time(7), Some(4711));
    assert_eq!(holders.coverage.scan.processes_scanned, 2);
}
