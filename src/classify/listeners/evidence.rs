//! What the counters tell of handshakes in the whole namespace.

use super::super::change::{self, Past};
use super::syn_queue::{self, Fill, SynSettings, goes_unanswered, is_full_for_sure};
use crate::model::{Counter, Listener, Snapshot, Sysctl};

/// Cookies between two samples that make a flood worth the word: an honest
/// burst of a few would be one otherwise.
pub(super) const COOKIES_BETWEEN: u64 = 10;
/// The same since the namespace began.
pub(super) const COOKIES_SO_FAR: u64 = 100;

/// What is known of handshakes in the whole namespace: between two samples
/// where there are two, else since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SynEvidence {
    /// `tcp_syncookies`
    pub cookies: Option<u64>,
    /// `tcp_max_syn_backlog`
    pub max_backlog: Option<u64>,
    /// Cookies sent.
    pub sent: Option<u64>,
    /// Cookies that came back.
    pub returned: Option<u64>,
    /// SYNs dropped because a SYN queue was full.
    pub dropped: Option<u64>,
    /// Of these, those that the kernel counts by name. The rest is of
    /// handshakes beyond three quarters of `tcp_max_syn_backlog`, and of causes
    /// that have nothing to do with queues.
    pub dropped_by_queue: Option<u64>,
    /// Whether the numbers are of the time between two samples.
    pub between: bool,
    /// How many listeners there are.
    pub listeners: Option<u64>,
    /// Handshakes that the largest SYN queue holds. Where no listener tells and
    /// cookies are for everybody, what `somaxconn` allows one to hold; else it
    /// matters whether one is full, which nobody tells there.
    pub largest_queue: Option<u64>,
    /// Whether the SYN queue of a listener is full beyond doubt: then what was
    /// dropped proves nothing about one that may be.
    pub full_for_sure: bool,
    /// Whether a handshake in a SYN queue that may be full had its SYN-ACK sent
    /// again, which is after a second.
    pub unanswered: bool,
}

/// How many handshakes the SYN queues of a listener hold, all together. `None`
/// over /proc.
#[must_use]
pub fn syn_limit(listener: &Listener, evidence: &SynEvidence) -> Option<u64> {
    syn_queue::limit(listener, evidence.settings())
}

/// What became of the cookies that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookies {
    /// The counters aren't known, or what they must be held against.
    Unknown,
    /// Too few were sent to judge by, or no more are out than legitimate clients
    /// may have on their way.
    Few,
    /// Most came back.
    Returned,
    /// Most didn't.
    Lost,
}

impl SynEvidence {
    /// What a sample tells.
    #[must_use]
    pub fn of(snapshot: &Snapshot, past: Option<Past<'_>>) -> Self {
        let between = past.is_some();
        let value = |counter| {
            if between {
                change::counter(counter, snapshot, past).map(|change| change.by)
            } else {
                snapshot.counters.get(counter)
            }
        };
        // A full queue is counted by name; the last quarter of
        // tcp_max_syn_backlog, which is kept for known peers, only among all
        // drops (tcp_conn_request).
        let dropped = match (
            value(Counter::TcpReqQFullDrop),
            value(Counter::ListenDrops),
            value(Counter::ListenOverflows),
        ) {
            (by_queue, Some(drops), Some(overflows)) => {
                Some(drops.saturating_sub(overflows).max(by_queue.unwrap_or(0)))
            }
            (by_queue, _, _) => by_queue,
        };
        let listeners = snapshot.pressure.listeners.as_ref();
        let somaxconn = snapshot.sysctls.get(Sysctl::Somaxconn);
        let largest_limit = listeners.and_then(|listeners| listeners.largest_limit);
        let cookies = snapshot.sysctls.get(Sysctl::TcpSyncookies);
        let for_everybody = cookies == Some(2);
        let largest_limit = largest_limit
            .map(u64::from)
            .or(somaxconn.filter(|_| for_everybody));
        let mut evidence = Self {
            cookies,
            max_backlog: snapshot.sysctls.get(Sysctl::TcpMaxSynBacklog),
            sent: value(Counter::SyncookiesSent),
            returned: value(Counter::SyncookiesRecv),
            dropped,
            dropped_by_queue: value(Counter::TcpReqQFullDrop),
            between,
            listeners: listeners.map(|listeners| listeners.count),
            largest_queue: largest_limit.map(|limit| limit.saturating_add(1)),
            full_for_sure: false,
            unanswered: false,
        };
        let kept = || listeners.into_iter().flat_map(|all| &all.listeners);
        evidence.full_for_sure = kept().any(|one| is_full_for_sure(one, evidence.settings()));
        evidence.unanswered = kept().any(|one| goes_unanswered(one, evidence.settings()));
        evidence
    }

    const fn settings(&self) -> SynSettings {
        SynSettings {
            cookies: self.cookies,
            max_backlog: self.max_backlog,
        }
    }

    /// Whether a SYN queue of a listener is full; `None` where nobody can tell.
    pub(super) fn fill(&self, listener: &Listener) -> Option<Fill> {
        syn_queue::fill(listener, self.settings(), self.full_for_sure)
    }

    /// Whether SYNs were dropped by full SYN queues while somebody looked.
    #[must_use]
    pub fn drops_now(&self) -> bool {
        self.between && self.dropped.is_some_and(|dropped| dropped > 0)
    }

    /// Whether enough cookies were sent to judge, and whether most came back.
    ///
    /// Each client that is on its way has one out, and so many as a SYN queue
    /// holds are no flood. With cookies for full queues only, those who stand
    /// in one tell more: honest ones have answered within a second.
    pub(super) fn came_back(&self) -> Cookies {
        let Some(sent) = self.sent else {
            return Cookies::Unknown;
        };
        let least = if self.between {
            COOKIES_BETWEEN
        } else {
            COOKIES_SO_FAR
        };
        if sent < least {
            return Cookies::Few;
        }
        let Some(returned) = self.returned else {
            return Cookies::Unknown;
        };
        if returned > sent / 2 {
            return Cookies::Returned;
        }
        // Those of the past are on their way no longer, most of them.
        if self.cookies != Some(2) && (self.unanswered || !self.between) {
            return Cookies::Lost;
        }
        match self.largest_queue {
            None => Cookies::Unknown,
            Some(queue) if sent - returned <= queue => Cookies::Few,
            Some(_) => Cookies::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{SnapshotBuilder, snapshot, socket};
    use super::super::ListenerTally;
    use super::*;
    use crate::model::Pressure;

    /// Two listeners with room for 8 and 64, so many handshakes at the first.
    fn with_handshakes(count: u16) -> SnapshotBuilder {
        let mut tally = ListenerTally::default();
        for (local, limit) in [("0.0.0.0:80", 8), ("0.0.0.0:81", 64)] {
            let listening = socket(local, "0.0.0.0:0").listening(0, Some(limit));
            tally.add_listener(&listening.build());
        }
        for client in 0..count {
            let from = format!("192.0.2.1:{}", 1_000 + client);
            tally.add(&socket("10.0.0.1:80", &from).in_syn_recv(0).build());
        }
        snapshot().with_pressure(Pressure {
            listeners: Some(tally.finish()),
            ..Pressure::default()
        })
    }

    #[test]
    fn the_largest_queue_is_that_of_a_listener_or_what_one_may_have() {
        let of = |snapshot: SnapshotBuilder, cookies| {
            let snapshot = snapshot
                .with_sysctl(Sysctl::Somaxconn, 4_096)
                .with_sysctl(Sysctl::TcpSyncookies, cookies);
            SynEvidence::of(&snapshot.build(), None).largest_queue
        };
        assert_eq!(of(with_handshakes(0), 1), Some(65));
        assert_eq!(of(snapshot(), 2), Some(4_097));
        assert_eq!(of(snapshot(), 1), None);
        let unknown = SynEvidence::of(&snapshot().build(), None);
        assert_eq!(unknown.largest_queue, None);
    }

    /// Also where `--listen-port` shows another.
    #[test]
    fn the_largest_queue_is_of_all_listeners_shown_or_not() {
        let mut snapshot = with_handshakes(0).build();
        let listeners = snapshot.pressure.listeners.as_mut().unwrap();
        listeners.listeners.retain(|one| one.local.port == 80);
        assert_eq!(SynEvidence::of(&snapshot, None).largest_queue, Some(65));
    }

    /// One whose last ACK came and found the accept queue full is asked again
    /// too.
    #[test]
    fn a_handshake_goes_unanswered_where_a_syn_queue_may_be_full_and_the_accept_queue_is_not() {
        let of = |count: u16, retransmits, accept_queue| {
            let mut tally = ListenerTally::default();
            let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(accept_queue, Some(8));
            tally.add_listener(&listening.build());
            for client in 0..count {
                let from = format!("192.0.2.1:{}", 1_000 + client);
                let request = socket("10.0.0.1:80", &from).in_syn_recv(retransmits);
                tally.add(&request.build());
            }
            let snapshot = snapshot().with_pressure(Pressure {
                listeners: Some(tally.finish()),
                ..Pressure::default()
            });
            SynEvidence::of(&snapshot.build(), None).unanswered
        };
        assert!(of(9, 1, 0));
        assert!(of(9, 1, 8));
        assert!(!of(9, 0, 0), "they are on their way");
        assert!(!of(8, 1, 0), "there is a place, so nobody gets a cookie");
        assert!(!of(9, 1, 9));
    }

    #[test]
    fn a_queue_is_full_for_sure_with_the_last_place_taken() {
        let of = |count| SynEvidence::of(&with_handshakes(count).build(), None).full_for_sure;
        assert!(!of(8));
        assert!(of(9));
    }
}
