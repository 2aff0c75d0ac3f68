//! Handshakes that don't finish.

use super::super::listeners::{SynEvidence, syn_limit};
use super::super::metric::{Measured, Metric, Missing, Observation, Unit, share};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::{listeners, none_amiss, without_listeners};
use crate::model::{Listener, Sysctl, TcpState};
use crate::model::{float, ratio};
use crate::text::number::{counted, grouped};

/// Many unfinished handshakes for the SYN queue that there is. Whether cookies
/// are on decides how bad it is, so the rule has no range.
pub(super) const SYN_RECV_BACKLOG: Rule = Rule::new("syn_recv_backlog", "SYN_RECV", judge_backlog)
    .explained(
        "Unfinished handshakes fill the SYN queue of a listener. With SYN cookies on, the rest \
         is answered with cookies; with cookies off, SYNs are dropped. Cause: a SYN flood, \
         clients on slow paths, or answers that get lost. See each listener: tcpstate pressure.",
    )
    .measuring(Metric::new(
        "syn_queue_used",
        Unit::Percent,
        "unfinished handshakes in the fullest SYN queue, as a share of its limit",
        fullest_share,
    ));

/// SYN cookies switched off.
pub(super) const TCP_SYNCOOKIES: Rule =
    Rule::new("tcp_syncookies", "tcp_syncookies", judge_cookies).explained(
        "SYN cookies are off: a small flood of SYNs is enough to keep all clients out. Switch \
         them on: sysctl -w net.ipv4.tcp_syncookies=1. They cost nothing until a SYN queue is \
         full.",
    );

/// Share of the places in a listener's SYN queue.
const HIGH: f64 = 0.5;

/// Per cent.
fn fullest_share(observation: &Observation) -> Measured {
    let evidence = SynEvidence::of(observation.snapshot, None);
    let mut most = 0.0;
    for listener in listeners(observation)? {
        let handshakes = listener.syn_recv.ok_or(Missing::Unread)?;
        let limit = syn_limit(listener, &evidence).ok_or(Missing::Unread)?;
        most = f64::max(most, share(Ok(handshakes.into()), Ok(float(limit)))?);
    }
    Ok(most)
}

fn judge_backlog(observation: &Observation, levels: &Levels) -> Judgement {
    let (snapshot, past) = (observation.snapshot, observation.past);
    let Some(listeners) = &snapshot.pressure.listeners else {
        return without_listeners(snapshot);
    };
    if listeners.none_matched() {
        return Judgement::NotAsked;
    }
    let evidence = SynEvidence::of(snapshot, past);
    let mut fullest: Option<(f64, u64, u64, &Listener)> = None;
    for listener in &listeners.listeners {
        let (Some(handshakes), Some(limit)) = (listener.syn_recv, syn_limit(listener, &evidence))
        else {
            return Judgement::Unknown;
        };
        let handshakes = u64::from(handshakes);
        // A queue that is full is judged by the rule on floods, unless a range
        // of the user's is about it.
        let is_asked = |used: f64| {
            let by_user = levels.set_by_user();
            by_user.certain(used * 100.0, None).is_some()
        };
        let used =
            ratio(handshakes, limit).filter(|&used| (HIGH..1.0).contains(&used) || is_asked(used));
        if let Some(used) = used
            && fullest.is_none_or(|(most, ..)| used > most)
        {
            fullest = Some((used, handshakes, limit, listener));
        }
    }
    let Some((used, handshakes, limit, listener)) = fullest else {
        return none_amiss(snapshot);
    };
    let (severity, consequence) = match evidence.cookies {
        Some(0) => (
            Severity::Warning,
            "cookies are off, so clients are dropped when it is full",
        ),
        Some(_) => (
            Severity::Info,
            "cookies let legitimate clients in when it is full",
        ),
        None => (Severity::Warning, "whether cookies are on is not known"),
    };
    let by_cookies = (HIGH..1.0).contains(&used).then_some(severity);
    let Some(severity) = levels.severity(Some(used * 100.0), by_cookies) else {
        return none_amiss(snapshot);
    };
    let mut numbers = vec![
        Evidence::count("syn_recv", handshakes),
        Evidence::count("syn_queue_limit", limit),
        Evidence::number("used_ratio", used),
    ];
    numbers.extend(
        evidence
            .cookies
            .map(|value| Evidence::count("tcp_syncookies", value)),
    );
    Judgement::Found(vec![Finding {
        rule: SYN_RECV_BACKLOG.name,
        severity,
        subject: listener.address(),
        message: format!(
            "{} unfinished at {}, whose SYN {} {}; {consequence}",
            counted(handshakes, "handshake is", "handshakes are"),
            named(listener),
            if listener.sockets > 1 {
                "queues together hold"
            } else {
                "queue holds"
            },
            grouped(limit),
        ),
        advice: format!(
            "see whether the peers are real, a flood comes from addresses that never answer: \
             ss -tn state syn-recv sport = :{}",
            listener.local.port
        ),
        evidence: numbers,
        state: Some(TcpState::SynRecv),
    }])
}

/// Where it listens, and who does.
pub(super) fn named(listener: &Listener) -> String {
    match listener.culprit() {
        Some(culprit) => format!("{} of {culprit}", listener.address()),
        None => listener.address(),
    }
}

fn judge_cookies(observation: &Observation, _: &Levels) -> Judgement {
    match observation.snapshot.sysctls.get(Sysctl::TcpSyncookies) {
        None => Judgement::Unknown,
        Some(0) => Judgement::Found(vec![Finding {
            rule: TCP_SYNCOOKIES.name,
            severity: Severity::Warning,
            subject: "net.ipv4.tcp_syncookies".to_owned(),
            message:
                "tcp_syncookies is 0: when a SYN queue overflows, legitimate clients are dropped"
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
    use super::super::super::listeners::ListenerTally;
    use super::super::super::testing::{snapshot, socket};
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::model::Pressure;

    fn judged(handshakes: u32, limit: Option<u32>, cookies: u64, max_backlog: u64) -> Judgement {
        let mut tally = ListenerTally::in_passing();
        let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(0, limit);
        tally.add_listener(&listening.build());
        for _ in 0..handshakes {
            let request = socket("10.0.0.1:80", "192.0.2.1:1000").in_syn_recv(0);
            tally.add(&request.build());
        }
        let snapshot = snapshot()
            .with_sysctl(Sysctl::TcpMaxSynBacklog, max_backlog)
            .with_sysctl(Sysctl::TcpSyncookies, cookies)
            .with_pressure(Pressure {
                listeners: Some(tally.finish()),
                ..Pressure::default()
            });
        judged_by(&SYN_RECV_BACKLOG, &snapshot.build(), None)
    }

    /// A queue of backlog 127 holds 128. The kernel's limit is the listener's
    /// own; tcp_max_syn_backlog counts only where cookies are off.
    #[test]
    fn a_syn_queue_is_high_from_half_of_what_it_holds() {
        for (handshakes, cookies, max_backlog, expected) in [
            (63, 1, 16, None),
            (64, 1, 16, Some(Severity::Info)),
            (127, 1, 16, Some(Severity::Info)),
            (128, 1, 16, None),
            (63, 0, 4_096, None),
            (64, 0, 4_096, Some(Severity::Warning)),
            (24, 0, 64, None),
            (25, 0, 64, Some(Severity::Warning)),
            (48, 0, 64, Some(Severity::Warning)),
            (49, 0, 64, None),
        ] {
            assert_eq!(
                severity(&judged(handshakes, Some(127), cookies, max_backlog)),
                expected,
                "{handshakes} with cookies {cookies}"
            );
        }
    }

    #[test]
    fn over_proc_no_syn_queue_has_a_verdict() {
        assert_eq!(judged(64, None, 1, 64), Judgement::Unknown);
        assert_eq!(
            judged_by(&SYN_RECV_BACKLOG, &snapshot().build(), None),
            Judgement::NotAsked
        );
    }

    #[test]
    fn cookies_off_is_a_warning_and_one_or_two_is_fine() {
        let judged = |value| {
            judged_by(
                &TCP_SYNCOOKIES,
                &snapshot().with_sysctl(Sysctl::TcpSyncookies, value).build(),
                None,
            )
        };
        assert!(matches!(judged(0), Judgement::Found(findings)
            if findings[0].severity == Severity::Warning));
        assert_eq!(judged(1), Judgement::Fine);
        assert_eq!(judged(2), Judgement::Fine);
        assert_eq!(
            judged_by(&TCP_SYNCOOKIES, &snapshot().build(), None),
            Judgement::Unknown
        );
    }
}
