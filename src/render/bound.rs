//! Sockets that are bound and no more, where nobody could count them.

use crate::classify::count::shows_bound;
use crate::model::{Snapshot, SourceKind};

/// What is to be said of them where their number isn't known.
#[must_use]
pub fn bound_unknown(snapshot: &Snapshot) -> &'static str {
    let source = snapshot.collection.source;
    match source {
        SourceKind::Netlink if shows_bound(source, snapshot.host.kernel) => {
            "bound sockets not looked at"
        }
        SourceKind::Netlink => "bound sockets unknown: only Linux 6.8 and later shows them",
        SourceKind::Procfs => "bound sockets unknown: /proc doesn't show them",
        SourceKind::Replay => "bound sockets unknown: a recording doesn't tell",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::testing::snapshot;

    #[test]
    fn a_kernel_that_cannot_tell_is_told_from_a_question_that_was_not_put() {
        let said = |source, kernel| {
            let mut snapshot = snapshot().build();
            snapshot.collection.source = source;
            snapshot.host.kernel = kernel;
            bound_unknown(&snapshot)
        };
        assert_eq!(
            said(SourceKind::Netlink, Some((6, 8))),
            "bound sockets not looked at"
        );
        for kernel in [Some((6, 1)), Some((5, 10)), None] {
            let old = said(SourceKind::Netlink, kernel);
            assert!(old.contains("unknown: only Linux 6.8"), "{old}");
        }
        for source in [SourceKind::Procfs, SourceKind::Replay] {
            assert!(said(source, Some((6, 18))).contains("unknown"));
        }
    }
}
