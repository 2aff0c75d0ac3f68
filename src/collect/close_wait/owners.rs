//! Finding out whose the sockets are.

use std::collections::HashMap;

use super::super::ownership::{self, Budget, Hints};
use super::rows::{held_fin_wait2, listeners_of};
use crate::classify::close_wait::{Listeners, Ownership, Unseen};
use crate::kernel::processes::read_process;
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Cgroup, CgroupId, Collection, Inodes, Owners, Processes, ScanCoverage, Socket};

/// What was found out about the owners of some sockets.
#[derive(Debug, Default)]
pub(in crate::collect) struct Found {
    holders: Owners,
    listeners: Listeners,
    /// Sockets in FIN_WAIT2 that somebody holds.
    fin_wait2: Vec<Socket>,
    scan: Option<ScanCoverage>,
    /// Those that were asked for and could not be looked into.
    unseen: Vec<Unseen>,
    /// Every process that holds one of the sockets or their listeners, or that
    /// was asked for.
    pub(in crate::collect) processes: Processes,
    /// The cgroups that the sockets were made in.
    pub(in crate::collect) cgroups: HashMap<CgroupId, Cgroup>,
}

impl Found {
    /// Reads what is known of more processes.
    fn know(
        &mut self,
        proc_root: &ProcRoot,
        pids: impl Iterator<Item = u32>,
    ) -> Result<(), KernelError> {
        for pid in pids {
            if !self.processes.contains_key(&pid) {
                let process = read_process(proc_root, pid)?;
                self.processes.extend(process.map(|process| (pid, process)));
            }
        }
        Ok(())
    }

    /// What sockets may show of a process that can't be looked into.
    fn unseen(&self, pid: u32) -> Unseen {
        let process = self.processes.get(&pid);
        let path = process.and_then(|process| process.cgroup.as_deref());
        // Whatever has no cgroup of its own is in the root.
        let path = path.filter(|&path| path != "/");
        let mut cgroups = self.cgroups.values();
        let same = |cgroup: &&Cgroup| path.is_some() && cgroup.path.as_deref() == path;
        Unseen {
            pid,
            uid: process.and_then(|process| process.uid),
            cgroup: cgroups.find(same).map(|cgroup| cgroup.id),
        }
    }

    /// Whether a socket has a known holder that is still there.
    pub(in crate::collect) fn owns(&self, socket: &Socket) -> bool {
        let holders = socket.inode.map_or(&[][..], |inode| self.holders.of(inode));
        let mut pids = holders.iter().map(|holder| holder.pid);
        pids.any(|pid| self.processes.contains_key(&pid))
    }

    /// The same, for the report.
    pub(in crate::collect) fn owners<'a>(
        &'a self,
        earlier: Option<&'a HashMap<(u32, u64), u64>>,
    ) -> Ownership<'a> {
        Ownership {
            holders: &self.holders,
            processes: &self.processes,
            listeners: &self.listeners,
            scan: self.scan,
            unseen: &self.unseen,
            fin_wait2: &self.fin_wait2,
            earlier,
        }
    }
}

/// Finds every holder of the sockets, of the listeners that unaccepted ones
/// wait at, and what is known of these processes. What is lost on the way counts
/// in `collection`.
pub(in crate::collect) fn find(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    sockets: &[Socket],
    asked: &[u32],
    collection: &mut Collection,
) -> Result<Found, KernelError> {
    let listeners = listeners_of(source, sockets, collection)?;
    let fin_wait2 = held_fin_wait2(source, sockets)?;
    let closed = fin_wait2.iter().filter_map(|socket| socket.inode);
    let wanted = wanted(sockets, &listeners).chain(closed).collect();
    let cgroups = cgroups(proc_root, sockets);
    let hints = Hints {
        pids: asked.to_vec(),
        ..Hints::of(&cgroups)
    };
    let holders = ownership::find(proc_root, &wanted, &hints, Budget::Everywhere)?;
    let processes = ownership::processes(proc_root, &holders)?;
    let mut found = Found {
        scan: Some(holders.coverage.scan),
        unseen: Vec::new(),
        holders,
        listeners,
        fin_wait2,
        processes,
        cgroups,
    };
    found.know(proc_root, asked.iter().copied())?;
    let unseen = asked
        .iter()
        .filter(|pid| found.holders.coverage.unread.contains(pid));
    found.unseen = unseen.map(|&pid| found.unseen(pid)).collect();
    Ok(found)
}

/// The inodes to look for: those of the sockets, and of the listeners that
/// unaccepted ones wait at.
pub(in crate::collect) fn wanted<'a>(
    sockets: &'a [Socket],
    listeners: &'a Listeners,
) -> impl Iterator<Item = u64> + 'a {
    let waiting = sockets.iter().filter(|socket| socket.inode.is_none());
    let accepting = waiting.flat_map(|connection| listeners.of(connection));
    let wanted = sockets.iter().chain(accepting);
    wanted.filter_map(|socket| socket.inode)
}

/// Where the owners of the sockets are likely to be.
pub(in crate::collect) fn hints(proc_root: &ProcRoot, sockets: &[Socket]) -> Hints {
    Hints::of(&cgroups(proc_root, sockets))
}

/// How many of the sockets each process holds, by pid and start time.
pub(in crate::collect) fn count(
    proc_root: &ProcRoot,
    sockets: &[Socket],
) -> Result<HashMap<(u32, u64), u64>, KernelError> {
    let hints = hints(proc_root, sockets);
    let wanted: Inodes = sockets.iter().filter_map(|socket| socket.inode).collect();
    let holders = ownership::find(proc_root, &wanted, &hints, Budget::Everywhere)?;
    let mut counts = HashMap::new();
    for (_, of_socket) in holders.iter() {
        for of_process in of_socket.chunk_by(|one, another| one.pid == another.pid) {
            let pid = of_process.first().map(|holder| holder.pid);
            if let Some(pid) = pid
                && let Some(start_time) = holders.start_time(pid)
            {
                *counts.entry((pid, start_time)).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// The cgroups that the sockets were made in.
fn cgroups(proc_root: &ProcRoot, sockets: &[Socket]) -> HashMap<CgroupId, Cgroup> {
    ownership::cgroups(proc_root, sockets.iter().filter_map(|socket| socket.cgroup))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::classify::close_wait::testing::close_wait;
    use crate::kernel::ReplaySource;
    use crate::model::{Request, StateSet};

    /// Nobody listens.
    fn no_listeners() -> (tempfile::NamedTempFile, ReplaySource) {
        let file = tempfile::NamedTempFile::new().unwrap();
        // An end of a dump without an error, and nothing before it.
        let done = [20_u32.to_ne_bytes(), [3, 0, 2, 0], [0; 4], [0; 4], [0; 4]];
        fs::write(file.path(), done.concat()).unwrap();
        let source = ReplaySource::new(file.path());
        (file, source)
    }

    fn stat(directory: &Path, pid: u32, start_time: u64) {
        let stat = format!("{pid} (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 {start_time} 0 0");
        fs::write(directory.join("stat"), stat).unwrap();
    }

    /// Between the walk over its descriptors, which stays with a process, and
    /// the reading of its facts by number, another process got the number.
    #[test]
    fn a_process_that_has_the_number_of_a_holder_now_is_not_blamed() {
        let root = tempfile::tempdir().unwrap();
        let (now, then) = (root.path().join("7"), root.path().join("ended"));
        for directory in [&now, &then.join("fd")] {
            fs::create_dir_all(directory).unwrap();
        }
        symlink("socket:[100]", then.join("fd/3")).unwrap();
        symlink("../ended/fd", now.join("fd")).unwrap();
        stat(&then, 7, 4_711);
        let (_file, mut source) = no_listeners();
        let proc_root = ProcRoot::new(root.path());
        let sockets = [close_wait().inode(100).build()];
        let mut known = |start_time| {
            stat(&now, 7, start_time);
            let query = Request::states(StateSet::NONE);
            let mut collection = source.visit_all(&query, &mut |_| {}).unwrap();
            let found = find(&mut source, &proc_root, &sockets, &[], &mut collection);
            let found = found.unwrap();
            assert_eq!(found.holders.start_time(7), Some(4_711));
            (found.processes.contains_key(&7), found.owns(&sockets[0]))
        };
        assert_eq!(known(4_711), (true, true));
        assert_eq!(known(4_712), (false, false));
    }
}
