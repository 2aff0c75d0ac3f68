//! One reading: a question in, a snapshot out.

use std::thread;
use std::time::Duration;

use super::cpu_budget::cpu_time;
use super::ownership::OwnerCache;
use super::question::{Connections, ListenerNames, Question};
use super::{Namespace, connections, counts, listener_owners};
use crate::kernel::KernelError;
use crate::model::{Part, Snapshot, Socket};

/// Reads what the question asks for. Each socket that is counted on the way is
/// shown to `observer`, some of them twice where a first attempt to count could
/// not be trusted.
///
/// # Errors
///
/// When a part can't be read that the snapshot can't do without.
pub fn read(
    namespace: &mut Namespace,
    question: &Question<'_>,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Snapshot, KernelError> {
    let mut owners = OwnerCache::new(cpu_time);
    read_beside(namespace, question, None, &mut owners, observer)
}

/// Reads twice, the second time so much later: gives the first and the second.
///
/// # Errors
///
/// As [`read`].
pub fn read_twice(
    namespace: &mut Namespace,
    question: &Question<'_>,
    apart: Duration,
) -> Result<(Snapshot, Snapshot), KernelError> {
    let unnamed = Question {
        listeners: ListenerNames::None,
        ..*question
    };
    let first = read(namespace, &unnamed, &mut |_| {})?;
    if let (Some(then), Some(now)) = (first.read_at, namespace.since_boot()) {
        thread::sleep(apart.saturating_sub(now.saturating_sub(then)));
    }
    let mut owners = OwnerCache::new(cpu_time);
    let second = read_beside(namespace, question, Some(&first), &mut owners, &mut |_| {})?;
    Ok((first, second))
}

/// Reads beside the snapshot before, with the owners that are known from it.
pub(super) fn read_beside(
    namespace: &mut Namespace,
    question: &Question<'_>,
    previous: Option<&Snapshot>,
    owners: &mut OwnerCache,
    observer: &mut dyn FnMut(&Socket),
) -> Result<Snapshot, KernelError> {
    let mut snapshot = match question.connections {
        Connections::Grouped => connections::read(namespace, question, previous)?,
        Connections::Counted | Connections::CountedOneByOne => {
            counts::read(namespace, question, owners, observer)?
        }
    };
    if question.host_wide {
        snapshot.pressure.host_wide = namespace.host_wide(&namespace.sockstat());
    }
    let named = namespace.proc_root().map_or(Ok(()), |proc_root| {
        let all = match question.listeners {
            ListenerNames::None => return Ok(()),
            ListenerNames::UnitsInTrouble => {
                listener_owners::name_units(&mut snapshot, proc_root);
                return Ok(());
            }
            ListenerNames::NearbyInTrouble => {
                return listener_owners::name_nearby(&mut snapshot, proc_root);
            }
            ListenerNames::ProgramsInTrouble => false,
            ListenerNames::Programs => true,
        };
        listener_owners::name(&mut snapshot, previous, proc_root, all, owners)
    });
    if let Err(error) = named {
        snapshot.missing.push((Part::Programs, error.to_string()));
    }
    Ok(snapshot)
}
