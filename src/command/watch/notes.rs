//! What the streams say on stderr.

use std::time::Duration;

use super::super::output;
use crate::classify::history::Reading;
use crate::kernel::KernelError;
use crate::text::number::elapsed;

/// What was said on stderr already: an incident isn't the time to say it every
/// second.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Samples that failed in a row.
    pub(super) failures: u32,
    failure: Option<String>,
    fallback: Option<String>,
    ports: Option<String>,
    stretched: bool,
}

impl Notes {
    pub(super) fn failure(&mut self, error: &KernelError) {
        let text = error.to_string();
        if self.failure.as_ref() != Some(&text) {
            output::note(&format!("a sample is missing: {text}"));
            self.failure = Some(text);
        }
    }

    pub(super) fn recovered(&mut self) {
        self.failures = 0;
        if self.failure.take().is_some() {
            output::note("samples are back");
        }
    }

    pub(super) fn fallback(&mut self, reading: &Reading) {
        let reason = reading.snapshot.collection.fallback_reason.as_ref();
        let reason = reason.map(ToString::to_string);
        if reason == self.fallback {
            return;
        }
        match &reason {
            Some(reason) => output::note(&format!(
                "{reason}; reading /proc/net/tcp instead: who enters CLOSE_WAIT is unknown"
            )),
            None => output::note("sockets are read over netlink again"),
        }
        self.fallback = reason;
    }

    /// A stream asks for ports besides, and for nothing else that can fail
    /// alone.
    pub(super) fn failed_ports(&mut self, reading: &Reading) {
        let failed = reading.failed.first().map(|(_, why)| why.clone());
        if failed == self.ports {
            return;
        }
        match &failed {
            Some(why) => output::note(&format!("whether ports run out is unknown: {why}")),
            None => output::note("ports are read again"),
        }
        self.ports = failed;
    }

    pub(super) fn stretch(&mut self, interval: Duration, stretched: Option<Duration>) {
        if let Some(stretched) = stretched
            && !self.stretched
        {
            output::note(&format!(
                "a sample takes longer than the interval of {}, which is stretched to {}",
                elapsed(interval),
                elapsed(stretched),
            ));
            self.stretched = true;
        }
    }
}
