//! The states of a socket.

use super::Explanation;
use crate::model::{Counter, Sysctl, TcpState};

/// The state machine of RFC 9293. A name in brackets is a field: the count is
/// put behind the name, within it. On each arrow: what comes or is called, and
/// what is sent.
pub const MACHINE: &str = "                          listen()           connect() / SYN
                  [LISTEN          ]          [SYN_SENT        ]
                       │ SYN / SYN+ACK               │ SYN+ACK / ACK
                       ▼                             ▼
                  [SYN_RECV        ]── ACK ──▶[ESTABLISHED         ]
                                                 │           │
                               close() / FIN     │           │    FIN / ACK
                         ┌───────────────────────┘           └─────────┐
                         ▼                                             ▼
                  [FIN_WAIT1       ]                          [CLOSE_WAIT      ]
             ACK │                 │ FIN / ACK                   │ close() / FIN
                 ▼                 ▼                             ▼
     [FIN_WAIT2       ]     [CLOSING         ]                [LAST_ACK        ]
         FIN / ACK │               │ ACK                         │ ACK
                   ▼               ▼                             ▼
                  [TIME_WAIT       ]── 60 s ──▶ gone          gone";

pub(super) const fn explain(state: TcpState) -> Explanation {
    match state {
        TcpState::Established => ESTABLISHED,
        TcpState::SynSent => SYN_SENT,
        TcpState::SynRecv => SYN_RECV,
        TcpState::FinWait1 => FIN_WAIT1,
        TcpState::FinWait2 => FIN_WAIT2,
        TcpState::TimeWait => TIME_WAIT,
        TcpState::Close => CLOSE,
        TcpState::CloseWait => CLOSE_WAIT,
        TcpState::LastAck => LAST_ACK,
        TcpState::Listen => LISTEN,
        TcpState::Closing => CLOSING,
        TcpState::BoundInactive => BOUND_INACTIVE,
        TcpState::Unknown(_) => UNKNOWN,
    }
}

const ESTABLISHED: Explanation = Explanation {
    drawing: "\
SYN_SENT ──SYN+ACK──▶ ESTABLISHED ──close()──▶ FIN_WAIT1
SYN_RECV ────ACK────▶             ────FIN────▶ CLOSE_WAIT",
    paragraphs: &[
        "The connection is open: both ends can send. It stays so until one end closes or resets it; \
         without traffic and without keepalives a dead peer is never noticed.",
        "Normal in any number that the memory allows. Compare with what is normal here: growth that \
         never ends is a pool without a limit, or clients that never close.",
        "Segments that are sent again and again mean that the peer or the path is gone: the kernel \
         gives up after 15 to 30 minutes. TCP_USER_TIMEOUT makes it sooner.",
    ],
    sysctls: &[],
    counters: &[
        Counter::CurrEstab,
        Counter::ActiveOpens,
        Counter::PassiveOpens,
        Counter::RetransSegs,
        Counter::EstabResets,
    ],
};

const SYN_SENT: Explanation = Explanation {
    drawing: "connect() ──SYN──▶ SYN_SENT ──SYN+ACK──▶ ESTABLISHED",
    paragraphs: &[
        "Our connect() has sent its SYN and no answer has come. The SYN is sent again after 1 s, \
         3 s, 7 s and so on, for about two minutes by default; then connect() fails with ETIMEDOUT.",
        "Normal for a round trip. Many towards one place mean that nobody answers there: the host \
         is down, a firewall drops silently, or the accept queue there is full. A closed port would \
         answer with a reset at once.",
        "See towards where: tcpstate pressure. A timeout of your own for connect() keeps a dead \
         server from blocking workers.",
    ],
    sysctls: &[],
    counters: &[
        Counter::ActiveOpens,
        Counter::AttemptFails,
        Counter::TcpSynRetrans,
    ],
};

const SYN_RECV: Explanation = Explanation {
    drawing: "LISTEN ──SYN──▶ SYN_RECV ──ACK──▶ ESTABLISHED, in the accept queue",
    paragraphs: &[
        "A client's SYN was answered with SYN-ACK and its final ACK hasn't come. Such a handshake \
         stands in the SYN queue of its listener, belongs to no process yet, and costs little \
         memory.",
        "Normal for a round trip. Many are slow clients, a path that loses the answer, or a SYN \
         flood with false addresses. While SYN cookies are sent, nothing is kept, so the number \
         says less than the flood is.",
        "A SYN-ACK is sent again as often as tcp_synack_retries says, which with 5 takes about a \
         minute.",
    ],
    sysctls: &[
        Sysctl::TcpSyncookies,
        Sysctl::TcpMaxSynBacklog,
        Sysctl::TcpSynackRetries,
    ],
    counters: &[
        Counter::SyncookiesSent,
        Counter::TcpReqQFullDoCookies,
        Counter::TcpReqQFullDrop,
        Counter::ListenDrops,
    ],
};

const FIN_WAIT1: Explanation = Explanation {
    drawing: "ESTABLISHED ──close(): FIN──▶ FIN_WAIT1 ──ACK──▶ FIN_WAIT2",
    paragraphs: &[
        "Our side has closed, and its FIN, or data before it, isn't acknowledged yet.",
        "Normal for a round trip. Many mean that peers are gone or don't read: data waits, and the \
         kernel goes on sending it without any process. These orphans are limited by \
         tcp_max_orphans for the whole host.",
        "If one peer holds them all, look at it: tcpstate pressure names hosts that don't \
         acknowledge.",
    ],
    sysctls: &[Sysctl::TcpMaxOrphans],
    counters: &[Counter::TcpAbortOnTimeout, Counter::TcpAbortOnMemory],
};

const FIN_WAIT2: Explanation = Explanation {
    drawing: "FIN_WAIT1 ──ACK──▶ FIN_WAIT2 ──FIN──▶ TIME_WAIT",
    paragraphs: &[
        "Our side has closed and the peer knows it, but hasn't closed its own: it is in CLOSE_WAIT. \
         If no process holds the socket, the kernel ends the wait after tcp_fin_timeout; if one \
         does, after shutdown(SHUT_WR), it waits without a limit.",
        "Normal while the peer still sends. Many towards one server: it leaks, its application \
         never closes.",
    ],
    sysctls: &[Sysctl::TcpFinTimeout],
    counters: &[Counter::TcpAbortOnLinger],
};

const TIME_WAIT: Explanation = Explanation {
    drawing: "\
FIN_WAIT2 ──FIN──▶ TIME_WAIT ──60 s──▶ gone
CLOSING   ──ACK──▶",
    paragraphs: &[
        "We closed first, and the connection is over. The kernel remembers it for 60 s (2 MSL), so \
         that a lost last ACK can be sent again and no late segment gets into a new connection \
         between the same ports. It belongs to no process and takes some 250 bytes.",
        "Harmless in itself, in tens of thousands too. It matters on the side that connects: each \
         one blocks a local port towards one destination. When all are blocked, connect() fails \
         with EADDRNOTAVAIL. On the listening side it blocks nothing.",
        "What helps: keep connections open (pools, keep-alive), let the other side close first, or \
         tcp_tw_reuse=1 where timestamps are on. tcp_fin_timeout doesn't shorten it. \
         tcp_tw_recycle dropped clients behind NAT, whose timestamps come from several clocks; it \
         was removed in Linux 4.12.",
        "See towards whom ports run out: tcpstate pressure.",
    ],
    sysctls: &[
        Sysctl::TcpTwReuse,
        Sysctl::TcpTwReuseDelay,
        Sysctl::TcpTimestamps,
        Sysctl::TcpMaxTwBuckets,
    ],
    counters: &[
        Counter::Tw,
        Counter::TwRecycled,
        Counter::TcpTimeWaitOverflow,
    ],
};

const CLOSE: Explanation = Explanation {
    drawing: "socket() ──▶ CLOSE",
    paragraphs: &[
        "The socket is neither connected nor listening. The kernel keeps such sockets out of its \
         table of connections, so that rows in this state come from other kernels or recordings.",
        "Sockets that a reset closed are in no table at all while their descriptors stay open: \
         tcpstate leaks --deep finds these.",
    ],
    sysctls: &[],
    counters: &[],
};

const CLOSE_WAIT: Explanation = Explanation {
    drawing: "ESTABLISHED ──FIN──▶ CLOSE_WAIT ──close(): FIN──▶ LAST_ACK ──ACK──▶ gone",
    paragraphs: &[
        "The peer has finished sending: its FIN arrived and was acknowledged. The kernel now waits \
         for our application to call close(); no timeout ends that. No setting shortens it.",
        "Normal for milliseconds, or while our application still sends (half-close). Sockets that \
         stay are a fault of our application: it read the end of the stream and kept the \
         descriptor, doesn't read any more, or never accepted the connection. Each takes a file \
         descriptor, until accept() and open() fail with EMFILE.",
        "See who, towards whom and since when: tcpstate leaks. Restarting the process frees them; \
         the repair is a close() on every path, above all on errors and in pools whose server \
         closes idle connections.",
    ],
    sysctls: &[],
    counters: &[Counter::CurrEstab],
};

const LAST_ACK: Explanation = Explanation {
    drawing: "CLOSE_WAIT ──close(): FIN──▶ LAST_ACK ──ACK──▶ gone",
    paragraphs: &[
        "Both sides have closed; ours did so second, and its FIN isn't acknowledged yet. No process \
         holds the socket any more.",
        "Normal for a round trip. Many mean that peers disappeared silently, or that a firewall \
         forgets connections after the first FIN. The kernel gives up by itself.",
    ],
    sysctls: &[Sysctl::TcpMaxOrphans],
    counters: &[Counter::TcpAbortOnTimeout],
};

const LISTEN: Explanation = Explanation {
    drawing: "socket(), bind(), listen() ──▶ LISTEN ──SYN──▶ SYN_RECV",
    paragraphs: &[
        "The socket waits for connections. Its queues are its own: Recv-Q is the number of finished \
         connections that nobody has accepted, Send-Q how many may wait.",
        "A full accept queue drops new connections silently: tcpstate pressure shows each listener \
         with its queues, its program and a verdict.",
    ],
    sysctls: &[
        Sysctl::Somaxconn,
        Sysctl::TcpMaxSynBacklog,
        Sysctl::TcpAbortOnOverflow,
    ],
    counters: &[
        Counter::PassiveOpens,
        Counter::ListenOverflows,
        Counter::ListenDrops,
    ],
};

const CLOSING: Explanation = Explanation {
    drawing: "FIN_WAIT1 ──FIN──▶ CLOSING ──ACK──▶ TIME_WAIT",
    paragraphs: &[
        "Both sides closed at the same time: the FINs crossed, and ours isn't acknowledged yet.",
        "Rare, and over after a round trip. Many mean that acknowledgements are lost.",
    ],
    sysctls: &[],
    counters: &[],
};

const BOUND_INACTIVE: Explanation = Explanation {
    drawing: "socket(), bind() ──▶ BOUND_INACTIVE ──connect()──▶ SYN_SENT",
    paragraphs: &[
        "The socket has a port by bind() and neither listens nor is connected. Linux shows such \
         sockets from 6.8 on: tcpstate --bound.",
        "Each takes its port away from connect(), towards every destination. Many of them can make \
         ports run out although few connections are open.",
    ],
    sysctls: &[],
    counters: &[],
};

const UNKNOWN: Explanation = Explanation {
    drawing: "",
    paragraphs: &["A state that this version of tcpstate doesn't know: the kernel is newer."],
    sysctls: &[],
    counters: &[],
};
