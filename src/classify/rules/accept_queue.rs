//! Accept queues that are full.

use std::time::Duration;

use super::super::change::{self, Change};
use super::super::listeners::{Drops, is_nearly_full};
use super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit, share};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::syn::named;
use super::{MOST_FINDINGS, listeners, none_amiss, without_listeners};
use crate::model::float;
use crate::model::{Counter, Listener, Snapshot, Sysctl};
use crate::text::number::{counted, duration, grouped};

/// A listener whose accept queue is full.
pub(super) const ACCEPT_QUEUE_FULL: Rule = Rule::new("accept_queue_full", "accept queues", judge)
    .explained(
        "An accept queue holds finished connections until the application calls accept(). It is \
         full when more wait than its limit; new connections are then dropped silently, and \
         clients see timeouts. Cause: the application accepts too slowly, is blocked, or the \
         limit is smaller than its bursts. See the program and its queue: tcpstate pressure -p. \
         Repair the accept loop first; raise the backlog, and somaxconn with it, only for bursts.",
    )
    .measuring(
        Metric::new(
            "accept_queues_full",
            Unit::Count,
            "listeners whose accept queue is full; critical while clients are dropped",
            full_queues,
        )
        .about(About::Listeners)
        .warns(Range::from(1.0)),
    )
    .lingering();

/// How full the fullest accept queue is.
pub(super) const ACCEPT_QUEUE_USED: Metric = Metric::new(
    "accept_queue_used",
    Unit::Percent,
    "connections waiting in the fullest accept queue, as a share of its limit",
    fullest_share,
)
.about(About::Listeners);

/// Listening addresses whose accept queue is full.
fn full_queues(observation: &Observation) -> Measured {
    let mut full = 0;
    for listener in listeners(observation)? {
        full += u64::from(listener.is_full().ok_or(Missing::Unread)?);
    }
    Ok(float(full))
}

/// Per cent.
fn fullest_share(observation: &Observation) -> Measured {
    let mut most = 0.0;
    for listener in listeners(observation)? {
        let limit = listener.accept_limit.ok_or(Missing::Unread)?;
        let waiting = f64::from(listener.accept_queue);
        // One may wait even where the limit is 0: the kernel takes one more.
        most = f64::max(most, share(Ok(waiting), Ok(f64::from(limit).max(1.0)))?);
    }
    Ok(most)
}

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let (snapshot, past) = (observation.snapshot, observation.past);
    let Some(listeners) = &snapshot.pressure.listeners else {
        return without_listeners(snapshot);
    };
    if listeners.none_matched() {
        return Judgement::NotAsked;
    }
    let listeners = &listeners.listeners;
    if listeners
        .iter()
        .any(|listener| listener.is_full().is_none())
    {
        return Judgement::Unknown;
    }
    let full: Vec<&Listener> = listeners
        .iter()
        .filter(|listener| listener.is_full() == Some(true))
        .collect();
    let overflows = change::counter(Counter::ListenOverflows, snapshot, past);
    let overflowed = overflows.filter(|change| change.by > 0);
    // Each listener counts what it drops; without that nobody is named.
    let drops = Drops::between(snapshot, past);
    let dropped: Vec<&Listener> = match (&drops, overflowed) {
        (Some(drops), Some(_)) => drops.by.iter().map(|&(listener, _)| listener).collect(),
        _ => Vec::new(),
    };
    // Whoever drops goes before whoever is only full.
    let is_full_only = |listener: &&&Listener| {
        !dropped
            .iter()
            .any(|one| one.address() == listener.address())
    };
    let mut found: Vec<Finding> = dropped
        .iter()
        .chain(full.iter().filter(is_full_only))
        .take(MOST_FINDINGS)
        .filter_map(|listener| finding(listener, snapshot, drops.as_ref(), overflows))
        .filter_map(|finding| judged(finding, full.len(), levels))
        .collect();
    if let Some(change) = overflowed
        && dropped.is_empty()
    {
        let ago = past.and_then(|past| past.ago).unwrap_or_default();
        let dropped = of_nobody(change, ago, full.len(), fullest(listeners));
        found.extend(judged(dropped, full.len(), levels));
    }
    if found.is_empty() && overflows.is_none() {
        found.extend(nearly_full(listeners, snapshot));
    }
    if found.is_empty() {
        none_amiss(snapshot)
    } else {
        Judgement::Found(found)
    }
}

/// The finding by the number of full queues; that clients are dropped makes it
/// worse.
fn judged(finding: Finding, full: usize, levels: &Levels) -> Option<Finding> {
    let severity = levels.severity(Some(float(full as u64)), Some(finding.severity))?;
    Some(Finding {
        severity,
        ..finding
    })
}

/// The listener whose accept queue has the largest share of its places taken,
/// if anybody waits at all.
fn fullest(listeners: &[Listener]) -> Option<(&Listener, f64)> {
    listeners
        .iter()
        .filter(|listener| listener.accept_queue > 0)
        .filter_map(|listener| Some((listener, listener.used_ratio()?)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// Where somebody waits, and how many.
fn waiting_at(listener: &Listener) -> String {
    format!(
        "{} of {} at {}",
        grouped(listener.accept_queue.into()),
        grouped(listener.accept_limit.unwrap_or(0).into()),
        named(listener),
    )
}

/// What to do about a queue that fills at times.
fn look_at(listener: &Listener) -> String {
    format!(
        "see what it does instead of accept(): ss -tlnp sport = :{}; if it is only bursts, let it \
         listen with a longer backlog, up to net.core.somaxconn",
        listener.local.port
    )
}

/// What the kernel counts as overflows: not clients, one that tries again is
/// counted again.
fn segments(number: u64) -> String {
    counted(
        number,
        "SYN or ACK of new clients was",
        "SYNs and ACKs of new clients were",
    )
}

/// Overflows that no listener can be blamed for.
fn of_nobody(
    change: Change,
    ago: Duration,
    full: usize,
    fullest: Option<(&Listener, f64)>,
) -> Finding {
    let (severity, whose) = match (full, fullest) {
        (0, Some((listener, _))) => (
            Severity::Warning,
            format!(
                "none is full now, so it is one that fills at times; most wait here: {}",
                waiting_at(listener)
            ),
        ),
        (0, None) => (
            Severity::Warning,
            "nobody waits now, so it is one that fills at times".to_owned(),
        ),
        _ => (
            Severity::Critical,
            format!(
                "{} full now, and whose they are is not known",
                counted(full as u64, "is", "are")
            ),
        ),
    };
    Finding {
        rule: ACCEPT_QUEUE_FULL.name,
        severity,
        subject: "accept queues".to_owned(),
        message: format!(
            "{} dropped in {} ({:.1} a second) because an accept queue of this namespace was \
             full; {whose}",
            segments(change.by),
            duration(ago),
            change.per_s,
        ),
        advice: match fullest {
            Some((listener, _)) if full == 0 => look_at(listener),
            _ if full == 0 => {
                "catch it while it fills: tcpstate watch, and there key 4 for the listeners"
                    .to_owned()
            }
            _ => "see what the programs with a full queue do instead: tcpstate pressure -p"
                .to_owned(),
        },
        evidence: vec![Evidence::count("listen_overflows", change.by)],
        state: None,
    }
}

/// One look: a queue with hardly a place left, in a namespace that dropped
/// clients before. Whether it was this one, and lately, takes two looks.
fn nearly_full(listeners: &[Listener], snapshot: &Snapshot) -> Option<Finding> {
    let overflows = snapshot
        .counters
        .get(Counter::ListenOverflows)
        .filter(|&overflows| overflows > 0)?;
    let (listener, used) = fullest(listeners).filter(|(listener, _)| is_nearly_full(listener))?;
    Some(Finding {
        rule: ACCEPT_QUEUE_FULL.name,
        severity: Severity::Info,
        subject: listener.address(),
        message: format!(
            "an accept queue is nearly full, {}; so far {} dropped by full accept queues of this \
             namespace",
            waiting_at(listener),
            segments(overflows),
        ),
        advice: "to see whether clients are turned away, compare two readings: tcpstate pressure \
                 --over 10s"
            .to_owned(),
        evidence: vec![
            Evidence::count("accept_queue", listener.accept_queue.into()),
            Evidence::count("accept_limit", listener.accept_limit.unwrap_or(0).into()),
            Evidence::number("used_ratio", used),
            Evidence::count("listen_overflows", overflows),
        ],
        state: None,
    })
}

/// A listener that is full, or was while it dropped.
fn finding(
    listener: &Listener,
    snapshot: &Snapshot,
    drops: Option<&Drops<'_>>,
    overflows: Option<Change>,
) -> Option<Finding> {
    let limit = listener.accept_limit?;
    let queue = listener.accept_queue;
    let is_full = listener.is_full()?;
    let overflowed = overflows.is_some_and(|change| change.by > 0);
    let dropped = drops.map(|drops| if overflowed { drops.of(listener) } else { 0 });
    let severity = match dropped {
        Some(1..) if is_full => Severity::Critical,
        _ => Severity::Warning,
    };
    let rate = match (drops, dropped) {
        (Some(drops), Some(dropped @ 1..)) => {
            let per_s = drops.all.per_s * float(dropped) / float(drops.all.by);
            let at_most = if drops.exact { "" } else { "at most " };
            format!(
                ", {at_most}{} dropped, {per_s:.1} a second",
                counted(dropped, "SYN or ACK", "SYNs and ACKs")
            )
        }
        (Some(_), _) => ", none dropped between the two readings".to_owned(),
        (None, _) => String::new(),
    };
    let state = if is_full {
        "accept queue full"
    } else {
        "accept queue full at times"
    };
    let silent = snapshot
        .sysctls
        .get(Sysctl::TcpAbortOnOverflow)
        .unwrap_or(0)
        == 0;
    // Seen on Linux 6.18: the setting doesn't change what becomes of a SYN.
    let consequence = if silent {
        "new connections are dropped silently"
    } else {
        "new connections are dropped silently, and those in the middle of a handshake are reset"
    };
    let mut evidence = vec![
        Evidence::count("accept_queue", queue.into()),
        Evidence::count("accept_limit", limit.into()),
    ];
    if listener.sockets > 1 {
        evidence.push(Evidence::count("sockets", listener.sockets.into()));
        evidence.extend(
            listener
                .full_sockets
                .map(|full| Evidence::count("full_sockets", full.into())),
        );
    }
    evidence.extend(dropped.map(|dropped| Evidence::count("dropped", dropped)));
    let overflows = snapshot.counters.get(Counter::ListenOverflows);
    evidence.extend(overflows.map(|value| Evidence::count("listen_overflows", value)));
    evidence.extend(
        listener
            .dead
            .map(|dead| Evidence::count("dead", dead.into())),
    );
    // The program tells who has to act; it is looked for where that is cheap.
    let program = listener
        .culprit()
        .map_or_else(String::new, |program| format!(" {program}"));
    Some(Finding {
        rule: ACCEPT_QUEUE_FULL.name,
        severity,
        subject: listener.address(),
        message: format!(
            "{}{program}: {state} ({}{}/{}){rate}; {consequence}",
            listener.address(),
            of_several(listener),
            grouped(queue.into()),
            grouped(limit.into()),
        ),
        advice: advice(listener, limit, snapshot),
        evidence,
        state: None,
    })
}

/// A limit at somaxconn was cut down to it, most likely: no longer backlog of
/// the program's helps then.
fn advice(listener: &Listener, limit: u32, snapshot: &Snapshot) -> String {
    let port = listener.local.port;
    let remedy = if snapshot.sysctls.get(Sysctl::Somaxconn) == Some(limit.into()) {
        "; its limit is net.core.somaxconn: for bursts raise that, then the program's backlog, and \
         restart it"
    } else {
        "; for bursts let it listen with a longer backlog, up to net.core.somaxconn"
    };
    format!("see the program and its queue: tcpstate pressure -p --listen-port {port}{remedy}")
}

/// How many of the sockets of a place are full, where it has several. The
/// kernel picks one by the addresses of the client, whether it is full or not.
fn of_several(listener: &Listener) -> String {
    match (listener.full_sockets, listener.sockets) {
        (Some(full), all @ 2..) if full < all => format!(
            "{full} of its {all} sockets, which lose their share of the clients; at the fullest "
        ),
        (_, all @ 2..) => format!("all of its {all} sockets; at the fullest "),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::listeners::ListenerTally;
    use super::super::super::testing::{SnapshotBuilder, snapshot, socket};
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::classify::change::Past;
    use crate::model::Pressure;
    use std::time::Duration;

    fn with_queue(waiting: u32, limit: Option<u32>) -> SnapshotBuilder {
        with_listeners(&[(waiting, limit, None)])
    }

    /// Listeners at ports from 80 on, with what waits, the limit, and what each
    /// has discarded.
    fn with_listeners(listeners: &[(u32, Option<u32>, Option<u32>)]) -> SnapshotBuilder {
        let mut tally = ListenerTally::default();
        for (port, &(waiting, limit, drops)) in (80..).zip(listeners) {
            let local = format!("0.0.0.0:{port}");
            let mut listening = socket(&local, "0.0.0.0:0")
                .listening(waiting, limit)
                .build();
            listening.drops = drops;
            tally.add_listener(&listening);
        }
        snapshot().with_pressure(Pressure {
            listeners: Some(tally.finish()),
            ..Pressure::default()
        })
    }

    #[test]
    fn fires_beyond_the_limit_and_not_at_it() {
        let judged = |waiting| {
            judged_by(
                &ACCEPT_QUEUE_FULL,
                &with_queue(waiting, Some(128)).build(),
                None,
            )
        };
        assert_eq!(severity(&judged(128)), None);
        assert_eq!(severity(&judged(129)), Some(Severity::Warning));
    }

    /// What is full 17 times a second and 8 of 8 when somebody looks was "ok".
    #[test]
    fn a_queue_with_hardly_a_place_left_is_told_where_clients_were_dropped() {
        let judged = |waiting, overflows| {
            let snapshot = with_queue(waiting, Some(8));
            judged_by(
                &ACCEPT_QUEUE_FULL,
                &snapshot
                    .with_counter(Counter::ListenOverflows, overflows)
                    .build(),
                None,
            )
        };
        assert_eq!(judged(8, 0), Judgement::Fine);
        assert_eq!(judged(7, 356), Judgement::Fine);
        let Judgement::Found(findings) = judged(8, 356) else {
            panic!("there is hardly a place left");
        };
        assert_eq!(findings[0].severity, Severity::Info);
        assert_eq!(
            findings[0].message,
            "an accept queue is nearly full, 8 of 8 at 0.0.0.0:80; so far 356 SYNs and ACKs of new \
             clients were dropped by full accept queues of this namespace"
        );
    }

    /// The kernel counts each SYN and ACK that it drops, those of a client
    /// that tries again too: 60 clients were said to be 454.
    #[test]
    fn overflows_of_a_queue_that_empties_between_are_segments_and_have_a_suspect() {
        let start = Duration::from_secs(9_000);
        let told = |waiting| {
            let with = |overflows| {
                with_queue(waiting, Some(8)).with_counter(Counter::ListenOverflows, overflows)
            };
            let before = with(0).read_at(start).build();
            let now = with(454).read_at(start + Duration::from_secs(20)).build();
            match judged_by(&ACCEPT_QUEUE_FULL, &now, Some(Past::of(&before, &now))) {
                Judgement::Found(mut findings) => {
                    let finding = findings.remove(0);
                    (finding.message, finding.advice)
                }
                _ => panic!("clients were dropped"),
            }
        };
        let (message, advice) = told(6);
        assert_eq!(
            message,
            "454 SYNs and ACKs of new clients were dropped in 20 s (22.7 a second) because an \
             accept queue of this namespace was full; none is full now, so it is one that fills \
             at times; most wait here: 6 of 8 at 0.0.0.0:80"
        );
        assert!(advice.contains("ss -tlnp sport = :80"), "{advice}");
        let (message, advice) = told(0);
        assert!(message.contains("; nobody waits now"), "{message}");
        assert!(advice.contains("tcpstate watch"), "{advice}");
    }

    #[test]
    fn drops_of_a_full_listener_make_it_critical() {
        let start = Duration::from_secs(9_000);
        let judged = |drops: u32| {
            let with = |drops: u32| {
                with_listeners(&[(129, Some(128), Some(drops))])
                    .with_counter(Counter::ListenOverflows, drops.into())
                    .with_counter(Counter::ListenDrops, drops.into())
            };
            let before = with(7).read_at(start).build();
            let now = with(drops).read_at(start + Duration::from_secs(2)).build();
            judged_by(&ACCEPT_QUEUE_FULL, &now, Some(Past::of(&before, &now)))
        };
        assert_eq!(severity(&judged(9)), Some(Severity::Critical));
        assert_eq!(severity(&judged(7)), Some(Severity::Warning));
        assert_eq!(severity(&judged(3)), Some(Severity::Warning), "reset");
        let Judgement::Found(findings) = judged(9) else {
            panic!("it is full");
        };
        assert_eq!(
            findings[0].message,
            "0.0.0.0:80: accept queue full (129/128), 2 SYNs and ACKs dropped, 1.0 a second; new \
             connections are dropped silently"
        );
    }

    fn message(snapshot: &SnapshotBuilder) -> (String, String) {
        let Judgement::Found(findings) =
            judged_by(&ACCEPT_QUEUE_FULL, &snapshot.clone().build(), None)
        else {
            panic!("it is full");
        };
        let finding = findings.into_iter().next().unwrap();
        (finding.message, finding.advice)
    }

    /// Whoever reads "are reset" looks at other counters than one who reads
    /// "are dropped".
    #[test]
    fn what_becomes_of_new_clients_hangs_on_tcp_abort_on_overflow() {
        let with = |value| with_queue(9, Some(8)).with_sysctl(Sysctl::TcpAbortOnOverflow, value);
        let (dropped, _) = message(&with(0));
        assert!(dropped.ends_with("are dropped silently"), "{dropped}");
        let (reset, _) = message(&with(1));
        assert!(reset.contains("a handshake are reset"), "{reset}");
        // The kernel asks whether it is 0.
        let (reset, _) = message(&with(2));
        assert!(reset.contains("a handshake are reset"), "{reset}");
    }

    #[test]
    fn a_limit_at_somaxconn_is_said_to_be_cut_to_it() {
        let advised = |limit, somaxconn| {
            let snapshot = with_queue(limit + 1, Some(limit));
            message(&snapshot.with_sysctl(Sysctl::Somaxconn, somaxconn)).1
        };
        let raise = "its limit is net.core.somaxconn: for bursts raise that, then";
        assert!(advised(128, 128).contains(raise));
        assert!(!advised(127, 128).contains(raise));
        // It was lowered since: the limit is what somebody asked for then.
        assert!(!advised(129, 128).contains(raise));
    }

    /// The kernel picks one of several sockets by the client's address, and a
    /// full one drops its share while the others are empty.
    #[test]
    fn one_full_socket_of_several_is_told_with_how_many_there_are() {
        let told = |queues: &[u32]| {
            let mut tally = ListenerTally::default();
            for &waiting in queues {
                let listening = socket("0.0.0.0:80", "0.0.0.0:0").listening(waiting, Some(8));
                tally.add_listener(&listening.build());
            }
            let snapshot = snapshot().with_pressure(Pressure {
                listeners: Some(tally.finish()),
                ..Pressure::default()
            });
            match judged_by(&ACCEPT_QUEUE_FULL, &snapshot.build(), None) {
                Judgement::Found(findings) => Some(findings[0].message.clone()),
                _ => None,
            }
        };
        assert_eq!(told(&[8, 8, 0]), None);
        let one = told(&[0, 9, 0]).unwrap();
        assert!(one.contains("full (1 of its 3 sockets, which"), "{one}");
        let two = told(&[10, 9, 0]).unwrap();
        assert!(two.contains("full (2 of its 3 sockets, which"), "{two}");
        assert!(two.contains("at the fullest 10/8)"), "{two}");
        let all = told(&[9, 9]).unwrap();
        assert!(all.contains("full (all of its 2 sockets"), "{all}");
        assert!(!told(&[9]).unwrap().contains("sockets"));
    }

    #[test]
    fn where_no_listener_matched_nothing_is_said_to_be_well() {
        let mut snapshot = with_queue(0, Some(8)).build();
        assert_eq!(
            judged_by(&ACCEPT_QUEUE_FULL, &snapshot, None),
            Judgement::Fine
        );
        let listeners = snapshot.pressure.listeners.as_mut().unwrap();
        listeners.listeners.clear();
        assert_eq!(
            judged_by(&ACCEPT_QUEUE_FULL, &snapshot, None),
            Judgement::NotAsked
        );
        listeners_gone(&mut snapshot);
        assert_eq!(
            judged_by(&ACCEPT_QUEUE_FULL, &snapshot, None),
            Judgement::Fine,
            "nobody listens"
        );
    }

    fn listeners_gone(snapshot: &mut Snapshot) {
        snapshot.pressure.listeners = Some(crate::model::Listeners::default());
    }

    #[test]
    fn the_unit_behind_a_full_queue_is_named() {
        let mut snapshot = with_queue(9, Some(8)).build();
        let listeners = snapshot.pressure.listeners.as_mut().unwrap();
        let id = crate::model::CgroupId(7);
        listeners.listeners[0].cgroups = vec![crate::model::Cgroup {
            id,
            path: Some("/system.slice/orders.service".to_owned()),
            removed: false,
            unit: crate::model::Unit::from_cgroup_path("/system.slice/orders.service"),
        }];
        let Judgement::Found(findings) = judged_by(&ACCEPT_QUEUE_FULL, &snapshot, None) else {
            panic!("it is full");
        };
        let begins = "0.0.0.0:80 orders.service: accept queue full (9/8)";
        assert!(findings[0].message.starts_with(begins));
    }

    #[test]
    fn over_proc_there_is_no_verdict() {
        assert_eq!(
            judged_by(&ACCEPT_QUEUE_FULL, &with_queue(129, None).build(), None),
            Judgement::Unknown
        );
        assert_eq!(
            judged_by(&ACCEPT_QUEUE_FULL, &snapshot().build(), None),
            Judgement::NotAsked
        );
    }

    /// A listener that was full and had never dropped anything was blamed for a
    /// burst at another one, "now".
    #[test]
    fn drops_are_blamed_on_the_listener_that_counted_them() {
        let start = Duration::from_secs(9_000);
        let judged = |queues: [u32; 2], drops: [Option<u32>; 2], overflows: u64| {
            let with = |drops: [Option<u32>; 2], overflows| {
                let [one, other] = drops;
                let [first, second] = queues;
                with_listeners(&[(first, Some(8), one), (second, Some(8), other)])
                    .with_counter(Counter::ListenOverflows, overflows)
                    .with_counter(Counter::ListenDrops, overflows)
            };
            let before = with(drops.map(|known| known.map(|_| 0)), 7);
            let before = before.read_at(start).build();
            let now = with(drops, 7 + overflows);
            let now = now.read_at(start + Duration::from_secs(2)).build();
            match judged_by(&ACCEPT_QUEUE_FULL, &now, Some(Past::of(&before, &now))) {
                Judgement::Found(findings) => findings
                    .into_iter()
                    .map(|finding| (finding.subject, finding.severity))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let name = |port| format!("0.0.0.0:{port}");
        let nobody = || "accept queues".to_owned();
        let (warning, critical) = (Severity::Warning, Severity::Critical);
        assert_eq!(
            judged([9, 0], [Some(0), Some(4)], 4),
            [(name(81), warning), (name(80), warning)]
        );
        assert_eq!(
            judged([9, 9], [Some(4), Some(0)], 4),
            [(name(80), critical), (name(81), warning)]
        );
        assert_eq!(judged([0, 0], [Some(4), Some(0)], 4), [(name(80), warning)]);
        // Segments that were discarded, and no queue that was full.
        assert_eq!(judged([0, 0], [Some(4), Some(0)], 0), []);
        // Whoever dropped has closed since.
        assert_eq!(judged([0, 0], [Some(0), Some(0)], 4), [(nobody(), warning)]);
        // Before Linux 4.7 nobody is named.
        assert_eq!(
            judged([9, 0], [None, None], 4),
            [(name(80), warning), (nobody(), critical)]
        );
        assert_eq!(judged([0, 0], [None, None], 0), []);
    }
}
