//! The settings of the kernel: what each is for, and what its value means.

use super::Explanation;
use crate::model::{Counter, Counters, Sysctl, Sysctls};
use crate::text::number::grouped;

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
        | Sysctl::TcpRetries2
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
        Sysctl::TcpRetries2 => &[
            "For how long data that nobody acknowledges is sent again before the connection is given \
               up: the time of so many retransmissions that begin at 200 ms, double and stay at 120 s. \
               15 stands for 924.6 s, 8 for 102.2 s.",
        ],
    }
}

/// A setting as a line of the summary: name, value, meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name without `net.ipv4.`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What that means.
    pub meaning: String,
}

/// The settings that were read and whose values have a meaning.
#[must_use]
pub fn settings(sysctls: &Sysctls, counters: &Counters) -> Vec<Setting> {
    let read = Sysctl::SUMMARY.iter().filter_map(|&sysctl| {
        let value = sysctls.get(sysctl)?;
        Some(Setting {
            name: sysctl.short_name(),
            value: grouped(value),
            meaning: meaning(sysctl, value, sysctls, counters)?,
        })
    });
    read.collect()
}

/// What a value of a setting means beside the other settings and counters;
/// `None` of settings that the summary doesn't list.
fn meaning(sysctl: Sysctl, value: u64, sysctls: &Sysctls, counters: &Counters) -> Option<String> {
    Some(match sysctl {
        Sysctl::TcpTwReuse => tw_reuse(value, sysctls),
        Sysctl::TcpTwRecycle => match value {
            0 => "off, as it must be".to_owned(),
            _ => "drops clients behind NAT".to_owned(),
        },
        Sysctl::TcpSyncookies => syncookies(value, counters.get(Counter::SyncookiesSent)),
        Sysctl::TcpMaxSynBacklog => match sysctls.get(Sysctl::TcpSyncookies) {
            Some(0) => "three quarters of it fill a SYN queue, or its backlog".to_owned(),
            Some(_) => "without effect while tcp_syncookies is on".to_owned(),
            None => "counts only where tcp_syncookies is 0".to_owned(),
        },
        Sysctl::Somaxconn => "connections an accept queue holds at most".to_owned(),
        Sysctl::TcpFinTimeout => "s an orphan stays in FIN_WAIT2 (TIME_WAIT: 60 s)".to_owned(),
        Sysctl::TcpFastopen => fastopen(value),
        _ => return None,
    })
}

/// net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`: reuse rests on timestamps.
fn tw_reuse(value: u64, sysctls: &Sysctls) -> String {
    let timestamps = sysctls.get(Sysctl::TcpTimestamps);
    if value == 0 {
        return "connect() picks no port that is in TIME_WAIT".to_owned();
    }
    if timestamps == Some(0) {
        return "without effect: tcp_timestamps is 0".to_owned();
    }
    let delay = match sysctls.get(Sysctl::TcpTwReuseDelay) {
        Some(ms) => format!("{} ms", grouped(ms)),
        // Fixed, before Linux 6.14 made it a setting.
        None => "1 s".to_owned(),
    };
    match value {
        1 => format!("connect() reuses ports after {delay} in TIME_WAIT"),
        2 => format!("on loopback, connect() reuses ports after {delay}"),
        _ => "not a value that this version of tcpstate knows".to_owned(),
    }
}

fn syncookies(value: u64, sent: Option<u64>) -> String {
    let mode = match value {
        0 => return "off: a SYN flood shuts legitimate clients out".to_owned(),
        1 => "sent when a SYN queue overflows",
        2 => "sent for every SYN; no SYN_RECV is kept",
        _ => "not a value that this version of tcpstate knows",
    };
    match sent {
        Some(sent) => format!("{mode}; {} sent so far", grouped(sent)),
        None => mode.to_owned(),
    }
}

/// include/net/tcp.h, `TFO_*`.
fn fastopen(value: u64) -> String {
    let has = |bit: u64| value & bit != 0;
    let mode = match (has(1), has(2)) {
        (false, false) => "off",
        (true, false) => "for connections that we open",
        (false, true) => "for connections that we accept",
        (true, true) => "for connections that we open and accept",
    };
    let mut text = format!("Fast Open {mode}");
    // A variant does nothing without the side that it belongs to.
    for (side, bit, variant) in [
        (1, 0x4, "opens without a cookie"),
        (2, 0x200, "accepts without a cookie"),
        (2, 0x400, "on for every listener"),
    ] {
        if has(side) && has(bit) {
            text.push_str("; ");
            text.push_str(variant);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(sysctl: Sysctl, values: &[(Sysctl, u64)]) -> String {
        let value = |of| values.iter().find(|(named, _)| *named == of);
        let sysctls = Sysctls::read(Sysctl::ALL, |of| value(of).map(|(_, value)| *value));
        let settings = settings(&sysctls, &Counters::default());
        let name = sysctl.short_name();
        let setting = settings.into_iter().find(|setting| setting.name == name);
        setting.unwrap().meaning
    }

    #[test]
    fn reuse_is_told_with_what_it_depends_on() {
        use Sysctl::{TcpTimestamps, TcpTwReuse, TcpTwReuseDelay};
        let of = |reuse, others: &[_]| {
            meaning_of(TcpTwReuse, &[&[(TcpTwReuse, reuse)], others].concat())
        };
        assert!(of(0, &[]).contains("picks no port"));
        assert!(of(1, &[]).ends_with("after 1 s in TIME_WAIT"));
        assert!(of(2, &[]).starts_with("on loopback,"));
        assert!(of(2, &[(TcpTwReuseDelay, 1_000)]).contains("1,000 ms"));
        assert!(of(1, &[(TcpTimestamps, 0)]).contains("without effect"));
        assert!(of(0, &[(TcpTimestamps, 0)]).contains("picks no port"));
        assert!(of(7, &[]).contains("not a value"));
    }

    #[test]
    fn fast_open_bits_are_spelled_out() {
        assert_eq!(fastopen(0), "Fast Open off");
        assert_eq!(fastopen(0x404), "Fast Open off");
        assert_eq!(
            fastopen(0x5),
            "Fast Open for connections that we open; opens without a cookie"
        );
        assert_eq!(fastopen(1), "Fast Open for connections that we open");
        assert_eq!(
            fastopen(0x603),
            "Fast Open for connections that we open and accept; accepts without a cookie; \
             on for every listener"
        );
    }

    #[test]
    fn recycle_is_a_fault_when_it_is_on() {
        let recycle = Sysctl::TcpTwRecycle;
        let of = |value| meaning_of(recycle, &[(recycle, value)]);
        assert_eq!(of(0), "off, as it must be");
        assert_eq!(of(1), "drops clients behind NAT");
    }

    #[test]
    fn max_syn_backlog_is_told_to_count_only_without_cookies() {
        let of = |cookies| {
            let backlog = Sysctl::TcpMaxSynBacklog;
            meaning_of(backlog, &[(backlog, 128), (Sysctl::TcpSyncookies, cookies)])
        };
        assert!(of(0).starts_with("three quarters"));
        assert!(of(1).starts_with("without effect"));
    }

    #[test]
    fn cookies_are_told_with_how_many_were_sent() {
        assert!(syncookies(0, Some(1)).starts_with("off"));
        assert!(syncookies(1, Some(1_200)).ends_with("1,200 sent so far"));
        assert!(syncookies(2, None).ends_with("is kept"));
    }

    #[test]
    fn what_is_not_known_is_not_listed() {
        let none = Sysctls::read(Sysctl::ALL, |_| None);
        assert_eq!(settings(&none, &Counters::default()), []);
    }
}
