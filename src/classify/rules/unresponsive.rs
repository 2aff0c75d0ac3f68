//! Peers that don't answer: connects that hang, and closes that nobody
//! acknowledges.

use super::super::finding::quoted;
use super::super::metric::{About, Measured, Metric, Missing, Observation, Range, Unit};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::{Evidence, Finding, Severity};
use super::{MOST_FINDINGS, none_amiss};
use crate::model::{Endpoint, TcpState, UnresponsivePeer};
use crate::text::number::counted;

/// A remote endpoint that many connections wait for in vain.
pub(super) const UNRESPONSIVE_PEERS: Rule =
    Rule::new("unresponsive_peers", "unresponsive peers", judge)
        .explained(
            "Connections hang in connect() towards one place, or wait behind our close() for \
         acknowledgements of one host. Nobody answers and nobody refuses: the host is down, a \
         firewall drops silently, or its accept queue is full. Give connect() a shorter \
         timeout, or ask another server. See tcpstate explain SYN_SENT.",
        )
        .measuring(
            Metric::new(
                "unanswered_connects",
                Unit::Count,
                "connections that hang in connect() towards the one destination that most wait for",
                most_connects,
            )
            .about(About::Sockets)
            .warns(Range::from(MANY)),
        );

/// So many connections to one endpoint that hang are no accident of one
/// program.
const MANY: f64 = 10.0;

/// Connections that wait for an answer to their SYN, of the endpoint that most
/// of them wait for. Rows that are missing might have been more.
fn most_connects(observation: &Observation) -> Measured {
    let unresponsive = observation.snapshot.pressure.unresponsive.as_ref();
    let unresponsive = unresponsive
        .filter(|_| observation.snapshot.collection.complete)
        .ok_or(Missing::Unread)?;
    let most = unresponsive.connects.first();
    Ok(most.map_or(0.0, |peer| peer.connections.into()))
}

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let Some(unresponsive) = &snapshot.pressure.unresponsive else {
        return Judgement::NotAsked;
    };
    let connects = unresponsive.connects.iter().filter_map(|peer| {
        let severity = levels.severity(Some(peer.connections.into()), None)?;
        Some(connecting(peer, severity))
    });
    let many = |peer: &&UnresponsivePeer| f64::from(peer.connections) >= MANY;
    let closes = unresponsive.closes.iter().filter(many).map(closing);
    let found: Vec<Finding> = connects.chain(closes).take(MOST_FINDINGS).collect();
    if found.is_empty() {
        none_amiss(snapshot)
    } else {
        Judgement::Found(found)
    }
}

fn evidence(peer: &UnresponsivePeer) -> Vec<Evidence> {
    vec![
        Evidence::count("connections", peer.connections.into()),
        Evidence::count("retransmits", peer.retransmits.into()),
    ]
}

fn again(peer: &UnresponsivePeer) -> String {
    counted(peer.retransmits.into(), "time", "times")
}

fn connecting(peer: &UnresponsivePeer, severity: Severity) -> Finding {
    let place = Endpoint::new(peer.address, peer.port.unwrap_or(0)).to_string();
    Finding {
        rule: UNRESPONSIVE_PEERS.name,
        severity,
        message: format!(
            "{place} doesn't answer: {} in connect(), whose SYN was sent again up to {}; nobody \
             refuses, so the host is down, a firewall drops, or its accept queue is full",
            counted(
                peer.connections.into(),
                "connection hangs",
                "connections hang"
            ),
            again(peer),
        ),
        advice: format!(
            "see who waits: ss -tnp state syn-sent dst {}; until it answers, give connect() a \
             shorter timeout, or ask another server",
            quoted(peer.address, peer.port)
        ),
        subject: place,
        evidence: evidence(peer),
        state: Some(TcpState::SynSent),
    }
}

/// The kernel gives up by itself, and no process waits for it.
fn closing(peer: &UnresponsivePeer) -> Finding {
    let address = peer.address.to_string();
    Finding {
        rule: UNRESPONSIVE_PEERS.name,
        severity: Severity::Info,
        message: format!(
            "{address} doesn't answer: {} by our side, and their end was sent again up to \
             {}; the host or the way to it is gone, and the kernel gives up by itself",
            counted(
                peer.connections.into(),
                "connection was closed",
                "connections were closed"
            ),
            again(peer),
        ),
        advice: format!(
            "see them: ss -tno state fin-wait-1 state closing state last-ack dst {}; \
             where they are so many that memory matters, lower net.ipv4.tcp_orphan_retries \
             (0 stands for 8)",
            quoted(peer.address, peer.port)
        ),
        subject: address,
        evidence: evidence(peer),
        state: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::snapshot;
    use super::super::testing::{judged_by, severity};
    use super::*;
    use crate::model::{Pressure, UnresponsivePeers};

    fn peer(connections: u32, port: Option<u16>) -> UnresponsivePeer {
        UnresponsivePeer {
            address: "10.0.0.9".parse().unwrap(),
            port,
            connections,
            retransmits: 3,
        }
    }

    fn judged(connects: Vec<UnresponsivePeer>, closes: Vec<UnresponsivePeer>) -> Judgement {
        let unresponsive = Some(UnresponsivePeers { connects, closes });
        let pressure = Pressure {
            unresponsive,
            ..Pressure::default()
        };
        judged_by(
            &UNRESPONSIVE_PEERS,
            &snapshot().with_pressure(pressure).build(),
            None,
        )
    }

    /// 200 connections hung in connect(), and everything was ok.
    #[test]
    fn a_place_that_many_wait_for_is_a_warning() {
        let of = |connections| judged(vec![peer(connections, Some(80))], Vec::new());
        assert_eq!(severity(&of(9)), None);
        assert_eq!(severity(&of(10)), Some(Severity::Warning));
        let Judgement::Found(findings) = of(200) else {
            panic!("200 wait");
        };
        let begins = "10.0.0.9:80 doesn't answer: 200 connections hang in connect(), whose SYN was \
                      sent again up to 3 times;";
        assert!(findings[0].message.starts_with(begins));
        assert!(
            findings[0]
                .advice
                .contains("ss -tnp state syn-sent dst 10.0.0.9:80;")
        );
    }

    #[test]
    fn what_was_closed_mends_itself_and_wakes_nobody() {
        let of = |connections| judged(Vec::new(), vec![peer(connections, None)]);
        assert_eq!(severity(&of(9)), None);
        assert_eq!(severity(&of(70)), Some(Severity::Info));
    }

    #[test]
    fn many_places_are_told_up_to_a_few() {
        let places = (1..9).map(|port| peer(50, Some(port))).collect();
        let Judgement::Found(findings) = judged(places, Vec::new()) else {
            panic!("50 wait for each");
        };
        assert_eq!(findings.len(), MOST_FINDINGS);
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
        let peer = |port| UnresponsivePeer {
            address: "fe80::9".parse().unwrap(),
            ..peer(10, port)
        };
        let finding = connecting(&peer(Some(80)), Severity::Warning);
        assert!(finding.advice.contains("dst '[fe80::9]:80';"));
        // Without brackets ss takes what is behind the last colon for a port,
        // and refuses the rest.
        let finding = closing(&peer(None));
        assert!(finding.advice.contains("dst '[fe80::9]';"));
        assert_eq!(finding.subject, "fe80::9");
    }
}
