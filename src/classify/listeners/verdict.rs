//! What is wrong with a listener, in a word.

use super::super::change::{self, Past};
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
    /// Its SYN queue is full, and nobody saw that it turned a client away: a
    /// few slow ones are enough.
    SynQueueFull,
    /// More handshakes than its SYN queue holds; the clients that get cookies
    /// come back with them.
    SynBurst,
    /// The same, and cookies don't come back: honest clients get in all the
    /// same.
    FloodAbsorbed,
    /// Its SYN queue is full and cookies are off, and SYNs were dropped while
    /// somebody looked.
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
            Self::SynQueueFull => "syn_queue_full",
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
    /// A SYN queue is full, and nobody saw that it turned a client away.
    QueueFull,
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
            Self::QueueFull => "syn_queue_full",
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
    pub fn of(sample: &Sample, past: Option<Past<'_>>) -> Self {
        let between = past.is_some();
        let value = |counter| {
            if between {
                change::counter(counter, sample, past).map(|change| change.by)
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

    /// Whether SYNs were dropped by full SYN queues while somebody looked.
    #[must_use]
    pub fn drops_now(self) -> bool {
        self.between && self.dropped.is_some_and(|dropped| dropped > 0)
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
/// three quarters of `tcp_max_syn_backlog` and one from peers that aren't known
/// (`tcp_conn_request`: it drops when less than a quarter is left). `None` over
/// /proc.
#[must_use]
pub fn syn_limit(listener: &Listener, evidence: &SynEvidence) -> Option<u64> {
    // A listening socket of one place each: what can't be told apart shares.
    let queues = u64::from(listener.sockets.max(1));
    let own = u64::from(listener.accept_limit?) + 1;
    let each = match (evidence.cookies, evidence.max_backlog) {
        (Some(0), Some(backlog)) => own.min((backlog - backlog / 4).saturating_add(1)),
        _ => own,
    };
    Some(each.saturating_mul(queues))
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
    // A queue of slow clients is as full as a flooded one: what tells is
    // whether it turns others away now. Totals may be of another year.
    match (queue_full, evidence.cookies) {
        (true, None) => Verdict::Unknown,
        (true, Some(0)) if evidence.drops_now() => Verdict::FloodDropping,
        (true, Some(1..)) if evidence.between => match evidence.most_returned() {
            Some(true) => Verdict::SynBurst,
            Some(false) => Verdict::FloodAbsorbed,
            None => Verdict::SynQueueFull,
        },
        (true, Some(_)) => Verdict::SynQueueFull,
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
        Some(Verdict::SynQueueFull) => return SynVerdict::QueueFull,
        _ => {}
    }
    match evidence.cookies {
        None => SynVerdict::Unknown,
        Some(0) if evidence.drops_now() => SynVerdict::FloodDropping,
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
mod tests;
