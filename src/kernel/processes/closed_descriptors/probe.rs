//! A look into a socket of another process.
//!
//! pidfd_getfd(2) (Linux 5.6) gives a descriptor of our own for the same
//! socket, for as long as four system calls take. They change nothing in it:
//! poll(2) does not take the pending error as SO_ERROR would, and closing our
//! descriptor is no close(2) of the owner's. What they tell, as measured on
//! Linux 6.18:
//!
//! | socket | poll | address |
//! |---|---|---|
//! | fresh, bound, disconnected, refused in a blocking connect(2), a listener that was shut down | HUP | none, or bound |
//! | reset, refused otherwise, shut down by both sides | HUP and RDHUP | its own end |
//! | fresh, and shutdown(2) was called on it | HUP and RDHUP | none |
//! | alive | no HUP | its own end |
//!
//! For `tcp_done()`, which ends every connection (by timeout and SOCK_DESTROY
//! too), sets both bits of `sk_shutdown`, only a disconnect clears them, and
//! tcp_poll() shows them.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstat;
use rustix::io::{Errno, ioctl_fionread};
use rustix::net::getsockname;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::model::{Endpoint, SocketPast};

/// A process whose sockets may be looked into.
pub(super) struct Probe {
    process: OwnedFd,
}

/// What a look has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// The socket is not in the state CLOSE.
    Connected,
    /// It is, or may be.
    Closed(Closed),
    /// The descriptor is closed, or another's now.
    Replaced,
}

/// A socket in the state CLOSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) past: SocketPast,
    pub(super) local: Option<Endpoint>,
    pub(super) unread: Option<u64>,
}

impl Closed {
    /// One that we may not look into.
    pub(super) const UNKNOWN: Self = Self {
        past: SocketPast::Unknown,
        local: None,
        unread: None,
    };
}

impl Probe {
    /// `None` when the process is gone or the kernel is older than Linux 5.3.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(pid.try_into().ok()?)?;
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        Some(Self { process })
    }

    /// Looks at the socket with this inode, behind this descriptor.
    pub(super) fn look(&self, fd: u32, inode: u64) -> Probed {
        let Ok(fd) = i32::try_from(fd) else {
            return Probed::Closed(Closed::UNKNOWN);
        };
        let socket = match pidfd_getfd(&self.process, fd, PidfdGetfdFlags::empty()) {
            Ok(socket) => socket,
            Err(Errno::BADF | Errno::SRCH) => return Probed::Replaced,
            Err(_) => return Probed::Closed(Closed::UNKNOWN),
        };
        if fstat(&socket).map(|stat| stat.st_ino) != Ok(inode) {
            return Probed::Replaced;
        }
        look_into(&socket)
    }
}

fn look_into(socket: &OwnedFd) -> Probed {
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP)];
    // A zero timeout: it answers at once.
    if poll(&mut polled, Some(&Timespec::default())).is_err() {
        return Probed::Closed(Closed::UNKNOWN);
    }
    let [polled] = polled;
    let events = polled.revents();
    if !events.contains(PollFlags::HUP) {
        return Probed::Connected;
    }
    let local = local_end(socket);
    // Without an address there never was a connection to end.
    let ended = events.contains(PollFlags::RDHUP) && local.is_some_and(|end| !end.is_wildcard());
    Probed::Closed(Closed {
        past: if ended {
            SocketPast::Ended
        } else {
            SocketPast::NeverConnected
        },
        local,
        unread: ioctl_fionread(socket).ok(),
    })
}

/// The address that the socket has; `None` for all zeros.
fn local_end(socket: &OwnedFd) -> Option<Endpoint> {
    let address = SocketAddr::try_from(getsockname(socket).ok()?).ok()?;
    let endpoint = Endpoint::new(address.ip(), address.port());
    (!endpoint.is_wildcard() || endpoint.port != 0).then_some(endpoint)
}
