//! The settings of the kernel.

use super::Explanation;
use crate::model::{Counter, Sysctl};

pub(super) const fn explain(sysctl: Sysctl) -> Explanation {
    Explanation {
        drawing: "",
        paragraphs: paragraphs(sysctl),
        sysctls: &[],
        counters: counters(sysctl),
    }
}

const fn counters(sysctl: Sysctl) -> &'static [Counter] {
    match sysctl {
        Sysctl::TcpTwReuse | Sysctl::TcpTwReuseDelay => &[Counter::TwRecycled],
        Sysctl::TcpTimestamps
        | Sysctl::TcpFinTimeout
        | Sysctl::TcpTwRecycle
        | Sysctl::TcpSynackRetries => &[],
        Sysctl::TcpSyncookies => &[
            Counter::SyncookiesSent,
            Counter::SyncookiesRecv,
            Counter::SyncookiesFailed,
        ],
        Sysctl::TcpMaxSynBacklog => &[Counter::TcpReqQFullDrop],
        Sysctl::Somaxconn => &[Counter::ListenOverflows, Counter::ListenDrops],
        Sysctl::TcpFastopen => &[Counter::TcpFastOpenActive, Counter::TcpFastOpenPassive],
        Sysctl::TcpMaxTwBuckets => &[Counter::TcpTimeWaitOverflow],
        Sysctl::TcpAbortOnOverflow => &[Counter::ListenOverflows],
        Sysctl::TcpMaxOrphans => &[Counter::TcpAbortOnMemory],
    }
}

const fn paragraphs(sysctl: Sysctl) -> &'static [&'static str] {
    match sysctl {
        Sysctl::TcpTwReuse => &[
            "Whether connect() may take over the port of a TIME_WAIT socket of ours: 0 never, 1 \
                 always, 2 (the default since Linux 4.19) only on loopback.",
            "It needs timestamps at both ends, and a TIME_WAIT older than tcp_tw_reuse_delay. \
                 It concerns outgoing connections alone, and never ports that bind() gave out.",
            "Safe where timestamps are on: these keep old segments out. Raise it to 1 where ports \
                 towards one destination run out: tcpstate pressure.",
        ],
        Sysctl::TcpTwReuseDelay => &[
            "How old a TIME_WAIT must be before connect() takes its port over, in ms. New in \
               Linux 6.14; before, it is one second.",
        ],
        Sysctl::TcpTimestamps => &[
            "Whether segments carry timestamps (RFC 7323): 1 on, with a random offset for each \
                 connection, 2 on without, 0 off.",
            "Reuse of TIME_WAIT rests on them, and so does the protection against old segments \
                 on fast paths. Leave it on.",
        ],
        Sysctl::TcpSyncookies => &[
            "Whether SYNs are answered with a cookie: 0 never, 1 (the default) when the SYN \
                 queue of a listener is full, 2 always.",
            "With 1 a SYN flood costs no memory, and clients get through as long as the accept \
                 queue has room. With 0 a full SYN queue drops them. See tcpstate explain \
                 syncookies.",
        ],
        Sysctl::TcpFinTimeout => &[
            "How long a socket without a process stays in FIN_WAIT2, in seconds. It has nothing to \
               do with TIME_WAIT, which lasts 60 s whatever this says.",
        ],
        Sysctl::TcpMaxSynBacklog => &[
            "Where SYN cookies are off, a listener takes SYNs of unknown peers up to three \
               quarters of this. With cookies on it has no effect: the SYN queue is bounded by the \
               listener's own backlog plus one.",
        ],
        Sysctl::Somaxconn => &[
            "The upper limit of every accept queue of the network namespace. A listener gets \
                 what it asked for in listen(), cut to this.",
            "A change counts for listeners that call listen() afterwards: restart the server, and \
                 raise its own backlog too. A longer queue hides a slow accept loop; it doesn't \
                 repair it.",
        ],
        Sysctl::TcpFastopen => &[
            "Which sides use TCP Fast Open: bit 0 clients, bit 1 servers; more bits for variants \
               without cookies. See tcpstate explain fastopen.",
        ],
        Sysctl::TcpMaxTwBuckets => &[
            "How many TIME_WAIT sockets (and minisockets in FIN_WAIT2) the network namespace may \
               have. Beyond it connections end without TIME_WAIT: late segments can then reach a new \
               connection. Each takes some 250 bytes; raise it rather than hit it.",
        ],
        Sysctl::TcpTwRecycle => &[
            "Fast recycling of TIME_WAIT by the peer's timestamps. It dropped the SYNs of clients \
               that share an address behind NAT, whose clocks differ, and was removed in Linux 4.12. \
               Where it exists it must be 0.",
        ],
        Sysctl::TcpSynackRetries => &[
            "How often a SYN-ACK is sent again before a handshake is given up. 5 is about a \
               minute; less frees a flooded SYN queue sooner and costs clients on bad paths.",
        ],
        Sysctl::TcpAbortOnOverflow => &[
            "Whether a handshake that is finished at a full accept queue is reset (1) instead of \
               dropped silently (0, the default). Silence lets the client try again; a reset tells \
               it at once. SYNs are dropped silently with either.",
        ],
        Sysctl::TcpMaxOrphans => &[
            "How many sockets without a process the whole host may have. Beyond it such sockets are \
               reset, which loses what they had still to send. Child network namespaces don't show \
               it.",
        ],
    }
}
