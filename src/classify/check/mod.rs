//! Should anybody be woken up? Thresholds over what was read, in the terms of
//! the monitoring plugins.
//!
//! The rules of [`super::RULES`] judge here too. A metric that a rule judges is
//! judged by thresholds only where the user sets some, and then not by the
//! rule: nothing is judged twice.

mod judge;
mod leaks;
mod metric;
mod metrics;
mod part;
mod pressure;
mod range;
mod reading;
mod status;
mod wishes;

pub use judge::judge;
pub use metric::{GROWTH, Metric, MetricId, Unit};
pub use metrics::METRICS;
pub use part::{About, Part};
pub use range::{NotARange, Range};
pub use reading::{Bound, Bounds, Measured, Missing, Reading};
pub use status::{Cause, Gauge, Problem, Status, Verdict};
pub use wishes::{BadWish, Name, Wishes};
