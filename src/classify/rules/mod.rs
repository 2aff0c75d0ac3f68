//! The rules, one file a subject. The list that is applied is
//! [`super::RULES`].

mod close_wait;
mod syn;
mod time_wait;

pub(super) use close_wait::CLOSE_WAIT_LEAK;
pub(super) use syn::{SYN_RECV_BACKLOG, TCP_SYNCOOKIES};
pub(super) use time_wait::{TCP_TW_RECYCLE, TIME_WAIT_BUCKETS};

/// A share as a number from 0 to 1; `None` of nothing. Counts are far below
/// 2^53, where a float would begin to round.
#[expect(clippy::cast_precision_loss, reason = "socket counts are below 2^53")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
