//! What can go wrong between us and the kernel.

use std::io;
use std::path::PathBuf;

/// A netlink dump that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkFailure {
    /// socket(2), bind(2) or connect(2) was refused.
    #[error("cannot open a sock_diag netlink socket: {0}")]
    Open(#[source] io::Error),
    /// The request could not be sent.
    #[error("cannot send the sock_diag request: {0}")]
    Send(#[source] io::Error),
    /// No answer could be received.
    #[error("cannot receive the sock_diag answer: {0}")]
    Receive(#[source] io::Error),
    /// The kernel answered with an error (`NLMSG_ERROR`, or a negative number
    /// inside `NLMSG_DONE`).
    #[error("the kernel refused the sock_diag dump: {0}")]
    Refused(#[source] io::Error),
    /// The answer is not netlink.
    #[error("the sock_diag answer cannot be read: {0}")]
    Garbled(&'static str),
}

/// A reading that failed: what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Netlink failed, and nothing else was to be tried.
    #[error("cannot read sockets over netlink: {0}; try --source procfs, which needs no netlink")]
    Netlink(#[from] NetlinkFailure),
    /// A file of /proc could not be read.
    #[error(
        "cannot read {}: {source}; is {} a mounted /proc?",
        path.display(),
        root.display()
    )]
    Proc {
        /// The file.
        path: PathBuf,
        /// The root it belongs to.
        root: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// A file of /proc isn't what its name promises.
    #[error("cannot read {}: {what}; is it really the kernel's file?", path.display())]
    ProcContent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A recorded dump could not be read.
    #[error(
        "cannot read the recorded dump {}: {source}; record one with ss -tan -D FILE",
        path.display()
    )]
    ReplayRead {
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// A recorded dump isn't one, or is cut short.
    #[error(
        "cannot read the recorded dump {}: {what} at byte {offset}; record one with ss -tan -D FILE",
        path.display()
    )]
    ReplayContent {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}
