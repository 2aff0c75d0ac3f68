use std::ops::ControlFlow;

use super::*;
use crate::collect::FallbackSource;
use crate::collect::PortRead;
use crate::collect::cpu_budget::cpu_time;
use crate::filter::selects_row;
use crate::kernel::sock_diag::testing::{RowBytes, ScriptedKernel, done, message};
use crate::kernel::{ProcRoot, SocketSource};
use crate::model::{CountMethod, Endpoint};
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

fn read_from(datagrams: impl IntoIterator<Item = Vec<u8>>, exact: bool) -> Snapshot {
    let (_root, proc_root) = staged_proc();
    let source = FallbackSource::over(ScriptedKernel::answering(datagrams), &proc_root);
    let mut namespace = Namespace::over(source, proc_root.clone());
    let question = Question {
        connections: if exact {
            Connections::CountedOneByOne
        } else {
            Connections::Counted
        },
        ..Question::default()
    };
    read(
        &mut namespace,
        &question,
        &mut OwnerCache::new(cpu_time),
        &mut |_| {},
    )
    .unwrap()
}

#[test]
fn what_the_kernel_counts_is_not_dumped() {
    let listener = RowBytes::new(10, 1).message(1);
    let snapshot = read_from([[listener, done(1, 0)].concat()], false);
    assert_eq!(snapshot.states.method, CountMethod::Derived);
    assert_eq!(snapshot.states.total_of(TcpState::Established), Some(4));
    assert_eq!(snapshot.states.total_of(TcpState::TimeWait), Some(7));
    assert_eq!(snapshot.states.total_of(TcpState::Listen), Some(1));
}

/// A container's sockets were invisible from its host, and nothing said so.
#[test]
fn the_host_is_told_of_sockets_in_other_namespaces_and_a_container_is_not() {
    let elsewhere = |tcp_mem| {
        let (_root, proc_root) = staged_proc();
        let write = |name, text| {
            let path = proc_root.file(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "net/sockstat",
            "TCP: inuse 5 orphan 0 tw 7 alloc 1209 mem 3\n",
        );
        if tcp_mem {
            write("sys/net/ipv4/tcp_mem", "10\t20\t30\n");
        }
        let listener = RowBytes::new(10, 1).message(1);
        let kernel = ScriptedKernel::answering([[listener, done(1, 0)].concat()]);
        let source = FallbackSource::over(kernel, &proc_root);
        let mut namespace = Namespace::over(source, proc_root.clone());
        let mut names = OwnerCache::new(cpu_time);
        let snapshot = read(
            &mut namespace,
            &Question::default(),
            &mut names,
            &mut |_| {},
        );
        snapshot.unwrap().elsewhere_at_most
    };
    assert_eq!(elsewhere(true), Some(1_204));
    assert_eq!(elsewhere(false), None);
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
    let snapshot = read_from([disturbed, whole.concat()], false);
    assert_eq!(snapshot.states.method, CountMethod::Dump);
    assert_eq!(snapshot.states.total_of(TcpState::Established), Some(1));
    assert!(snapshot.collection.complete);
}

/// The second look, at CLOSE_WAIT alone, was taken for whole whatever became of
/// it: what it lost was no leak.
#[test]
fn a_look_at_close_wait_that_loses_rows_is_no_complete_reading() {
    const DUMP_INTR: u16 = 16;
    let row = RowBytes::new(8, 1);
    let all = |sequence| [row.message(sequence), done(sequence, 0)].concat();
    let disturbed = [message(20, DUMP_INTR, 2, &row.payload()), done(2, 0)].concat();
    assert!(!read_from([all(1), disturbed], true).collection.complete);
    assert!(read_from([all(1), all(2)], true).collection.complete);
}

/// It gave up, although nothing was printed yet and /proc could be read.
#[test]
fn a_dump_that_fails_in_mid_way_is_counted_anew_from_proc_and_once() {
    for exact in [true, false] {
        let cut = [RowBytes::new(1, 1).message(1), done(1, ENOMEM)].concat();
        let snapshot = read_from([cut], exact);
        assert_eq!(snapshot.collection.source, SourceKind::Procfs);
        assert!(snapshot.collection.fallback_reason.is_some());
        assert_eq!(snapshot.states.total(), 1, "exact: {exact}");
        assert_eq!(snapshot.states.total_of(TcpState::Established), Some(1));
    }
}

/// Counts of many connections that are in no dump, beside ports that everybody
/// may have.
fn crowded_proc(inuse: u32, unlisted: u32) -> (tempfile::TempDir, ProcRoot) {
    let (root, proc_root) = staged_proc();
    let used = inuse + unlisted;
    // Other namespaces have any number.
    let sockstat = format!("sockets: used {used}\nTCP: inuse {inuse} orphan 0 tw 7 alloc 900000\n");
    let protocols = format!("protocol  size sockets  memory\nTCP       2400 {inuse:6}      3\n");
    for (name, text) in [
        ("net/sockstat", sockstat.as_str()),
        ("net/protocols", protocols.as_str()),
        ("sys/net/ipv4/ip_local_port_range", "1 65535\n"),
        ("sys/net/ipv4/ip_local_reserved_ports", "\n"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (root, proc_root)
}

/// So many sockets that are bound and no more, as the kernel dumps them.
fn bound_dump(sequence: u32, sockets: u16) -> Vec<Vec<u8>> {
    let rows = (0..sockets).map(|port| {
        let [high, low] = (30_000 + port).to_be_bytes();
        let row = RowBytes::new(7, port.into()).byte(4, high).byte(5, low);
        row.message(sequence)
    });
    let rows: Vec<Vec<u8>> = rows.collect();
    let mut datagrams: Vec<_> = rows.chunks(100).map(<[Vec<u8>]>::concat).collect();
    datagrams.push(done(sequence, 0));
    datagrams
}

/// Ports that are bound and no more were not reckoned with where there were too
/// many connections to group: what isn't proven was called fine.
#[test]
fn many_connections_are_ruled_out_only_with_the_bound_sockets_reckoned_in() {
    const DUMP_INTR: u16 = 16;
    let reading = |unlisted: u32, connections: Vec<u8>| {
        let (_root, proc_root) = crowded_proc(50_100, unlisted);
        // The counts, the connections, the bound ones.
        let answers = [done(1, 0), connections].into_iter();
        let kernel = ScriptedKernel::answering(answers.chain(bound_dump(3, 20_000)));
        let source = FallbackSource::over(kernel, &proc_root);
        let mut namespace = Namespace::over(source, proc_root.clone());
        let mut names = OwnerCache::new(cpu_time);
        let question = Question::default();
        let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {});
        let snapshot = snapshot.unwrap();
        (snapshot.pressure.ports, snapshot.collection.complete)
    };
    let whole = || done(2, 0);
    assert!(matches!(
        reading(100, whole()),
        (PortReading::RuledOut { .. }, true)
    ));
    let bound = |(ports, complete): (PortReading, bool)| {
        (ports.grouped().expect("grouped").bound, complete)
    };
    // Less than half of the ports: no walk of the bind table.
    assert_eq!(bound(reading(20_000, whole())), (None, true));
    assert_eq!(bound(reading(40_000, whole())), (Some(20_000), true));
    // A destination that lost rows was called fine.
    let row = RowBytes::new(1, 1).payload();
    let disturbed = [message(20, DUMP_INTR, 2, &row), done(2, 0)].concat();
    assert!(!bound(reading(40_000, disturbed)).1);
}

/// Lets the bound sockets be looked at, whose dump is the third, behind that of
/// the connections.
fn with_bound(answers: impl IntoIterator<Item = Vec<u8>>) -> Snapshot {
    let (_root, proc_root) = crowded_proc(50_100, 40_000);
    let answers = [done(1, 0), done(2, 0)].into_iter().chain(answers);
    let kernel = ScriptedKernel::answering(answers);
    let source = FallbackSource::over(kernel, &proc_root);
    let mut namespace = Namespace::over(source, proc_root.clone());
    let mut names = OwnerCache::new(cpu_time);
    let question = Question::default();
    read(&mut namespace, &question, &mut names, &mut |_| {}).unwrap()
}

/// What it lost was no bound socket, and too few of them a proof that no ports
/// run out.
#[test]
fn a_look_at_bound_sockets_that_loses_rows_is_no_complete_reading() {
    const DUMP_INTR: u16 = 16;
    let row = RowBytes::new(7, 1);
    let whole = with_bound([[row.message(3), done(3, 0)].concat()]);
    assert!(whole.collection.complete);
    let disturbed = [message(20, DUMP_INTR, 3, &row.payload()), done(3, 0)].concat();
    let unreadable = [message(20, 2, 3, &[10]), done(3, 0)].concat();
    for (answer, malformed) in [(disturbed, 0), (unreadable, 1)] {
        let snapshot = with_bound([answer]);
        assert!(matches!(snapshot.pressure.ports, PortReading::Grouped(_)));
        assert!(!snapshot.collection.complete);
        assert_eq!(snapshot.collection.malformed, malformed);
    }
}

/// /proc shows no bound socket, and that there is none was taken for its word.
#[test]
fn a_look_at_bound_sockets_that_ends_over_proc_proves_nothing() {
    let row = RowBytes::new(7, 1).message(3);
    for answer in [done(3, ENOMEM), [row, done(3, ENOMEM)].concat()] {
        let snapshot = with_bound([answer]);
        assert_eq!(snapshot.pressure.ports.grouped().unwrap().bound, None);
        assert!(!snapshot.collection.complete);
    }
}

/// Of too few connections it was proven that they are too few.
#[test]
fn connections_that_were_lost_rule_nothing_out() {
    let (root, proc_root) = crowded_proc(3, 0);
    fs::remove_file(root.path().join("net/sockstat")).unwrap();
    let short = |sequence| [message(20, 2, sequence, &[1]), done(sequence, 0)].concat();
    let kernel = ScriptedKernel::answering([short(1), short(2), done(3, 0), done(4, 0)]);
    let source = FallbackSource::over(kernel, &proc_root);
    let mut namespace = Namespace::over(source, proc_root.clone());
    let mut names = OwnerCache::new(cpu_time);
    let question = Question::default();
    let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {}).unwrap();
    assert!(!snapshot.collection.complete);
    assert!(matches!(snapshot.pressure.ports, PortReading::Grouped(_)));
}

/// The ports that they have were there for the taking.
#[test]
fn listeners_of_the_other_family_that_were_lost_make_it_incomplete() {
    let (_root, proc_root) = crowded_proc(3, 0);
    let short = [message(20, 2, 2, &[1]), done(2, 0)].concat();
    let kernel = ScriptedKernel::answering([done(1, 0), short, done(3, 0), done(4, 0)]);
    let source = FallbackSource::over(kernel, &proc_root);
    let ipv4 = crate::model::Condition::Family(crate::model::Family::Ipv4).into();
    let namespace = Namespace::over(source, proc_root.clone());
    let mut namespace = namespace.select(ipv4, String::new()).unwrap();
    let question = Question::default();
    let mut names = OwnerCache::new(cpu_time);
    let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {}).unwrap();
    assert!(matches!(snapshot.pressure.ports, PortReading::Grouped(_)));
    assert!(!snapshot.collection.complete);
}

/// The sockets were counted, and all was lost because of the ports.
#[test]
fn a_dump_of_the_ports_that_fails_in_mid_way_is_grouped_anew_from_proc() {
    let (_root, proc_root) = crowded_proc(60_000, 0);
    let cut = [RowBytes::new(1, 1).message(2), done(2, ENOMEM)].concat();
    let kernel = ScriptedKernel::answering([done(1, 0), cut]);
    let source = FallbackSource::over(kernel, &proc_root);
    let mut namespace = Namespace::over(source, proc_root.clone());
    let mut names = OwnerCache::new(cpu_time);
    let question = Question::default();
    let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {});
    let ports = snapshot.unwrap().pressure.ports;
    let in_use = ports.grouped().unwrap().destinations.iter();
    assert_eq!(in_use.map(|one| one.in_use).sum::<u32>(), 1);
}

/// Rows that were lost may be of the destination that runs out.
#[test]
fn a_sample_with_an_incomplete_dump_of_the_ports_is_incomplete() {
    let (_root, proc_root) = crowded_proc(60_000, 0);
    let short = [message(20, 2, 2, &[1]), done(2, 0)].concat();
    let kernel = ScriptedKernel::answering([done(1, 0), short, done(3, 0)]);
    let source = FallbackSource::over(kernel, &proc_root);
    let mut namespace = Namespace::over(source, proc_root.clone());
    let mut names = OwnerCache::new(cpu_time);
    let question = Question::default();
    let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {}).unwrap();
    assert!(matches!(snapshot.pressure.ports, PortReading::Grouped(_)));
    assert!(!snapshot.collection.complete);
}

/// Shows these connections, and the same to whoever asks beside.
#[derive(Clone)]
struct Crowd {
    connections: Vec<Socket>,
    /// Whether the dump of the second one is whole.
    is_whole: bool,
    is_second: bool,
}

impl SocketSource for Crowd {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        for socket in &self.connections {
            if selects_row(&request.filter, socket, SourceKind::Netlink)
                && visitor(socket).is_break()
            {
                break;
            }
        }
        Ok(Collection {
            source: SourceKind::Netlink,
            fallback_reason: None,
            complete: self.is_whole || !self.is_second,
            sockets: 0,
            duplicates: None,
            malformed: 0,
            unjudged: 0,
            selection: None,
        })
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Netlink
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        Some(Box::new(Self {
            is_second: true,
            ..self.clone()
        }))
    }
}

/// A random sample of the ports stood for all of them, and what a graph showed
/// was the bound of its error.
#[test]
fn more_connections_than_ports_are_grouped_by_destination_beside_the_counts() {
    let (_root, proc_root) = crowded_proc(60_000, 0);
    let used = |share: u16, is_whole: bool| {
        let towards = |remote: u16| {
            let ports = (1..=u16::MAX).filter(move |&port| port % 100 < share);
            ports.map(move |port| {
                let local = Endpoint::new("10.0.0.5".parse().unwrap(), port);
                let remote = Endpoint::new("10.0.0.9".parse().unwrap(), remote);
                crate::classify::testing::socket(&local.to_string(), &remote.to_string()).build()
            })
        };
        let source = Crowd {
            connections: towards(80).chain(towards(443)).collect(),
            is_whole,
            is_second: false,
        };
        let mut namespace = Namespace::over(source, proc_root.clone());
        let mut names = OwnerCache::new(cpu_time);
        let question = Question::default();
        let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {});
        let snapshot = snapshot.unwrap();
        let ports = snapshot.pressure.ports.grouped().expect("grouped").clone();
        let in_use = ports
            .destinations
            .iter()
            .map(|one| one.in_use)
            .collect::<Vec<_>>();
        (in_use, snapshot.collection.complete)
    };
    let expected = |share: u16| {
        let ports = (1..=u16::MAX).filter(|port| port % 100 < share).count();
        (vec![u32::try_from(ports).unwrap(); 2], true)
    };
    assert_eq!(used(10, true), expected(10));
    // What the second source lost, the first is asked for.
    assert_eq!(used(10, false), expected(10));
    assert_eq!(used(90, true), expected(90));
}

/// Whoever asks for the share that is used gets it, however small it is; and
/// whoever asks for a part of the sockets gets none that is of the part.
#[test]
fn ports_are_grouped_always_or_never_where_that_is_asked_for() {
    let (_root, proc_root) = crowded_proc(3, 0);
    let ports = |ports: PortRead| {
        let source = Crowd {
            connections: vec![
                crate::classify::testing::socket("10.0.0.5:4000", "10.0.0.9:80").build(),
            ],
            is_whole: true,
            is_second: false,
        };
        let mut namespace = Namespace::over(source, proc_root.clone());
        let question = Question {
            ports,
            ..Question::default()
        };
        let mut names = OwnerCache::new(cpu_time);
        let snapshot = read(&mut namespace, &question, &mut names, &mut |_| {});
        snapshot.unwrap().pressure.ports
    };
    assert!(matches!(
        ports(PortRead::UnlessRuledOut),
        PortReading::RuledOut { .. }
    ));
    assert_eq!(ports(PortRead::Never), PortReading::NotRead);
    let grouped = ports(PortRead::Always);
    assert_eq!(grouped.grouped().unwrap().destinations.len(), 1);
}

/// What is written down is read back as it was.
#[test]
fn a_snapshot_can_be_written_down() {
    let listener = RowBytes::new(10, 1).message(1);
    let counted = read_from([[listener, done(1, 0)].concat()], false);
    let row = RowBytes::new(7, 1).message(3);
    let grouped = with_bound([[row, done(3, 0)].concat()]);
    assert!(grouped.pressure.ports.grouped().is_some());
    let mut counters = crate::model::Counters::default();
    for (value, &counter) in (0..).zip(crate::model::Counter::ALL) {
        counters.set(counter, value);
    }
    let counted = Snapshot {
        counters,
        ..counted
    };
    for snapshot in [counted, grouped] {
        let text = serde_json::to_string(&snapshot).unwrap();
        let read: Snapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(read, snapshot);
    }
}
