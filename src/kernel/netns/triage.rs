//! What the counters of a namespace say, which any process in it shows to
//! everybody: microseconds, where a dump costs the table of the whole host.

use crate::kernel::procfs::read_established;
use crate::kernel::{ProcRoot, read_sockstat};
use crate::model::{NamespaceEntry, NetnsCounts};

/// Reads sockstat, sockstat6 and snmp of a namespace without entering it;
/// `None` where no process shows it: those have to be entered for it. What the
/// files don't say is unknown.
#[must_use]
pub fn read_counts(proc_root: &ProcRoot, namespace: &NamespaceEntry) -> Option<NetnsCounts> {
    let of_namespace = proc_root.of_namespace(namespace)?;
    Some(NetnsCounts {
        sockstat: read_sockstat(&of_namespace),
        established: read_established(&of_namespace),
    })
}
