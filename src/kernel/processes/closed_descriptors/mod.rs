//! Descriptors of TCP sockets that no dump shows.
//!
//! A reset takes a connection out of the kernel's tables; the socket and its
//! descriptor stay until close(2). From outside it is still
//! /proc/PID/fd/N → `socket:[inode]`, and the extended attribute
//! `system.sockprotoname` of that link says TCP (Linux 3.7; reading it follows
//! the link to the socket and opens nothing).
//!
//! A socket that was never connected looks the same: in no table, unless it is
//! bound (state bit 13 of a dump). /proc has nothing that tells the two apart.
//! See [`probe`] for what does.

mod probe;

use rustix::fs::getxattr;
use rustix::io::Errno;

use self::probe::{Closed, Probe, Probed};
use super::descriptors::RING;
use super::scan::scan;
use super::{Which, directory};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{ClosedDescriptor, ClosedDescriptors, Holder, ScanCoverage};

/// The socket descriptors of some processes at one moment.
#[derive(Debug, Clone)]
pub struct SocketDescriptors {
    proc_root: ProcRoot,
    /// By process and descriptor, with the inode of the socket.
    sockets: Vec<(Holder, u64)>,
    coverage: ScanCoverage,
}

impl SocketDescriptors {
    /// Collects them. Sockets are dumped **afterwards**: one that is made in
    /// between is then not among these, and one that gets connected in between
    /// is in the dump.
    ///
    /// # Errors
    ///
    /// When the root of /proc can't be listed.
    pub fn collect(proc_root: &ProcRoot, which: Which<'_>) -> Result<Self, KernelError> {
        let scan = scan(proc_root, which, &|inode| inode != RING)?;
        let mut sockets: Vec<_> = scan
            .found
            .into_iter()
            .map(|(inode, holder)| (holder, inode))
            .collect();
        sockets.sort_unstable();
        Ok(Self {
            proc_root: proc_root.clone(),
            sockets,
            coverage: scan.coverage,
        })
    }

    /// Those that refer to a TCP socket which is not among the inodes that a
    /// dump has shown: a complete one, of all states and both families, made
    /// after they were collected.
    ///
    /// What can be claimed depends on [`SocketPast`](crate::model::SocketPast). It is `Unknown` without
    /// the right to ptrace the process (root or CAP_SYS_PTRACE; Yama may refuse
    /// more), before Linux 5.6, and where `proc_root` is not our own: then the
    /// descriptor may as well be a socket that was never connected.
    ///
    /// A process in another network namespace is not looked into: its sockets
    /// are not in the dump because they are elsewhere. They are counted. Nor is
    /// one whose first thread has ended: by its own number it shows none.
    #[must_use]
    pub fn closed(&self, shown: impl Fn(u64) -> bool) -> ClosedDescriptors {
        let mut closed = ClosedDescriptors {
            unseen: self.coverage.incomplete(),
            ..ClosedDescriptors::default()
        };
        let unshown: Vec<(Holder, u64)> = self
            .sockets
            .iter()
            .filter(|&&(_, inode)| !shown(inode))
            .copied()
            .collect();
        for of_process in unshown.chunk_by(|(a, _), (b, _)| a.pid == b.pid) {
            let mut process = None;
            for &(holder, inode) in of_process {
                match self.protocol(holder, inode) {
                    Protocol::Tcp => {}
                    Protocol::Other => continue,
                    Protocol::Untold => {
                        closed.untold += 1;
                        continue;
                    }
                }
                let process = process.get_or_insert_with(|| self.process(holder.pid));
                match process.look(holder.fd, inode) {
                    // Alive and in no dump, or of a process that is elsewhere.
                    Probed::Connected => closed.elsewhere += 1,
                    Probed::Replaced => {}
                    Probed::Closed(one) => closed.sockets.push(ClosedDescriptor {
                        holder,
                        inode,
                        past: one.past,
                        local: one.local,
                        unread: one.unread,
                    }),
                }
            }
        }
        closed
    }

    /// Those that refer to a TCP socket which is connected or listens, and is not
    /// among the inodes that the dumps of all namespaces have shown, made after
    /// these were collected: it keeps a namespace that nothing else leads to. In
    /// no order. None where nobody may look into it.
    #[must_use]
    pub fn unreached(&self, shown: impl Fn(u64) -> bool) -> Vec<(Holder, u64)> {
        let unshown = self.sockets.iter().filter(|&&(_, inode)| !shown(inode));
        let unshown: Vec<(Holder, u64)> = unshown.copied().collect();
        if !self.proc_root.shows_us() {
            return Vec::new();
        }
        let mut unreached = Vec::new();
        for of_process in unshown.chunk_by(|(a, _), (b, _)| a.pid == b.pid) {
            let mut probe = None;
            for &(holder, inode) in of_process {
                if !matches!(self.protocol(holder, inode), Protocol::Tcp) {
                    continue;
                }
                let probe = probe.get_or_insert_with(|| Probe::open(holder.pid));
                let probed = probe.as_ref().map(|probe| probe.look(holder.fd, inode));
                if matches!(probed, Some(Probed::Connected)) {
                    unreached.push((holder, inode));
                }
            }
        }
        unreached
    }

    /// The inode of every socket that is held; one that is held twice comes
    /// twice.
    pub fn inodes(&self) -> impl Iterator<Item = u64> {
        self.sockets.iter().map(|&(_, inode)| inode)
    }

    /// How much the scan has seen.
    #[must_use]
    pub const fn coverage(&self) -> ScanCoverage {
        self.coverage
    }

    fn process(&self, pid: u32) -> Process {
        if self.proc_root.netns_inode_of(pid) != self.proc_root.netns_inode() {
            return Process::InAnotherNetns;
        }
        let is_our_pid = self.proc_root.shows_us();
        Process::Here(is_our_pid.then(|| Probe::open(pid)).flatten())
    }

    /// What kind of socket a descriptor refers to, if it still refers to it.
    fn protocol(&self, holder: Holder, inode: u64) -> Protocol {
        let Holder { pid, fd, .. } = holder;
        let path = self.proc_root.file(&format!("{pid}/fd/{fd}"));
        // The longest name of a protocol has 31 bytes (`struct proto`).
        let mut name = [0; 32];
        let protocol = match getxattr(&path, "system.sockprotoname", &mut name) {
            Ok(length) => match name.get(..length) {
                Some(b"TCP\0" | b"TCPv6\0" | b"TCP" | b"TCPv6") => Protocol::Tcp,
                _ => return Protocol::Other,
            },
            Err(Errno::NOENT | Errno::SRCH) => return Protocol::Other,
            Err(_) => Protocol::Untold,
        };
        // The name was read first: if the descriptor is the same now, it was
        // then.
        let target = rustix::fs::readlink(&path, Vec::new());
        let same =
            target.is_ok_and(|target| directory::socket_inode(target.to_bytes()) == Some(inode));
        if same { protocol } else { Protocol::Other }
    }
}

/// What `system.sockprotoname` says.
enum Protocol {
    Tcp,
    /// Another protocol, or the descriptor was closed or used again.
    Other,
    /// It can't be read.
    Untold,
}

/// A process that has descriptors in question.
enum Process {
    InAnotherNetns,
    /// The probe is missing where we may not look, or can't.
    Here(Option<Probe>),
}

impl Process {
    fn look(&self, fd: u32, inode: u64) -> Probed {
        match self {
            Self::InAnotherNetns => Probed::Connected,
            Self::Here(None) => Probed::Closed(Closed::UNKNOWN),
            Self::Here(Some(probe)) => probe.look(fd, inode),
        }
    }
}

#[cfg(test)]
mod tests;
