//! Which boot this is, and how long ago it was.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;

/// A random number of this boot (`/proc/sys/kernel/random/boot_id`); `None`
/// where it can't be read.
#[must_use]
pub fn read_boot_id(proc_root: &ProcRoot) -> Option<String> {
    let mut buffer = Vec::with_capacity(64);
    let bytes = read_small(&proc_root.file("sys/kernel/random/boot_id"), &mut buffer)?;
    let text = std::str::from_utf8(bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The time since boot, suspend included (`CLOCK_BOOTTIME`): a clock that
/// nobody sets, and that two processes read alike.
#[must_use]
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_has_one_number_and_a_time_that_passes() {
        let proc_root = ProcRoot::new(std::path::Path::new("/proc"));
        let id = read_boot_id(&proc_root);
        assert!(id.is_some());
        assert_eq!(id, read_boot_id(&proc_root));
        let start = since_boot();
        assert!(start > Duration::ZERO);
        assert!(since_boot() >= start);
    }
}
