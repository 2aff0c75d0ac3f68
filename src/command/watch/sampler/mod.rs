//! Takes one sample after the other.

use std::time::{Duration, Instant};

use super::super::pressure::programs;
use super::super::snapshot::{self, PortRead, Terms, Wanted};
use super::super::source;
use super::leaks::LeakReader;
use super::pressure::PressureReader;
use crate::classify::count::Scope;
use crate::classify::history::{CloseWaitMemory, Leaks, Look, Part, Reading};
use crate::cli::{CommonArgs, Source, WatchArgs};
use crate::collect::FallbackSource;
use crate::collect::cpu_budget::cpu_time;
use crate::collect::ownership::OwnerCache;
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Snapshot, SourceKind};
use crate::render::watch::View;

/// Netlink that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(60);

type BoxedSource = Box<dyn SocketSource + Send>;
type Open = Box<dyn FnMut(&ProcRoot) -> BoxedSource + Send>;

/// Reads samples from the same place, and remembers between them who is in
/// CLOSE_WAIT.
pub(super) struct Sampler {
    source: BoxedSource,
    /// Opens it anew, netlink first; `None` where one source only was asked
    /// for.
    open_anew: Option<Open>,
    /// Since when /proc is read in place of netlink, if it is.
    fell_back: Option<Instant>,
    proc_root: ProcRoot,
    wanted: Wanted<'static>,
    memory: CloseWaitMemory,
    owners: OwnerCache,
    leaks: LeakReader,
    pressure: PressureReader,
}

impl Sampler {
    /// Opens the source.
    pub(super) fn open(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Self> {
        let proc_root = ProcRoot::new(&common.proc_root);
        let source = source::open(common, &proc_root)?;
        let wanted = Wanted {
            scope: Scope {
                family: source::family(common),
                bound: false,
            },
            exact: args.exact,
            ports: PortRead::default(),
            terms: Terms::default(),
        };
        let mut sampler = Self::over(source, proc_root, wanted);
        if common.source == Source::Auto {
            let open =
                |proc_root: &ProcRoot| -> BoxedSource { Box::new(FallbackSource::open(proc_root)) };
            sampler.open_anew = Some(Box::new(open));
        }
        Ok(sampler)
    }

    fn over(source: BoxedSource, proc_root: ProcRoot, wanted: Wanted<'static>) -> Self {
        Self {
            source,
            open_anew: None,
            fell_back: None,
            proc_root,
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
        if reading.snapshot.collection.source != self.source.kind() {
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
            self.source.as_mut(),
            &self.proc_root,
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
        let source = self.source.as_mut();
        let leaks = self.leaks.read(
            source,
            &self.proc_root,
            family,
            &self.memory,
            &mut self.owners,
            at,
        );
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
            if snapshot.collection.source != SourceKind::Replay {
                programs::name_units(snapshot, &self.proc_root);
            }
            return;
        }
        let family = self.wanted.scope.family;
        let source = self.source.as_mut();
        let owners = &mut self.owners;
        match self.pressure.read(source, &self.proc_root, family, owners) {
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
        let Some(open) = &mut self.open_anew else {
            return;
        };
        if self.source.kind() == SourceKind::Netlink {
            self.fell_back = None;
            return;
        }
        let since = *self.fell_back.get_or_insert(now);
        if now.saturating_duration_since(since) >= RETRY {
            self.source = open(&self.proc_root);
            self.fell_back = None;
        }
    }
}

#[cfg(test)]
mod tests;
