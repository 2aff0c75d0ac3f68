//! What the whole host shares, whatever the namespace.

use super::{read_sysctls, read_tcp_mem};
use crate::kernel::ProcRoot;
use crate::model::{HostWide, Sockstat, Sysctl};

/// Reads the limits, which child namespaces don't show, beside the counts.
#[must_use]
pub fn read_host_wide(proc_root: &ProcRoot, sockstat: &Sockstat) -> HostWide {
    let sysctls = read_sysctls(proc_root, &[Sysctl::TcpMaxOrphans]);
    HostWide {
        orphans: sockstat.orphan,
        max_orphans: sysctls.get(Sysctl::TcpMaxOrphans),
        memory_pages: sockstat.mem_pages,
        memory_limits: read_tcp_mem(proc_root),
    }
}
