//! Asks the kernel: sock_diag, its /proc fallback, recorded dumps, settings,
//! counters. Everything that can fail says what it was doing to what.

mod error;
mod names;
pub mod netns;
mod proc_root;
pub mod processes;
mod procfs;
mod replay;
pub mod sock_diag;

pub use error::{KernelError, NetlinkFailure};
pub use names::HostNames;
pub use proc_root::ProcRoot;
pub use procfs::{
    ProcfsSource, read_boot_id, read_counters, read_host, read_host_wide, read_port_settings,
    read_sockstat, read_sysctls, read_tcp_mem, since_boot,
};
pub use replay::ReplaySource;

use std::ops::ControlFlow;

use crate::filter::untold;
use crate::model::{Collection, Filter, Request, Socket, SourceKind};

/// A source refuses conditions that none of its rows tells anything of: they
/// would select nothing, and their negation neither.
fn refuse_untold(filter: &Filter, kind: SourceKind) -> Result<(), KernelError> {
    let words = untold(filter, kind);
    if words.is_empty() {
        return Ok(());
    }
    Err(KernelError::Untold { words, kind })
}

/// Whether the number that the kernel gives as a socket's owner is one. Until
/// some kernel behind Linux 6.12 it is 0 for every socket that has no file, an
/// orphan's and a connection's that nobody has accepted too, whoever listens:
/// that means nobody, and not root.
const fn is_owner(uid: u32, inode: u64) -> bool {
    uid != 0 || inode != 0
}

/// Where sockets come from.
pub trait SocketSource {
    /// Shows the sockets that are asked for to `visitor`, one at a time and in
    /// no order, until there are no more or it stops the walk, and says how the
    /// reading went until then.
    ///
    /// # Errors
    ///
    /// When the sockets could not be read; those visited until then are not
    /// all there are.
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError>;

    /// Shows all of the sockets that are asked for.
    ///
    /// # Errors
    ///
    /// As [`visit`](Self::visit).
    fn visit_all(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<Collection, KernelError> {
        self.visit(request, &mut |socket| {
            visitor(socket);
            ControlFlow::Continue(())
        })
    }

    /// Where the next visit will read from, as far as is known before it.
    fn kind(&self) -> SourceKind;

    /// A second source of the same sockets, to be asked at the same time on
    /// another thread. `None` where there is none, or two at once would be no
    /// faster than one after the other.
    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        None
    }
}
