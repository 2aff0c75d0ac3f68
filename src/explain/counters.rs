//! The counters of the kernel.

use super::Explanation;
use crate::model::Counter;

#[expect(clippy::too_many_lines, reason = "a text for each counter")]
pub(super) const fn explain(counter: Counter) -> Explanation {
    let paragraphs: &'static [&'static str] = match counter {
        Counter::ActiveOpens => &[
            "Connections that this side began with connect(), successful or not. Its rate is \
             how fast clients here open connections; with short ones, each takes a port for a \
             minute.",
        ],
        Counter::PassiveOpens => &["Handshakes with our listeners that clients finished."],
        Counter::AttemptFails => &[
            "Two things under one name: connects of ours that failed, and handshakes with our \
             listeners that the client gave up with a reset. Port scans and half-open health \
             checks raise it without any fault here.",
        ],
        Counter::EstabResets => &[
            "Connections that ended from ESTABLISHED or CLOSE_WAIT without an orderly close: a \
             reset by either side, or a timeout. See tcpstate explain reset.",
        ],
        Counter::OutRsts => {
            &["Segments with RST that we sent, for connections and to ports where nobody listens."]
        }
        Counter::CurrEstab => &[
            "Connections in ESTABLISHED or CLOSE_WAIT now: the one number here that can fall. A \
             leak in CLOSE_WAIT is in it.",
        ],
        Counter::OutSegs => &["Segments sent, those sent again left out."],
        Counter::RetransSegs => &[
            "Segments sent again because nobody acknowledged them in time. Above 1 % of all \
             segments a path loses, or a peer is gone; SYNs without an answer count too.",
        ],
        Counter::TcpSynRetrans => {
            &["SYNs and SYN-ACKs that were sent again: handshakes that got no answer at first."]
        }
        Counter::ListenOverflows => &[
            "SYNs and final ACKs that were dropped because an accept queue was full, repeated \
             ones included. While it rises a server accepts too slowly: tcpstate pressure.",
        ],
        Counter::ListenDrops => &[
            "All SYNs and final ACKs that listeners dropped: full accept queues \
             (ListenOverflows), full SYN queues without cookies, no memory, no route for the \
             answer.",
        ],
        Counter::TcpReqQFullDoCookies => {
            &["SYNs that found their SYN queue full and were answered with a cookie."]
        }
        Counter::TcpReqQFullDrop => &[
            "SYNs that found their SYN queue full and were dropped, because SYN cookies are \
             off.",
        ],
        Counter::SyncookiesSent => {
            &["SYN-ACKs with a cookie that were sent. Compare with those that came back."]
        }
        Counter::SyncookiesRecv => {
            &["Cookies that came back and were right: clients with a real address."]
        }
        Counter::SyncookiesFailed => &[
            "ACKs that claimed a cookie which we did not send, or sent too long ago. Scans and \
             old connections raise it.",
        ],
        Counter::Tw => {
            &["Sockets that entered TIME_WAIT: connections that this side closed first."]
        }
        Counter::TwRecycled => {
            &["TIME_WAIT sockets whose port connect() took over: tcp_tw_reuse at work."]
        }
        Counter::TcpTimeWaitOverflow => &[
            "Connections that were closed without TIME_WAIT because tcp_max_tw_buckets was \
             reached.",
        ],
        Counter::TcpAbortOnData => &[
            "Connections reset because close() was called with SO_LINGER of 0 seconds, or \
             because the peer sent data after our close().",
        ],
        Counter::TcpAbortOnClose => &[
            "Connections reset because close() found data that the application had not read. \
             The peer may lose what it had received last: read until the end before closing.",
        ],
        Counter::TcpAbortOnTimeout => &[
            "Connections given up after retransmissions, keepalives or window probes without an \
             answer.",
        ],
        Counter::TcpAbortOnMemory => {
            &["Connections killed because TCP memory or the number of orphans was at its limit."]
        }
        Counter::TcpAbortOnLinger => &[
            "Sockets in FIN_WAIT2 without a process that were killed because TCP_LINGER2 allows \
             no wait.",
        ],
        Counter::TcpAbortFailed => &["Resets that could not be sent, for want of memory."],
        Counter::TcpFastOpenActive => {
            &["Connections of ours whose data in the SYN the server accepted."]
        }
        Counter::TcpFastOpenActiveFail => {
            &["Connections of ours whose data in the SYN was not accepted; it was sent again."]
        }
        Counter::TcpFastOpenPassive => &["Connections that we accepted with data in the SYN."],
        Counter::TcpFastOpenPassiveFail => {
            &["SYNs with data that we did not accept: a wrong cookie, or Fast Open is off."]
        }
        Counter::TcpFastOpenListenOverflow => {
            &["The same, because too many such connections were pending at the listener."]
        }
        Counter::TcpFastOpenCookieReqd => {
            &["Clients that asked for a Fast Open cookie, whether we give any or not."]
        }
        Counter::TcpFastOpenBlackhole => &[
            "Times that Fast Open was switched off for a while because the path swallows SYNs \
             with data.",
        ],
    };
    Explanation {
        drawing: "",
        paragraphs,
        sysctls: &[],
        counters: &[],
    }
}
