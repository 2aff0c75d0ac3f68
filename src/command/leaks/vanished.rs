//! Descriptors whose connection is gone.

use std::collections::HashSet;

use super::super::output;
use super::read::{self, Filter};
use crate::cli::LeaksArgs;
use crate::kernel::processes::{SocketDescriptors, Which};
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Holder, VanishedSockets};

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
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    pids: &[u32],
    filter: Filter<'_>,
) -> Result<Option<VanishedSockets>, KernelError> {
    let which = if pids.is_empty() {
        Which::All { first: &[] }
    } else {
        Which::Only(pids)
    };
    let descriptors = SocketDescriptors::collect(proc_root, which)?;
    let unread = descriptors.coverage().processes_denied;
    if unread > 0 && unread == pids.len() as u64 {
        return Ok(None);
    }
    let held: HashSet<u64> = descriptors.inodes().collect();
    let Some(unshown) = read::unshown(source, &held)? else {
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

/// What to know them by later.
pub(super) fn keys(vanished: Option<&VanishedSockets>) -> Keys {
    let sockets = vanished.iter().flat_map(|vanished| &vanished.sockets);
    sockets.map(|one| (one.holder, one.inode)).collect()
}
