//! Samples for the tests of the rules.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{
    AgeBounds, Collection, CountMethod, Counter, Counters, Endpoint, Family, Host, LeakDigest,
    LeakOwner, LeakOwnerKind, Pressure, Snapshot, Socket, SocketKind, SocketTimer, SourceKind,
    StateCount, StateCounts, Sysctl, Sysctls, TcpState, TimerKind, Unanswered, UnresponsivePeer,
    Verdict, VerdictCounts,
};

/// A sample in the making: no sockets, no settings, no counters.
#[derive(Clone, Default)]
pub(crate) struct SnapshotBuilder {
    states: HashMap<TcpState, u64>,
    minisockets: Option<u64>,
    sysctls: HashMap<Sysctl, u64>,
    counters: Counters,
    leaks: Option<LeakDigest>,
    read_at: Option<Duration>,
    pressure: Pressure,
}

pub(crate) fn snapshot() -> SnapshotBuilder {
    SnapshotBuilder::default()
}

/// A digest of CLOSE_WAIT sockets with these verdicts.
pub(crate) fn leak_digest(verdicts: &[(Verdict, u64)], owners: Vec<LeakOwner>) -> LeakDigest {
    let mut counts = VerdictCounts::default();
    for &(verdict, times) in verdicts {
        (0..times).for_each(|_| counts.add(verdict));
    }
    LeakDigest {
        min_age: Duration::from_secs(60),
        counts,
        oldest: AgeBounds::default(),
        owners,
        unseen: None,
    }
}

/// `java[2231]`, which leaks so many sockets, the oldest for 2 h 14 min.
pub(crate) fn java(leaked: u64, open_fds: u64) -> LeakOwner {
    LeakOwner {
        kind: LeakOwnerKind::Process {
            pid: 2231,
            command: Some("java".to_owned()),
            open_fds: Some(open_fds),
            fd_limit: Some(1_024),
        },
        leaked,
        others: 0,
        waits: 0,
        or_more: false,
        oldest: AgeBounds {
            at_least: Some(Duration::from_secs(8_040)),
            at_most: None,
        },
    }
}

impl SnapshotBuilder {
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

    pub(crate) fn read_at(mut self, since_boot: Duration) -> Self {
        self.read_at = Some(since_boot);
        self
    }

    pub(crate) fn with_pressure(mut self, pressure: Pressure) -> Self {
        self.pressure = pressure;
        self
    }

    pub(crate) fn build(self) -> Snapshot {
        let states = StateCounts::new(CountMethod::Dump, 0, self.minisockets, |state| {
            let total = self.states.get(&state).copied().unwrap_or(0);
            (state != TcpState::BoundInactive).then_some(StateCount {
                total,
                ipv4: Some(total),
                ipv6: Some(0),
            })
        });
        // What the summary reads, and what else the test has set.
        let mut wanted = Sysctl::SUMMARY.to_vec();
        wanted.extend(
            self.sysctls
                .keys()
                .filter(|key| !Sysctl::SUMMARY.contains(key)),
        );
        Snapshot {
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
                unjudged: 0,
                selection: None,
            },
            states,
            elsewhere_at_most: None,
            unlisted_at_most: None,
            leaks: self.leaks,
            sysctls: Sysctls::read(&wanted, |sysctl| self.sysctls.get(&sysctl).copied()),
            counters: self.counters,
            read_at: self.read_at,
            missing: Vec::new(),
            pressure: self.pressure,
        }
    }
}

/// A socket in the making: a full IPv4 or IPv6 one, ESTABLISHED.
pub(crate) struct SocketBuilder(Socket);

/// Connections that wait for these places, so many for each.
pub(crate) fn unanswered(places: &[(&str, u32)]) -> Unanswered {
    let peers = places.iter().map(|&(place, connections)| {
        let (address, zone, port) = if let Ok(address) = place.parse() {
            (address, None, None)
        } else {
            let end = endpoint(place);
            (end.address, end.zone, Some(end.port))
        };
        UnresponsivePeer {
            address,
            zone,
            port,
            connections,
            retransmits: 3,
            waited: Duration::from_secs(3),
            sockets: Vec::new(),
            program: None,
        }
    });
    Unanswered {
        connections: places.iter().map(|&(_, count)| u64::from(count)).sum(),
        places: Some(places.len() as u64),
        peers: peers.collect(),
    }
}

/// An endpoint as it is written: a link-local address with its zone.
pub(crate) fn endpoint(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    let zone = match address {
        std::net::SocketAddr::V6(address) => Some(address.scope_id()).filter(|&zone| zone != 0),
        std::net::SocketAddr::V4(_) => None,
    };
    Endpoint::new(address.ip(), address.port()).on_interface(zone)
}

/// A connection between two endpoints.
pub(crate) fn socket(local: &str, remote: &str) -> SocketBuilder {
    let (local, remote) = (endpoint(local), endpoint(remote));
    let family = match local.address {
        std::net::IpAddr::V4(_) => Family::Ipv4,
        std::net::IpAddr::V6(_) => Family::Ipv6,
    };
    let (state, kind) = (TcpState::Established, SocketKind::Full);
    SocketBuilder(Socket {
        interface: local.zone.or(remote.zone),
        send_q: Some(0),
        uid: Some(0),
        inode: Some(1),
        ..Socket::new(family, state, kind, local, remote)
    })
}

impl SocketBuilder {
    /// In TIME_WAIT, which ends in so many ms.
    pub(crate) fn in_time_wait(mut self, expires_ms: u32) -> Self {
        self.0.state = TcpState::TimeWait;
        self.0.kind = SocketKind::TimeWait;
        self.0.timer = Some(SocketTimer {
            kind: TimerKind::TimeWait,
            expires_ms,
            retransmits: 0,
        });
        self
    }

    /// A handshake whose SYN-ACK was sent again so often.
    pub(crate) fn in_syn_recv(mut self, retransmits: u8) -> Self {
        self.0.state = TcpState::SynRecv;
        self.0.kind = SocketKind::Request;
        self.0.inode = None;
        self.0.timer = Some(SocketTimer {
            kind: TimerKind::Retransmit,
            expires_ms: 500,
            retransmits,
        });
        self
    }

    /// Listening, with so many connections waiting and room for so many.
    pub(crate) fn listening(mut self, waiting: u32, limit: Option<u32>) -> Self {
        self.0.state = TcpState::Listen;
        self.0.recv_q = waiting;
        self.0.send_q = limit;
        self
    }

    /// In another state.
    pub(crate) fn in_state(mut self, state: TcpState) -> Self {
        self.0.state = state;
        self
    }

    /// With a timer that has fired so often.
    pub(crate) fn with_timer(mut self, kind: TimerKind, retransmits: u8) -> Self {
        self.0.timer = Some(SocketTimer {
            kind,
            expires_ms: 500,
            retransmits,
        });
        self
    }

    /// Not accepted yet.
    pub(crate) fn unaccepted(mut self) -> Self {
        self.0.inode = None;
        self
    }

    pub(crate) fn build(self) -> Socket {
        self.0
    }
}
