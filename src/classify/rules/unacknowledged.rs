//! Open connections to a peer that is gone, or that doesn't read.

use super::super::finding::quoted;
use super::super::metric::{About, Measured, Metric, Missing, Observation, Unit};
use super::super::rule::{Judgement, Levels, Rule};
use super::super::unresponsive::{DATA_AGAIN, gives_up_after};
use super::super::{Evidence, Finding, Severity};
use super::none_amiss;
use super::unresponsive::{again, evidence, is_many, most_of, of_program, towards_places};
use crate::model::{
    Snapshot, Sysctl, TcpState, UNANSWERED_MANY, Unanswered, UnresponsivePeer, float, ratio,
};
use crate::text::number::{counted, duration, percent};

/// Data that nobody acknowledges. How bad it is depends on towards whom, and on
/// how many connections there are, so the rule has no range.
pub(super) const UNACKNOWLEDGED: Rule =
    Rule::new("unacknowledged_data", "unacknowledged data", judge)
        .explained(
            "Open connections send the same data again and again, and nobody acknowledges it: the \
             peer's host or the way to it is gone, and programs wait in vain. The kernel gives a \
             connection up after the time of tcp_retries2, 15 min by default; TCP_USER_TIMEOUT \
             makes that shorter for one socket, and keepalive finds dead peers where nothing is \
             sent. A peer that keeps its window closed is there, and its program doesn't read. A \
             connection on which nothing is sent can be dead without anybody's notice.",
        )
        .measuring(
            Metric::new(
                "unacknowledged_connections",
                Unit::Count,
                "open connections whose data was sent again five times without an answer",
                connections,
            )
            .about(About::In(TcpState::Established)),
        )
        .read_by("tcpstate pressure");

/// So many, and such a share of all that are open, are no few clients that went
/// away.
const MANY_OF_ALL: (u64, f64) = (100, 0.05);

fn connections(observation: &Observation) -> Measured {
    let unresponsive = observation.snapshot.pressure.unresponsive.as_ref();
    let unresponsive = unresponsive.ok_or(Missing::Unread)?;
    let data = unresponsive.data.as_ref().ok_or(Missing::NotRead)?;
    if !observation.snapshot.collection.complete {
        return Err(Missing::Unread);
    }
    Ok(float(data.connections))
}

fn judge(observation: &Observation, levels: &Levels) -> Judgement {
    let snapshot = observation.snapshot;
    let unresponsive = snapshot.pressure.unresponsive.as_ref();
    let Some(unresponsive) = unresponsive else {
        return Judgement::NotAsked;
    };
    let (Some(data), Some(closed)) = (&unresponsive.data, &unresponsive.zero_window) else {
        return Judgement::NotRead;
    };
    let places = most_of(data);
    let is_one_place = data.peers.first().is_some_and(is_many);
    let (many, share) = MANY_OF_ALL;
    let open = snapshot.states.total_of(TcpState::Established);
    let of_all = open.and_then(|open| ratio(data.connections, open));
    let is_many = data.connections >= many && of_all.is_none_or(|of_all| of_all >= share);
    let circumstance = if is_one_place || is_many {
        Some(Severity::Warning)
    } else {
        (data.connections >= UNANSWERED_MANY).then_some(Severity::Info)
    };
    let mut found = Vec::new();
    if let Some(severity) = levels.severity(Some(float(data.connections)), circumstance) {
        if places.is_empty() {
            found.extend(spread(data, severity, of_all, snapshot));
        } else {
            let places = places.into_iter();
            found.extend(places.map(|peer| resending(peer, severity, snapshot)));
        }
    }
    if closed.connections >= UNANSWERED_MANY {
        found.extend(not_read(closed));
    }
    if found.is_empty() {
        none_amiss(snapshot)
    } else {
        Judgement::Found(found)
    }
}

/// Until when the kernel tries.
fn end(snapshot: &Snapshot) -> String {
    let retries = snapshot.sysctls.get(Sysctl::TcpRetries2);
    retries.map_or_else(String::new, |retries| {
        format!(
            "; the kernel gives each up {} after it began (tcp_retries2 is {retries})",
            duration(gives_up_after(retries))
        )
    })
}

const SOONER: &str = "so that the program notices sooner, let it set TCP_USER_TIMEOUT";

fn resending(peer: &UnresponsivePeer, severity: Severity, snapshot: &Snapshot) -> Finding {
    let place = peer.place();
    Finding {
        rule: UNACKNOWLEDGED.name,
        severity,
        message: format!(
            "{place} acknowledges nothing: {}{} sent data again up to {}, for {} at least{}",
            counted(
                peer.connections.into(),
                "open connection",
                "open connections"
            ),
            of_program(peer),
            again(peer),
            duration(peer.waited),
            end(snapshot),
        ),
        advice: format!(
            "see them: tcpstate list -pe state established dst {}; {SOONER}",
            quoted(peer.address, peer.port)
        ),
        subject: place,
        evidence: evidence(peer),
        state: Some(TcpState::Established),
    }
}

/// Many connections, and no peer that most of them lead to.
fn spread(
    data: &Unanswered,
    severity: Severity,
    of_all: Option<f64>,
    snapshot: &Snapshot,
) -> Option<Finding> {
    let first = data.peers.first()?;
    let share = of_all.map_or_else(String::new, |share| format!(" ({})", percent(share)));
    Some(Finding {
        rule: UNACKNOWLEDGED.name,
        severity,
        subject: "ESTABLISHED".to_owned(),
        message: format!(
            "{}{share} towards {} sent data again {DATA_AGAIN} times or more, for {} at least, and \
             nobody acknowledges it, most of them{} towards {}{}",
            counted(data.connections, "open connection", "open connections"),
            towards_places(data),
            duration(first.waited),
            of_program(first),
            first.place(),
            end(snapshot),
        ),
        advice: format!("see them: tcpstate list -pe 'state established retrans > 4'; {SOONER}"),
        evidence: vec![Evidence::count("connections", data.connections)],
        state: Some(TcpState::Established),
    })
}

/// A peer that is there and doesn't read.
fn not_read(closed: &Unanswered) -> Option<Finding> {
    let first = closed.peers.first()?;
    let place = first.place();
    Some(Finding {
        rule: UNACKNOWLEDGED.name,
        severity: Severity::Info,
        message: format!(
            "{place} doesn't read: it keeps the window of {}{} closed, for {} or more; {} of all \
             peers wait so",
            counted(
                first.connections.into(),
                "open connection",
                "open connections"
            ),
            of_program(first),
            duration(first.waited),
            counted(closed.connections, "connection", "connections"),
        ),
        advice: format!(
            "see them: tcpstate list -pe state established dst {}; what isn't sent waits in our \
             memory until the peer's program reads",
            quoted(first.address, first.port)
        ),
        subject: place,
        evidence: vec![
            Evidence::count("connections", first.connections.into()),
            Evidence::count("connections_of_all", closed.connections),
        ],
        state: Some(TcpState::Established),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::testing::{snapshot, unanswered};
    use super::super::testing::judged_by;
    use super::*;
    use crate::model::{Pressure, Program, UnresponsivePeers};

    fn judged(data: Option<Unanswered>, closed: Unanswered, open: u64) -> Judgement {
        let pressure = Pressure {
            unresponsive: Some(UnresponsivePeers {
                zero_window: data.as_ref().map(|_| closed),
                data,
                ..UnresponsivePeers::default()
            }),
            ..Pressure::default()
        };
        let snapshot = snapshot()
            .with_state(TcpState::Established, open)
            .with_sysctl(Sysctl::TcpRetries2, 15)
            .with_pressure(pressure)
            .build();
        judged_by(&UNACKNOWLEDGED, &snapshot, None)
    }

    fn found(data: &[(&str, u32)], open: u64) -> Vec<(Severity, String)> {
        match judged(Some(unanswered(data)), Unanswered::default(), open) {
            Judgement::Found(findings) => findings
                .into_iter()
                .map(|finding| (finding.severity, finding.message))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// 200 open connections whose data was sent again seven times were "ok".
    #[test]
    fn a_peer_that_is_gone_is_told_with_who_waits_and_until_when() {
        let mut data = unanswered(&[("10.26.0.2:7260", 20)]);
        for peer in &mut data.peers {
            peer.retransmits = 5;
            peer.waited = Duration::from_millis(6_200);
            peer.program = Some(Program {
                pids: vec![711],
                command: Some("pool-app".to_owned()),
                unit: None,
            });
        }
        let Judgement::Found(findings) = judged(Some(data), Unanswered::default(), 35) else {
            panic!("20 wait");
        };
        assert_eq!(findings[0].severity, Severity::Warning);
        assert_eq!(
            findings[0].message,
            "10.26.0.2:7260 acknowledges nothing: 20 open connections of pool-app[711] sent data \
             again up to 5 times, for 6 s at least; the kernel gives each up 15 m 24 s after it \
             began (tcp_retries2 is 15)"
        );
        let see = "tcpstate list -pe state established dst 10.26.0.2:7260;";
        assert!(findings[0].advice.contains(see), "{}", findings[0].advice);
    }

    /// A server for phones has clients that went away at all times.
    #[test]
    fn totals_count_by_their_share_where_no_peer_stands_out() {
        let phones: Vec<String> = (0..200).map(|n| format!("10.0.{n}.9")).collect();
        let phones: Vec<_> = phones.iter().map(|name| (name.as_str(), 1)).collect();
        let of = |count, open| {
            let found = found(&phones[..count], open);
            found.first().map(|&(severity, _)| severity)
        };
        assert_eq!(of(200, 200), Some(Severity::Warning));
        assert_eq!(of(200, 100_000), Some(Severity::Info));
        assert_eq!(of(99, 200), Some(Severity::Info));
        assert_eq!(of(9, 200), None);
        let (_, message) = found(&phones, 200).swap_remove(0);
        let begins = "200 open connections (100 %) towards 200 places sent data again 5 times";
        assert!(message.starts_with(begins), "{message}");
    }

    #[test]
    fn a_peer_that_does_not_read_is_worth_knowing() {
        let closed = |count| unanswered(&[("10.0.0.9:80", count)]);
        let Judgement::Found(findings) = judged(Some(Unanswered::default()), closed(30), 30) else {
            panic!("30 wait");
        };
        assert_eq!(findings[0].severity, Severity::Info);
        let begins = "10.0.0.9:80 doesn't read: it keeps the window of 30 open connections closed";
        assert!(findings[0].message.starts_with(begins));
        let few = judged(Some(Unanswered::default()), closed(9), 30);
        assert_eq!(few, Judgement::Fine);
    }

    #[test]
    fn where_open_connections_were_not_read_it_is_not_judged() {
        assert_eq!(judged(None, Unanswered::default(), 200), Judgement::NotRead);
    }
}
