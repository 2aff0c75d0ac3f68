//! The counters of the kernel.

use super::Explanation;
use crate::model::Counter;

pub(super) const fn explain(counter: Counter) -> Explanation {
    let paragraphs: &'static [&'static str] = match counter {
        Counter::ActiveOpens => &[
            "Connections that this side began with connect(), successful or not. Its rate is \
             how fast clients here open connections; with short ones, each takes a port for a \
             minute.",
        ],
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
        Counter::RetransSegs => &[
            "Segments sent again because nobody acknowledged them in time. Above 1 % of all \
             segments a path loses, or a peer is gone; SYNs without an answer count too.",
        ],
        Counter::ListenOverflows => &[
            "SYNs and final ACKs that were dropped because an accept queue was full, repeated \
             ones included. While it rises a server accepts too slowly: tcpstate pressure.",
        ],
        Counter::ListenDrops => &[
            "All SYNs and final ACKs that listeners dropped: full accept queues \
             (ListenOverflows), full SYN queues without cookies, no memory, no route for the \
             answer.",
        ],
        Counter::SyncookiesFailed => &[
            "ACKs that claimed a cookie which we did not send, or sent too long ago. Scans and \
             old connections raise it.",
        ],
        Counter::Tw => {
            &["Sockets that entered TIME_WAIT: connections that this side closed first."]
        }
        Counter::TcpAbortOnData => &[
            "Connections reset because close() was called with SO_LINGER of 0 seconds, or \
             because the peer sent data after our close().",
        ],
        Counter::TcpAbortOnClose => &[
            "Connections reset because close() found data that the application had not read. \
             The peer may lose what it had received last: read until the end before closing.",
        ],
        Counter::TcpFastOpenActiveFail => {
            &["Connections of ours whose data in the SYN was not accepted; it was sent again."]
        }
        Counter::TcpFastOpenPassiveFail => {
            &["SYNs with data that we did not accept: a wrong cookie, or Fast Open is off."]
        }
        Counter::TcpFastOpenBlackhole => &[
            "Times that Fast Open was switched off for a while because the path swallows SYNs \
             with data.",
        ],
        // What it counts says all.
        _ => counter.sentence(),
    };
    Explanation {
        drawing: "",
        paragraphs,
        sysctls: &[],
        counters: &[],
    }
}
