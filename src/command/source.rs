//! The namespace that the arguments ask for.

use crate::cli::{CommonArgs, Source};
use crate::collect::Namespace;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::Family;

/// Opens it.
pub(super) fn open(common: &CommonArgs) -> Result<Namespace, KernelError> {
    if let Some(file) = &common.replay {
        return Ok(Namespace::recorded(file));
    }
    let proc_root = ProcRoot::new(&common.proc_root);
    match common.source {
        Source::Auto => Ok(Namespace::open(proc_root)),
        Source::Netlink => Namespace::over_netlink(proc_root),
        Source::Procfs => Ok(Namespace::over_procfs(proc_root)),
    }
}

/// The family that the arguments ask for.
pub(super) fn family(common: &CommonArgs) -> Option<Family> {
    match (common.ipv4, common.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        (false, false) => None,
    }
}
