//! Takes one sample after the other.

use std::time::{Duration, Instant};

use super::super::pressure::programs;
use super::super::sample::{self, Terms, Wanted};
use super::super::source;
use super::super::suspects::Names;
use super::leaks::LeakReader;
use super::pressure::PressureReader;
use crate::classify::count::Scope;
use crate::classify::history::{CloseWaitMemory, Reading};
use crate::cli::{CommonArgs, Source, WatchArgs};
use crate::kernel::{FallbackSource, KernelError, ProcRoot, SocketSource};
use crate::model::SourceKind;
use crate::render::watch::View;

/// Netlink that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(60);

/// Reads samples from the same place, and remembers between them who is in
/// CLOSE_WAIT.
pub(super) struct Sampler {
    source: Box<dyn SocketSource + Send>,
    /// Whether /proc may be read when netlink fails.
    may_fall_back: bool,
    /// Since when it is, if it is.
    fell_back: Option<Instant>,
    proc_root: ProcRoot,
    wanted: Wanted<'static>,
    memory: CloseWaitMemory,
    names: Names,
    leaks: LeakReader,
    pressure: PressureReader,
}

impl Sampler {
    /// Opens the source.
    pub(super) fn open(common: &CommonArgs, args: &WatchArgs) -> anyhow::Result<Self> {
        let proc_root = ProcRoot::new(&common.proc_root);
        let source = source::open(common, &proc_root)?;
        let scope = Scope {
            family: source::family(common),
            bound: false,
        };
        Ok(Self {
            source,
            may_fall_back: common.source == Source::Auto,
            fell_back: None,
            proc_root,
            wanted: Wanted {
                scope,
                exact: args.exact,
                terms: Terms::default(),
            },
            memory: CloseWaitMemory::default(),
            names: Names::default(),
            leaks: LeakReader::default(),
            pressure: PressureReader::default(),
        })
    }

    /// Takes a sample, with what a view needs besides.
    pub(super) fn take(&mut self, view: View) -> Result<Reading, KernelError> {
        let at = Instant::now();
        self.try_netlink_again(at);
        let memory = &mut self.memory;
        memory.begin(at);
        let mut sample = sample::read(
            self.source.as_mut(),
            &self.proc_root,
            self.wanted,
            &mut self.names,
            &mut |socket| memory.see(socket),
        )?;
        let close_wait = memory.end(sample.collection.complete);
        let leaks = if view == View::Leaks {
            let family = self.wanted.scope.family;
            let source = self.source.as_mut();
            let report = self
                .leaks
                .read(source, &self.proc_root, family, &self.memory)?;
            Some(report)
        } else {
            self.leaks.forget();
            None
        };
        if matches!(view, View::Ports | View::Listeners) {
            let family = self.wanted.scope.family;
            let source = self.source.as_mut();
            sample.pressure = self.pressure.read(source, &self.proc_root, family)?;
        } else {
            self.pressure.forget();
            if sample.collection.source != SourceKind::Replay {
                programs::name_units(&mut sample, &self.proc_root);
            }
        }
        Ok(Reading {
            at,
            cost: at.elapsed(),
            sample,
            close_wait,
            leaks,
        })
    }

    /// A source that fell back stays with /proc. What made netlink fail may be
    /// over, and whoever watches for days shall not pay for a bad minute.
    fn try_netlink_again(&mut self, now: Instant) {
        if !self.may_fall_back || self.source.kind() == SourceKind::Netlink {
            self.fell_back = None;
            return;
        }
        let since = *self.fell_back.get_or_insert(now);
        if now.saturating_duration_since(since) >= RETRY {
            self.source = Box::new(FallbackSource::open(&self.proc_root));
            self.fell_back = None;
        }
    }
}
