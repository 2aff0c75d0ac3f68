//! Whether the summary must look for ports that run out.

use super::super::source::bound_ports;
use super::Counted;
use crate::classify::count;
use crate::classify::ports::{FEW_ENOUGH, PortTally, ReusePolicy, is_ruled_out, usable};
use crate::kernel::{KernelError, ProcRoot, SocketSource, read_port_settings};
use crate::model::{
    Family, Host, PortReading, PortSet, PortSettings, Query, StateSet, Sysctls, TcpState,
};

/// Proves from the counts alone that no destination can be in danger, where
/// that can be proven. Where it can't, on a host with more connections than
/// 80 % of its ports, it groups them by destination, which costs a dump of all.
/// Of very many it does so only where `whole` asks for it, and says elsewhere
/// that it didn't look.
pub(super) fn read(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    family: Option<Family>,
    counted: &Counted,
    sysctls: &Sysctls,
    host: &Host,
    whole: bool,
) -> Result<PortReading, KernelError> {
    let settings = read_port_settings(proc_root);
    let listened = listened(source, family, counted)?;
    let (Some(range), Some(most)) = (settings.range, usable(&settings, &listened)) else {
        return Ok(PortReading::NotRead);
    };
    // Of one family nobody counted the other, which has a part in the ports.
    let connections = family.is_none().then(|| connections(counted));
    let ruled_out = |usable| {
        connections
            .filter(|&connections| is_ruled_out(connections, usable, range))
            .map(|connections| PortReading::RuledOut {
                connections,
                usable,
            })
    };
    let offered = count::shows_bound(counted.collection.source, host.kernel);
    // Mostly the kernel's counts leave room for a few bound-only sockets only.
    // Where nobody can show any, none is reckoned with.
    let bound_at_most = if offered {
        counted.sockstat.unhashed_at_most()
    } else {
        Some(0)
    };
    let bound_at_most = bound_at_most.and_then(|most| u32::try_from(most).ok());
    let least = most.saturating_sub(bound_at_most.unwrap_or(u32::MAX));
    if let Some(ruled_out) = ruled_out(least) {
        return Ok(ruled_out);
    }
    // Before a second table is walked for the bound ones, too.
    let connections = connections.unwrap_or_else(|| self::connections(counted));
    if !whole && connections > FEW_ENOUGH {
        return Ok(PortReading::TooMany { connections });
    }
    let bound = if offered {
        Some(bound_ports(source)?)
    } else {
        None
    };
    if let Some(ruled_out) = ruled_out(without(&settings, &listened, bound.as_ref())) {
        return Ok(ruled_out);
    }
    let policy = ReusePolicy::of(sysctls);
    let mut tally = PortTally::new(settings, listened, policy).showing(family);
    let query = Query::states(StateSet::RFC9293.without(TcpState::Listen));
    source.visit(&query, &mut |socket| tally.add(socket))?;
    let (ports, _time_wait) = tally.finish(bound.as_ref());
    Ok(PortReading::Grouped(ports))
}

/// The ports that listeners of either family have.
fn listened(
    source: &mut dyn SocketSource,
    family: Option<Family>,
    counted: &Counted,
) -> Result<PortSet, KernelError> {
    let mut listened = counted.listeners.ports().clone();
    if family.is_some() {
        let query = Query::states(StateSet::NONE.with(TcpState::Listen));
        source.visit(&query, &mut |socket| {
            listened.insert(socket.local.port);
        })?;
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
