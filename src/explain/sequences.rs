//! What is exchanged between two ends, drawn.

use super::Explanation;
use crate::model::{Counter, Sysctl};

/// A sequence of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// The three-way handshake, with both queues of a listener.
    Handshake,
    /// The four-way close, half-close and simultaneous close.
    Close,
    /// RST against FIN.
    Reset,
    /// TCP Fast Open.
    FastOpen,
    /// SYN cookies.
    SynCookies,
}

impl Sequence {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Handshake,
        Self::Close,
        Self::Reset,
        Self::FastOpen,
        Self::SynCookies,
    ];

    /// The word that asks for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::FastOpen => "fastopen",
            Self::SynCookies => "syncookies",
        }
    }
}

pub(super) const fn explain(sequence: Sequence) -> Explanation {
    match sequence {
        Sequence::Handshake => HANDSHAKE,
        Sequence::Close => CLOSE,
        Sequence::Reset => RESET,
        Sequence::FastOpen => FAST_OPEN,
        Sequence::SynCookies => SYN_COOKIES,
    }
}

const HANDSHAKE: Explanation = Explanation {
    drawing: "\
client                                             server
connect()                                          listen()      LISTEN
SYN_SENT     ───────────────── SYN ──────────────▶ SYN queue     SYN_RECV
ESTABLISHED  ◀────────────── SYN+ACK ─────────────
             ───────────────── ACK ──────────────▶ accept queue  ESTABLISHED
                                                   accept()      a descriptor",
    paragraphs: &[
        "A listener has two queues. The SYN queue holds handshakes whose final ACK hasn't come; the \
         accept queue holds finished connections until the application calls accept().",
        "The accept queue holds what listen() asked for, at most somaxconn. When it is full, SYNs \
         and final ACKs are dropped silently: the client sees a timeout, sends again after 1 s, \
         3 s and 7 s, and may believe that it is connected already. ListenOverflows counts each.",
        "The SYN queue is bounded by the same number plus one. When it overflows, SYN cookies \
         answer in its place, or SYNs are dropped where cookies are off.",
        "A server that accepts too slowly needs a faster accept loop or more workers; a longer \
         backlog only buys time: tcpstate pressure shows both queues of each listener.",
    ],
    sysctls: &[
        Sysctl::Somaxconn,
        Sysctl::TcpMaxSynBacklog,
        Sysctl::TcpSyncookies,
        Sysctl::TcpSynackRetries,
        Sysctl::TcpAbortOnOverflow,
    ],
    counters: &[
        Counter::ActiveOpens,
        Counter::PassiveOpens,
        Counter::AttemptFails,
        Counter::ListenOverflows,
        Counter::ListenDrops,
    ],
};

const CLOSE: Explanation = Explanation {
    drawing: "\
closes first                                       closes second
close()
FIN_WAIT1    ───────────────── FIN ──────────────▶ CLOSE_WAIT
FIN_WAIT2    ◀──────────────── ACK ───────────────
                                                   close()
TIME_WAIT    ◀──────────────── FIN ─────────────── LAST_ACK
             ───────────────── ACK ──────────────▶ gone
60 s later: gone",
    paragraphs: &[
        "Each direction is closed for itself, by a FIN that is acknowledged: four segments, three \
         where the second end answers with ACK and FIN at once.",
        "Half-close: after shutdown(SHUT_WR) one end has sent its FIN and still reads. The other \
         may go on sending from CLOSE_WAIT as long as it likes. That is legitimate; tcpstate leaks \
         doesn't count a socket that still sends.",
        "Simultaneous close: where both FINs cross, both ends go from FIN_WAIT1 through CLOSING to \
         TIME_WAIT.",
        "TIME_WAIT belongs to the end that closed first. It lasts 60 s on Linux, as long as a late \
         segment may live (2 MSL), so that the last ACK can be sent again and no old segment gets \
         into a new connection between the same ports.",
        "CLOSE_WAIT ends only when the application calls close(). No setting shortens it.",
    ],
    sysctls: &[
        Sysctl::TcpFinTimeout,
        Sysctl::TcpMaxTwBuckets,
        Sysctl::TcpTwReuse,
    ],
    counters: &[
        Counter::Tw,
        Counter::TcpTimeWaitOverflow,
        Counter::TcpAbortOnTimeout,
    ],
};

const RESET: Explanation = Explanation {
    drawing: "\
orderly  ── data ── FIN ──▶  all data arrives, then read() returns 0
         ◀─────── ACK ──────

reset    ── data ── RST ──▶  ECONNRESET at once; what was not read is gone",
    paragraphs: &[
        "A FIN stands behind the data: the receiver gets all of it, then the end of the stream. A \
         RST overtakes: what the receiver hasn't read, and what is still on the way, is lost, and \
         its next call fails with ECONNRESET.",
        "The kernel sends RST when close() finds unread data (TCPAbortOnClose), after SO_LINGER \
         with 0 seconds, when data arrives for a socket that was closed (TCPAbortOnData), when \
         retransmissions or keepalives end without an answer (TCPAbortOnTimeout), and when nobody \
         listens at the port.",
        "To lose nothing: shut down the sending side, read until the end of the stream, then close.",
        "A reset makes a leaked socket vanish from every table while its descriptor stays open: \
         tcpstate leaks --deep finds these.",
    ],
    sysctls: &[],
    counters: &[
        Counter::EstabResets,
        Counter::OutRsts,
        Counter::TcpAbortOnClose,
        Counter::TcpAbortOnData,
        Counter::TcpAbortOnTimeout,
        Counter::TcpAbortFailed,
    ],
};

const FAST_OPEN: Explanation = Explanation {
    drawing: "\
client                                             server
first time   ─────── SYN + cookie request ───────▶
             ◀───────── SYN+ACK + cookie ─────────
later        ─────── SYN + cookie + data ────────▶ data is read before the ACK
             ◀─────────────── SYN+ACK ────────────",
    paragraphs: &[
        "Fast Open (RFC 7413) sends data with the SYN, which saves one round trip. The cookie \
         proves that the client's address is real; the server gives it out at the first \
         connection.",
        "The data may reach the application twice, when the SYN is sent again: only requests that \
         may be repeated should use it.",
        "Both ends must enable it: bit 0 of tcp_fastopen for clients, bit 1 for servers, and the \
         server sets TCP_FASTOPEN on its listener. Paths that drop such SYNs make connections slow; \
         the kernel then stops using it for a while.",
    ],
    sysctls: &[Sysctl::TcpFastopen],
    counters: &[
        Counter::TcpFastOpenActive,
        Counter::TcpFastOpenActiveFail,
        Counter::TcpFastOpenPassive,
        Counter::TcpFastOpenPassiveFail,
        Counter::TcpFastOpenListenOverflow,
        Counter::TcpFastOpenCookieReqd,
        Counter::TcpFastOpenBlackhole,
    ],
};

const SYN_COOKIES: Explanation = Explanation {
    drawing: "\
client                                             server
             ───────────────── SYN ──────────────▶ queue is full: nothing kept
             ◀──── SYN+ACK, sequence = cookie ────
             ─────────────── ACK ────────────────▶ it fits: ESTABLISHED",
    paragraphs: &[
        "When its SYN queue is full, a listener answers without keeping the handshake: what it \
         must know later is encoded in the sequence number of its SYN-ACK. Only a client that got \
         that answer can send the right ACK, so a flood of SYNs with false addresses costs no \
         memory (RFC 4987).",
        "The price: options such as window scaling survive only where timestamps are on, and \
         SYN_RECV no longer shows how large the flood is. Cookies sent and returned tell: few that \
         return are a flood, most that return are a burst of real clients or a backlog that is too \
         small.",
        "Cookies don't help where the accept queue is full, or where the answer has no route.",
    ],
    sysctls: &[
        Sysctl::TcpSyncookies,
        Sysctl::TcpMaxSynBacklog,
        Sysctl::TcpTimestamps,
    ],
    counters: &[
        Counter::SyncookiesSent,
        Counter::SyncookiesRecv,
        Counter::SyncookiesFailed,
        Counter::TcpReqQFullDoCookies,
        Counter::TcpReqQFullDrop,
    ],
};
