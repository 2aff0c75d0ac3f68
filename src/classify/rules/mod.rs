//! The rules, one file a subject. The list that is applied is
//! [`super::RULES`].

mod close_wait;
mod syn;
mod time_wait;

pub(super) use close_wait::CLOSE_WAIT_LEAK;
pub(super) use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES};
pub(super) use time_wait::{TCP_TW_RECYCLE, TIME_WAIT_BUCKETS};
