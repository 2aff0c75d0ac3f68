//! The settings under /proc/sys/net.

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::{Sysctl, Sysctls};

/// Reads the wanted settings: each is a file, so nobody reads more than is
/// shown. What the kernel doesn't have, or doesn't let us read, is unknown.
#[must_use]
pub fn read_sysctls(proc_root: &ProcRoot, wanted: &[Sysctl]) -> Sysctls {
    let mut buffer = Vec::with_capacity(64);
    Sysctls::read(wanted, |sysctl| read_sysctl(proc_root, sysctl, &mut buffer))
}

fn read_sysctl(proc_root: &ProcRoot, sysctl: Sysctl, buffer: &mut Vec<u8>) -> Option<u64> {
    let path = proc_root.net_setting(&sysctl.name().replace('.', "/"))?;
    let text = std::str::from_utf8(read_small(&path, buffer)?).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_or_nonsense_is_unknown() {
        let root = tempfile::tempdir().unwrap();
        let ipv4 = root.path().join("sys/net/ipv4");
        std::fs::create_dir_all(&ipv4).unwrap();
        std::fs::write(ipv4.join("tcp_tw_reuse"), "2\n").unwrap();
        std::fs::write(ipv4.join("tcp_syncookies"), "yes\n").unwrap();
        std::fs::write(ipv4.join("tcp_fin_timeout"), b"\xff\xfe").unwrap();
        let sysctls = read_sysctls(&ProcRoot::new(root.path()), Sysctl::SUMMARY);
        assert_eq!(sysctls.get(Sysctl::TcpTwReuse), Some(2));
        assert_eq!(sysctls.get(Sysctl::TcpSyncookies), None);
        assert_eq!(sysctls.get(Sysctl::TcpFinTimeout), None);
        assert_eq!(sysctls.get(Sysctl::Somaxconn), None);
    }
}
