//! Sockets to processes: every descriptor that refers to one of some sockets.

use super::Which;
use super::scan::scan;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Inodes, OwnerCoverage, Owners};

/// Finds every holder of the sockets with these inodes: all descriptors of
/// the processes, to the end, since a socket that was found once can be held
/// again elsewhere.
///
/// What no table of a process shows [`find_hidden`](super::find_hidden) finds.
/// Processes outside the pid namespace of this /proc are not seen.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find_owners(
    proc_root: &ProcRoot,
    wanted: &Inodes,
    which: Which<'_>,
) -> Result<Owners, KernelError> {
    if wanted.is_empty() {
        return Ok(Owners::default());
    }
    let scan = scan(proc_root, which, &|inode| wanted.contains(&inode))?;
    let coverage = OwnerCoverage {
        scan: scan.coverage,
        unread: scan.unread,
        ..OwnerCoverage::default()
    };
    Ok(Owners::new(scan.found, scan.start_times, coverage))
}
