//! Takes one sample after the other.

use std::time::{Duration, Instant};

use super::super::sample::{self, Wanted};
use super::super::source;
use crate::classify::change::{CloseWaitMemory, Transitions};
use crate::classify::count::Scope;
use crate::cli::{CommonArgs, Source, WatchArgs};
use crate::kernel::{KernelError, ProcRoot, ProcfsSource, SocketSource};
use crate::model::{FallbackReason, Sample};

/// Reads samples from the same place, and remembers between them who is in
/// CLOSE_WAIT.
pub(super) struct Sampler {
    source: Box<dyn SocketSource + Send>,
    /// Whether /proc may be read when netlink fails.
    may_fall_back: bool,
    proc_root: ProcRoot,
    wanted: Wanted,
    memory: CloseWaitMemory,
}

/// What one sample gave.
#[derive(Debug)]
pub(super) struct Reading {
    /// When it began.
    pub(super) at: Instant,
    /// How long it took.
    pub(super) cost: Duration,
    /// What was read.
    pub(super) sample: Sample,
    /// Who entered and left CLOSE_WAIT since the one before.
    pub(super) close_wait: Option<Transitions>,
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
            proc_root,
            wanted: Wanted {
                scope,
                exact: args.exact,
            },
            memory: CloseWaitMemory::default(),
        })
    }

    /// Takes a sample.
    pub(super) fn take(&mut self) -> Result<Reading, KernelError> {
        let at = Instant::now();
        let memory = &mut self.memory;
        let mut read = |source: &mut dyn SocketSource| {
            memory.begin(at);
            sample::read(source, &self.proc_root, self.wanted, &mut |socket| {
                memory.see(socket);
            })
        };
        let sample = match read(self.source.as_mut()) {
            // A dump that was refused has fallen back by itself, for good. One
            // that broke off hasn't: this sample comes from /proc, and the
            // next one tries again.
            Err(KernelError::Netlink(failure)) if self.may_fall_back => {
                let reason = FallbackReason::DumpRefused(failure.to_string());
                read(&mut ProcfsSource::new(&self.proc_root).because(reason))?
            }
            outcome => outcome?,
        };
        let close_wait = memory.end(sample.collection.complete);
        Ok(Reading {
            at,
            cost: at.elapsed(),
            sample,
            close_wait,
        })
    }
}
