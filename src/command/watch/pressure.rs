//! What the views of ports and listeners need besides: every connection, by
//! destination and by listener.

use std::borrow::Cow;

use super::super::pressure::{compare, programs};
use crate::collect::ownership::{Budget, OwnerCache};
use crate::collect::{Namespace, read_connections};
use crate::kernel::KernelError;
use crate::model::{Family, Pressure, Snapshot};

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) pressure: Pressure,
    /// Whether it could be found out who is behind listeners.
    pub(super) programs: Result<(), KernelError>,
}

/// Reads pressure, each time beside the time before.
#[derive(Debug, Default)]
pub(super) struct PressureReader {
    before: Option<Snapshot>,
}

impl PressureReader {
    /// Reads what is about to run out, and how fast.
    pub(super) fn read(
        &mut self,
        namespace: &mut Namespace,
        family: Option<Family>,
        cache: &mut OwnerCache,
    ) -> Result<Read, KernelError> {
        let mut snapshot = read_connections(namespace, family, false)?;
        // What only one of two sources shows has not changed.
        let is_alike = |before: &&Snapshot| before.collection.source == snapshot.collection.source;
        if let Some(before) = self.before.as_ref().filter(is_alike) {
            compare(&mut snapshot, before);
        }
        let before = self.before.as_ref();
        let programs = namespace.proc_root().map_or(Ok(()), |proc_root| {
            programs::name(&mut snapshot, before, proc_root, false, |inodes, hints| {
                cache.update(proc_root, &inodes, || hints, Budget::Everywhere)?;
                Ok(Cow::Borrowed(cache.owners()))
            })
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
    }

    /// The view is closed: the next reading has none before it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
