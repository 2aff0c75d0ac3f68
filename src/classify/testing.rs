//! Samples for the tests of the rules.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::model::{
    AgeBounds, Collection, CountMethod, Counter, Counters, Endpoint, Family, Host, LeakDigest,
    Sample, Socket, SocketKind, SourceKind, StateCount, StateCounts, Suspect, Sysctl, Sysctls,
    TcpState, Verdict, VerdictCounts, Who,
};

/// A sample in the making: no sockets, no settings, no counters.
#[derive(Default)]
pub(crate) struct SampleBuilder {
    states: HashMap<TcpState, u64>,
    minisockets: Option<u64>,
    sysctls: HashMap<Sysctl, u64>,
    counters: Counters,
    leaks: Option<LeakDigest>,
}

pub(crate) fn sample() -> SampleBuilder {
    SampleBuilder::default()
}

/// A digest of CLOSE_WAIT sockets with these verdicts.
pub(crate) fn leak_digest(verdicts: &[(Verdict, u64)], suspects: Vec<Suspect>) -> LeakDigest {
    let mut counts = VerdictCounts::default();
    for &(verdict, times) in verdicts {
        (0..times).for_each(|_| counts.add(verdict));
    }
    LeakDigest {
        min_age: Duration::from_secs(60),
        counts,
        oldest: AgeBounds::default(),
        suspects,
    }
}

/// `java[2231]`, which leaks so many sockets, the oldest for 2 h 14 min.
pub(crate) fn java(leaked: u64, open_fds: u64) -> Suspect {
    Suspect {
        who: Who::Process {
            pid: 2231,
            command: Some("java".to_owned()),
            open_fds: Some(open_fds),
            fd_limit: Some(1_024),
        },
        leaked,
        or_more: false,
        oldest: AgeBounds {
            at_least: Some(Duration::from_secs(8_040)),
            at_most: None,
        },
    }
}

impl SampleBuilder {
    pub(crate) fn with_state(mut self, state: TcpState, count: u64) -> Self {
        self.states.insert(state, count);
        self
    }

    pub(crate) fn with_minisockets(mut self, count: u64) -> Self {
        self.minisockets = Some(count);
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
        let states = StateCounts::new(CountMethod::Dump, 0, self.minisockets, |state| {
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
