//! The local ports of sockets, without the sockets.

use super::fallback::with_fallback;
use crate::kernel::{KernelError, SocketSource};
use crate::model::{Collection, PortSet, Query, SourceKind, StateSet, TcpState};

/// The ports of sockets that are bound and no more, read from netlink. Whatever
/// family: a port that is bound in one is lost to both. What is lost of them
/// counts in `collection`; `None` where netlink failed and /proc, which shows
/// none, was read instead.
pub(crate) fn bound_ports(
    source: &mut dyn SocketSource,
    collection: &mut Collection,
) -> Result<Option<PortSet>, KernelError> {
    let (ports, bound) = ports_in(source, TcpState::BoundInactive)?;
    collection.add_losses(&bound);
    if bound.source != SourceKind::Netlink {
        collection.complete = false;
        return Ok(None);
    }
    Ok(Some(ports))
}

/// The local ports of the sockets in a state, whatever family, and how the
/// reading went.
pub(crate) fn ports_in(
    source: &mut dyn SocketSource,
    state: TcpState,
) -> Result<(PortSet, Collection), KernelError> {
    let query = Query::states(StateSet::NONE.with(state));
    with_fallback(source, |source| {
        let mut ports = PortSet::default();
        let collection = source.visit(&query, &mut |socket| {
            ports.insert(socket.local.port);
        })?;
        Ok((ports, collection))
    })
}
