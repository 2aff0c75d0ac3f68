//! The rules, one file a subject. The list that is applied is
//! [`super::RULES`].

mod accept_queue;
mod close_wait;
mod host_wide;
mod ports;
mod silence;
mod syn;
mod syn_flood;
mod time_wait;

use super::Judgement;
use crate::model::Snapshot;

pub(super) use accept_queue::ACCEPT_QUEUE_FULL;
pub(super) use close_wait::{
    CLOSE_WAIT_LEAK, CRITICAL as CLOSE_WAIT_CRITICAL, TOTAL_CRITICAL as CLOSE_WAIT_TOTAL_CRITICAL,
    TOTAL_WARNING as CLOSE_WAIT_TOTAL_WARNING, WARNING as CLOSE_WAIT_WARNING, places,
};
pub(super) use host_wide::{
    MEMORY_CRITICAL, ORPHANS, ORPHANS_CRITICAL, ORPHANS_WARNING, TCP_MEMORY,
};
pub(super) use ports::PORTS_EXHAUSTION;
pub(super) use silence::{SILENT_PEERS, WARNING as SILENT_WARNING, is_of_connects};
pub(super) use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES};
pub(super) use syn_flood::SYN_FLOOD;
pub(super) use time_wait::{
    CRITICAL as TIME_WAIT_CRITICAL, TCP_TW_RECYCLE, TIME_WAIT_BUCKETS, WARNING as TIME_WAIT_WARNING,
};

/// More findings of a kind than this say nothing more.
pub(super) const MOST_FINDINGS: usize = 5;

/// What a rule about sockets says where none is amiss: rows that are missing
/// might have been those that are.
fn none_amiss(snapshot: &Snapshot) -> Judgement {
    if snapshot.collection.complete {
        Judgement::Fine
    } else {
        Judgement::Unknown
    }
}

#[cfg(test)]
mod testing {
    use super::super::{Judgement, Severity};

    /// The severity of the first finding; `None` when nothing was found.
    pub(super) fn severity(judgement: &Judgement) -> Option<Severity> {
        match judgement {
            Judgement::Found(findings) => Some(findings[0].severity),
            Judgement::Fine => None,
            Judgement::Unknown | Judgement::NotAsked => panic!("everything needed is there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::snapshot;
    use super::super::{RULES, assess};
    use crate::model::{Listeners, PortReading, Ports, Pressure};

    /// A dump that had lost rows was followed by "ok".
    #[test]
    fn rules_about_sockets_call_nothing_fine_when_rows_are_missing() {
        let pressure = Pressure {
            ports: PortReading::Grouped(Ports::default()),
            listeners: Some(Listeners::default()),
            ..Pressure::default()
        };
        let mut snapshot = snapshot()
            .with_leaks(super::super::testing::leak_digest(&[], Vec::new()))
            .with_pressure(pressure)
            .build();
        let topics = ["CLOSE_WAIT", "ports", "accept queues", "SYN_RECV"];
        for topic in topics {
            assert!(RULES.iter().any(|rule| rule.topic == topic), "{topic}");
            assert!(assess(&snapshot, None).fine.contains(&topic), "{topic}");
        }
        snapshot.collection.complete = false;
        let assessment = assess(&snapshot, None);
        for topic in topics {
            assert!(assessment.unknown.contains(&topic), "{topic}");
        }
    }
}
