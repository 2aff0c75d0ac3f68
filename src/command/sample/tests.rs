use super::*;
use crate::kernel::FallbackSource;
use crate::kernel::netlink::testing::{RowBytes, ScriptedKernel, done, message};
use crate::model::CountMethod;
use std::fs;

const HEADER: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";
const ESTABLISHED: &str = "   0: 0100007F:9C62 0100007F:CE33 01 00000000:00000000 00:00000000 \
                           00000000     0        0 4838 1 00000000be14b265 20 4 0 10 -1\n";
const ENOMEM: i32 = -12;

/// A /proc of Linux 6.18 with one ESTABLISHED socket.
fn staged_proc() -> (tempfile::TempDir, ProcRoot) {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("net/tcp", format!("{HEADER}{ESTABLISHED}")),
        ("net/sockstat", "TCP: inuse 5 orphan 0 tw 7\n".to_owned()),
        ("sys/kernel/osrelease", "6.18.0\n".to_owned()),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let proc_root = ProcRoot::new(root.path());
    (root, proc_root)
}

fn read_from(datagrams: impl IntoIterator<Item = Vec<u8>>, exact: bool) -> Sample {
    let (_root, proc_root) = staged_proc();
    let mut source = FallbackSource::over(ScriptedKernel::answering(datagrams), &proc_root);
    let wanted = Wanted {
        exact,
        ..Wanted::default()
    };
    read(
        &mut source,
        &proc_root,
        wanted,
        &mut Names::default(),
        &mut |_| {},
    )
    .unwrap()
}

#[test]
fn what_the_kernel_counts_is_not_dumped() {
    let listener = RowBytes::new(10, 1).message(1);
    let sample = read_from([[listener, done(1, 0)].concat()], false);
    assert_eq!(sample.states.method, CountMethod::Derived);
    assert_eq!(sample.states.total_of(TcpState::Established), Some(4));
    assert_eq!(sample.states.total_of(TcpState::TimeWait), Some(7));
    assert_eq!(sample.states.total_of(TcpState::Listen), Some(1));
}

/// Rows that were lost would count as ESTABLISHED.
#[test]
fn nothing_is_derived_from_an_incomplete_dump() {
    const DUMP_INTR: u16 = 16;
    let listener = RowBytes::new(10, 1).payload();
    let disturbed = [message(20, DUMP_INTR, 1, &listener), done(1, 0)].concat();
    let whole = [
        RowBytes::new(10, 1).message(2),
        RowBytes::new(1, 2).message(2),
        done(2, 0),
    ];
    let sample = read_from([disturbed, whole.concat()], false);
    assert_eq!(sample.states.method, CountMethod::Dump);
    assert_eq!(sample.states.total_of(TcpState::Established), Some(1));
    assert!(sample.collection.complete);
}

/// It gave up, although nothing was printed yet and /proc could be read.
#[test]
fn a_dump_that_fails_in_mid_way_is_counted_anew_from_proc_and_once() {
    for exact in [true, false] {
        let cut = [RowBytes::new(1, 1).message(1), done(1, ENOMEM)].concat();
        let sample = read_from([cut], exact);
        assert_eq!(sample.collection.source, SourceKind::Procfs);
        assert!(sample.collection.fallback_reason.is_some());
        assert_eq!(sample.states.total(), 1, "exact: {exact}");
        assert_eq!(sample.states.total_of(TcpState::Established), Some(1));
    }
}

/// Ports that are bound and no more were not reckoned with where there were too
/// many connections to group: what isn't proven was called fine.
#[test]
fn many_connections_are_ruled_out_only_with_the_bound_sockets_reckoned_in() {
    let reading = |alloc: u32| {
        let (root, proc_root) = staged_proc();
        let sockstat = format!("TCP: inuse 50100 orphan 0 tw 7 alloc {alloc}\n");
        for (name, text) in [
            ("net/sockstat", sockstat.as_str()),
            ("sys/net/ipv4/ip_local_port_range", "1 65535\n"),
            ("sys/net/ipv4/ip_local_reserved_ports", "\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let kernel = ScriptedKernel::answering([done(1, 0)]);
        let mut source = FallbackSource::over(kernel, &proc_root);
        let mut names = Names::default();
        let wanted = Wanted::default();
        let sample = read(&mut source, &proc_root, wanted, &mut names, &mut |_| {});
        sample.unwrap().pressure.ports
    };
    assert!(matches!(reading(50_200), PortReading::RuledOut { .. }));
    assert!(matches!(reading(60_000), PortReading::TooMany { .. }));
}
