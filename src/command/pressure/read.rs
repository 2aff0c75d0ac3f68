//! Everything that `pressure` shows, read once.

use std::time::{Instant, SystemTime};

use crate::classify::count::{self, Scope};
use crate::classify::listeners::ListenerTally;
use crate::classify::ports::{PortTally, ReusePolicy};
use crate::kernel::{
    KernelError, ProcRoot, SocketSource, read_counters, read_host, read_host_wide,
    read_port_settings, read_sockstat, read_sysctls,
};
use crate::model::{
    Collection, Counters, Family, Host, HostWide, PortReading, PortSet, PortSettings, Pressure,
    Query, Sample, Sockstat, SourceKind, StateSet, StateTally, Sysctl, Sysctls, TcpState,
};

/// Where and what to read.
pub(in crate::command) struct Reader<'a> {
    pub(in crate::command) source: &'a mut dyn SocketSource,
    pub(in crate::command) proc_root: &'a ProcRoot,
    pub(in crate::command) family: Option<Family>,
    /// Whether bound-only sockets are wanted in any case.
    pub(in crate::command) bound: bool,
}

impl Reader<'_> {
    /// Reads everything.
    pub(in crate::command) fn read(&mut self) -> Result<Sample, KernelError> {
        // A recorded dump is of another time and perhaps another host: nothing
        // that could be read here belongs to it.
        let recorded = self.source.kind() == SourceKind::Replay;
        let taken_at = (!recorded).then(SystemTime::now);
        let start = Instant::now();
        let (host, settings, sysctls) = if recorded {
            (
                Host::default(),
                PortSettings::default(),
                Sysctls::read(Sysctl::PRESSURE, |_| None),
            )
        } else {
            (
                read_host(self.proc_root),
                read_port_settings(self.proc_root),
                read_sysctls(self.proc_root, Sysctl::PRESSURE),
            )
        };
        // Listeners first, which cost next to nothing: by their ports the
        // other sockets are told apart.
        let mut states = StateTally::default();
        let mut listeners = ListenerTally::default();
        self.visit(StateSet::NONE.with(TcpState::Listen), &mut |socket| {
            states.add(socket);
            listeners.add_listener(socket);
        })?;
        let policy = ReusePolicy::of(&sysctls);
        let mut ports = PortTally::new(settings, listeners.ports().clone(), policy);
        let mut collection =
            self.visit(StateSet::RFC9293.without(TcpState::Listen), &mut |socket| {
                states.add(socket);
                listeners.add(socket);
                ports.add(socket);
            })?;
        if collection.source == SourceKind::Netlink {
            self.visit(StateSet::NONE.with(TcpState::Listen), &mut |socket| {
                listeners.add_again(socket);
            })?;
        }
        let bound = self.bound_ports(&ports, &collection, &host)?;
        let read_at = Instant::now();
        let counters = if recorded {
            Counters::default()
        } else {
            read_counters(self.proc_root)
        };
        collection.sockets += states.of(TcpState::Listen).total();
        let scope = Scope {
            family: self.family,
            bound: false,
        };
        let sockstat = if recorded {
            Sockstat::default()
        } else {
            read_sockstat(self.proc_root)
        };
        let reading = count::Reading {
            tally: &states,
            source: collection.source,
            sockstat,
            kernel: host.kernel,
        };
        let states = count::from_dump(&reading, scope);
        let (ports, time_wait) = ports.finish(bound.as_ref());
        let pressure = Pressure {
            ports: PortReading::Grouped(ports),
            listeners: Some(listeners.finish()),
            time_wait: Some(time_wait),
            host_wide: if recorded {
                HostWide::default()
            } else {
                read_host_wide(self.proc_root, &sockstat)
            },
        };
        Ok(Sample {
            taken_at,
            elapsed: start.elapsed(),
            host,
            collection,
            states,
            leaks: None,
            sysctls,
            counters,
            read_at: (!recorded).then_some(read_at),
            pressure,
        })
    }

    /// The ports of bound-only sockets: where they are wanted, or where they
    /// could make a full destination out of one that is nearly so.
    fn bound_ports(
        &mut self,
        ports: &PortTally,
        collection: &Collection,
        host: &Host,
    ) -> Result<Option<PortSet>, KernelError> {
        let offered = count::shows_bound(collection.source, host.kernel);
        if !offered || !(self.bound || ports.is_tight()) {
            return Ok(None);
        }
        let mut bound = PortSet::default();
        // Whatever family: a port that is bound in one is lost to both.
        let query = Query::states(StateSet::NONE.with(TcpState::BoundInactive));
        self.source.visit(&query, &mut |socket| {
            bound.insert(socket.local.port);
        })?;
        Ok(Some(bound))
    }

    fn visit(
        &mut self,
        states: StateSet,
        visitor: &mut dyn FnMut(&crate::model::Socket),
    ) -> Result<Collection, KernelError> {
        let query = Query {
            family: self.family,
            ..Query::states(states)
        };
        self.source.visit(&query, visitor)
    }
}
