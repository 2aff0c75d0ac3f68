//! Peers that don't answer: connects that hang, and closes that nobody
//! acknowledges.

use super::super::finding::quoted;
use super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::{MOST_FINDINGS, none_amiss};
use crate::model::{TcpState, UNANSWERED_MANY, Unanswered, UnresponsivePeer, float};
use crate::text::number::{counted, grouped};

/// Remote endpoints that many connections wait for in vain.
pub(super) const UNRESPONSIVE_PEERS: Rule =
    Rule::new("unresponsive_peers", "unresponsive peers", judge)
        .explained(
            "Connections hang in connect(), or wait behind our close() for acknowledgements of one \
             host. Nobody answers and nobody refuses: the host is down, a firewall drops silently, \
             or its accept queue is full. Give connect() a shorter timeout, or ask another server. \
             One or two towards each of many places are no fault: a crawler has them. See tcpstate \
             explain SYN_SENT.",
        )
        .measuring(
            Metric::new(
                "unanswered_connects",
                Unit::Count,
                "connections that hang in connect(), whose SYN was sent again twice",
                connects,
            )
            .about(About::In(TcpState::SynSent))
            .warns(Range::from(float(UNANSWERED_MANY))),
        );

/// Connections that wait for an answer to their SYN. Rows that are missing
/// might have been more.
fn connects(observation: &Observation) -> Measured {
    let unresponsive = observation.snapshot.pressure.unresponsive.as_ref();
    let unresponsive = unresponsive
        .filter(|_| observation.snapshot.collection.complete)
        .ok_or(Missing::Unread)?;
    Ok(float(unresponsive.connects.connections))
}

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let Some(unresponsive) = &snapshot.pressure.unresponsive else {
        return Judgement::NotAsked;
    };
    let all = &unresponsive.connects;
    let mut found = Vec::new();
    if let Some(severity) = levels.severity(Some(float(all.connections)), None) {
        let places = most_of(all);
        if places.is_empty() {
            // What asks many hosts meets some that are down.
            let scattered = is_scattered(all) && !levels.warn_is_set && !levels.crit_is_set;
            let severity = if scattered { Severity::Info } else { severity };
            found.extend(spread(all, severity));
        } else {
            found.extend(places.into_iter().map(|peer| connecting(peer, severity)));
        }
    }
    let closes = unresponsive
        .closes
        .peers
        .iter()
        .filter(|peer| is_many(peer));
    found.extend(closes.map(closing));
    found.truncate(MOST_FINDINGS);
    if found.is_empty() {
        none_amiss(snapshot)
    } else {
        Judgement::Found(found)
    }
}

pub(super) fn is_many(peer: &UnresponsivePeer) -> bool {
    u64::from(peer.connections) >= UNANSWERED_MANY
}

/// The peers to name, where most of the connections wait for a few of them, or
/// for one.
pub(super) fn most_of(all: &Unanswered) -> Vec<&UnresponsivePeer> {
    let peers = all.peers.iter().take(MOST_FINDINGS);
    let named: Vec<_> = peers
        .filter(|peer| is_many(peer) || all.places == Some(1))
        .collect();
    let connections: u64 = named.iter().map(|peer| u64::from(peer.connections)).sum();
    if connections * 2 >= all.connections {
        named
    } else {
        Vec::new()
    }
}

/// Whether one or two wait for each of many.
fn is_scattered(all: &Unanswered) -> bool {
    all.places.is_none_or(|places| all.connections < places * 2)
}

pub(super) fn evidence(peer: &UnresponsivePeer) -> Vec<Evidence> {
    vec![
        Evidence::count("connections", peer.connections.into()),
        Evidence::count("retransmits", peer.retransmits.into()),
    ]
}

pub(super) fn again(peer: &UnresponsivePeer) -> String {
    counted(peer.retransmits.into(), "time", "times")
}

/// Whose connections they are.
pub(super) fn of_program(peer: &UnresponsivePeer) -> String {
    let Some(program) = &peer.program else {
        return String::new();
    };
    let unit = program.unit.as_ref();
    let unit = unit.map_or_else(String::new, |unit| format!(" ({})", unit.short()));
    format!(" of {program}{unit}")
}

/// `540 connections hang`, of whom, and towards how many places.
pub(super) fn towards_places(all: &Unanswered) -> String {
    all.places.map_or_else(
        || "so many places that they are not counted".to_owned(),
        |places| counted(places, "place", "places"),
    )
}

const WHY: &str =
    "nobody refuses, so the host is down, a firewall drops, or its accept queue is full";

fn connecting(peer: &UnresponsivePeer, severity: Severity) -> Finding {
    let place = peer.place();
    let hang = counted(peer.connections.into(), "connection", "connections");
    let verb = if peer.connections == 1 {
        "hangs"
    } else {
        "hang"
    };
    Finding {
        rule: UNRESPONSIVE_PEERS.name,
        severity,
        message: format!(
            "{place} doesn't answer: {hang}{} {verb} in connect(), whose SYN was sent again up to \
             {}; {WHY}",
            of_program(peer),
            again(peer),
        ),
        advice: format!(
            "see who waits: tcpstate list -pe state syn-sent dst {}; until it answers, give \
             connect() a shorter timeout, or ask another server",
            quoted(peer.address, peer.port)
        ),
        subject: place,
        evidence: evidence(peer),
        state: Some(TcpState::SynSent),
    }
}

/// Many connects, and no place that most of them wait for.
fn spread(all: &Unanswered, severity: Severity) -> Option<Finding> {
    let first = all.peers.first()?;
    Some(Finding {
        rule: UNRESPONSIVE_PEERS.name,
        severity,
        subject: "connect()".to_owned(),
        message: format!(
            "{} in connect() towards {}, most of them{} towards {} ({}): nobody answers and nobody \
             refuses, so hosts are down or the way to them is",
            counted(all.connections, "connection hangs", "connections hang"),
            towards_places(all),
            of_program(first),
            first.place(),
            grouped(first.connections.into()),
        ),
        advice: "see who waits for whom: tcpstate list -pe state syn-sent; where all of them lead \
                 out of one network, look at its route and its firewall"
            .to_owned(),
        evidence: [
            Some(("connections", all.connections)),
            all.places.map(|n| ("places", n)),
        ]
        .into_iter()
        .flatten()
        .map(|(name, number)| Evidence::count(name, number))
        .collect(),
        state: Some(TcpState::SynSent),
    })
}

/// The kernel gives up by itself, and no process waits for it.
fn closing(peer: &UnresponsivePeer) -> Finding {
    let place = peer.place();
    Finding {
        rule: UNRESPONSIVE_PEERS.name,
        severity: Severity::Info,
        message: format!(
            "{place} doesn't answer: {} by our side, and their end was sent again up to {}; the \
             host or the way to it is gone, and the kernel gives up by itself",
            counted(
                peer.connections.into(),
                "connection was closed",
                "connections were closed"
            ),
            again(peer),
        ),
        advice: format!(
            "see them: tcpstate list -e state fin-wait-1 or state closing or state last-ack dst \
             {}; where they are so many that memory matters, lower net.ipv4.tcp_orphan_retries (0 \
             stands for 8)",
            quoted(peer.address, peer.port)
        ),
        subject: place,
        evidence: evidence(peer),
        state: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{snapshot, unanswered};
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::model::{Pressure, UnresponsivePeers};

    fn judged(connects: Unanswered, closes: Unanswered) -> Judgement {
        let unresponsive = Some(UnresponsivePeers {
            connects,
            closes,
            ..UnresponsivePeers::default()
        });
        let pressure = Pressure {
            unresponsive,
            ..Pressure::default()
        };
        let snapshot = snapshot().with_pressure(pressure).build();
        judged_by(&UNRESPONSIVE_PEERS, &snapshot, None)
    }

    fn connects(places: &[(&str, u32)]) -> Judgement {
        judged(unanswered(places), Unanswered::default())
    }

    fn findings(judgement: Judgement) -> Vec<Finding> {
        match judgement {
            Judgement::Found(findings) => findings,
            _ => Vec::new(),
        }
    }

    /// 200 connections hung in connect(), and everything was ok.
    #[test]
    fn a_place_that_many_wait_for_is_a_warning() {
        let of = |connections| connects(&[("10.0.0.9:80", connections)]);
        assert_eq!(severity(&of(9)), None);
        assert_eq!(severity(&of(10)), Some(Severity::Warning));
        let found = findings(of(200));
        let begins = "10.0.0.9:80 doesn't answer: 200 connections hang in connect(), whose SYN was \
                      sent again up to 3 times;";
        assert!(found[0].message.starts_with(begins));
        let see = "tcpstate list -pe state syn-sent dst 10.0.0.9:80;";
        assert!(found[0].advice.contains(see));
    }

    /// 540 over 60 servers were nine at each, and everything was ok. A crawler
    /// has one or two at each of many.
    #[test]
    fn many_connects_are_too_many_wherever_they_go_but_for_a_crawler() {
        let spread = |places: u32, each| {
            let names: Vec<String> = (0..places).map(|n| format!("10.0.{n}.9:80")).collect();
            let places: Vec<_> = names.iter().map(|name| (name.as_str(), each)).collect();
            findings(connects(&places))
        };
        let all = spread(60, 9);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].severity, Severity::Warning);
        let begins = "540 connections hang in connect() towards 60 places, most of them towards \
                      10.0.0.9:80 (9):";
        assert!(all[0].message.starts_with(begins), "{}", all[0].message);
        assert_eq!(spread(200, 1)[0].severity, Severity::Info);
        assert_eq!(spread(9, 1), []);
        // Most wait for one place, which says more.
        let most = findings(connects(&[("10.0.0.9:80", 50), ("10.0.0.8:80", 4)]));
        let subjects: Vec<&str> = most.iter().map(|finding| &*finding.subject).collect();
        assert_eq!(subjects, ["10.0.0.9:80"]);
    }

    #[test]
    fn what_was_closed_mends_itself_and_wakes_nobody() {
        let of = |connections| {
            judged(
                Unanswered::default(),
                unanswered(&[("10.0.0.9", connections)]),
            )
        };
        assert_eq!(severity(&of(9)), None);
        assert_eq!(severity(&of(70)), Some(Severity::Info));
    }

    #[test]
    fn where_nobody_looked_nothing_is_said() {
        assert_eq!(
            judged_by(&UNRESPONSIVE_PEERS, &snapshot().build(), None),
            Judgement::NotAsked
        );
    }

    #[test]
    fn an_ipv6_address_can_be_pasted_into_a_shell() {
        let found = findings(connects(&[("[fe80::9%2]:80", 10)]));
        assert!(found[0].advice.contains("dst '[fe80::9]:80';"));
        // Without brackets ss takes what is behind the last colon for a port,
        // and refuses the rest.
        let closes = unanswered(&[("fe80::9", 10)]);
        let found = findings(judged(Unanswered::default(), closes));
        assert!(found[0].advice.contains("dst '[fe80::9]';"));
        assert_eq!(found[0].subject, "fe80::9");
    }
}
