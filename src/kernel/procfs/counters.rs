//! The counters of /proc/net/snmp and /proc/net/netstat.

use crate::kernel::ProcRoot;
use crate::kernel::proc_root::read_small;
use crate::model::{Counter, Counters};

/// Reads the counters of the network namespace. A file that can't be read, and
/// a name that the kernel doesn't have, leave their counters unknown.
#[must_use]
pub fn read_counters(proc_root: &ProcRoot) -> Counters {
    let mut counters = Counters::default();
    let mut buffer = Vec::with_capacity(4096);
    for (file, protocol) in [("snmp", "Tcp"), ("netstat", "TcpExt")] {
        if let Some(bytes) = read_small(&proc_root.net_file(file), &mut buffer)
            && (protocol == "Tcp" || is_counted(bytes, &counters))
        {
            parse(bytes, protocol, &mut counters);
        }
    }
    counters
}

/// So many segments leave a trace in the counters of TcpExt on Linux, be it
/// acknowledgements alone.
const MANY_SEGMENTS: u64 = 50;

/// Whether the counters of TcpExt are counted at all: a kernel in a sandbox may
/// print every one as 0, also those that aren't read here, which proves nothing.
fn is_counted(netstat: &[u8], tcp: &Counters) -> bool {
    let at_least = |counter, least| tcp.get(counter).is_some_and(|value| value >= least);
    let is_used = at_least(Counter::OutSegs, MANY_SEGMENTS)
        && (at_least(Counter::ActiveOpens, 1) || at_least(Counter::PassiveOpens, 1));
    let text = String::from_utf8_lossy(netstat);
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("TcpExt: "));
    let values = lines.nth(1).unwrap_or_default();
    !is_used || values.split_ascii_whitespace().any(|value| value != "0")
}

/// Reads `CurrEstab` alone: connections in ESTABLISHED or CLOSE_WAIT.
#[must_use]
pub(in crate::kernel) fn read_established(proc_root: &ProcRoot) -> Option<u64> {
    let mut counters = Counters::default();
    let mut buffer = Vec::with_capacity(2048);
    let bytes = read_small(&proc_root.net_file("snmp"), &mut buffer)?;
    parse(bytes, "Tcp", &mut counters);
    counters.get(Counter::CurrEstab)
}

/// The file holds pairs of lines: names, then values, each after the
/// protocol's name. Kernels differ in which names there are, so a value is
/// found by its name and never by its place.
fn parse(bytes: &[u8], protocol: &'static str, counters: &mut Counters) {
    // A byte that is no text spoils the name that it stands in, not the rest.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, rest)| (name == protocol).then_some(rest));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return;
    };
    for (name, value) in names
        .split_ascii_whitespace()
        .zip(values.split_ascii_whitespace())
    {
        let counter = Counter::ALL
            .iter()
            .find(|counter| counter.protocol() == protocol && counter.name() == name);
        // MaxConn is printed as -1: not every value is a count.
        if let (Some(&counter), Ok(value)) = (counter, value.parse()) {
            counters.set(counter, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let mut counters = Counters::default();
        let text = b"Ip: Forwarding EstabResets\nIp: 1 77\n\
            Tcp: RtoMin MaxConn EstabResets New ActiveOpens\nTcp: 200 -1 18446744073709551615 5 3\n";
        parse(text, "Tcp", &mut counters);
        assert_eq!(counters.get(Counter::EstabResets), Some(u64::MAX));
        assert_eq!(counters.get(Counter::ActiveOpens), Some(3));
        assert_eq!(counters.get(Counter::OutRsts), None);
    }

    /// "0 SYNs dropped: fine", of a kernel that counts none.
    #[test]
    fn zeros_of_all_counters_are_unknown_where_segments_were_sent() {
        let read = |segments: u64, netstat: &str| {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("net")).unwrap();
            let snmp = format!("Tcp: PassiveOpens OutSegs\nTcp: 6 {segments}\n");
            std::fs::write(root.path().join("net/snmp"), snmp).unwrap();
            std::fs::write(root.path().join("net/netstat"), netstat).unwrap();
            let counters = read_counters(&ProcRoot::new(root.path()));
            (
                counters.get(Counter::PassiveOpens),
                counters.get(Counter::ListenDrops),
            )
        };
        let zeros = "TcpExt: ListenDrops TW\nTcpExt: 0 0\n";
        assert_eq!(read(80, zeros), (Some(6), None));
        // A namespace that has just begun.
        assert_eq!(read(3, zeros), (Some(6), Some(0)));
        let counted = "TcpExt: ListenDrops New\nTcpExt: 0 2\n";
        assert_eq!(read(80, counted), (Some(6), Some(0)));
    }

    #[test]
    fn a_line_that_is_cut_short_leaves_the_rest_unknown() {
        let mut counters = Counters::default();
        parse(
            b"Tcp: ActiveOpens PassiveOpens\nTcp: 4",
            "Tcp",
            &mut counters,
        );
        assert_eq!(counters.get(Counter::ActiveOpens), Some(4));
        assert_eq!(counters.get(Counter::PassiveOpens), None);
        parse(b"TcpExt: TW", "TcpExt", &mut counters);
        assert_eq!(counters.get(Counter::Tw), None);
        parse(
            b"\xff\nTcpExt: \xff TW\nTcpExt: 1 2\n",
            "TcpExt",
            &mut counters,
        );
        assert_eq!(counters.get(Counter::Tw), Some(2));
    }

    #[test]
    fn the_running_kernel_has_every_counter_of_tcp() {
        let counters = read_counters(&ProcRoot::new(std::path::Path::new("/proc")));
        for (counter, value) in counters.iter() {
            if counter.protocol() == "Tcp" {
                assert!(value.is_some(), "{counter:?}");
            }
        }
    }
}
