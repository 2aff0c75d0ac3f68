//! The source that the arguments ask for.

use anyhow::bail;

use crate::cli::{CommonArgs, Source};
use crate::collect::FallbackSource;
use crate::kernel::sock_diag::NetlinkSource;
use crate::kernel::{KernelError, ProcRoot, ProcfsSource, ReplaySource, SocketSource};
use crate::model::{Collection, Family, PortSet, Query, SourceKind, StateSet, TcpState};

/// Opens the source of sockets.
pub(super) fn open(
    common: &CommonArgs,
    proc_root: &ProcRoot,
) -> anyhow::Result<Box<dyn SocketSource + Send>> {
    if let Some(file) = &common.replay {
        return Ok(Box::new(ReplaySource::new(file)));
    }
    Ok(match common.source {
        Source::Auto => Box::new(FallbackSource::open(proc_root)),
        Source::Netlink => {
            // The sockets of one namespace beside the settings and counts of
            // another would be a lie.
            if !proc_root.is_of_this_thread() {
                bail!(
                    "cannot read {} with --source netlink: it is not known to show this network \
                     namespace; leave one of the two out",
                    proc_root.path().display()
                );
            }
            Box::new(NetlinkSource::open().map_err(KernelError::Netlink)?)
        }
        Source::Procfs => Box::new(ProcfsSource::new(proc_root)),
    })
}

/// Asks, and asks anew where the source failed in mid-dump and has another to
/// go on with: nothing is printed yet, so what was seen can be forgotten.
pub(super) fn ask<T>(
    source: &mut dyn SocketSource,
    mut question: impl FnMut(&mut dyn SocketSource) -> Result<T, KernelError>,
) -> Result<T, KernelError> {
    let before = source.kind();
    match question(source) {
        Err(_) if source.kind() != before => question(source),
        outcome => outcome,
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

/// The ports of sockets that are bound and no more, read from netlink. Whatever
/// family: a port that is bound in one is lost to both. What is lost of them
/// counts in `collection`; `None` where netlink failed and /proc, which shows
/// none, was read instead.
pub(super) fn bound_ports(
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
pub(super) fn ports_in(
    source: &mut dyn SocketSource,
    state: TcpState,
) -> Result<(PortSet, Collection), KernelError> {
    let query = Query::states(StateSet::NONE.with(state));
    ask(source, |source| {
        let mut ports = PortSet::default();
        let collection = source.visit(&query, &mut |socket| {
            ports.insert(socket.local.port);
        })?;
        Ok((ports, collection))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Socket;

    /// Fails, as netlink may in mid-dump; has another to go on with, or not.
    struct Failing {
        kind: SourceKind,
        then: SourceKind,
    }

    impl SocketSource for Failing {
        fn kind(&self) -> SourceKind {
            self.kind
        }

        fn visit(
            &mut self,
            _query: &Query,
            _visit: &mut dyn FnMut(&Socket),
        ) -> Result<Collection, KernelError> {
            self.kind = self.then;
            let root = ProcRoot::new(std::path::Path::new("/proc"));
            Err(root.error("/proc".into(), std::io::Error::other("lost")))
        }
    }

    #[test]
    fn a_question_is_put_again_only_to_another_source() {
        for (then, expected) in [(SourceKind::Procfs, 2), (SourceKind::Netlink, 1)] {
            let mut asked = 0;
            let mut source = Failing {
                kind: SourceKind::Netlink,
                then,
            };
            let answer: Result<(), _> = ask(&mut source, |source| {
                asked += 1;
                let query = Query::states(StateSet::RFC9293);
                source.visit(&query, &mut |_| {}).map(|_| ())
            });
            assert!(answer.is_err());
            assert_eq!(asked, expected);
        }
    }
}
