//! Descriptors whose connection is gone.

use std::collections::HashSet;

use super::super::output;

use crate::cli::LeaksArgs;
use crate::collect::Namespace;
use crate::collect::close_wait::{self, Filter};
use crate::kernel::KernelError;
use crate::kernel::processes::{SocketDescriptors, Which};
use crate::model::{Holder, SocketPast, VanishedSockets};

/// What makes a descriptor the same at two looks.
pub(super) type Keys = HashSet<(Holder, u64)>;

/// Whether they are to be looked for; says so where they can't be.
pub(super) fn wanted(args: &LeaksArgs) -> bool {
    let asked = args.deep || !args.pid.is_empty();
    let possible = args.remote.is_empty();
    if asked && !possible {
        output::note(
            "descriptors whose connection is gone are left out: the peer is forgotten with the \
             connection, so that --remote can't choose among them",
        );
    }
    asked && possible
}

/// Finds them; `None` when that can't be told.
pub(super) fn find(
    namespace: &mut Namespace,
    pids: &[u32],
    filter: Filter<'_>,
) -> Result<Option<VanishedSockets>, KernelError> {
    let Some(proc_root) = namespace.proc_root() else {
        return Ok(None);
    };
    let which = if pids.is_empty() {
        Which::All { first: &[] }
    } else {
        Which::Only(pids)
    };
    let descriptors = SocketDescriptors::collect(proc_root, which)?;
    let coverage = descriptors.coverage();
    if !pids.is_empty() && coverage.processes_denied > 0 && coverage.processes_scanned == 0 {
        output::note(
            "whether it keeps descriptors whose connection is gone can't be told: that needs \
             CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        );
        return Ok(None);
    }
    let held: HashSet<u64> = descriptors.inodes().collect();
    let Some(unshown) = close_wait::unshown(namespace.sockets(), &held)? else {
        output::note(
            "the dump of all sockets was incomplete: descriptors whose connection is gone can't \
             be told from the others; try again",
        );
        return Ok(None);
    };
    let mut vanished = descriptors.vanished(|inode| !unshown.contains(&inode));
    vanished
        .sockets
        .retain(|one| filter.accepts_end(one.local.as_ref()));
    Ok(Some(vanished))
}

/// What to know those by later whose connection has ended. Sockets that never
/// had one may stay as long as they like.
pub(super) fn keys(vanished: Option<&VanishedSockets>) -> Keys {
    let sockets = vanished.iter().flat_map(|vanished| &vanished.sockets);
    let ended = sockets.filter(|one| one.past == SocketPast::Ended);
    ended.map(|one| (one.holder, one.inode)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VanishedSocket;

    /// A program may keep a fresh socket for ever, and it was told as a
    /// connection that had ended twice.
    #[test]
    fn a_socket_that_was_never_connected_has_not_stayed_ended() {
        let socket = |fd, past| VanishedSocket {
            holder: Holder::descriptor(5, fd),
            inode: u64::from(fd),
            past,
            local: None,
            unread: None,
        };
        let vanished = VanishedSockets {
            sockets: vec![
                socket(7, SocketPast::Ended),
                socket(8, SocketPast::NeverConnected),
                socket(9, SocketPast::Unknown),
            ],
            ..VanishedSockets::default()
        };
        assert_eq!(
            keys(Some(&vanished)),
            Keys::from([(Holder::descriptor(5, 7), 7)])
        );
        assert_eq!(keys(None), Keys::new());
    }
}
