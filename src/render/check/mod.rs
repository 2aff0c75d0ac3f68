//! The check: a status line with perfdata, JSON, Prometheus metrics, the list
//! of what can be checked.

mod list;
mod perfdata;
mod plugin;
mod prometheus;

pub use self::list::list;
pub(super) use self::plugin::whole;
pub use self::plugin::{failed, headline, plugin};
pub use self::prometheus::prometheus;
