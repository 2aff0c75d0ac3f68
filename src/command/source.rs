//! The source that the arguments ask for.

use crate::cli::{CommonArgs, Source};
use crate::kernel::netlink::NetlinkSource;
use crate::kernel::{
    FallbackSource, KernelError, ProcRoot, ProcfsSource, ReplaySource, SocketSource,
};
use crate::model::Family;

/// Opens the source of sockets.
pub(super) fn open(
    common: &CommonArgs,
    proc_root: &ProcRoot,
) -> Result<Box<dyn SocketSource>, KernelError> {
    if let Some(file) = &common.replay {
        return Ok(Box::new(ReplaySource::new(file)));
    }
    Ok(match common.source {
        Source::Auto => Box::new(FallbackSource::open(proc_root)),
        Source::Netlink => Box::new(NetlinkSource::open()?),
        Source::Procfs => Box::new(ProcfsSource::new(proc_root)),
    })
}

/// The family that the arguments ask for.
pub(super) fn family(common: &CommonArgs) -> Option<Family> {
    match (common.ipv4, common.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        (false, false) => None,
    }
}
