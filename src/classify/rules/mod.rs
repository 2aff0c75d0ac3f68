//! The rules, one file a subject. The list that is applied is
//! [`super::RULES`].

mod accept_queue;
mod close_wait;
mod host_wide;
mod ports;
mod syn;
mod syn_flood;
mod time_wait;

pub(super) use accept_queue::ACCEPT_QUEUE_FULL;
pub(super) use close_wait::{
    CLOSE_WAIT_LEAK, CRITICAL as CLOSE_WAIT_CRITICAL, TOTAL_CRITICAL as CLOSE_WAIT_TOTAL_CRITICAL,
    TOTAL_WARNING as CLOSE_WAIT_TOTAL_WARNING, WARNING as CLOSE_WAIT_WARNING, places,
};
pub(super) use host_wide::{
    MEMORY_CRITICAL, ORPHANS, ORPHANS_CRITICAL, ORPHANS_WARNING, TCP_MEMORY,
};
pub(super) use ports::PORTS_EXHAUSTION;
pub(super) use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES};
pub(super) use syn_flood::SYN_FLOOD;
pub(super) use time_wait::{
    CRITICAL as TIME_WAIT_CRITICAL, TCP_TW_RECYCLE, TIME_WAIT_BUCKETS, WARNING as TIME_WAIT_WARNING,
};

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
