//! Handshakes that don't finish.

use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use crate::model::number::{counted, grouped, ratio};
use crate::model::{Counter, Sample, Sysctl, TcpState};

/// Many half-open connections for the backlog there is.
pub(in crate::classify) const SYN_RECV_BACKLOG: Rule = Rule {
    name: "syn_recv_backlog",
    topic: "SYN_RECV",
    judge: judge_backlog,
};

/// SYN cookies switched off.
pub(in crate::classify) const TCP_SYNCOOKIES: Rule = Rule {
    name: "tcp_syncookies",
    topic: "tcp_syncookies",
    judge: judge_cookies,
};

/// Share of tcp_max_syn_backlog, all listeners together.
const WARNING: f64 = 0.5;
/// Without cookies the kernel refuses new clients of a listener from three
/// quarters of its backlog on (tcp_conn_request).
const CRITICAL_WITHOUT_COOKIES: f64 = 0.75;

fn judge_backlog(sample: &Sample, _previous: Option<&Sample>) -> Judgement {
    let (Some(count), Some(backlog)) = (
        sample.states.total_of(TcpState::SynRecv),
        sample.sysctls.get(Sysctl::TcpMaxSynBacklog),
    ) else {
        return Judgement::Unknown;
    };
    let cookies = sample.sysctls.get(Sysctl::TcpSyncookies);
    let Some(used) = ratio(count, backlog).filter(|&used| used >= WARNING) else {
        return Judgement::Fine;
    };
    let (severity, consequence) = match cookies {
        Some(0) if used >= CRITICAL_WITHOUT_COOKIES => (
            Severity::Critical,
            "cookies are off, so SYNs of honest clients are dropped",
        ),
        Some(0) => (
            Severity::Warning,
            "cookies are off, so honest clients will be dropped when it fills",
        ),
        Some(_) => (
            Severity::Warning,
            "cookies keep honest clients coming, and hide how large a flood is",
        ),
        None => (Severity::Warning, "whether cookies are on is not known"),
    };
    let mut evidence = vec![
        Evidence::count("syn_recv", count),
        Evidence::count("max_syn_backlog", backlog),
        Evidence::ratio("used_ratio", used),
    ];
    evidence.extend(cookies.map(|value| Evidence::count("tcp_syncookies", value)));
    for (name, counter) in [
        ("syncookies_sent", Counter::SyncookiesSent),
        ("listen_drops", Counter::ListenDrops),
    ] {
        let value = sample.counters.get(counter);
        evidence.extend(value.map(|value| Evidence::count(name, value)));
    }
    Judgement::Found(vec![Finding {
        rule: SYN_RECV_BACKLOG.name,
        severity,
        subject: "SYN_RECV".to_owned(),
        message: format!(
            "{} unfinished, against a backlog of {} a listener; {consequence}",
            counted(count, "handshake is", "handshakes are"),
            grouped(backlog),
        ),
        advice: "see whether the peers are real, a flood comes from addresses that never answer: \
                 ss -tn state syn-recv"
            .to_owned(),
        evidence,
        state: Some(TcpState::SynRecv),
    }])
}

fn judge_cookies(sample: &Sample, _previous: Option<&Sample>) -> Judgement {
    match sample.sysctls.get(Sysctl::TcpSyncookies) {
        None => Judgement::Unknown,
        Some(0) => Judgement::Found(vec![Finding {
            rule: TCP_SYNCOOKIES.name,
            severity: Severity::Warning,
            subject: "net.ipv4.tcp_syncookies".to_owned(),
            message: "tcp_syncookies is 0: when a SYN queue overflows, honest clients are dropped"
                .to_owned(),
            advice: "switch them on, they cost nothing until a queue overflows: \
                     sysctl -w net.ipv4.tcp_syncookies=1"
                .to_owned(),
            evidence: vec![Evidence::count("tcp_syncookies", 0)],
            state: None,
        }]),
        Some(_) => Judgement::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::sample;
    use super::*;

    #[test]
    fn the_backlog_is_judged_by_cookies() {
        for (count, cookies, expected) in [
            (63, 1, None),
            (64, 1, Some(Severity::Warning)),
            (1_000, 1, Some(Severity::Warning)),
            (63, 0, None),
            (64, 0, Some(Severity::Warning)),
            (95, 0, Some(Severity::Warning)),
            (96, 0, Some(Severity::Critical)),
        ] {
            let sample = sample()
                .with_state(TcpState::SynRecv, count)
                .with_sysctl(Sysctl::TcpMaxSynBacklog, 128)
                .with_sysctl(Sysctl::TcpSyncookies, cookies);
            let found = match judge_backlog(&sample.build(), None) {
                Judgement::Found(findings) => Some(findings[0].severity),
                Judgement::Fine => None,
                Judgement::Unknown => panic!("everything needed is there"),
            };
            assert_eq!(found, expected, "{count} with cookies {cookies}");
        }
    }

    #[test]
    fn cookies_off_is_a_warning_and_one_or_two_is_fine() {
        let judged = |value| {
            judge_cookies(
                &sample().with_sysctl(Sysctl::TcpSyncookies, value).build(),
                None,
            )
        };
        assert!(matches!(judged(0), Judgement::Found(findings)
            if findings[0].severity == Severity::Warning));
        assert_eq!(judged(1), Judgement::Fine);
        assert_eq!(judged(2), Judgement::Fine);
        assert_eq!(judge_cookies(&sample().build(), None), Judgement::Unknown);
    }
}
