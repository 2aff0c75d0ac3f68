//! Netlink first, /proc where netlink is refused.

use std::ops::ControlFlow;

use crate::kernel::sock_diag::{KernelTransport, NetlinkSource, Transport};
use crate::kernel::{KernelError, NetlinkFailure, ProcRoot, ProcfsSource, SocketSource};
use crate::model::{Collection, FallbackReason, Request, Socket, SourceKind};

/// Reads over netlink until that is refused, and from /proc from then on.
#[derive(Debug)]
pub struct FallbackSource<T> {
    netlink: Option<NetlinkSource<T>>,
    procfs: ProcfsSource,
}

impl FallbackSource<KernelTransport> {
    /// Chooses by what this process may open.
    #[must_use]
    pub fn open(proc_root: &ProcRoot) -> Self {
        if !proc_root.is_of_this_thread() {
            let reason = if proc_root.is_of_others() {
                FallbackReason::NotEntered
            } else {
                FallbackReason::ForeignProcRoot
            };
            let procfs = ProcfsSource::new(proc_root).because(reason);
            return Self {
                netlink: None,
                procfs,
            };
        }
        match KernelTransport::open() {
            Ok(transport) => Self::over(transport, proc_root),
            Err(error) => Self {
                netlink: None,
                procfs: ProcfsSource::new(proc_root).because(FallbackReason::NetlinkRefused(
                    NetlinkFailure::Open(error).to_string(),
                )),
            },
        }
    }
}

impl<T: Transport + Send> FallbackSource<T> {
    /// Netlink over any transport, backed by a /proc.
    pub fn over(transport: T, proc_root: &ProcRoot) -> Self {
        Self {
            netlink: Some(NetlinkSource::over(transport)),
            procfs: ProcfsSource::new(proc_root),
        }
    }
}

impl<T: Transport + Send + 'static> SocketSource for FallbackSource<T> {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        if let Some(netlink) = &mut self.netlink {
            let mut visited = false;
            let outcome = netlink.visit(request, &mut |socket| {
                visited = true;
                visitor(socket)
            });
            match outcome {
                Err(KernelError::Netlink(failure)) => {
                    self.netlink = None;
                    self.procfs
                        .set_reason(FallbackReason::DumpFailed(failure.to_string()));
                    // Sockets that were shown can't be taken back, and must not
                    // be shown twice: whoever can forget them asks again.
                    if visited {
                        return Err(KernelError::Netlink(failure));
                    }
                }
                outcome => return outcome,
            }
        }
        self.procfs.visit(request, visitor)
    }

    fn kind(&self) -> SourceKind {
        match self.netlink {
            Some(_) => SourceKind::Netlink,
            None => SourceKind::Procfs,
        }
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        self.netlink.as_ref()?.second()
    }
}

/// Runs a reading, and once more from the beginning where the source failed
/// within a dump and fell back to another: what the first attempt showed is
/// dropped with it.
pub(crate) fn with_fallback<T>(
    source: &mut dyn SocketSource,
    mut reading: impl FnMut(&mut dyn SocketSource) -> Result<T, KernelError>,
) -> Result<T, KernelError> {
    let before = source.kind();
    match reading(source) {
        Err(_) if source.kind() != before => reading(source),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sock_diag::testing::{RowBytes, ScriptedKernel, done, error};
    use crate::model::StateSet;
    use std::fs;

    const ONE_ESTABLISHED: &str = "  sl  local_address rem_address   st\n   0: \
        0100007F:9C62 0100007F:CE33 01 00000000:00000000 00:00000000 00000000 0 0 4838 2 0 20 4 0 10 -1\n";

    fn proc_with_one_socket() -> (tempfile::TempDir, ProcRoot) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("net")).unwrap();
        fs::write(root.path().join("net/tcp"), ONE_ESTABLISHED).unwrap();
        let proc_root = ProcRoot::new(root.path());
        (root, proc_root)
    }

    fn visit(
        source: &mut FallbackSource<ScriptedKernel>,
    ) -> (u32, Result<Collection, KernelError>) {
        let mut visited = 0;
        let outcome = source.visit_all(&Request::states(StateSet::RFC9293), &mut |_| visited += 1);
        (visited, outcome)
    }

    #[test]
    fn a_refused_dump_is_read_from_proc_and_stays_there() {
        let (_root, proc_root) = proc_with_one_socket();
        for refusal in [error(1, -1), done(1, -1)] {
            let mut source = FallbackSource::over(ScriptedKernel::answering([refusal]), &proc_root);
            assert_eq!(source.kind(), SourceKind::Netlink);
            let (visited, outcome) = visit(&mut source);
            let collection = outcome.unwrap();
            assert_eq!(visited, 1);
            assert_eq!(collection.source, SourceKind::Procfs);
            let reason = collection.fallback_reason.unwrap().to_string();
            assert!(reason.contains("Operation not permitted"), "{reason}");
            assert_eq!(source.kind(), SourceKind::Procfs);
            // The script is over: netlink isn't asked again.
            assert!(visit(&mut source).1.is_ok());
        }
    }

    #[test]
    fn a_dump_that_fails_after_its_first_row_is_an_error_and_not_rows_twice() {
        let (_root, proc_root) = proc_with_one_socket();
        let script = [RowBytes::new(1, 1).message(1), done(1, -12)].concat();
        let mut source = FallbackSource::over(ScriptedKernel::answering([script]), &proc_root);
        let (visited, outcome) = visit(&mut source);
        assert_eq!(visited, 1);
        assert!(matches!(outcome, Err(KernelError::Netlink(_))));
        assert_eq!(source.kind(), SourceKind::Procfs, "for who asks again");
        assert_eq!(visit(&mut source).0, 1);
    }

    #[test]
    fn an_empty_table_is_no_reason_to_fall_back() {
        let (_root, proc_root) = proc_with_one_socket();
        let mut source = FallbackSource::over(ScriptedKernel::answering([done(1, 0)]), &proc_root);
        let (visited, outcome) = visit(&mut source);
        assert_eq!(visited, 0);
        assert_eq!(outcome.unwrap().source, SourceKind::Netlink);
    }

    #[test]
    fn another_namespaces_proc_is_not_mixed_with_our_netlink() {
        let (_root, proc_root) = proc_with_one_socket();
        let mut source = FallbackSource::open(&proc_root);
        let mut visited = 0;
        let collection = source
            .visit_all(&Request::states(StateSet::RFC9293), &mut |_| visited += 1)
            .unwrap();
        assert_eq!(visited, 1);
        assert_eq!(
            collection.fallback_reason,
            Some(FallbackReason::ForeignProcRoot)
        );
    }

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
            _request: &Request,
            _visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
        ) -> Result<Collection, KernelError> {
            self.kind = self.then;
            let root = ProcRoot::new(std::path::Path::new("/proc"));
            Err(root.error("/proc".into(), std::io::Error::other("lost")))
        }
    }

    #[test]
    fn a_reading_is_run_again_only_over_another_source() {
        for (then, expected) in [(SourceKind::Procfs, 2), (SourceKind::Netlink, 1)] {
            let mut runs = 0;
            let mut source = Failing {
                kind: SourceKind::Netlink,
                then,
            };
            let outcome: Result<(), _> = with_fallback(&mut source, |source| {
                runs += 1;
                let query = Request::states(StateSet::RFC9293);
                source.visit_all(&query, &mut |_| {}).map(|_| ())
            });
            assert!(outcome.is_err());
            assert_eq!(runs, expected);
        }
    }
}
