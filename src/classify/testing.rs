//! Samples for the tests of the rules.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::model::{
    Collection, CountMethod, Counter, Counters, Endpoint, Family, Host, Sample, Socket, SocketKind,
    SourceKind, StateCount, StateCounts, Sysctl, Sysctls, TcpState,
};

/// A sample in the making: no sockets, no settings, no counters.
#[derive(Default)]
pub(crate) struct SampleBuilder {
    states: HashMap<TcpState, u64>,
    sysctls: HashMap<Sysctl, u64>,
    counters: Counters,
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
            sysctls: Sysctls::read(|sysctl| self.sysctls.get(&sysctl).copied()),
            counters: self.counters,
        }
    }
}

/// A full IPv4 socket in a state, of which nothing else is known.
pub(crate) fn socket(state: TcpState) -> Socket {
    let address = Ipv4Addr::LOCALHOST.into();
    Socket {
        state,
        kind: SocketKind::Full,
        family: Family::Ipv4,
        local: Endpoint::new(address, 80),
        remote: Endpoint::new(address, 1024),
        interface: None,
        recv_q: 0,
        send_q: Some(0),
        timer: None,
        uid: None,
        inode: None,
        cookie: None,
        cgroup: None,
        shutdown: None,
        tcp_info: None,
    }
}
