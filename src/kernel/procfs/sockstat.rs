//! /proc/net/sockstat, sockstat6 and protocols: the kernel's own counts.

use std::io;

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::Sockstat;

/// Reads the three files. What they don't say is unknown.
#[must_use]
pub fn read_sockstat(proc_root: &ProcRoot) -> Sockstat {
    let mut buffer = Vec::with_capacity(512);
    let mut sockstat = Sockstat::default();
    if let Some(bytes) = read_small(&proc_root.net_file("sockstat"), &mut buffer) {
        sockstat.used = value(bytes, "sockets:", "used");
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
    sockstat.in_protocol_tables =
        read_small(&proc_root.net_file("protocols"), &mut buffer).and_then(sum_of_protocols);
    sockstat
}

/// The sum of the third column, `sockets`, below the heading
/// (`proto_seq_show`, net/core/sock.c). `None` where a line can't be read: a
/// sum that is too small would show sockets outside of the tables that are in
/// them.
fn sum_of_protocols(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let heading = lines.next()?;
    heading
        .starts_with("protocol  size sockets")
        .then_some(())?;
    lines.try_fold(0_u64, |sum, line| {
        // Behind a name, which is as long as it likes: the size of a socket, and
        // how many there are.
        let mut numbers = line
            .split_ascii_whitespace()
            .skip_while(|word| word.parse::<u32>().is_err());
        let sockets: i64 = numbers.nth(1)?.parse().ok()?;
        // A protocol that counts nothing says -1.
        sum.checked_add(u64::try_from(sockets.max(0)).ok()?)
    })
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
            (
                "protocols",
                "protocol  size sockets  memory press maxhdr  slab module     cl co\n\
                 MPTCPv6   2216      0       0   no       0   yes  kernel      y  n\n\
                 PACKET    1472      1      -1   NI       0   no   kernel      n  n\n\
                 NETLINK   1104     16      -1   NI       0   no   kernel      n  n\n\
                 UNIX-STREAM 1088    30      -1   NI       0   no   kernel      n  n\n\
                 AF_VSOCK  1200     -1      -1   NI       0   no   kernel      n  n\n",
            ),
        ]);
        assert_eq!(
            read_sockstat(&proc_root),
            Sockstat {
                used: Some(293),
                in_protocol_tables: Some(47),
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
