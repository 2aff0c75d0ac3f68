//! Descriptors whose connection is gone.

use std::collections::HashSet;

use super::super::Namespace;
use super::{CloseWaitQuestion, rows};
use crate::kernel::processes::{SocketDescriptors, Which, read_process};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{
    ClosedDescriptors, Condition, End, Endpoint, Family, Filter, Holder, Processes, SocketPast,
};

/// What makes a descriptor the same at two readings.
pub(super) type Keys = HashSet<(Holder, u64)>;

/// Whether they are asked for and can be found; notes where they can't be.
pub(super) fn can_be_found(
    question: &CloseWaitQuestion<'_>,
    filter: &Filter,
    notes: &mut Vec<&str>,
) -> bool {
    let possible = !filter.any(&mut |condition| !is_of_own_end(condition));
    if question.closed_descriptors && !possible {
        notes.push(
            "descriptors whose connection is gone are left out: all but its own end is forgotten \
             with the connection, so that the filter can't choose among them",
        );
    }
    question.closed_descriptors && possible
}

/// Whether a condition is one on what is known of a socket whose connection is
/// gone.
const fn is_of_own_end(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Family(_)
            | Condition::Address(End::Local, _)
            | Condition::Port(End::Local, ..)
            | Condition::PortIn(End::Local, _)
    )
}

/// Whether a filter selects a socket of which only its own end is known, if
/// that. One of which nothing is known is left out where anything is asked.
fn accepts_end(filter: &Filter, local: Option<Endpoint>) -> bool {
    match filter {
        Filter::Is(condition) => local.is_some_and(|local| match condition {
            Condition::Family(Family::Ipv4) => local.address.is_ipv4(),
            Condition::Family(Family::Ipv6) => local.address.is_ipv6(),
            Condition::Address(_, network) => network.contains(local.address),
            Condition::Port(_, comparison, port) => comparison.holds(&local.port, port),
            Condition::PortIn(_, ports) => ports.contains(local.port),
            _ => false,
        }),
        Filter::Not(filter) => local.is_some() && !accepts_end(filter, local),
        Filter::And(all) => all.iter().all(|filter| accepts_end(filter, local)),
        Filter::Or(any) => any.iter().any(|filter| accepts_end(filter, local)),
    }
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
    let Some(unshown) = rows::unshown(namespace.all_sockets(), &held)? else {
        notes.push(
            "the dump of all sockets was incomplete: descriptors whose connection is gone can't \
             be told from the others; try again",
        );
        return Ok(None);
    };
    let mut closed = descriptors.closed(|inode| !unshown.contains(&inode));
    let filter = namespace.filter();
    closed.sockets.retain(|one| accepts_end(filter, one.local));
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
    use crate::model::{ClosedDescriptor, Comparison};

    #[test]
    fn a_connection_that_is_gone_is_chosen_by_its_own_end() {
        let end = Endpoint::new("10.0.0.1".parse().unwrap(), 80);
        let port = |port| Filter::from(Condition::Port(End::Local, Comparison::Equal, port));
        assert!(accepts_end(&port(80), Some(end)));
        assert!(!accepts_end(&port(81), Some(end)));
        assert!(accepts_end(&port(81).negated(), Some(end)));
        assert!(!accepts_end(&port(81), None));
        assert!(!accepts_end(&port(81).negated(), None));
        assert!(accepts_end(&Filter::EVERYTHING, None));
        assert!(!accepts_end(
            &Condition::Family(Family::Ipv6).into(),
            Some(end)
        ));
    }

    /// A program may keep a fresh socket forever, and it was told as a
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
