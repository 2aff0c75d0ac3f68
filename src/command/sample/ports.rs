//! Whether the summary must look for ports that run out.

use super::{Counted, Terms};
use crate::classify::ports::{FEW_ENOUGH, PortTally, ReusePolicy, is_ruled_out, usable};
use crate::kernel::{KernelError, ProcRoot, SocketSource, read_port_settings};
use crate::model::{Family, PortReading, Query, StateSet, Sysctls, TcpState};

/// Proves from the counts alone that no destination can be in danger, where
/// that can be proven, and groups by destination only where it can't.
pub(super) fn read(
    source: &mut dyn SocketSource,
    proc_root: &ProcRoot,
    family: Option<Family>,
    counted: &Counted,
    sysctls: &Sysctls,
    terms: Terms<'_>,
) -> Result<PortReading, KernelError> {
    let count = |state| counted.states.total_of(state).unwrap_or(0);
    let idle = count(TcpState::Listen) + count(TcpState::BoundInactive);
    let connections = counted.states.total() - idle;
    let settings = read_port_settings(proc_root);
    let listened = counted.listeners.ports();
    let Some(usable) = usable(&settings, listened) else {
        return Ok(PortReading::NotRead);
    };
    if is_ruled_out(connections, usable) {
        return Ok(PortReading::RuledOut {
            connections,
            usable,
        });
    }
    if connections > FEW_ENOUGH && !terms.group_ports {
        return Ok(PortReading::TooMany { connections });
    }
    let mut tally = PortTally::new(settings, listened.clone(), ReusePolicy::of(sysctls));
    let query = Query {
        family,
        ..Query::states(StateSet::RFC9293.without(TcpState::Listen))
    };
    source.visit(&query, &mut |socket| tally.add(socket))?;
    let (ports, _time_wait) = tally.finish(None);
    Ok(PortReading::Grouped(ports))
}
