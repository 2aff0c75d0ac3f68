//! Whether ports run out, as cheaply as that can be told: from the number of
//! connections where that proves it, else from the connections that connect()
//! may have made, grouped by destination.

use std::thread::{self, JoinHandle};

use super::super::question::PortRead;
use super::super::{Namespace, with_fallback};
use super::Counted;
use crate::classify::count;
use crate::classify::ports::{PortTally, ReusePolicy, is_ruled_out, usable};
use crate::kernel::{KernelError, SocketSource};
use crate::model::{
    Collection, Condition, End, Family, Host, PortReading, PortSet, PortSettings, Request,
    Sockstat, SourceKind, StateSet, Sysctls, TcpState,
};

/// What is needed to group connections, and the dump for it that may be under
/// way on a thread of its own while the states are counted.
pub(super) struct PortReader {
    read: PortRead,
    settings: PortSettings,
    policy: ReusePolicy,
    /// Sockets that may be bound and no more; `None`: not told.
    unlisted_at_most: Option<u64>,
    beside: Option<JoinHandle<Option<(PortTally, Collection)>>>,
}

impl PortReader {
    /// Reads the settings. Where the kernel's counts say already that the
    /// connections have to be grouped, and there is a second source to ask,
    /// their dump begins now.
    pub(super) fn begin(
        read: PortRead,
        namespace: &mut Namespace,
        sockstat: &Sockstat,
        sysctls: &Sysctls,
        family: Option<Family>,
    ) -> Self {
        let mut reader = Self {
            read,
            settings: namespace.port_settings(),
            policy: ReusePolicy::of(sysctls),
            unlisted_at_most: sockstat.unlisted_at_most(),
            beside: None,
        };
        if reader.will_group(sockstat) {
            reader.beside = reader.begin_beside(namespace.all_sockets(), family);
        }
        reader
    }

    /// Whether the kernel's counts say already that connections are grouped.
    fn will_group(&self, sockstat: &Sockstat) -> bool {
        let connections = || {
            let full = sockstat.inuse_ipv4?.checked_add(sockstat.inuse_ipv6?)?;
            full.checked_add(sockstat.tw?)
        };
        let (Some(range), Some(usable), Some(connections)) = (
            self.settings.range,
            usable(&self.settings, &PortSet::default()),
            connections(),
        ) else {
            return false;
        };
        match self.read {
            PortRead::Never => false,
            PortRead::Always => connections > 0,
            PortRead::UnlessRuledOut => !is_ruled_out(connections, usable, range),
        }
    }

    fn begin_beside(
        &self,
        source: &dyn SocketSource,
        family: Option<Family>,
    ) -> Option<JoinHandle<Option<(PortTally, Collection)>>> {
        let mut second = source.second()?;
        let (settings, policy) = (self.settings.clone(), self.policy);
        let dump = move || {
            let (listened, listeners) = ports_in(&mut *second, TcpState::Listen).ok()?;
            let tally = PortTally::new(settings, listened, policy).showing(family);
            let (tally, connections) = group(&mut *second, tally).ok()?;
            // What it lost the main source may find.
            (listeners.complete && connections.complete).then_some((tally, connections))
        };
        thread::Builder::new()
            .name("ports".to_owned())
            .spawn(dump)
            .ok()
    }

    /// Says whether ports run out. The sockets of `counted` were read meanwhile.
    pub(super) fn finish(
        mut self,
        source: &mut dyn SocketSource,
        family: Option<Family>,
        counted: &mut Counted,
        host: &Host,
    ) -> Result<PortReading, KernelError> {
        let beside = self.join();
        if self.read == PortRead::Never {
            return Ok(PortReading::NotRead);
        }
        let offered = count::shows_bound(counted.collection.source, host.kernel);
        let grouped = match beside {
            // Counts over /proc and ports over netlink would be two readings.
            Some((tally, collection)) if collection.source == counted.collection.source => tally,
            _ => {
                let listened = listened(source, family, counted)?;
                let Some(most) = usable(&self.settings, &listened) else {
                    return Ok(PortReading::NotRead);
                };
                if self.read == PortRead::UnlessRuledOut
                    && let Some(ruled_out) = self.rule_out(most, offered, family, counted)
                {
                    return Ok(ruled_out);
                }
                let (tally, collection) = with_fallback(source, |source| {
                    let (settings, listened) = (self.settings.clone(), listened.clone());
                    let tally = PortTally::new(settings, listened, self.policy).showing(family);
                    group(source, tally)
                })?;
                counted.collection.add_losses(&collection);
                tally
            }
        };
        let bound = if offered && grouped.could_matter(self.unlisted_at_most) {
            bound_ports(source, &mut counted.collection)?
        } else {
            None
        };
        let (ports, _time_wait) = grouped.finish(bound.as_ref());
        Ok(PortReading::Grouped(ports))
    }

    fn join(&mut self) -> Option<(PortTally, Collection)> {
        match self.beside.take()?.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Proves from the numbers that no destination can be in danger.
    fn rule_out(
        &self,
        usable: u32,
        offered: bool,
        family: Option<Family>,
        counted: &Counted,
    ) -> Option<PortReading> {
        // Of one family nobody counted the other, which has a part in the ports.
        // And of too few nobody proves that they are too few.
        if family.is_some() || !counted.collection.complete {
            return None;
        }
        // Where nobody can show bound-only sockets, none is reckoned with.
        let bound = if offered { self.unlisted_at_most? } else { 0 };
        let usable = usable.saturating_sub(u32::try_from(bound).unwrap_or(u32::MAX));
        let connections = connections(counted);
        is_ruled_out(connections, usable, self.settings.range?).then_some(PortReading::RuledOut {
            connections,
            usable,
        })
    }
}

/// Groups the connections whose local port connect() may have taken: the kernel
/// leaves the others out before it copies anything.
fn group(
    source: &mut dyn SocketSource,
    mut tally: PortTally,
) -> Result<(PortTally, Collection), KernelError> {
    let candidates = Condition::PortIn(End::Local, tally.candidates().clone()).into();
    let request = Request::states(StateSet::RFC9293.without(TcpState::Listen)).and(&candidates);
    let collection = source.visit_all(&request, &mut |socket| tally.add(socket))?;
    Ok((tally, collection))
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

/// The ports of sockets that are bound and no more, read from netlink. Whatever
/// family: a port that is bound in one is lost to both. What is lost of them
/// counts in `collection`; `None` where netlink failed and /proc, which shows
/// none, was read instead.
pub(in super::super) fn bound_ports(
    source: &mut dyn SocketSource,
    collection: &mut Collection,
) -> Result<Option<PortSet>, KernelError> {
    let (ports, bound) = ports_in(source, TcpState::BoundInactive)?;
    collection.add_losses(&bound);
    if bound.source != SourceKind::Netlink {
        collection.complete = false;
        return Ok(None);
    }
    Ok(Some(ports))
}

/// The local ports of the sockets in a state, whatever family, and how the
/// reading went.
pub(in super::super) fn ports_in(
    source: &mut dyn SocketSource,
    state: TcpState,
) -> Result<(PortSet, Collection), KernelError> {
    let query = Request::states(StateSet::NONE.with(state));
    with_fallback(source, |source| {
        let mut ports = PortSet::default();
        let collection = source.visit_all(&query, &mut |socket| {
            ports.insert(socket.local.port);
        })?;
        Ok((ports, collection))
    })
}
