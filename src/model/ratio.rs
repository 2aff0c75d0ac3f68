//! Shares of a whole.

/// A share as a number from 0 to 1, and more where more is used than there is;
/// `None` of nothing.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

/// A count as a float: counts of sockets, pages and descriptors are far below
/// 2^53, where a float would begin to round.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub const fn float(count: u64) -> f64 {
    count as f64
}
