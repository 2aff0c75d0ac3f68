//! The rules, one file a subject. The list that is applied is
//! [`super::RULES`].

mod close_wait;
mod syn;
mod time_wait;

pub(super) use close_wait::{
    CLOSE_WAIT_LEAK, CRITICAL as CLOSE_WAIT_CRITICAL, WARNING as CLOSE_WAIT_WARNING,
};
pub(super) use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES, WARNING as SYN_RECV_WARNING};
pub(super) use time_wait::{
    CRITICAL as TIME_WAIT_CRITICAL, TCP_TW_RECYCLE, TIME_WAIT_BUCKETS, WARNING as TIME_WAIT_WARNING,
};
