//! The settings that matter, with what their values mean.

use crate::model::{Counter, Snapshot, Sysctl};
use crate::text::number::grouped;

/// A setting as a line: name, value, meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) meaning: String,
}

/// The settings of a sample. One that isn't known isn't listed, except that a
/// sample without any says so elsewhere.
pub(super) fn settings(snapshot: &Snapshot) -> Vec<Setting> {
    [
        Sysctl::TcpTwReuse,
        Sysctl::TcpTwRecycle,
        Sysctl::TcpSyncookies,
        Sysctl::TcpMaxSynBacklog,
        Sysctl::Somaxconn,
        Sysctl::TcpFinTimeout,
        Sysctl::TcpFastopen,
    ]
    .into_iter()
    .filter_map(|sysctl| {
        let value = snapshot.sysctls.get(sysctl)?;
        Some(Setting {
            name: sysctl.short_name(),
            value: grouped(value),
            meaning: meaning(sysctl, value, snapshot)?,
        })
    })
    .collect()
}

fn meaning(sysctl: Sysctl, value: u64, snapshot: &Snapshot) -> Option<String> {
    Some(match sysctl {
        Sysctl::TcpTwReuse => tw_reuse(value, snapshot),
        Sysctl::TcpTwRecycle => match value {
            0 => "off, as it must be".to_owned(),
            _ => "drops clients behind NAT".to_owned(),
        },
        Sysctl::TcpSyncookies => syncookies(value, snapshot.counters.get(Counter::SyncookiesSent)),
        Sysctl::TcpMaxSynBacklog => match snapshot.sysctls.get(Sysctl::TcpSyncookies) {
            Some(0) => "three quarters of it fill a SYN queue, or its backlog".to_owned(),
            Some(_) => "without effect while tcp_syncookies is on".to_owned(),
            None => "counts only where tcp_syncookies is 0".to_owned(),
        },
        Sysctl::Somaxconn => "connections an accept queue holds at most".to_owned(),
        Sysctl::TcpFinTimeout => "s an orphan stays in FIN_WAIT2 (TIME_WAIT: 60 s)".to_owned(),
        Sysctl::TcpFastopen => fastopen(value),
        // Told elsewhere, or not the summary's.
        Sysctl::TcpTwReuseDelay
        | Sysctl::TcpTimestamps
        | Sysctl::TcpMaxTwBuckets
        | Sysctl::TcpSynackRetries
        | Sysctl::TcpAbortOnOverflow
        | Sysctl::TcpMaxOrphans => return None,
    })
}

/// net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`: reuse rests on timestamps.
fn tw_reuse(value: u64, snapshot: &Snapshot) -> String {
    let timestamps = snapshot.sysctls.get(Sysctl::TcpTimestamps);
    if value == 0 {
        return "connect() picks no port that is in TIME_WAIT".to_owned();
    }
    if timestamps == Some(0) {
        return "without effect: tcp_timestamps is 0".to_owned();
    }
    let delay = match snapshot.sysctls.get(Sysctl::TcpTwReuseDelay) {
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
    use crate::classify::testing::{SnapshotBuilder, snapshot};

    fn meaning_of(sysctl: Sysctl, snapshot: SnapshotBuilder) -> String {
        let settings = settings(&snapshot.build());
        let setting = settings
            .into_iter()
            .find(|setting| setting.name == sysctl.short_name());
        setting.unwrap().meaning
    }

    #[test]
    fn reuse_is_told_with_what_it_depends_on() {
        let with = |reuse| snapshot().with_sysctl(Sysctl::TcpTwReuse, reuse);
        let of = |snapshot| meaning_of(Sysctl::TcpTwReuse, snapshot);
        assert!(of(with(0)).contains("picks no port"));
        assert!(of(with(1)).ends_with("after 1 s in TIME_WAIT"));
        assert!(of(with(2)).starts_with("on loopback,"));
        assert!(of(with(2).with_sysctl(Sysctl::TcpTwReuseDelay, 1_000)).contains("1,000 ms"));
        assert!(of(with(1).with_sysctl(Sysctl::TcpTimestamps, 0)).contains("without effect"));
        assert!(of(with(0).with_sysctl(Sysctl::TcpTimestamps, 0)).contains("picks no port"));
        assert!(of(with(7)).contains("not a value"));
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
        let of = |value| {
            meaning_of(
                Sysctl::TcpTwRecycle,
                snapshot().with_sysctl(Sysctl::TcpTwRecycle, value),
            )
        };
        assert_eq!(of(0), "off, as it must be");
        assert_eq!(of(1), "drops clients behind NAT");
    }

    #[test]
    fn max_syn_backlog_is_told_to_count_only_without_cookies() {
        let of = |cookies| {
            let snapshot = snapshot().with_sysctl(Sysctl::TcpMaxSynBacklog, 128);
            meaning_of(
                Sysctl::TcpMaxSynBacklog,
                snapshot.with_sysctl(Sysctl::TcpSyncookies, cookies),
            )
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
        assert_eq!(settings(&snapshot().build()), []);
    }
}
