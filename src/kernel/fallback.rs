//! Netlink first, /proc where netlink is refused.

use super::netlink::{KernelTransport, NetlinkSource, Transport};
use super::{KernelError, ProcRoot, ProcfsSource, SocketSource};
use crate::model::{Collection, FallbackReason, Query, Socket, SourceKind};

/// What the user wants to read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourceChoice {
    /// Netlink, and /proc where that is refused.
    #[default]
    Auto,
    /// Netlink, or an error.
    Netlink,
    /// /proc, netlink not even tried.
    Procfs,
}

/// Reads over netlink until that is refused, and from /proc from then on.
#[derive(Debug)]
pub struct FallbackSource<T> {
    netlink: Option<NetlinkSource<T>>,
    procfs: ProcfsSource,
}

impl FallbackSource<KernelTransport> {
    /// Chooses by what this process may open.
    #[must_use]
    pub fn open(proc_root: &ProcRoot) -> Self {
        let is_live_proc = proc_root.path() == std::path::Path::new("/proc");
        if !is_live_proc && !proc_root.shows_our_netns() {
            let procfs = ProcfsSource::new(proc_root).because(FallbackReason::ForeignProcRoot);
            return Self {
                netlink: None,
                procfs,
            };
        }
        match KernelTransport::open() {
            Ok(transport) => Self::over(transport, proc_root),
            Err(error) => Self {
                netlink: None,
                procfs: ProcfsSource::new(proc_root)
                    .because(FallbackReason::NetlinkRefused(error.to_string())),
            },
        }
    }
}

impl<T: Transport> FallbackSource<T> {
    /// Netlink over any transport, backed by a /proc.
    pub fn over(transport: T, proc_root: &ProcRoot) -> Self {
        Self {
            netlink: Some(NetlinkSource::over(transport)),
            procfs: ProcfsSource::new(proc_root),
        }
    }
}

impl<T: Transport> SocketSource for FallbackSource<T> {
    fn visit(
        &mut self,
        query: &Query,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<Collection, KernelError> {
        if let Some(netlink) = &mut self.netlink {
            let mut visited = false;
            let outcome = netlink.visit(query, &mut |socket| {
                visited = true;
                visitor(socket);
            });
            match outcome {
                // Sockets that were shown can't be taken back: a source that
                // fails after the first one has failed.
                Err(KernelError::Netlink(failure)) if !visited => {
                    self.netlink = None;
                    self.procfs
                        .set_reason(FallbackReason::DumpRefused(failure.to_string()));
                }
                outcome => return outcome,
            }
        }
        self.procfs.visit(query, visitor)
    }

    fn kind(&self) -> SourceKind {
        match self.netlink {
            Some(_) => SourceKind::Netlink,
            None => SourceKind::Procfs,
        }
    }
}
