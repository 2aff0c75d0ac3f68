//! Descriptors whose connection is gone.

use std::collections::HashSet;

use super::super::Namespace;
use super::{CloseWaitQuestion, rows};
use crate::kernel::processes::{SocketDescriptors, Which, read_process};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{ClosedDescriptors, Holder, Processes, SocketPast};

/// What makes a descriptor the same at two readings.
pub(super) type Keys = HashSet<(Holder, u64)>;

/// Whether they are asked for and can be found; notes where they can't be.
pub(super) fn can_be_found(question: &CloseWaitQuestion<'_>, notes: &mut Vec<&str>) -> bool {
    let possible = question.remote.is_empty();
    if question.closed_descriptors && !possible {
        notes.push(
            "descriptors whose connection is gone are left out: the peer is forgotten with the \
             connection, so that --remote can't choose among them",
        );
    }
    question.closed_descriptors && possible
}

/// Finds them; `None` when that can't be told, with a note that says why.
pub(super) fn find(
    namespace: &mut Namespace,
    question: &CloseWaitQuestion<'_>,
    notes: &mut Vec<&str>,
) -> Result<Option<ClosedDescriptors>, KernelError> {
    let pids = question.pids;
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
        notes.push(
            "whether it keeps descriptors whose connection is gone can't be told: that needs \
             CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        );
        return Ok(None);
    }
    let held: HashSet<u64> = descriptors.inodes().collect();
    let Some(unshown) = rows::unshown(namespace.sockets(), &held)? else {
        notes.push(
            "the dump of all sockets was incomplete: descriptors whose connection is gone can't \
             be told from the others; try again",
        );
        return Ok(None);
    };
    let mut closed = descriptors.closed(|inode| !unshown.contains(&inode));
    closed
        .sockets
        .retain(|one| question.filter().accepts_end(one.local.as_ref()));
    Ok(Some(closed))
}

/// What to know those by later whose connection has ended. Sockets that never
/// had one may stay as long as they like.
pub(super) fn keys(closed: Option<&ClosedDescriptors>) -> Keys {
    let sockets = closed.iter().flat_map(|closed| &closed.sockets);
    let ended = sockets.filter(|one| one.past == SocketPast::Ended);
    ended.map(|one| (one.holder, one.inode)).collect()
}

/// What is known of the processes that have them.
pub(super) fn processes(
    proc_root: &ProcRoot,
    closed: Option<&ClosedDescriptors>,
) -> Result<Processes, KernelError> {
    let sockets = closed.iter().flat_map(|closed| &closed.sockets);
    let mut processes = Processes::default();
    for pid in sockets.map(|one| one.holder.pid) {
        if !processes.contains_key(&pid)
            && let Some(process) = read_process(proc_root, pid)?
        {
            processes.insert(pid, process);
        }
    }
    Ok(processes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClosedDescriptor;

    /// A program may keep a fresh socket for ever, and it was told as a
    /// connection that had ended twice.
    #[test]
    fn a_socket_that_was_never_connected_has_not_stayed_ended() {
        let socket = |fd, past| ClosedDescriptor {
            holder: Holder::descriptor(5, fd),
            inode: u64::from(fd),
            past,
            local: None,
            unread: None,
        };
        let closed = ClosedDescriptors {
            sockets: vec![
                socket(7, SocketPast::Ended),
                socket(8, SocketPast::NeverConnected),
                socket(9, SocketPast::Unknown),
            ],
            ..ClosedDescriptors::default()
        };
        assert_eq!(
            keys(Some(&closed)),
            Keys::from([(Holder::descriptor(5, 7), 7)])
        );
        assert_eq!(keys(None), Keys::new());
    }
}
