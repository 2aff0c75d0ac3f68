//! Samples for the tests of the rules.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{
    Collection, CountMethod, Counter, Counters, Host, LeakDigest, Sample, SourceKind, StateCount,
    StateCounts, Sysctl, Sysctls, TcpState,
};

/// A sample in the making: no sockets, no settings, no counters.
#[derive(Default)]
pub(crate) struct SampleBuilder {
    states: HashMap<TcpState, u64>,
    sysctls: HashMap<Sysctl, u64>,
    counters: Counters,
    leaks: Option<LeakDigest>,
}

pub(crate) fn sample() -> SampleBuilder {
    SampleBuilder::default()
}

impl SampleBuilder {
    pub(crate) fn with_state(mut self, state: TcpState, count: u64) -> Self {
        self.states.insert(state, count);
        self
    }

    pub(crate) fn with_sysctl(mut self, sysctl: Sysctl, value: u64) -> Self {
        self.sysctls.insert(sysctl, value);
        self
    }

    pub(crate) fn with_counter(mut self, counter: Counter, value: u64) -> Self {
        self.counters.set(counter, value);
        self
    }

    pub(crate) fn with_leaks(mut self, leaks: LeakDigest) -> Self {
        self.leaks = Some(leaks);
        self
    }

    pub(crate) fn build(self) -> Sample {
        let states = StateCounts::new(CountMethod::Dump, 0, |state| {
            let total = self.states.get(&state).copied().unwrap_or(0);
            (state != TcpState::BoundInactive).then_some(StateCount {
                total,
                ipv4: Some(total),
                ipv6: Some(0),
            })
        });
        Sample {
            taken_at: None,
            elapsed: Duration::ZERO,
            host: Host::default(),
            collection: Collection {
                source: SourceKind::Netlink,
                fallback_reason: None,
                complete: true,
                sockets: states.total(),
                duplicates: None,
                malformed: 0,
            },
            states,
            leaks: self.leaks,
            sysctls: Sysctls::read(|sysctl| self.sysctls.get(&sysctl).copied()),
            counters: self.counters,
        }
    }
}
