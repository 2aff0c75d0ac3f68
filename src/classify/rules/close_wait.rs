//! CLOSE_WAIT: the peer closed, the application didn't.

use std::fmt::Write;
use std::time::Duration;

use super::super::change::Past;
use super::super::close_wait::{FDS_HIGH, LEAKED_CRITICAL, MIN_AGE};
use super::super::{Evidence, Finding, Judgement, Rule, Severity};
use super::none_amiss;
use crate::model::ratio;
use crate::model::{
    IncompleteScan, LeakDigest, Snapshot, SourceKind, Suspect, TcpState, Verdict, Who,
};
use crate::text::number::{argument, counted, duration, grouped};

/// Connections that their application forgot to close.
pub(in crate::classify) const CLOSE_WAIT_LEAK: Rule = Rule {
    name: "close_wait_leak",
    topic: "CLOSE_WAIT",
    judge,
};

/// Of one process, unit or listener. One may be a pool's spare connection that
/// its next user will find closed.
pub(in crate::classify) const WARNING: u64 = 2;
/// Of one, too: beyond this it leaks at every request, or for a long time.
pub(in crate::classify) const CRITICAL: u64 = 51;
/// Of all together, as the check judges them: that many spare connections are
/// no chance any more.
pub(in crate::classify) const TOTAL_WARNING: u64 = 10;
/// Of all together, too: so many small leaks are one that is in every process.
pub(in crate::classify) const TOTAL_CRITICAL: u64 = 200;
/// Sockets whose age one look can't tell are too many to be chance.
const UNDATED: u64 = 50;

fn judge(snapshot: &Snapshot, _past: Option<Past<'_>>) -> Judgement {
    let Some(leaks) = &snapshot.leaks else {
        return Judgement::NotAsked;
    };
    let undated = leaks.counts.of(Verdict::Undated);
    let suspects = leaks.suspects.iter();
    let mut findings: Vec<Finding> = suspects
        .map(|suspect| finding(suspect, severity(suspect), leaks))
        .collect();
    if undated >= UNDATED {
        findings.push(cannot_be_dated(undated, leaks));
    }
    if !findings.is_empty() {
        return Judgement::Found(findings);
    }
    // /proc tells no ages: that none is known to be old means nothing there.
    if undated > 0 && snapshot.collection.source == SourceKind::Procfs {
        return Judgement::Unknown;
    }
    none_amiss(snapshot)
}

fn severity(suspect: &Suspect) -> Severity {
    let near_limit = fds_used(&suspect.who).is_some_and(|used| used >= FDS_HIGH);
    match suspect.leaked {
        // Who leaks more than these is judged by name.
        _ if matches!(suspect.who, Who::Others { .. }) => Severity::Info,
        // One may have them all, or each another.
        WARNING..TOTAL_CRITICAL if suspect.who == Who::Unknown => Severity::Warning,
        CRITICAL.. => Severity::Critical,
        LEAKED_CRITICAL.. if near_limit => Severity::Critical,
        WARNING.. => Severity::Warning,
        _ => Severity::Info,
    }
}

fn fds_used(who: &Who) -> Option<f64> {
    match who {
        Who::Process {
            open_fds, fd_limit, ..
        } => ratio((*open_fds)?, (*fd_limit)?),
        Who::Unit(_) | Who::Listener(_) | Who::Others { .. } | Who::Unknown => None,
    }
}

fn finding(suspect: &Suspect, severity: Severity, leaks: &LeakDigest) -> Finding {
    let leaked = suspect.leaked;
    let mut number = counted(leaked, "CLOSE_WAIT socket", "CLOSE_WAIT sockets");
    if suspect.or_more {
        number.push_str(" or more");
    }
    let age = suspect.oldest.at_least.map_or_else(String::new, |age| {
        format!(", the oldest for at least {}", duration(age))
    });
    let mut evidence = vec![
        Evidence::count("leaked", leaked),
        Evidence::count("close_wait", leaks.counts.total()),
    ];
    if let Some(age) = suspect.oldest.at_least {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        evidence.push(Evidence::count("oldest_at_least_ms", age));
    }
    let (subject, message, advice) = match &suspect.who {
        Who::Process {
            pid,
            command,
            open_fds,
            fd_limit,
        } => {
            let name = format!("{}[{pid}]", command.as_deref().unwrap_or("?"));
            evidence.push(Evidence::count("pid", (*pid).into()));
            let others = match suspect.others {
                0 => String::new(),
                others => format!(
                    ", which {} too",
                    match others {
                        1 => "1 more process holds".to_owned(),
                        others => format!("{} more processes hold", grouped(others)),
                    }
                ),
            };
            let mut message = format!("{name} leaks {number}{others}{age}");
            if let (Some(open), Some(limit)) = (open_fds, fd_limit) {
                let _ = write!(
                    message,
                    "; {} of its {} file descriptors are in use",
                    grouped(*open),
                    grouped(*limit)
                );
                evidence.push(Evidence::count("open_fds", *open));
                evidence.push(Evidence::count("fd_limit", *limit));
            }
            (name, message, format!("tcpstate leaks --pid {pid}"))
        }
        Who::Unit(unit) => (
            unit.clone(),
            format!("{unit} leaks {number}{age}"),
            "tcpstate leaks".to_owned(),
        ),
        Who::Listener(port) => (
            format!("port {port}"),
            format!("the listener at port {port} leaves {number} in its queue{age}"),
            format!("tcpstate leaks --listen-port {port}"),
        ),
        Who::Others {
            processes,
            elsewhere,
        } => (
            // A name of its own: views follow a finding by it.
            "CLOSE_WAIT elsewhere".to_owned(),
            format!(
                "{number} leaked in {}{age}; none of these leaks more than those that are named",
                places(*processes, *elsewhere, "more "),
            ),
            "see them all: tcpstate leaks".to_owned(),
        ),
        Who::Unknown => (
            "CLOSE_WAIT".to_owned(),
            format!(
                "{number} leaked{age}, owner unknown: {}",
                unseen(leaks.unseen)
            ),
            match leaks.unseen {
                Some(IncompleteScan::Denied(_) | IncompleteScan::Hidden) => {
                    "see whose they are, as root: tcpstate leaks".to_owned()
                }
                Some(IncompleteScan::Failed(_)) | None => {
                    "see whose they are: tcpstate leaks".to_owned()
                }
            },
        ),
    };
    Finding {
        rule: CLOSE_WAIT_LEAK.name,
        severity,
        subject,
        message,
        advice,
        evidence,
        state: Some(TcpState::CloseWait),
    }
}

/// Why an owner isn't known.
fn unseen(why: Option<IncompleteScan>) -> String {
    let processes = |count| counted(count, "process", "processes");
    match why {
        Some(IncompleteScan::Denied(count)) => {
            format!("{} may not be looked into", processes(count))
        }
        Some(IncompleteScan::Hidden) => {
            "/proc hides the processes of other users (hidepid)".to_owned()
        }
        Some(IncompleteScan::Failed(count)) => format!("{} could not be read", processes(count)),
        None => "no process that was looked into has them".to_owned(),
    }
}

/// Where sockets leak: `5 processes`, `1 process and 2 units or listeners`.
pub(in crate::classify) fn places(processes: u64, elsewhere: u64, more: &str) -> String {
    let process = (format!("{more}process"), format!("{more}processes"));
    let unit = (
        format!("{more}unit or listener"),
        format!("{more}units or listeners"),
    );
    let parts = [(processes, process), (elsewhere, unit)];
    let told = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, (one, many))| counted(*count, one, many));
    told.collect::<Vec<_>>().join(" and ")
}

/// Nothing is known to leak, and that is not good news.
fn cannot_be_dated(undated: u64, leaks: &LeakDigest) -> Finding {
    Finding {
        rule: CLOSE_WAIT_LEAK.name,
        severity: Severity::Warning,
        subject: "CLOSE_WAIT".to_owned(),
        message: format!(
            "{} connections were closed by the peer and not by the application; one look can't \
             tell since when",
            grouped(undated)
        ),
        advice: format!(
            "look twice: tcpstate leaks{} --over {}",
            if leaks.min_age == MIN_AGE {
                String::new()
            } else {
                format!(" --min-age {}", argument(leaks.min_age))
            },
            argument(leaks.min_age.max(Duration::from_secs(1)))
        ),
        evidence: vec![
            Evidence::count("undated", undated),
            Evidence::count("close_wait", leaks.counts.total()),
        ],
        state: Some(TcpState::CloseWait),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{java, leak_digest as digest, snapshot};
    use super::*;

    fn found(digest: LeakDigest) -> Vec<Finding> {
        match judge(&snapshot().with_leaks(digest).build(), None) {
            Judgement::Found(findings) => findings,
            Judgement::Fine => Vec::new(),
            Judgement::Unknown | Judgement::NotAsked => panic!("everything needed is there"),
        }
    }

    fn severities(leaked: u64, open_fds: u64) -> Vec<Severity> {
        let suspects = vec![java(leaked, open_fds)];
        let findings = found(digest(&[(Verdict::NotClosed, leaked)], suspects));
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn one_is_told_two_are_a_warning_and_many_are_critical() {
        for (leaked, severity) in [
            (1, Severity::Info),
            (2, Severity::Warning),
            (50, Severity::Warning),
            (51, Severity::Critical),
        ] {
            assert_eq!(severities(leaked, 100), [severity], "{leaked}");
        }
    }

    #[test]
    fn few_are_critical_near_the_limit_of_descriptors() {
        assert_eq!(severities(10, 820), [Severity::Critical]);
        assert_eq!(severities(10, 819), [Severity::Warning]);
        assert_eq!(severities(9, 1_000), [Severity::Warning]);
    }

    #[test]
    fn without_a_leak_all_is_fine() {
        let spared = [
            (Verdict::HalfClose, 900),
            (Verdict::Recent, 900),
            (Verdict::Undated, 49),
        ];
        assert_eq!(found(digest(&spared, Vec::new())), []);
        assert_eq!(judge(&snapshot().build(), None), Judgement::NotAsked);
    }

    #[test]
    fn many_that_cannot_be_dated_are_not_good_news() {
        let findings = found(digest(&[(Verdict::Undated, 50)], Vec::new()));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].advice, "look twice: tcpstate leaks --over 60s");
    }

    #[test]
    fn advice_never_asks_for_less_time_than_was_judged_by() {
        for (min_age, advice) in [
            (
                Duration::from_micros(1_500_001),
                " --min-age 1501ms --over 1501ms",
            ),
            (Duration::from_millis(100), " --min-age 100ms --over 1s"),
            (Duration::from_secs(61), " --min-age 61s --over 61s"),
        ] {
            let findings = found(LeakDigest {
                min_age,
                ..digest(&[(Verdict::Undated, 50)], Vec::new())
            });
            let whole = format!("look twice: tcpstate leaks{advice}");
            assert_eq!(findings[0].advice, whole);
        }
    }

    /// "A quick look doesn't tell" was said to who lacks the right to look.
    #[test]
    fn why_nobody_is_named_is_told() {
        let said = |unseen| {
            let nobody = Suspect {
                who: Who::Unknown,
                ..java(3, 0)
            };
            let digest = digest(&[(Verdict::NotClosed, 3)], vec![nobody]);
            let findings = found(LeakDigest { unseen, ..digest });
            (findings[0].message.clone(), findings[0].advice.clone())
        };
        let (message, advice) = said(Some(IncompleteScan::Denied(7)));
        assert!(
            message.ends_with("owner unknown: 7 processes may not be looked into"),
            "{message}"
        );
        assert!(advice.contains("as root"), "{advice}");
        let (message, _) = said(Some(IncompleteScan::Hidden));
        assert!(message.contains("hidepid"), "{message}");
        let (message, advice) = said(Some(IncompleteScan::Failed(1)));
        assert!(message.contains("1 process could not be read"), "{message}");
        assert!(!advice.contains("root"), "{advice}");
        let (message, advice) = said(None);
        assert!(message.contains("no process that was"), "{message}");
        assert!(!advice.contains("root"), "{advice}");
    }

    #[test]
    fn each_is_judged_by_its_own_number() {
        let rest = Suspect {
            who: Who::Unknown,
            ..java(60, 0)
        };
        let findings = found(digest(
            &[(Verdict::NotClosed, 62)],
            vec![java(2, 100), rest],
        ));
        let severities: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Warning]);
        assert!(
            !findings[1].advice.contains("root"),
            "it may be root who asks"
        );
    }

    #[test]
    fn what_is_nobodys_may_be_manys_and_is_judged_as_such() {
        for (leaked, severity) in [
            (1, Severity::Info),
            (2, Severity::Warning),
            (199, Severity::Warning),
            (200, Severity::Critical),
        ] {
            let unknown = Suspect {
                who: Who::Unknown,
                ..java(leaked, 0)
            };
            let findings = found(digest(&[(Verdict::NotClosed, leaked)], vec![unknown]));
            assert_eq!(findings[0].severity, severity, "{leaked}");
        }
    }

    /// Fifty-one processes with a spare connection each woke somebody up.
    #[test]
    fn many_with_one_each_are_no_leak_of_many() {
        let rest = Suspect {
            who: Who::Others {
                processes: 51,
                elsewhere: 0,
            },
            ..java(51, 0)
        };
        let findings = found(digest(
            &[(Verdict::NotClosed, 52)],
            vec![java(1, 100), rest],
        ));
        assert!(findings.iter().all(|f| f.severity == Severity::Info));
        assert_eq!(
            findings[1].message,
            "51 CLOSE_WAIT sockets leaked in 51 more processes, the oldest for at least 2 h 14 m; \
             none of these leaks more than those that are named"
        );
    }

    #[test]
    fn one_leaked_socket_does_not_hide_those_without_a_date() {
        let counts = [(Verdict::NotClosed, 1), (Verdict::Undated, 50)];
        let findings = found(digest(&counts, vec![java(1, 100)]));
        assert_eq!(findings.len(), 2);
        assert!(findings[1].message.contains("can't tell since when"));
    }

    #[test]
    fn where_no_ages_are_told_nothing_is_fine() {
        let judged = |source| {
            let mut snapshot = snapshot()
                .with_leaks(digest(&[(Verdict::Undated, 49)], Vec::new()))
                .build();
            snapshot.collection.source = source;
            judge(&snapshot, None)
        };
        assert_eq!(judged(SourceKind::Procfs), Judgement::Unknown);
        assert_eq!(judged(SourceKind::Netlink), Judgement::Fine);
    }

    #[test]
    fn who_shares_them_is_told() {
        let forked = Suspect {
            others: 6,
            ..java(10, 100)
        };
        let findings = found(digest(&[(Verdict::NotClosed, 10)], vec![forked]));
        let told = "leaks 10 CLOSE_WAIT sockets, which 6 more processes hold too, the oldest";
        assert!(
            findings[0].message.contains(told),
            "{}",
            findings[0].message
        );
    }

    #[test]
    fn the_process_is_named_with_its_limit_and_the_next_command() {
        let suspects = vec![
            java(81, 918),
            Suspect {
                who: Who::Unit("nginx.service".to_owned()),
                ..java(3, 0)
            },
        ];
        let findings = found(digest(&[(Verdict::NotClosed, 84)], suspects));
        assert_eq!(
            findings[0].message,
            "java[2231] leaks 81 CLOSE_WAIT sockets, the oldest for at least 2 h 14 m; \
             918 of its 1,024 file descriptors are in use"
        );
        assert_eq!(findings[0].advice, "tcpstate leaks --pid 2231");
        assert_eq!(findings[1].subject, "nginx.service");
        assert_eq!(findings[1].severity, Severity::Warning);
    }
}
