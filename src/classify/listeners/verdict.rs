//! What is wrong with a listener, in a word.

use super::super::change;
use crate::model::{Counter, Listener, Listeners, Sample, Sysctl};

/// Cookies between two samples that make a flood worth the word: an honest
/// burst of a few would be one otherwise.
const COOKIES_BETWEEN: u64 = 10;
/// The same since the namespace began.
const COOKIES_SO_FAR: u64 = 100;

/// What is wrong with one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The source doesn't tell what is needed.
    Unknown,
    /// Nothing.
    Fine,
    /// More handshakes than its SYN queue holds; the clients that get cookies
    /// come back with them.
    SynBurst,
    /// The same, and cookies don't come back: honest clients get in all the
    /// same.
    FloodAbsorbed,
    /// Its SYN queue is full and cookies are off: clients are dropped.
    FloodDropping,
    /// Its accept queue is full: the application doesn't accept fast enough.
    SlowAccept,
}

impl Verdict {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fine => "fine",
            Self::SynBurst => "syn_burst",
            Self::FloodAbsorbed => "syn_flood_absorbed",
            Self::FloodDropping => "syn_flood_dropping",
            Self::SlowAccept => "slow_accept",
        }
    }
}

/// What SYN cookies tell of the whole namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SynVerdict {
    /// The counters or settings aren't known.
    Unknown,
    /// No more cookies are sent than come back.
    Fine,
    /// Cookies are sent and come back: honest clients, too many at once.
    Burst,
    /// Cookies are sent and don't come back.
    FloodAbsorbed,
    /// SYNs are dropped, and cookies are off.
    FloodDropping,
}

impl SynVerdict {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fine => "fine",
            Self::Burst => "syn_burst",
            Self::FloodAbsorbed => "syn_flood_absorbed",
            Self::FloodDropping => "syn_flood_dropping",
        }
    }
}

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
    /// Whether the numbers are of the time between two samples.
    pub between: bool,
    /// How many listeners there are.
    pub listeners: Option<u64>,
}

impl SynEvidence {
    /// What a sample tells.
    #[must_use]
    pub fn of(sample: &Sample, previous: Option<&Sample>) -> Self {
        let between = previous.is_some();
        let value = |counter| {
            if between {
                change::counter(counter, sample, previous).map(|change| change.by)
            } else {
                sample.counters.get(counter)
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
        Self {
            cookies: sample.sysctls.get(Sysctl::TcpSyncookies),
            max_backlog: sample.sysctls.get(Sysctl::TcpMaxSynBacklog),
            sent: value(Counter::SyncookiesSent),
            returned: value(Counter::SyncookiesRecv),
            dropped,
            between,
            listeners: sample
                .pressure
                .listeners
                .as_ref()
                .map(|Listeners { count, .. }| *count),
        }
    }

    /// Whether enough cookies were sent to judge, and whether most came back.
    fn most_returned(self) -> Option<bool> {
        let sent = self.sent?;
        let least = if self.between {
            COOKIES_BETWEEN
        } else {
            COOKIES_SO_FAR
        };
        (sent >= least).then(|| self.returned.unwrap_or(0) > sent / 2)
    }
}

/// How many handshakes a listener takes before its SYN queue is full: one more
/// than its accept queue may hold, and where cookies are off no more than
/// three quarters of `tcp_max_syn_backlog` from peers that aren't known
/// (`tcp_conn_request`). `None` over /proc.
#[must_use]
pub fn syn_limit(listener: &Listener, evidence: &SynEvidence) -> Option<u64> {
    // A listening socket of one place each: what can't be told apart shares.
    let queues = u64::from(listener.sockets.max(1));
    let own = (u64::from(listener.accept_limit?) + 1) * queues;
    Some(match (evidence.cookies, evidence.max_backlog) {
        (Some(0), Some(backlog)) => own.min((backlog - backlog / 4) * queues),
        _ => own,
    })
}

/// What is wrong with a listener.
#[must_use]
pub fn verdict(listener: &Listener, evidence: &SynEvidence) -> Verdict {
    match listener.is_full() {
        None => return Verdict::Unknown,
        Some(true) => return Verdict::SlowAccept,
        Some(false) => {}
    }
    let (Some(handshakes), Some(limit)) = (listener.syn_recv, syn_limit(listener, evidence)) else {
        return Verdict::Unknown;
    };
    // With cookies for every SYN no queue ever fills: only a single listener
    // can be told to be the flooded one.
    let always = evidence.cookies == Some(2) && evidence.listeners == Some(1);
    let queue_full = u64::from(handshakes) >= limit;
    match (queue_full, evidence.cookies) {
        (true, Some(0)) => Verdict::FloodDropping,
        (true, _) if evidence.most_returned() == Some(true) => Verdict::SynBurst,
        (true, Some(_)) => Verdict::FloodAbsorbed,
        (true, None) => Verdict::Unknown,
        (false, _) if always && evidence.most_returned() == Some(false) => Verdict::FloodAbsorbed,
        (false, _) => Verdict::Fine,
    }
}

/// What cookies and drops tell of the whole namespace.
#[must_use]
pub fn syn_verdict(evidence: &SynEvidence, listeners: Option<&Listeners>) -> SynVerdict {
    let worst = listeners.and_then(|listeners| {
        let judged = listeners.listeners.iter();
        judged
            .map(|listener| verdict(listener, evidence))
            .max_by_key(
                // The accept queue isn't this one's matter.
                |verdict| match verdict {
                    Verdict::SlowAccept | Verdict::Unknown => Verdict::Unknown,
                    other => *other,
                },
            )
    });
    match worst {
        Some(Verdict::FloodDropping) => return SynVerdict::FloodDropping,
        Some(Verdict::FloodAbsorbed) => return SynVerdict::FloodAbsorbed,
        Some(Verdict::SynBurst) => return SynVerdict::Burst,
        _ => {}
    }
    let dropped = evidence.between && evidence.dropped.is_some_and(|dropped| dropped > 0);
    match evidence.cookies {
        None => SynVerdict::Unknown,
        Some(0) if dropped => SynVerdict::FloodDropping,
        Some(0) => SynVerdict::Fine,
        Some(_) => match (evidence.sent, evidence.most_returned()) {
            (None, _) => SynVerdict::Unknown,
            (_, Some(false)) => SynVerdict::FloodAbsorbed,
            // With cookies for everybody, those that come back are the rule.
            (_, Some(true)) if evidence.cookies == Some(1) => SynVerdict::Burst,
            _ => SynVerdict::Fine,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family};

    fn listener(queue: u32, syn_recv: u32) -> Listener {
        Listener {
            local: Endpoint::new("0.0.0.0".parse().unwrap(), 80),
            family: Family::Ipv4,
            sockets: 1,
            full_sockets: Some(u32::from(queue > 64)),
            accept_queue: queue,
            accept_limit: Some(64),
            unaccepted: Some(queue),
            dead: Some(0),
            syn_recv: Some(syn_recv),
            syn_ack_retransmits: None,
            inodes: Vec::new(),
            pids: None,
            command: None,
        }
    }

    fn evidence(cookies: u64, sent: u64, returned: u64) -> SynEvidence {
        SynEvidence {
            cookies: Some(cookies),
            max_backlog: Some(4_096),
            sent: Some(sent),
            returned: Some(returned),
            dropped: Some(0),
            between: true,
            listeners: Some(1),
        }
    }

    /// Seen on Linux 6.18: 500 SYNs at a backlog of 64 leave 65 handshakes.
    #[test]
    fn every_verdict_has_its_near_miss() {
        for (queue, syn_recv, evidence, expected) in [
            (65, 0, evidence(1, 0, 0), Verdict::SlowAccept),
            (64, 0, evidence(1, 0, 0), Verdict::Fine),
            (0, 65, evidence(1, 435, 3), Verdict::FloodAbsorbed),
            (0, 65, evidence(1, 435, 430), Verdict::SynBurst),
            (0, 64, evidence(1, 0, 0), Verdict::Fine),
            (0, 65, evidence(0, 0, 0), Verdict::FloodDropping),
            (0, 64, evidence(0, 0, 0), Verdict::Fine),
            (0, 0, evidence(2, 500, 1), Verdict::FloodAbsorbed),
            (0, 0, evidence(2, 500, 499), Verdict::Fine),
            (0, 0, evidence(2, 3, 0), Verdict::Fine),
            // A listener of two cannot be told to be the flooded one.
            (
                0,
                0,
                SynEvidence {
                    listeners: Some(2),
                    ..evidence(2, 500, 1)
                },
                Verdict::Fine,
            ),
        ] {
            let judged = verdict(&listener(queue, syn_recv), &evidence);
            assert_eq!(judged, expected, "{queue} {syn_recv} {evidence:?}");
        }
    }

    /// Seen on Linux 6.18: with tcp_max_syn_backlog 40 and no cookies, 31
    /// handshakes are taken.
    #[test]
    fn without_cookies_a_quarter_of_the_backlog_is_kept_back() {
        let small = SynEvidence {
            max_backlog: Some(40),
            ..evidence(0, 0, 0)
        };
        assert_eq!(syn_limit(&listener(0, 0), &small), Some(30));
        assert_eq!(verdict(&listener(0, 31), &small), Verdict::FloodDropping);
        assert_eq!(verdict(&listener(0, 29), &small), Verdict::Fine);
        let with_cookies = SynEvidence {
            max_backlog: Some(40),
            ..evidence(1, 0, 0)
        };
        assert_eq!(syn_limit(&listener(0, 0), &with_cookies), Some(65));
    }

    #[test]
    fn the_namespace_is_judged_by_cookies_and_drops() {
        let judged = |evidence| syn_verdict(&evidence, None);
        assert_eq!(judged(evidence(1, 500, 3)), SynVerdict::FloodAbsorbed);
        assert_eq!(judged(evidence(1, 500, 480)), SynVerdict::Burst);
        assert_eq!(judged(evidence(2, 500, 480)), SynVerdict::Fine);
        assert_eq!(judged(evidence(1, 9, 0)), SynVerdict::Fine);
        let dropping = SynEvidence {
            dropped: Some(1),
            ..evidence(0, 0, 0)
        };
        assert_eq!(judged(dropping), SynVerdict::FloodDropping);
        let once = SynEvidence {
            between: false,
            ..dropping
        };
        assert_eq!(judged(once), SynVerdict::Fine, "that may be long ago");
        assert_eq!(judged(SynEvidence::default()), SynVerdict::Unknown);
    }
}
