//! What one process leaks.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::listeners::Listeners;
use super::peers::{LocalPort, Peer, local_ports, peers};
use super::verdict::Judged;
use super::waits::Waits;
use crate::model::{AgeBounds, Process, Verdict, VerdictCounts};

/// Fewer connections to one service look like chance.
const POOL: u64 = 3;
/// Share of a process's descriptors: near the limit accept() and open() fail.
pub(in crate::classify) const FDS_HIGH: f64 = 0.8;
/// And it leaks enough to be the cause: then that share is critical.
pub(in crate::classify) const LEAKED_CRITICAL: u64 = 10;
/// So near that it is critical whoever took them, in a process that leaks.
pub(in crate::classify) const FDS_CRITICAL: f64 = 0.95;

/// A process and its CLOSE_WAIT sockets.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessLeaks {
    /// The process.
    pub process: Process,
    /// Its sockets by verdict. A socket with several holders counts for each.
    pub counts: VerdictCounts,
    /// Payload that waits for a reader in the leaked ones, in bytes.
    pub unread_bytes: u64,
    /// The age of the oldest leaked one; of the oldest at all where none is
    /// leaked.
    pub oldest: AgeBounds,
    /// What the peers of the leaked ones don't take, in bytes.
    pub unsent_bytes: u64,
    /// Where the leaked ones lead to (all, where none is leaked).
    pub peers: Vec<Peer>,
    /// The ports of ours that several of the same came in on.
    pub local_ports: Vec<LocalPort>,
    /// Each socket, oldest first.
    pub sockets: Vec<Held>,
    /// How the number of its CLOSE_WAIT sockets has grown, from nothing if the
    /// process wasn't there then; `None` without an earlier reading.
    pub growth: Option<Growth>,
    /// Connections beside these whose peers it waits for; `None` where there
    /// are none.
    pub waits: Option<Waits>,
    /// What the cause may be; `None` where nothing is leaked.
    pub hint: Option<Hint>,
}

/// A socket as one process holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which of the report's sockets.
    pub index: usize,
    /// The descriptors of this process that refer to it: one, as a rule.
    pub fds: SmallVec<[u32; 1]>,
    /// The thread whose table of its own these descriptors are in; `None` where
    /// they are in that of the process.
    pub thread: Option<u32>,
    /// The descriptor of the io_uring among whose registered files the socket
    /// is; then it may have no descriptor.
    pub io_uring: Option<u32>,
    /// Every process that holds it, by pid: one list for all of them.
    pub holders: Arc<[u32]>,
}

impl Held {
    /// Other processes than this that hold it too: all must close it.
    pub fn shared_with(&self, pid: u32) -> impl Iterator<Item = u32> {
        self.holders
            .iter()
            .copied()
            .filter(move |&other| other != pid)
    }

    /// Whether others hold it too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.holders.len() > 1
    }
}

/// A change between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// How many CLOSE_WAIT sockets more, or fewer.
    pub sockets: i64,
    /// In what time.
    pub over: Duration,
}

/// A likely cause. Never more than a hint: the kernel sees what a program
/// does, not why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// As many connections are in FIN_WAIT2, closed by it and not by their
    /// peers: a proxy, which waits for these.
    Waiting,
    /// Most have data to send that the peer doesn't read: the application may
    /// be waiting for it.
    PeerNotReading,
    /// Most lead to one service: a pool that keeps what the server closed?
    Pool(Peer),
    /// Nobody reads: blocked, hung, or the connection fell out of the event
    /// loop.
    NotReading,
    /// The end was read: it was taken for "nothing more now" (a short read
    /// under edge-triggered epoll), or a path without close().
    NotClosing,
}

impl Growth {
    /// A number an hour.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^52")]
    pub fn an_hour(&self) -> Option<f64> {
        let hours = self.over.as_secs_f64() / 3600.0;
        (hours > 0.0).then(|| self.sockets as f64 / hours)
    }
}

impl ProcessLeaks {
    /// Counts what a process holds.
    pub(super) fn new(
        process: Process,
        mut held: Vec<Held>,
        sockets: &[Judged],
        growth: Option<Growth>,
        listeners: &Listeners,
    ) -> Self {
        held.sort_by_cached_key(|held| {
            let judged = sockets.get(held.index);
            let age = judged.and_then(|judged| judged.age.at_least);
            (Reverse(age), held.fds.first().copied())
        });
        let of = |held: &Held| sockets.get(held.index);
        let mut counts = VerdictCounts::default();
        for judged in held.iter().filter_map(of) {
            counts.add(judged.verdict);
        }
        let any_leaked = counts.leaked() > 0;
        let shown = || {
            held.iter()
                .filter_map(of)
                .filter(|judged| !any_leaked || judged.verdict.is_leak())
        };
        let oldest = shown()
            .map(|judged| judged.age)
            .reduce(AgeBounds::older)
            .unwrap_or_default();
        let leaked = || shown().filter(|judged| judged.verdict.is_leak());
        let unread_bytes = leaked()
            .map(|judged| u64::from(judged.unread_bytes().unwrap_or(0)))
            .sum();
        let unsent = || leaked().filter_map(|judged| judged.socket.send_q);
        let unsent_bytes = unsent().map(u64::from).sum();
        let stuck = unsent().filter(|&bytes| bytes > 0).count() as u64;
        let peers = peers(shown().map(|judged| &judged.socket));
        Self {
            hint: any_leaked.then(|| hint(&counts, stuck, &peers)),
            process,
            counts,
            unread_bytes,
            unsent_bytes,
            oldest,
            local_ports: local_ports(shown().map(|judged| &judged.socket), listeners),
            peers,
            sockets: held,
            growth,
            waits: None,
        }
    }

    /// Takes in what it waits for.
    pub(super) fn wait_for(&mut self, waits: Waits) {
        if waits.pairs > 0 && waits.pairs >= self.counts.leaked() {
            self.hint = self.hint.map(|_| Hint::Waiting);
        }
        self.waits = Some(waits);
    }

    /// The used share of the descriptor limit, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "descriptors are below 2^52")]
    pub fn fds_used(&self) -> Option<f64> {
        let limit = self.process.fd_limit.filter(|&limit| limit > 0)?;
        Some(self.process.open_fds? as f64 / limit as f64)
    }

    /// In what time it reaches its descriptor limit if it goes on as between
    /// the two readings.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "descriptors are below 2^52")]
    pub fn limit_reached_in(&self) -> Option<Duration> {
        let rate = self.growth?.an_hour().filter(|&rate| rate > 0.0)?;
        let free = self
            .process
            .fd_limit?
            .saturating_sub(self.process.open_fds?);
        Duration::try_from_secs_f64(free as f64 / rate * 3600.0).ok()
    }

    /// Whether descriptors are about to run out, by the leak.
    fn is_near_limit(&self) -> bool {
        self.counts.leaked() >= LEAKED_CRITICAL
            && self.fds_used().is_some_and(|used| used >= FDS_HIGH)
    }

    /// Worse ones sort first: who fails soon, then who leaks most.
    pub(super) fn harm(&self) -> impl Ord + use<> {
        // Shares compare as integers; a float has no order.
        let used = self.process.fd_limit.zip(self.process.open_fds);
        let used = used.map(|(limit, open)| open.saturating_mul(10_000) / limit.max(1));
        // Who waits for others comes after those who must act.
        let waits = self.hint == Some(Hint::Waiting);
        let harm = Reverse((
            self.is_near_limit(),
            self.counts.leaked(),
            used,
            self.oldest.at_least,
            self.counts.total(),
            Reverse(self.process.pid),
        ));
        (waits, harm)
    }
}

/// `stuck` of the leaked ones have data that the peer doesn't take.
fn hint(counts: &VerdictCounts, stuck: u64, peers: &[Peer]) -> Hint {
    let leaked = counts.leaked();
    if stuck * 2 > leaked {
        return Hint::PeerNotReading;
    }
    if let Some(peer) = peers.first()
        && peer.port.is_some()
        && peer.count >= POOL
        && peer.count * 2 >= leaked
    {
        return Hint::Pool(*peer);
    }
    if counts.of(Verdict::EofUnread) > counts.of(Verdict::NotClosed) {
        Hint::NotReading
    } else {
        Hint::NotClosing
    }
}
