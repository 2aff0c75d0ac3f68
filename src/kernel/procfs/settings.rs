//! The settings under /proc/sys/net, and what the whole host shares.

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::{HostWide, PortRange, PortSet, PortSettings, Sockstat, Sysctl, Sysctls};

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

/// Reads `ip_local_port_range` and `ip_local_reserved_ports`.
#[must_use]
pub fn read_port_settings(proc_root: &ProcRoot) -> PortSettings {
    let mut buffer = Vec::with_capacity(256);
    let mut read = |name: &str| {
        let path = proc_root.net_setting(&format!("net/ipv4/{name}"))?;
        let text = std::str::from_utf8(read_small(&path, &mut buffer)?).ok()?;
        Some(text.trim().to_owned())
    };
    PortSettings {
        range: read("ip_local_port_range").and_then(|text| range(&text)),
        reserved: read("ip_local_reserved_ports").and_then(|text| port_list(&text)),
    }
}

/// Reads `tcp_mem`: low, pressure and high, in pages. `None` in a child
/// namespace, where the kernel hides it.
#[must_use]
pub fn read_tcp_mem(proc_root: &ProcRoot) -> Option<[u64; 3]> {
    let mut buffer = Vec::with_capacity(64);
    let path = proc_root.net_setting("net/ipv4/tcp_mem")?;
    let text = std::str::from_utf8(read_small(&path, &mut buffer)?).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let limits = [
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    ];
    numbers.next().is_none().then_some(limits)
}

/// Two numbers with a tab between them.
fn range(text: &str) -> Option<PortRange> {
    let mut ports = text.split_ascii_whitespace().map(str::parse);
    let range = PortRange::new(ports.next()?.ok()?, ports.next()?.ok()?)?;
    ports.next().is_none().then_some(range)
}

/// `8080,9148-9150`; empty when none is reserved.
fn port_list(text: &str) -> Option<PortSet> {
    let mut set = PortSet::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        set.insert_range(PortRange::new(first.parse().ok()?, last.parse().ok()?)?);
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

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

    #[test]
    fn ranges_and_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(range("32768\t60999"), PortRange::new(32_768, 60_999));
        for nonsense in ["", "1", "9 1", "1 2 3", "a b", "1 65536"] {
            assert_eq!(range(nonsense), None, "{nonsense}");
        }
        let reserved = port_list("8080,9148-9150").unwrap();
        assert_eq!(format!("{reserved:?}"), r#"["8080", "9148-9150"]"#);
        assert_eq!(port_list(""), Some(PortSet::default()));
        assert_eq!(port_list("80,x"), None);
        assert_eq!(port_list("9-1"), None);
    }

    #[test]
    fn the_running_kernel_has_a_range_and_a_list() {
        let settings = read_port_settings(&ProcRoot::new(Path::new("/proc")));
        assert!(settings.range.is_some());
        assert!(settings.reserved.is_some());
    }

    #[test]
    fn what_is_not_there_is_unknown() {
        let root = tempfile::tempdir().unwrap();
        let proc_root = ProcRoot::new(root.path());
        assert_eq!(read_port_settings(&proc_root), PortSettings::default());
        assert_eq!(read_tcp_mem(&proc_root), None);
        let ipv4 = root.path().join("sys/net/ipv4");
        std::fs::create_dir_all(&ipv4).unwrap();
        std::fs::write(ipv4.join("tcp_mem"), "46272\t61696\t92544\n").unwrap();
        assert_eq!(read_tcp_mem(&proc_root), Some([46_272, 61_696, 92_544]));
        std::fs::write(ipv4.join("tcp_mem"), "46272\n").unwrap();
        assert_eq!(read_tcp_mem(&proc_root), None);
    }
}
