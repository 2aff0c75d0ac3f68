//! Looks at a sample of the ports on another thread, while the states are
//! counted on this one.

use std::thread::{self, JoinHandle};

use super::super::source::ports_in;
use crate::classify::ports::{PortSample, SAMPLE, is_ruled_out, usable};
use crate::kernel::SocketSource;
use crate::model::{PortSet, PortSettings, Query, Socket, Sockstat, StateSet, TcpState};

/// A look at a sample of the ports that goes on.
pub(super) struct Scout {
    thread: JoinHandle<Option<PortSample>>,
}

impl Scout {
    /// Sends one out, where the counts alone are not going to prove that
    /// nothing runs out, and there is a second source to ask.
    pub(super) fn send(
        source: &dyn SocketSource,
        settings: &PortSettings,
        sockstat: &Sockstat,
    ) -> Option<Self> {
        let range = settings.range?;
        let usable = usable(settings, &PortSet::default())?;
        let full = sockstat.inuse_ipv4?.checked_add(sockstat.inuse_ipv6?)?;
        let connections = full.checked_add(sockstat.tw?)?;
        if is_ruled_out(connections, usable, range) {
            return None;
        }
        let mut second = source.second()?;
        let settings = settings.clone();
        let look = move || {
            let (listened, listeners) = ports_in(&mut *second, TcpState::Listen).ok()?;
            let mut snapshot = PortSample::new(&settings, &listened, choose)?;
            let query = Query {
                local_ports: Some(snapshot.ports().clone()),
                ..Query::states(StateSet::RFC9293.without(TcpState::Listen))
            };
            let visitor = &mut |socket: &Socket| snapshot.add(socket);
            let connections = second.visit(&query, visitor).ok()?;
            (listeners.complete && connections.complete).then_some(snapshot)
        };
        let thread = thread::Builder::new().spawn(look).ok()?;
        Some(Self { thread })
    }

    /// What it has found. `None` where it failed: what it was to prove is
    /// looked at whole then.
    pub(super) fn report(self) -> Option<PortSample> {
        match self.thread.join() {
            Ok(snapshot) => snapshot,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// At random: nobody can keep out of a sample that he can't foresee.
fn choose(ports: &mut dyn Iterator<Item = u16>) -> PortSet {
    fastrand::choose_multiple(ports, SAMPLE)
        .into_iter()
        .collect()
}
