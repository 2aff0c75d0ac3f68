//! What the views of ports and listeners need besides: every connection, by
//! destination and by listener.

use std::borrow::Cow;
use std::time::Instant;

use super::super::pace::Clock;
use super::super::pressure::read::Reader;
use super::super::pressure::{compare, programs};
use super::holders::KnownHolders;
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Family, Pressure, Snapshot};

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) pressure: Pressure,
    /// Whether it could be found out who is behind listeners.
    pub(super) programs: Result<(), KernelError>,
}

/// Reads pressure, each time beside the time before.
#[derive(Debug)]
pub(super) struct PressureReader {
    /// Tells the time of a core that was spent.
    clock: Clock,
    before: Option<Snapshot>,
    /// Who holds listeners, once one of them was in trouble.
    holders: KnownHolders,
}

impl PressureReader {
    /// Nothing was read yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            before: None,
            holders: KnownHolders::new(clock),
        }
    }

    /// Reads what is about to run out, and how fast, for a sample that began at
    /// `now`.
    pub(super) fn read(
        &mut self,
        source: &mut dyn SocketSource,
        proc_root: &ProcRoot,
        family: Option<Family>,
        now: Instant,
    ) -> Result<Read, KernelError> {
        let mut reader = Reader {
            source,
            proc_root,
            family,
            bound: false,
        };
        let mut snapshot = reader.read()?;
        // What only one of two sources shows has not changed.
        let is_alike = |before: &&Snapshot| before.collection.source == snapshot.collection.source;
        if let Some(before) = self.before.as_ref().filter(is_alike) {
            compare(&mut snapshot, before);
        }
        let holders = &mut self.holders;
        let before = self.before.as_ref();
        let programs = programs::name(&mut snapshot, before, proc_root, false, |inodes, likely| {
            let wanted = inodes.into_iter().collect();
            holders.update(proc_root, &wanted, || likely, now)?;
            Ok(Cow::Borrowed(holders.holders()))
        });
        let pressure = snapshot.pressure.clone();
        self.before = Some(snapshot);
        Ok(Read { pressure, programs })
    }

    /// The sample is taken again from another source: what was read for it
    /// counts for nothing.
    pub(super) fn read_again(&mut self) {
        self.before = None;
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let pressure = self.before.as_ref().map(|before| &before.pressure);
        let ports = pressure.and_then(|pressure| pressure.ports.grouped());
        let listeners = pressure.and_then(|pressure| pressure.listeners.as_ref());
        ports.map_or(0, |ports| ports.destinations.len())
            + listeners.map_or(0, |listeners| listeners.listeners.len())
            + self.holders.kept()
    }

    /// The view is closed: the next reading has none before it, and searches
    /// anew.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.clock);
    }
}
