//! How long the host has been running.

use std::time::Duration;

/// The time since boot (sysinfo(2), which containers can't be shown otherwise,
/// as /proc/uptime can).
#[must_use]
pub fn read_uptime() -> Option<Duration> {
    u64::try_from(rustix::system::sysinfo().uptime)
        .ok()
        .map(Duration::from_secs)
}
