//! CLOSE_WAIT: the peer closed, the application didn't.

mod descriptors;
mod total;

use std::fmt::Write;
use std::time::Duration;

use self::total::dated;
use super::super::close_wait::{FDS_HIGH, LEAKED_CRITICAL, LeakReport, MIN_AGE};
use super::super::metric::{About, Bounds, Measured, Metric, Observation, Range, Unit};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::none_amiss;
use crate::model::{
    AgeBounds, IncompleteScan, LeakDigest, LeakOwner, LeakOwnerKind, SourceKind, TcpState, Verdict,
    VerdictCounts,
};
use crate::model::{float, ratio};
use crate::text::number::{argument, counted, duration, grouped};

pub(super) use descriptors::LEAKER_FDS;
pub(super) use total::{CLOSE_WAIT_OLDEST, CLOSE_WAIT_TOTAL, CLOSE_WAIT_UNDATED};

/// Connections that one process, unit or listener forgot to close.
///
/// A single one may be a pool's spare connection that its next user will find
/// closed. Beyond 50 it leaks at every request, or has for a long time.
pub(super) const CLOSE_WAIT_LEAK: Rule = Rule::new("close_wait_leak", "CLOSE_WAIT", judge)
    .explained(
        "One process, unit or listener holds connections whose peer has closed long ago. A \
         single one may be a pool's spare connection; two or more that stay are a fault of the \
         application, which never calls close(). Each takes a descriptor. See which, towards \
         whom and since when: tcpstate leaks. See also tcpstate explain CLOSE_WAIT.",
    )
    .measuring(
        Metric::new(
            "close_wait_leaked_by_one",
            Unit::Count,
            "leaked CLOSE_WAIT connections of the process, unit or listener that leaks most",
            leaked_by_one,
        )
        .about(About::In(TcpState::CloseWait))
        .highest()
        .bounded(bounds)
        .warns(Range::from(float(WARNING)))
        .alarms(Range::from(float(CRITICAL))),
    );

const WARNING: u64 = 2;
const CRITICAL: u64 = 51;
/// Sockets whose age one reading can't tell are too many to be chance.
const UNDATED: u64 = 50;

/// The largest number of one process, unit or listener.
fn leaked_by_one(observation: &Observation) -> Measured {
    dated(observation, |leaks| {
        let each = leaks.owners.iter().map(|owner| match owner.kind {
            LeakOwnerKind::Process { .. } | LeakOwnerKind::Unit(_) | LeakOwnerKind::Listener(_) => {
                owner.leaked
            }
            // None of them more than those that are named.
            LeakOwnerKind::Others { .. } => 0,
            // Each may be another's.
            LeakOwnerKind::Unknown => 1,
        });
        Ok(float(each.max().unwrap_or(0)))
    })
}

/// Of a process that was searched in part, and beside sockets whose owner is
/// unknown, the value is a lower bound.
fn bounds(observation: &Observation) -> Option<Bounds> {
    let low = leaked_by_one(observation).ok()?;
    let leaks = observation.snapshot.leaks.as_ref()?;
    let unowned = leaks
        .owners
        .iter()
        .filter(|s| s.kind == LeakOwnerKind::Unknown);
    let unowned: u64 = unowned.map(|owner| owner.leaked).sum();
    let total = float(leaks.counts.leaked());
    let high = if leaks.owners.iter().any(|owner| owner.or_more) {
        total
    } else {
        (low + float(unowned)).min(total)
    };
    (low < high).then_some(Bounds { low, high })
}

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let Some(leaks) = &snapshot.leaks else {
        return Judgement::NotAsked;
    };
    let findings = findings(leaks, levels);
    if !findings.is_empty() {
        return Judgement::Found(findings);
    }
    // /proc tells no ages, nor does a recording without tcp_info: that none is
    // known to be old means nothing there.
    let undated = leaks.counts.of(Verdict::Undated);
    if undated > 0 && snapshot.collection.source != SourceKind::Netlink {
        return Judgement::Unknown;
    }
    none_amiss(snapshot)
}

fn findings(leaks: &LeakDigest, levels: &Levels) -> Vec<Finding> {
    let owners = leaks.owners.iter();
    let named = owners.filter_map(|owner| Some((owner, severity(owner, levels)?)));
    let mut findings: Vec<Finding> = named
        .map(|(owner, severity)| finding(owner, severity, leaks))
        .collect();
    // Who leaks more than the rest is judged by name, and the rest follow it.
    if !findings.is_empty() {
        let rest = leaks.owners.iter();
        let rest = rest.filter(|owner| matches!(owner.kind, LeakOwnerKind::Others { .. }));
        findings.extend(rest.map(|owner| finding(owner, Severity::Info, leaks)));
    }
    let undated = leaks.counts.of(Verdict::Undated);
    let many = (undated >= UNDATED).then_some(Severity::Warning);
    if let Some(severity) = levels.severity(None, many) {
        findings.push(cannot_be_dated(undated, severity, leaks));
    }
    findings
}

fn severity(owner: &LeakOwner, levels: &Levels) -> Option<Severity> {
    let near_limit = fds_used(&owner.kind).is_some_and(|used| used >= FDS_HIGH);
    match owner.kind {
        LeakOwnerKind::Others { .. } => None,
        // One may have them all, or each another.
        LeakOwnerKind::Unknown => {
            let many = (owner.leaked >= WARNING).then_some(Severity::Warning);
            levels.severity(Some(1.0), total::is_critical(owner.leaked).or(many))
        }
        LeakOwnerKind::Process { .. } | LeakOwnerKind::Unit(_) | LeakOwnerKind::Listener(_) => {
            let fails_soon = near_limit && owner.leaked >= LEAKED_CRITICAL;
            let fails_soon = fails_soon.then_some(Severity::Critical);
            levels.severity(Some(float(owner.leaked)), fails_soon)
        }
    }
}

/// How bad a report is by the rules on CLOSE_WAIT, as far as it shows who leaks
/// `min_count` or more.
#[must_use]
pub fn severity_of_leaks(report: &LeakReport, min_count: u64) -> Option<Severity> {
    let leaks = digest(report, min_count);
    let by_one = findings(&leaks, &CLOSE_WAIT_LEAK.defaults());
    let by_one = by_one.iter().map(|finding| finding.severity).max();
    // One reading can come between the end of a connection and close(2).
    let stayed = report.closed_stayed.unwrap_or(0);
    let closed = (stayed >= min_count.max(WARNING)).then_some(Severity::Warning);
    let total = total::severity(&leaks);
    [by_one, closed, total, descriptors::severity(&leaks)]
        .into_iter()
        .max()
        .flatten()
}

/// What a report shows of who leaks.
fn digest(report: &LeakReport, min_count: u64) -> LeakDigest {
    let owner = |kind, leaked, oldest| LeakOwner {
        kind,
        leaked,
        others: 0,
        waits: 0,
        or_more: false,
        oldest,
    };
    let mut owners: Vec<LeakOwner> = Vec::new();
    for leaks in report.processes.iter().filter(|p| p.counts.leaked() > 0) {
        let process = &leaks.process;
        let kind = LeakOwnerKind::Process {
            pid: process.pid,
            command: process.command.clone(),
            open_fds: process.open_fds,
            fd_limit: process.fd_limit,
        };
        owners.push(owner(kind, leaks.counts.leaked(), leaks.oldest));
    }
    for queue in &report.listeners {
        let kind = LeakOwnerKind::Listener(queue.local.port);
        owners.push(owner(kind, queue.not_accepted, queue.oldest));
    }
    let unowned = report.leaked_unattributed().count() as u64;
    if unowned >= min_count.max(1) {
        owners.push(owner(LeakOwnerKind::Unknown, unowned, AgeBounds::default()));
    }
    let whole = min_count <= 1;
    LeakDigest {
        min_age: report.min_age,
        counts: if whole {
            report.counts
        } else {
            VerdictCounts::default()
        },
        oldest: AgeBounds::default(),
        owners,
        // Only how bad it is counts here.
        unseen: None,
    }
}

fn fds_used(who: &LeakOwnerKind) -> Option<f64> {
    match who {
        LeakOwnerKind::Process {
            open_fds, fd_limit, ..
        } => ratio((*open_fds)?, (*fd_limit)?),
        LeakOwnerKind::Unit(_)
        | LeakOwnerKind::Listener(_)
        | LeakOwnerKind::Others { .. }
        | LeakOwnerKind::Unknown => None,
    }
}

fn finding(owner: &LeakOwner, severity: Severity, leaks: &LeakDigest) -> Finding {
    let leaked = owner.leaked;
    let mut number = counted(leaked, "CLOSE_WAIT socket", "CLOSE_WAIT sockets");
    if owner.or_more {
        number.push_str(" or more");
    }
    let age = owner.oldest.at_least.map_or_else(String::new, |age| {
        format!(", the oldest for at least {}", duration(age))
    });
    let mut evidence = vec![
        Evidence::count("leaked", leaked),
        Evidence::count("close_wait", leaks.counts.total()),
    ];
    if let Some(age) = owner.oldest.at_least {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        evidence.push(Evidence::count("oldest_at_least_ms", age));
    }
    let (subject, message, advice) = match &owner.kind {
        LeakOwnerKind::Process {
            pid,
            command,
            open_fds,
            fd_limit,
        } => {
            let name = format!("{}[{pid}]", command.as_deref().unwrap_or("?"));
            evidence.push(Evidence::count("pid", (*pid).into()));
            let others = match owner.others {
                0 => String::new(),
                others => format!(
                    ", which {} too",
                    match others {
                        1 => "1 more process holds".to_owned(),
                        others => format!("{} more processes hold", grouped(others)),
                    }
                ),
            };
            // Who must act is somebody else.
            let mut message = if owner.is_waiting() {
                evidence.push(Evidence::count("fin_wait2", owner.waits));
                format!(
                    "{name} has {number}{others}{age}, beside as many connections that it has \
                     closed and the peer hasn't (FIN_WAIT2): it waits for that side, as a proxy does"
                )
            } else {
                format!("{name} leaks {number}{others}{age}")
            };
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
        LeakOwnerKind::Unit(unit) => (
            unit.clone(),
            // Who makes a socket may hand it on, as with socket activation.
            format!(
                "{unit}: {number} made in it are leaked{age}, held by a process that isn't known"
            ),
            whose(leaks.unseen),
        ),
        LeakOwnerKind::Listener(port) => (
            format!("port {port}"),
            format!("the listener at port {port} leaves {number} in its queue{age}"),
            format!("tcpstate leaks --listen-port {port}"),
        ),
        LeakOwnerKind::Others {
            processes,
            elsewhere,
        } => (
            // A name of its own: views follow a finding by it.
            "CLOSE_WAIT of other owners".to_owned(),
            format!(
                "{number} leaked in {}{age}; none of these leaks more than those that are named",
                places(*processes, *elsewhere, "more "),
            ),
            "see them all: tcpstate leaks".to_owned(),
        ),
        LeakOwnerKind::Unknown => (
            "CLOSE_WAIT".to_owned(),
            format!(
                "{number} leaked{age}, owner unknown: {}",
                unseen(leaks.unseen)
            ),
            whose(leaks.unseen),
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

/// How to learn who holds them.
fn whose(unseen: Option<IncompleteScan>) -> String {
    match unseen {
        Some(IncompleteScan::Denied(_) | IncompleteScan::Hidden) => {
            "see whose they are, as root: tcpstate leaks".to_owned()
        }
        Some(IncompleteScan::Failed(_) | IncompleteScan::Unlisted) | None => {
            "see whose they are: tcpstate leaks".to_owned()
        }
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
        Some(IncompleteScan::Unlisted) => "the processes could not be listed".to_owned(),
        None => "no process that was looked into has them".to_owned(),
    }
}

/// Where sockets leak: `5 processes`, `1 process and 2 units or listeners`.
fn places(processes: u64, elsewhere: u64, more: &str) -> String {
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
fn cannot_be_dated(undated: u64, severity: Severity, leaks: &LeakDigest) -> Finding {
    Finding {
        rule: CLOSE_WAIT_LEAK.name,
        severity,
        subject: "CLOSE_WAIT".to_owned(),
        message: format!(
            "{} connections were closed by the peer and not by the application; one reading \
             can't tell since when",
            grouped(undated)
        ),
        advice: format!(
            "compare two readings: tcpstate leaks{} --over {}",
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
    use crate::classify::rules::testing::judged_by;

    fn found(digest: LeakDigest) -> Vec<Finding> {
        match judged_by(
            &CLOSE_WAIT_LEAK,
            &snapshot().with_leaks(digest).build(),
            None,
        ) {
            Judgement::Found(findings) => findings,
            Judgement::Fine => Vec::new(),
            Judgement::Unknown | Judgement::NotAsked | Judgement::NotRead => {
                panic!("everything needed is there")
            }
        }
    }

    fn severities(leaked: u64, open_fds: u64) -> Vec<Severity> {
        let owners = vec![java(leaked, open_fds)];
        let findings = found(digest(&[(Verdict::NotClosed, leaked)], owners));
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn one_is_no_finding_two_are_a_warning_and_many_are_critical() {
        assert_eq!(severities(1, 100), []);
        for (leaked, severity) in [
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
        assert_eq!(
            judged_by(&CLOSE_WAIT_LEAK, &snapshot().build(), None),
            Judgement::NotAsked
        );
    }

    #[test]
    fn many_that_cannot_be_dated_are_not_good_news() {
        let findings = found(digest(&[(Verdict::Undated, 50)], Vec::new()));
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].advice,
            "compare two readings: tcpstate leaks --over 60s"
        );
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
            let whole = format!("compare two readings: tcpstate leaks{advice}");
            assert_eq!(findings[0].advice, whole);
        }
    }

    /// "A quick look doesn't tell" was said to who lacks the right to look.
    #[test]
    fn why_nobody_is_named_is_told() {
        let said = |unseen| {
            let nobody = LeakOwner {
                kind: LeakOwnerKind::Unknown,
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
        let (message, _) = said(Some(IncompleteScan::Unlisted));
        assert!(message.contains("could not be listed"), "{message}");
        let (message, advice) = said(None);
        assert!(message.contains("no process that was"), "{message}");
        assert!(!advice.contains("root"), "{advice}");
    }

    #[test]
    fn each_is_judged_by_its_own_number() {
        let rest = LeakOwner {
            kind: LeakOwnerKind::Unknown,
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
            (1, None),
            (2, Some(Severity::Warning)),
            (199, Some(Severity::Warning)),
            (200, Some(Severity::Critical)),
        ] {
            let unknown = LeakOwner {
                kind: LeakOwnerKind::Unknown,
                ..java(leaked, 0)
            };
            let findings = found(digest(&[(Verdict::NotClosed, leaked)], vec![unknown]));
            let found = findings.first().map(|finding| finding.severity);
            assert_eq!(found, severity, "{leaked}");
        }
    }

    /// Fifty-one processes with a spare connection each woke somebody up.
    #[test]
    fn many_with_one_each_are_no_leak_of_many() {
        let rest = LeakOwner {
            kind: LeakOwnerKind::Others {
                processes: 51,
                elsewhere: 0,
            },
            ..java(51, 0)
        };
        let beside = |named| {
            let counts = [(Verdict::NotClosed, 51 + named)];
            found(digest(&counts, vec![java(named, 100), rest.clone()]))
        };
        assert_eq!(beside(1), []);
        // Beside who leaks more they are told.
        let findings = beside(2);
        let severities: Vec<_> = findings.iter().map(|f| f.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Info]);
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
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("can't tell since when"));
    }

    #[test]
    fn where_no_ages_are_told_nothing_is_fine() {
        let judged = |source| {
            let mut snapshot = snapshot()
                .with_leaks(digest(&[(Verdict::Undated, 49)], Vec::new()))
                .build();
            snapshot.collection.source = source;
            judged_by(&CLOSE_WAIT_LEAK, &snapshot, None)
        };
        assert_eq!(judged(SourceKind::Procfs), Judgement::Unknown);
        assert_eq!(judged(SourceKind::Replay), Judgement::Unknown);
        assert_eq!(judged(SourceKind::Netlink), Judgement::Fine);
    }

    /// A proxy whose backend never closes was said to leak.
    #[test]
    fn who_waits_for_others_is_not_said_to_leak() {
        let said = |waits| {
            let proxy = LeakOwner {
                waits,
                ..java(20, 100)
            };
            let findings = found(digest(&[(Verdict::NotClosed, 20)], vec![proxy]));
            findings[0].message.clone()
        };
        let waiting = said(20);
        let told = "java[2231] has 20 CLOSE_WAIT sockets, the oldest for at least 2 h 14 m, beside \
                    as many connections that it has closed and the peer hasn't (FIN_WAIT2)";
        assert!(waiting.starts_with(told), "{waiting}");
        // What of it waits for nobody is its own fault.
        assert!(said(19).starts_with("java[2231] leaks 20"));
    }

    #[test]
    fn who_shares_them_is_told() {
        let forked = LeakOwner {
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
        let owners = vec![
            java(81, 918),
            LeakOwner {
                kind: LeakOwnerKind::Unit("nginx.service".to_owned()),
                ..java(3, 0)
            },
        ];
        let findings = found(digest(&[(Verdict::NotClosed, 84)], owners));
        assert_eq!(
            findings[0].message,
            "java[2231] leaks 81 CLOSE_WAIT sockets, the oldest for at least 2 h 14 m; \
             918 of its 1,024 file descriptors are in use"
        );
        assert_eq!(findings[0].advice, "tcpstate leaks --pid 2231");
        assert_eq!(findings[1].subject, "nginx.service");
        assert_eq!(findings[1].severity, Severity::Warning);
        // It made them, and another may hold them.
        assert_eq!(
            findings[1].message,
            "nginx.service: 3 CLOSE_WAIT sockets made in it are leaked, the oldest for at least \
             2 h 14 m, held by a process that isn't known"
        );
    }
}
