//! What the views of ports and listeners need besides: every connection, by
//! destination and by listener.

use super::super::Namespace;
use super::super::ownership::OwnerCache;
use super::super::question::{Connections, ListenerNames, Question};
use super::super::read::read_beside;
use crate::kernel::KernelError;
use crate::model::{Part, Pressure, Snapshot};

/// What was read, and what was missing.
pub(super) type Read = (Pressure, Vec<(Part, String)>);

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
        owners: &mut OwnerCache,
    ) -> Result<Read, KernelError> {
        let question = Question {
            connections: Connections::Grouped,
            listeners: ListenerNames::ProgramsInTrouble,
            ..Question::default()
        };
        let before = self.before.as_ref();
        let mut snapshot = read_beside(namespace, &question, before, owners, &mut |_| {})?;
        let missing = std::mem::take(&mut snapshot.missing);
        let pressure = snapshot.pressure.clone();
        self.before = Some(snapshot);
        Ok((pressure, missing))
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
