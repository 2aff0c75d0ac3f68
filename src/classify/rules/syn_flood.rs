//! SYN floods, and bursts of legitimate clients that look like one.

use super::super::listeners::{SynEvidence, SynVerdict, Verdict, syn_verdict, verdict};
use super::super::metric::{Metric, Observation};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::syn::named;
use crate::model::{Counter, Listener, Listeners, TcpState};
use crate::text::number::{counted, duration, grouped};

/// More handshakes than the SYN queues hold.
pub(super) const SYN_FLOOD: Rule = Rule::new("syn_flood", "SYN queues", judge)
    .explained(
        "More handshakes arrive than the SYN queues hold, and few of the cookies come back: \
         clients with false addresses, a SYN flood. Cookies keep the service up as long as \
         accept queues have room. Where most cookies come back, it is a burst of real clients: \
         raise the backlog. See tcpstate explain syncookies.",
    )
    .measuring(Metric::rate(
        "syn_cookies_per_second",
        "SYN cookies sent; it is a flood where few come back",
        Counter::SyncookiesSent,
    ));

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let (snapshot, past) = (observation.snapshot, observation.past);
    let evidence = SynEvidence::of(snapshot, past);
    let listeners = snapshot.pressure.listeners.as_ref();
    let flooded = listeners.and_then(|listeners| flooded(listeners, &evidence));
    let is_now = evidence.between;
    // A check compares with the one before, a day ago perhaps.
    let span = past
        .and_then(|past| past.ago)
        .map_or_else(String::new, |ago| format!(" in {}", duration(ago)));
    let where_to = flooded.map_or_else(|| "this host".to_owned(), named);
    let (severity, message, advice) = match syn_verdict(&evidence, listeners) {
        SynVerdict::Unknown => return Judgement::Unknown,
        SynVerdict::Fine => return Judgement::Fine,
        SynVerdict::QueueFull => queue_full(&where_to, &evidence),
        SynVerdict::FloodDropping => (
            Severity::Critical,
            format!(
                "more handshakes towards {where_to} than its SYN queue holds, and tcp_syncookies \
                 is 0: legitimate clients are dropped, {}{span}",
                counted(evidence.dropped.unwrap_or(0), "SYN", "SYNs"),
            ),
            "switch cookies on: sysctl -w net.ipv4.tcp_syncookies=1".to_owned(),
        ),
        SynVerdict::DroppedOtherwise => (
            Severity::Warning,
            format!(
                "{} dropped{span}, and not by a full SYN queue: the client has no route back, \
                 memory is short, or three quarters of tcp_max_syn_backlog were taken for a moment",
                counted(evidence.dropped.unwrap_or(0), "SYN was", "SYNs were"),
            ),
            "see whether clients have a route back: ip route get ADDRESS; and switch cookies on, \
             which need no place in a queue: sysctl -w net.ipv4.tcp_syncookies=1"
                .to_owned(),
        ),
        SynVerdict::FloodAbsorbed => (
            if is_now {
                Severity::Warning
            } else {
                Severity::Info
            },
            format!(
                "{}{} SYN cookies were sent{span} and {} came back: a SYN flood towards \
                 {where_to}{}, which cookies absorb",
                if is_now { "" } else { "so far " },
                grouped(evidence.sent.unwrap_or(0)),
                grouped(evidence.returned.unwrap_or(0)),
                if is_now { "" } else { ", now or earlier" },
            ),
            absorbed(&evidence, flooded),
        ),
        SynVerdict::Burst => (
            Severity::Info,
            format!(
                "{}{} SYN cookies were sent{span} and {} came back: legitimate clients, more at once \
                 than the SYN queue of {where_to} holds",
                if is_now { "" } else { "so far " },
                grouped(evidence.sent.unwrap_or(0)),
                grouped(evidence.returned.unwrap_or(0)),
            ),
            "let the program listen with a longer backlog, up to net.core.somaxconn".to_owned(),
        ),
    };
    let cookies_per_s = observation.rate(Counter::SyncookiesSent).ok();
    let Some(severity) = levels.severity(cookies_per_s, Some(severity)) else {
        return Judgement::Fine;
    };
    let mut numbers = Vec::new();
    for (name, value) in [
        ("syn_recv", snapshot.states.total_of(TcpState::SynRecv)),
        ("tcp_syncookies", evidence.cookies),
        ("syncookies_sent", evidence.sent),
        ("syncookies_returned", evidence.returned),
        ("syns_dropped", evidence.dropped),
    ] {
        numbers.extend(value.map(|value| Evidence::count(name, value)));
    }
    Judgement::Found(vec![Finding {
        rule: SYN_FLOOD.name,
        severity,
        subject: flooded.map_or_else(|| "SYN queues".to_owned(), Listener::address),
        message,
        advice,
        evidence: numbers,
        state: Some(TcpState::SynRecv),
    }])
}

/// What to do about a flood that legitimate clients get through.
fn absorbed(evidence: &SynEvidence, flooded: Option<&Listener>) -> String {
    if !evidence.between {
        return "legitimate clients get in; to see whether it goes on: tcpstate pressure --over 10s"
            .to_owned();
    }
    // With cookies for every SYN nothing is kept that could be listed.
    let peers = match flooded {
        Some(listener) if evidence.cookies == Some(1) => format!(
            "; see where it comes from: ss -tn state syn-recv sport = :{}",
            listener.local.port
        ),
        _ => String::new(),
    };
    format!(
        "legitimate clients get in{peers}; what a firewall drops before this host costs it nothing"
    )
}

/// A SYN queue that is full, and nothing to say that it turns clients away.
fn queue_full(where_to: &str, evidence: &SynEvidence) -> (Severity, String, String) {
    let (severity, consequence) = if evidence.cookies == Some(0) {
        (
            Severity::Warning,
            "tcp_syncookies is 0, so the next client is dropped",
        )
    } else {
        (Severity::Info, "the next client gets a cookie")
    };
    let cookies = match (evidence.sent, evidence.returned) {
        (Some(sent @ 1..), Some(returned)) => format!(
            "; {}{} sent and {} came back",
            if evidence.between { "" } else { "so far " },
            counted(sent, "SYN cookie was", "SYN cookies were"),
            grouped(returned)
        ),
        _ => String::new(),
    };
    (
        severity,
        format!(
            "the SYN queue of {where_to} is full, of slow clients or by a flood: {consequence}{cookies}"
        ),
        "to see whether clients are turned away, compare two readings: tcpstate pressure \
         --over 10s"
            .to_owned(),
    )
}

/// The listener whose SYN queue is full, if one is.
fn flooded<'a>(listeners: &'a Listeners, evidence: &SynEvidence) -> Option<&'a Listener> {
    listeners
        .listeners
        .iter()
        .filter(|listener| {
            matches!(
                verdict(listener, evidence),
                Verdict::FloodDropping
                    | Verdict::FloodAbsorbed
                    | Verdict::SynBurst
                    | Verdict::SynQueueFull
            )
        })
        .max_by_key(|listener| listener.syn_recv)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{SnapshotBuilder, snapshot};
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::classify::change::Past;
    use crate::model::{Counter, Pressure, Sysctl};
    use std::time::Duration;

    fn with(cookies: u64, sent: u64, returned: u64) -> SnapshotBuilder {
        snapshot()
            .with_sysctl(Sysctl::TcpSyncookies, cookies)
            .with_counter(Counter::SyncookiesSent, sent)
            .with_counter(Counter::SyncookiesRecv, returned)
            .with_counter(Counter::ListenDrops, 0)
            .with_counter(Counter::ListenOverflows, 0)
            .with_pressure(Pressure {
                listeners: Some(Listeners {
                    count: 1,
                    largest_limit: Some(64),
                    ..Listeners::default()
                }),
                ..Pressure::default()
            })
    }

    #[test]
    fn totals_tell_and_do_not_alarm() {
        let judged = |sent, returned| judged_by(&SYN_FLOOD, &with(1, sent, returned).build(), None);
        assert_eq!(severity(&judged(0, 0)), None);
        assert_eq!(severity(&judged(99, 0)), None);
        assert_eq!(severity(&judged(100, 0)), Some(Severity::Info));
        assert_eq!(severity(&judged(100, 51)), Some(Severity::Info), "a burst");
        assert_eq!(
            judged_by(&SYN_FLOOD, &snapshot().build(), None),
            Judgement::Unknown
        );
    }

    #[test]
    fn a_flood_that_goes_on_alarms() {
        let start = Duration::from_secs(9_000);
        let judged = |sent: u64, returned: u64, drops| {
            let before = with(1, 1_000, 1_000).read_at(start).build();
            let now = with(1, 1_000 + sent, 1_000 + returned)
                .with_counter(Counter::ListenDrops, drops)
                .read_at(start + Duration::from_secs(1));
            let now = now.build();
            judged_by(&SYN_FLOOD, &now, Some(Past::of(&before, &now)))
        };
        assert_eq!(severity(&judged(500, 3, 0)), Some(Severity::Warning));
        assert_eq!(severity(&judged(66, 0, 0)), Some(Severity::Warning));
        assert_eq!(severity(&judged(65, 0, 0)), None, "on their way");
        assert_eq!(severity(&judged(500, 490, 0)), Some(Severity::Info));
        assert_eq!(severity(&judged(9, 0, 0)), None);
    }

    /// Two looks were advised to who had just looked twice.
    #[test]
    fn a_flood_that_goes_on_is_told_with_its_time_and_with_something_to_do() {
        let start = Duration::from_secs(9_000);
        let before = with(1, 0, 0).read_at(start).build();
        let now = with(1, 850, 0)
            .read_at(start + Duration::from_secs(90))
            .build();
        let told = |past| match judged_by(&SYN_FLOOD, &now, past) {
            Judgement::Found(findings) => findings.into_iter().next().unwrap(),
            _ => panic!("it is a flood"),
        };
        let once = told(None);
        assert!(once.message.starts_with("so far 850 SYN cookies were sent"));
        assert!(once.message.contains("this host, now or earlier, which"));
        assert!(once.advice.contains("tcpstate pressure --over"));
        let twice = told(Some(Past::of(&before, &now)));
        assert!(
            twice
                .message
                .starts_with("850 SYN cookies were sent in 1 m 30 s and 0 came"),
            "{}",
            twice.message
        );
        assert!(!twice.advice.contains("--over"), "{}", twice.advice);
        assert!(twice.advice.contains("firewall"), "{}", twice.advice);
    }

    /// A check said "while we looked" of a day.
    #[test]
    fn drops_are_told_with_the_time_in_which_they_were_counted() {
        let start = Duration::from_secs(9_000);
        let with = |drops| {
            with(0, 0, 0)
                .with_counter(Counter::ListenDrops, drops)
                .read_at(start + Duration::from_secs(drops))
                .build()
        };
        let (before, now) = (with(0), with(7_200));
        let Judgement::Found(findings) = judged_by(&SYN_FLOOD, &now, Some(Past::of(&before, &now)))
        else {
            panic!("clients are dropped");
        };
        let ends = "legitimate clients are dropped, 7,200 SYNs in 2 h";
        assert!(findings[0].message.ends_with(ends));
    }

    /// Six SYNs of a client that the host has no route to: a critical flood,
    /// with an empty SYN queue. The kernel counts by name what a full one drops.
    #[test]
    fn drops_that_no_full_queue_explains_are_no_flood() {
        let start = Duration::from_secs(9_000);
        let judged = |by_queue| {
            let with = |drops, by_queue| {
                with(0, 0, 0)
                    .with_counter(Counter::ListenDrops, drops)
                    .with_counter(Counter::TcpReqQFullDrop, by_queue)
            };
            let before = with(0, 0).read_at(start).build();
            let now = with(6, by_queue)
                .read_at(start + Duration::from_secs(3))
                .build();
            match judged_by(&SYN_FLOOD, &now, Some(Past::of(&before, &now))) {
                Judgement::Found(mut findings) => findings.remove(0),
                _ => panic!("SYNs were dropped"),
            }
        };
        assert_eq!(judged(1).severity, Severity::Critical);
        let otherwise = judged(0);
        assert_eq!(otherwise.severity, Severity::Warning);
        let begins = "6 SYNs were dropped in 3 s, and not by a full SYN queue: ";
        assert!(
            otherwise.message.starts_with(begins),
            "{}",
            otherwise.message
        );
        assert!(otherwise.advice.contains("ip route get"));
    }

    #[test]
    fn drops_without_cookies_are_critical() {
        let start = Duration::from_secs(9_000);
        let judged = |drops, overflows| {
            let before = with(0, 0, 0).read_at(start).build();
            let now = with(0, 0, 0)
                .with_counter(Counter::ListenDrops, drops)
                .with_counter(Counter::ListenOverflows, overflows)
                .read_at(start + Duration::from_secs(1));
            let now = now.build();
            judged_by(&SYN_FLOOD, &now, Some(Past::of(&before, &now)))
        };
        assert_eq!(severity(&judged(5, 0)), Some(Severity::Critical));
        assert_eq!(severity(&judged(5, 5)), None, "the accept queue's drops");
        assert_eq!(severity(&judged(0, 0)), None);
    }
}
