//! One reading: a question in, a snapshot out.

use std::thread;
use std::time::Duration;

use super::cpu_budget::cpu_time;
use super::listener_owners::Extent;
use super::ownership::OwnerCache;
use super::question::{Connections, ListenerNames, Question};
use super::{Namespace, connections, counts, listener_owners};
use crate::classify::change::Past;
use crate::kernel::KernelError;
use crate::model::{Part, Snapshot, Socket, TcpState};

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
    namespace.refresh()?;
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
    let before = previous.map(|previous| Past::of(previous, &snapshot));
    let past = question.past.or(before);
    let named = namespace.proc_root().map_or(Ok(()), |proc_root| {
        let extent = match question.listeners {
            ListenerNames::None => return Ok(()),
            ListenerNames::NearbyInTrouble => {
                return listener_owners::name_nearby(&mut snapshot, past, proc_root);
            }
            ListenerNames::InTrouble => Extent::InTrouble,
            ListenerNames::ProgramsInTrouble => Extent::UnitsOfAll,
            ListenerNames::Programs => Extent::All,
        };
        listener_owners::name(&mut snapshot, past, proc_root, extent, owners)
    });
    if let Err(error) = named {
        snapshot.missing.push((Part::Programs, error.to_string()));
    }
    leave_out(namespace, &mut snapshot);
    Ok(snapshot)
}

/// Makes unknown what can't be told where a filter leaves sockets out.
fn leave_out(namespace: &Namespace, snapshot: &mut Snapshot) {
    let Some(selection) = namespace.selection() else {
        return;
    };
    snapshot.collection.selection = Some(selection.clone());
    snapshot.states.minisockets = None;
    snapshot.unlisted_at_most = None;
    snapshot.elsewhere_at_most = None;
    let states = namespace.filter().states();
    for state in TcpState::NAMED {
        if !states.contains(state) || state == TcpState::SynRecv && !selection.unowned {
            snapshot.states.forget(state);
        }
    }
    if !selection.unowned {
        let listeners = snapshot.pressure.listeners.iter_mut();
        for listener in listeners.flat_map(|listeners| &mut listeners.listeners) {
            listener.syn_recv = None;
        }
    }
    if !selection.states.contains(TcpState::Listen) {
        snapshot.pressure.listeners = None;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::classify::listeners::ListenerTally;
    use crate::classify::testing::{snapshot, socket};
    use crate::kernel::ProcRoot;
    use crate::model::{Comparison, Condition, End, Family, Filter, Pressure};

    fn seen(filter: Filter) -> Snapshot {
        let mut listeners = ListenerTally::in_passing();
        let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(0, Some(8));
        listeners.add_listener(&listening.build());
        let mut snapshot = snapshot()
            .with_state(TcpState::TimeWait, 0)
            .with_state(TcpState::SynRecv, 0)
            .with_state(TcpState::Listen, 1)
            .with_state(TcpState::Established, 5)
            .with_minisockets(0)
            .with_pressure(Pressure {
                listeners: Some(listeners.finish()),
                ..Pressure::default()
            })
            .build();
        let own = ProcRoot::new(Path::new("/proc"));
        let namespace = Namespace::over_procfs(own).select(filter, "words".to_owned());
        leave_out(&namespace.unwrap(), &mut snapshot);
        snapshot
    }

    /// `--pid` told of no TIME_WAIT whatever the process had closed.
    #[test]
    fn a_count_that_a_part_cannot_tell_is_unknown_and_not_zero() {
        let family = Condition::Family(Family::Ipv4);
        for all in [Filter::EVERYTHING, family.into()] {
            let all = seen(all);
            assert_eq!(all.states.total_of(TcpState::TimeWait), Some(0));
            assert_eq!(all.states.minisockets, Some(0));
            assert_eq!(all.collection.selection, None);
        }
        let by_owner = seen(Condition::Pid(std::process::id()).into());
        assert_eq!(by_owner.collection.selection.unwrap().words, "words");
        assert_eq!(by_owner.states.total_of(TcpState::TimeWait), None);
        assert_eq!(by_owner.states.total_of(TcpState::SynRecv), None);
        assert_eq!(by_owner.states.total_of(TcpState::Listen), Some(1));
        assert_eq!(by_owner.states.total(), 6);
        assert_eq!(by_owner.states.minisockets, None);
        let listeners = by_owner.pressure.listeners.unwrap().listeners;
        assert!(listeners.iter().all(|listener| listener.syn_recv.is_none()));
        let by_peer = seen(Condition::Port(End::Remote, Comparison::Equal, 443).into());
        assert_eq!(by_peer.states.total_of(TcpState::TimeWait), Some(0));
        assert_eq!(by_peer.states.total_of(TcpState::Listen), None);
        assert_eq!(by_peer.pressure.listeners, None);
    }
}
