//! Takes one sample after the other.

use std::time::{Duration, Instant};

use super::super::pressure::programs;
use super::super::snapshot::{self, PortRead, Terms, Wanted};
use super::super::source;
use super::leaks::LeakReader;
use super::pressure::PressureReader;
use crate::classify::count::Scope;
use crate::classify::history::{CloseWaitMemory, Leaks, Look, Part, Reading};
use crate::cli::{CommonArgs, WatchArgs};
use crate::collect::Namespace;
use crate::collect::cpu_budget::cpu_time;
use crate::collect::ownership::OwnerCache;
use crate::kernel::KernelError;
use crate::model::{Snapshot, SourceKind};
use crate::render::watch::View;

/// Netlink that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(60);

/// Reads samples from the same place, and remembers between them who is in
/// CLOSE_WAIT.
pub(super) struct Sampler {
    namespace: Namespace,
    /// Since when /proc is read in place of netlink, if it is.
    fell_back: Option<Instant>,
    wanted: Wanted<'static>,
    memory: CloseWaitMemory,
    owners: OwnerCache,
    leaks: LeakReader,
    pressure: PressureReader,
}

impl Sampler {
    /// Opens the source.
    pub(super) fn open(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Self> {
        let namespace = source::open(common)?;
        let wanted = Wanted {
            scope: Scope {
                family: source::family(common),
                bound: false,
            },
            exact: args.exact,
            ports: PortRead::default(),
            terms: Terms::default(),
        };
        Ok(Self::over(namespace, wanted))
    }

    fn over(namespace: Namespace, wanted: Wanted<'static>) -> Self {
        Self {
            namespace,
            fell_back: None,
            wanted,
            memory: CloseWaitMemory::default(),
            owners: OwnerCache::new(cpu_time),
            leaks: LeakReader::new(cpu_time),
            pressure: PressureReader::default(),
        }
    }

    /// Takes a sample, with what a view needs besides. It fails where sockets
    /// can't be counted; what else can't be read is missing in it, with the
    /// reason.
    pub(super) fn take(&mut self, view: View) -> Result<Reading, KernelError> {
        self.take_at(view, Instant::now())
    }

    fn take_at(&mut self, view: View, at: Instant) -> Result<Reading, KernelError> {
        let begun = Instant::now();
        self.try_netlink_again(at);
        let mut reading = self.take_once(view, at)?;
        // Netlink was refused when the sockets were counted already: a sample
        // is of one source, so that two can be compared.
        if reading.snapshot.collection.source != self.namespace.source() {
            self.leaks.read_again();
            self.pressure.read_again();
            reading = self.take_once(view, at)?;
        }
        reading.cost = begun.elapsed();
        Ok(reading)
    }

    fn take_once(&mut self, view: View, at: Instant) -> Result<Reading, KernelError> {
        let mut failed = Vec::new();
        let memory = &mut self.memory;
        memory.begin(at);
        self.owners.begin(at);
        let (mut snapshot, ports) = snapshot::read_in_part(
            &mut self.namespace,
            self.wanted,
            &mut self.owners,
            &mut |socket| memory.see(socket),
        )?;
        if let Err(error) = ports {
            failed.push((Part::Ports, error.to_string()));
        }
        let close_wait = memory.end(snapshot.collection.complete);
        let leaks = self.look_for_leaks(view, at, &mut failed);
        self.look_for_pressure(view, &mut snapshot, &mut failed);
        Ok(Reading {
            at,
            cost: Duration::ZERO,
            snapshot,
            close_wait,
            leaks,
            failed,
        })
    }

    fn look_for_leaks(
        &mut self,
        view: View,
        at: Instant,
        failed: &mut Vec<(Part, String)>,
    ) -> Look<Leaks> {
        if view != View::Leaks {
            self.leaks.forget();
            return Look::NotAsked;
        }
        let family = self.wanted.scope.family;
        let (namespace, owners) = (&mut self.namespace, &mut self.owners);
        let leaks = self.leaks.read(namespace, family, &self.memory, owners, at);
        match leaks {
            Ok(Some(leaks)) => Look::Found(leaks),
            Ok(None) => Look::Unchanged,
            Err(error) => {
                failed.push((Part::Leaks, error.to_string()));
                Look::Unchanged
            }
        }
    }

    fn look_for_pressure(
        &mut self,
        view: View,
        snapshot: &mut Snapshot,
        failed: &mut Vec<(Part, String)>,
    ) {
        if !matches!(view, View::Ports | View::Listeners) {
            self.pressure.forget();
            if let Some(proc_root) = self.namespace.proc_root() {
                programs::name_units(snapshot, proc_root);
            }
            return;
        }
        let family = self.wanted.scope.family;
        let (namespace, owners) = (&mut self.namespace, &mut self.owners);
        match self.pressure.read(namespace, family, owners) {
            Ok(read) => {
                snapshot.pressure = read.pressure;
                // Every connection was looked at after all.
                failed.retain(|(part, _)| *part != Part::Ports);
                if let Err(error) = read.programs {
                    failed.push((Part::Programs, error.to_string()));
                }
            }
            Err(error) => failed.push((Part::Pressure, error.to_string())),
        }
    }

    /// How much is remembered from sample to sample.
    #[cfg(test)]
    fn kept(&self) -> usize {
        self.memory.kept() + self.owners.kept() + self.leaks.kept() + self.pressure.kept()
    }

    /// A source that fell back stays with /proc. What made netlink fail may be
    /// over, and whoever watches for days shall not pay for a bad minute.
    fn try_netlink_again(&mut self, now: Instant) {
        if self.namespace.source() == SourceKind::Netlink {
            self.fell_back = None;
            return;
        }
        let since = *self.fell_back.get_or_insert(now);
        if now.saturating_duration_since(since) >= RETRY && self.namespace.reopen() {
            self.fell_back = None;
        }
    }
}

#[cfg(test)]
mod tests;
