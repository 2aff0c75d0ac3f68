//! What can be told where filters leave sockets out.

use crate::model::{PortReading, Snapshot, TcpState};

/// Which filters leave sockets out; with none, a check is about all sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// By processes or units.
    pub by_owner: bool,
    /// By ports of ours.
    pub by_port: bool,
    /// By peers.
    pub by_peer: bool,
}

impl Scope {
    /// Whether no socket is left out.
    #[must_use]
    pub const fn is_all(self) -> bool {
        !(self.by_owner || self.by_port || self.by_peer)
    }

    /// Whether all sockets at some ports of ours are looked at.
    #[must_use]
    pub const fn is_by_port_alone(self) -> bool {
        self.by_port && !self.by_owner && !self.by_peer
    }

    /// Takes out of a snapshot what can't be told with these filters: a count of
    /// 0 would be wrong.
    pub fn forget_the_rest(self, snapshot: &mut Snapshot) {
        if self.is_all() {
            return;
        }
        snapshot.states.minisockets = None;
        snapshot.unlisted_at_most = None;
        snapshot.pressure.ports = PortReading::NotRead;
        if self.by_owner {
            snapshot.states.forget(TcpState::TimeWait);
            snapshot.states.forget(TcpState::SynRecv);
            let listeners = snapshot.pressure.listeners.iter_mut();
            for listener in listeners.flat_map(|listeners| &mut listeners.listeners) {
                listener.syn_recv = None;
            }
        }
        if self.by_peer {
            snapshot.states.forget(TcpState::Listen);
            snapshot.pressure.listeners = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::listeners::ListenerTally;
    use super::super::super::testing::{snapshot, socket};
    use super::*;
    use crate::model::Pressure;

    fn seen(part: Scope) -> Snapshot {
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
                ports: PortReading::RuledOut {
                    connections: 0,
                    usable: 28_000,
                },
                ..Pressure::default()
            })
            .build();
        part.forget_the_rest(&mut snapshot);
        snapshot
    }

    /// `--pid` told of no TIME_WAIT whatever the process had closed.
    #[test]
    fn a_count_that_a_part_cannot_tell_is_unknown_and_not_zero() {
        let all = seen(Scope::default());
        assert_eq!(all.states.total_of(TcpState::TimeWait), Some(0));
        assert_eq!(all.states.minisockets, Some(0));
        let by_owner = seen(Scope {
            by_owner: true,
            ..Scope::default()
        });
        assert_eq!(by_owner.states.total_of(TcpState::TimeWait), None);
        assert_eq!(by_owner.states.total_of(TcpState::SynRecv), None);
        assert_eq!(by_owner.states.total_of(TcpState::Listen), Some(1));
        assert_eq!(by_owner.states.total(), 6);
        assert_eq!(by_owner.states.minisockets, None);
        assert_eq!(by_owner.pressure.ports, PortReading::NotRead);
        let listeners = by_owner.pressure.listeners.unwrap().listeners;
        assert!(listeners.iter().all(|listener| listener.syn_recv.is_none()));
        let by_peer = seen(Scope {
            by_peer: true,
            ..Scope::default()
        });
        assert_eq!(by_peer.states.total_of(TcpState::TimeWait), Some(0));
        assert_eq!(by_peer.states.total_of(TcpState::Listen), None);
        assert_eq!(by_peer.pressure.listeners, None);
    }
}
