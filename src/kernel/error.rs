//! What can go wrong between us and the kernel.
//!
//! Every message is whole: what failed, why, and what to do. So no error here
//! has a source that a printer of chains would say a second time.

use std::io;
use std::path::PathBuf;

use crate::model::SourceKind;
use crate::text::reason;

/// A netlink dump that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkFailure {
    /// socket(2), bind(2) or connect(2) was refused.
    #[error("cannot open a sock_diag netlink socket: {}", reason(.0))]
    Open(io::Error),
    /// The request could not be sent.
    #[error("cannot send the sock_diag request: {}", reason(.0))]
    Send(io::Error),
    /// No answer could be received.
    #[error("cannot receive the sock_diag answer: {}", reason(.0))]
    Receive(io::Error),
    /// The kernel answered with an error (`NLMSG_ERROR`, or a negative number
    /// inside `NLMSG_DONE`).
    #[error("the kernel refused the sock_diag dump: {}", refusal(.0))]
    Refused(io::Error),
    /// The answer is not netlink.
    #[error("the sock_diag answer cannot be read: {0}")]
    Garbled(&'static str),
}

/// A reading that failed: what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Netlink failed, and nothing else was to be tried.
    #[error("{0}; try --source procfs, which needs no netlink")]
    Netlink(NetlinkFailure),
    /// A /proc that may be of another network namespace than netlink.
    #[error(
        "cannot read {} with --source netlink: it is not known to show this network namespace; \
         leave one of the two out",
        root.display()
    )]
    ForeignProcRoot {
        /// The /proc.
        root: PathBuf,
    },
    /// Only an administrator may compare marks.
    #[error(
        "fwmark cannot be compared: that takes CAP_NET_ADMIN in this network namespace; run as root"
    )]
    MarkNotPermitted,
    /// A filter has conditions of which the source tells nothing.
    #[error(
        "the filter has {}, which {} not tell; leave it out, or read the running kernel over netlink",
        words.join(", "),
        match kind {
            SourceKind::Procfs => "the tables of /proc do",
            SourceKind::Replay | SourceKind::Netlink => "a recorded dump does",
        }
    )]
    Untold {
        /// The words of the language for them.
        words: Vec<&'static str>,
        /// The source.
        kind: SourceKind,
    },
    /// A file of /proc could not be read.
    #[error(
        "cannot read {}: {}; is {} a mounted /proc?",
        path.display(),
        reason(cause),
        root.display()
    )]
    Proc {
        /// The file.
        path: PathBuf,
        /// The root it belongs to.
        root: PathBuf,
        /// The kernel's words.
        cause: io::Error,
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
        "cannot read the recorded dump {}: {}; give the file that ss -tan -D FILE wrote",
        path.display(),
        reason(cause)
    )]
    ReplayRead {
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        cause: io::Error,
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

impl From<NetlinkFailure> for KernelError {
    fn from(failure: NetlinkFailure) -> Self {
        Self::Netlink(failure)
    }
}

/// Why the kernel refused. ENOENT is no file that isn't there: nobody answers
/// for TCP, where the module isn't loaded and the kernel can't do it itself.
fn refusal(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return "tcp_diag is missing (load it as root: modprobe tcp_diag)".to_owned();
    }
    reason(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_the_reason_once_and_what_to_do() {
        let refused = io::Error::from_raw_os_error(1);
        let error = KernelError::from(NetlinkFailure::Open(refused));
        assert_eq!(
            format!("{:#}", anyhow::Error::from(error)),
            "cannot open a sock_diag netlink socket: Operation not permitted; \
             try --source procfs, which needs no netlink"
        );
        let missing = NetlinkFailure::Refused(io::Error::from_raw_os_error(2));
        assert_eq!(
            missing.to_string(),
            "the kernel refused the sock_diag dump: tcp_diag is missing \
             (load it as root: modprobe tcp_diag)"
        );
        let error = KernelError::ReplayRead {
            path: PathBuf::from("/nope"),
            cause: io::Error::from_raw_os_error(2),
        };
        assert_eq!(
            format!("{:#}", anyhow::Error::from(error)),
            "cannot read the recorded dump /nope: No such file or directory; \
             give the file that ss -tan -D FILE wrote"
        );
    }
    #[test]
    fn a_source_says_which_words_it_cannot_judge() {
        let untold = |kind, words: &[&'static str]| KernelError::Untold {
            words: words.to_vec(),
            kind,
        };
        assert_eq!(
            untold(SourceKind::Procfs, &["dev", "fwmark"]).to_string(),
            "the filter has dev, fwmark, which the tables of /proc do not tell; \
             leave it out, or read the running kernel over netlink"
        );
        assert!(
            untold(SourceKind::Replay, &["autobound"])
                .to_string()
                .starts_with("the filter has autobound, which a recorded dump does not tell;")
        );
    }
}
