//! Whether ports run out, as cheaply as that can be told.

use super::super::source::{self, bound_ports, ports_in};
use super::Counted;
use super::scout::Scout;
use crate::classify::count;
use crate::classify::ports::{PortTally, ReusePolicy, is_ruled_out, usable};
use crate::kernel::{KernelError, ProcRoot, SocketSource, read_port_settings};
use crate::model::{
    Family, Host, PortReading, PortSet, PortSettings, Query, Sockstat, StateSet, Sysctls, TcpState,
};

/// The question, put before the sockets are counted: a part of the answer may
/// be sought at the same time.
pub(super) struct Question {
    settings: PortSettings,
    /// Sockets that may be bound and no more, where the kernel's counts tell.
    unhashed_at_most: Option<u64>,
    scout: Option<Scout>,
}

impl Question {
    pub(super) fn put(
        source: &dyn SocketSource,
        proc_root: &ProcRoot,
        sockstat: &Sockstat,
    ) -> Self {
        let settings = read_port_settings(proc_root);
        Self {
            unhashed_at_most: sockstat.unhashed_at_most(),
            scout: Scout::send(source, &settings, sockstat),
            settings,
        }
    }

    /// Proves from the counts, or from a sample of the ports, that no
    /// destination can be in danger, where that can be proven. Where it can't,
    /// it groups all connections by destination, which costs a dump of all.
    pub(super) fn answer(
        self,
        source: &mut dyn SocketSource,
        family: Option<Family>,
        counted: &mut Counted,
        sysctls: &Sysctls,
        host: &Host,
    ) -> Result<PortReading, KernelError> {
        let Self {
            settings,
            unhashed_at_most,
            scout,
        } = self;
        let snapshot = scout.and_then(Scout::report);
        let listened = listened(source, family, counted)?;
        let (Some(range), Some(most)) = (settings.range, usable(&settings, &listened)) else {
            return Ok(PortReading::NotRead);
        };
        // Of one family nobody counted the other, which has a part in the ports.
        // And of too few nobody proves that they are too few.
        let all = family.is_none() && counted.collection.complete;
        let connections = all.then(|| connections(counted));
        let ruled_out = |bound_at_most| {
            let usable = most.saturating_sub(bound_at_most);
            connections
                .filter(|&connections| is_ruled_out(connections, usable, range))
                .map(|connections| PortReading::RuledOut {
                    connections,
                    usable,
                })
                .or_else(|| snapshot.as_ref()?.rule_out(bound_at_most))
        };
        let offered = count::shows_bound(counted.collection.source, host.kernel);
        // Mostly the kernel's counts leave room for a few bound-only sockets
        // only. Where nobody can show any, none is reckoned with.
        let bound_at_most = if offered { unhashed_at_most } else { Some(0) };
        let bound_at_most = bound_at_most.and_then(|most| u32::try_from(most).ok());
        if let Some(ruled_out) = ruled_out(bound_at_most.unwrap_or(u32::MAX)) {
            return Ok(ruled_out);
        }
        let bound = if offered {
            bound_ports(source, &mut counted.collection)?
        } else {
            None
        };
        let left = without(&settings, &listened, bound.as_ref());
        // The bound ones that are missing may be what it hangs on.
        if counted.collection.complete
            && let Some(ruled_out) = ruled_out(most.saturating_sub(left))
        {
            return Ok(ruled_out);
        }
        let policy = ReusePolicy::of(sysctls);
        let query = Query::states(StateSet::RFC9293.without(TcpState::Listen));
        let (tally, collection) = source::ask(source, |source| {
            let (settings, listened) = (settings.clone(), listened.clone());
            let mut tally = PortTally::new(settings, listened, policy).showing(family);
            let collection = source.visit(&query, &mut |socket| tally.add(socket))?;
            Ok((tally, collection))
        })?;
        counted.collection.add_losses(&collection);
        let (ports, _time_wait) = tally.finish(bound.as_ref());
        Ok(PortReading::Grouped(ports))
    }
}

/// The ports that listeners of either family have.
fn listened(
    source: &mut dyn SocketSource,
    family: Option<Family>,
    counted: &mut Counted,
) -> Result<PortSet, KernelError> {
    let mut listened = counted.listeners.ports().clone();
    if family.is_some() {
        let (ports, collection) = ports_in(source, TcpState::Listen)?;
        counted.collection.add_losses(&collection);
        listened.insert_all(&ports);
    }
    Ok(listened)
}

/// Connections, whatever their direction.
fn connections(counted: &Counted) -> u64 {
    let count = |state| counted.states.total_of(state).unwrap_or(0);
    let idle = count(TcpState::Listen) + count(TcpState::BoundInactive);
    counted.states.total() - idle
}

/// Ports that connect() may take.
fn without(settings: &PortSettings, listened: &PortSet, bound: Option<&PortSet>) -> u32 {
    let mut taken = listened.clone();
    if let Some(bound) = bound {
        taken.insert_all(bound);
    }
    usable(settings, &taken).unwrap_or(0)
}
