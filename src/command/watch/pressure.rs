//! What the views of ports and listeners need besides: every connection, by
//! destination and by listener.

use super::super::pressure::read::Reader;
use super::super::pressure::{compare, programs};
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Family, Pressure, Sample};

/// Reads pressure, each time beside the time before.
#[derive(Debug, Default)]
pub(super) struct PressureReader {
    before: Option<Sample>,
}

impl PressureReader {
    /// Reads what is about to run out, and how fast.
    pub(super) fn read(
        &mut self,
        source: &mut dyn SocketSource,
        proc_root: &ProcRoot,
        family: Option<Family>,
    ) -> Result<Pressure, KernelError> {
        let mut reader = Reader {
            source,
            proc_root,
            family,
            bound: false,
        };
        let mut sample = reader.read()?;
        if let Some(before) = &self.before {
            compare(&mut sample, before);
        }
        programs::name(&mut sample, self.before.as_ref(), proc_root, false)?;
        let pressure = sample.pressure.clone();
        self.before = Some(sample);
        Ok(pressure)
    }

    /// The view is closed: the next reading has none before it.
    pub(super) fn forget(&mut self) {
        self.before = None;
    }
}
