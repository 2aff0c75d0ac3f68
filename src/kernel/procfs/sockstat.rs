//! /proc/net/sockstat and sockstat6: the kernel's own counts.

use std::io;

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::Sockstat;

/// Reads both files. What they don't say is unknown.
#[must_use]
pub fn read_sockstat(proc_root: &ProcRoot) -> Sockstat {
    let mut buffer = Vec::with_capacity(512);
    let mut sockstat = Sockstat::default();
    if let Some(bytes) = read_small(&proc_root.net_file("sockstat"), &mut buffer) {
        sockstat.inuse_ipv4 = value(bytes, "TCP:", "inuse");
        sockstat.tw = value(bytes, "TCP:", "tw");
        sockstat.orphan = value(bytes, "TCP:", "orphan");
        sockstat.alloc = value(bytes, "TCP:", "alloc");
        sockstat.mem_pages = value(bytes, "TCP:", "mem");
    }
    let sockstat6 = proc_root.net_file("sockstat6");
    sockstat.inuse_ipv6 = match read_small(&sockstat6, &mut buffer) {
        Some(bytes) => value(bytes, "TCP6:", "inuse"),
        // A kernel without IPv6 has no such file, and no such sockets.
        None => sockstat6
            .metadata()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            .then_some(0),
    };
    sockstat
}

/// The number after `key` in the line of `protocol`. The kernel prints them as
/// `int`: what doesn't fit is no count of sockets.
fn value(bytes: &[u8], protocol: &str, key: &str) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|&word| word == key)?;
    words.next()?.parse::<u32>().ok().map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(files: &[(&str, &str)]) -> (tempfile::TempDir, ProcRoot) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("net")).unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join("net").join(name), text).unwrap();
        }
        let proc_root = ProcRoot::new(root.path());
        (root, proc_root)
    }

    #[test]
    fn each_number_is_found_by_its_key() {
        let (_root, proc_root) = root_with(&[
            (
                "sockstat",
                "sockets: used 293\nTCP: inuse 7 orphan 1 tw 15 alloc 9 mem 3\nUDP: inuse 2 mem 1\n",
            ),
            ("sockstat6", "TCP6: inuse 4\nUDP6: inuse 5\n"),
        ]);
        assert_eq!(
            read_sockstat(&proc_root),
            Sockstat {
                inuse_ipv4: Some(7),
                inuse_ipv6: Some(4),
                tw: Some(15),
                orphan: Some(1),
                alloc: Some(9),
                mem_pages: Some(3),
            }
        );
    }

    #[test]
    fn no_sockstat6_means_no_ipv6_and_a_broken_one_means_unknown() {
        let (_root, without) =
            root_with(&[("sockstat", "TCP: inuse 7 tw x mem 18446744073709551615\n")]);
        let sockstat = read_sockstat(&without);
        assert_eq!(sockstat.inuse_ipv6, Some(0));
        assert_eq!(sockstat.tw, None);
        assert_eq!(sockstat.orphan, None);
        assert_eq!(sockstat.mem_pages, None);
        let (_root, broken) = root_with(&[("sockstat6", "UDP6: inuse 5\n")]);
        assert_eq!(read_sockstat(&broken).inuse_ipv6, None);
        assert_eq!(read_sockstat(&broken).inuse_ipv4, None);
    }
}
