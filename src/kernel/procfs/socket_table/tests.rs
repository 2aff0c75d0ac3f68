use super::*;
use crate::model::{SocketKind, StateSet, TcpState, TimerKind};
use proptest::prelude::*;
use std::fs;

/// Lines as Linux 6.18 prints them: a listener, an orphan in FIN_WAIT2, a
/// request, a leaked CLOSE_WAIT.
const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100007F:CE33 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 4834 1 00000000be14b265 100 0 0 10 0                      
   1: 0100007F:9C62 0100007F:CE33 05 00000000:00000000 03:0000176A 00000000     0        0 0 3 00000000a775dd7c                                      
   2: 0100007F:CE33 0200000A:9C64 03 00000000:00000000 01:00000064 00000002     0        0 0 1 00000000a775dd7c                                      
   3: 0100007F:CE33 0100007F:9C62 08 00000007:00000033 00:00000000 00000000  1000        0 4836 1 000000005cb263f7 20 4 0 10 -1                      
";

const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000100007F:9B59 0000000000000000FFFF00000100007F:CAA2 01 00000000:00000000 00:00000000 00000000     0        0 4839 1 0000000086448b99 20 0 0 10 -1
";

fn root_with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, ProcRoot) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    for (name, text) in files {
        fs::write(root.path().join("net").join(name), text).unwrap();
    }
    let proc_root = ProcRoot::new(root.path());
    (root, proc_root)
}

fn visit(proc_root: &ProcRoot, query: &Request) -> (Vec<Socket>, Result<Collection, KernelError>) {
    let mut sockets = Vec::new();
    let outcome =
        ProcfsSource::new(proc_root).visit_all(query, &mut |socket| sockets.push(socket.clone()));
    (sockets, outcome)
}

fn all() -> Request {
    Request::states(StateSet::RFC9293)
}

/// A kernel in a sandbox prints queues and timers as constants. It has no
/// sockstat, as a copy may have none.
#[test]
fn zeros_of_a_kernel_that_tells_no_queues_are_unknown() {
    let zero = TCP.replace("00000007:00000033", "00000000:00000000");
    for (table, sockstat, told) in [
        (&zero, false, None),
        (&zero, true, Some(0)),
        (&TCP.to_owned(), false, Some(51)),
    ] {
        let (root, proc_root) = root_with(&[("tcp", table.as_bytes())]);
        if sockstat {
            fs::write(root.path().join("net/sockstat"), "sockets: used 3\n").unwrap();
        }
        let (sockets, _) = visit(&proc_root, &all());
        let leaked = sockets.iter().find(|one| one.state == TcpState::CloseWait);
        assert_eq!(leaked.unwrap().known_recv_q(), told);
        let listener = sockets.iter().find(|one| one.state == TcpState::Listen);
        assert_eq!(listener.unwrap().known_recv_q(), Some(3));
    }
}

#[test]
fn every_kind_of_line_is_read() {
    let (_root, proc_root) = root_with(&[("tcp", TCP.as_bytes()), ("tcp6", TCP6.as_bytes())]);
    let (sockets, outcome) = visit(&proc_root, &all());
    let collection = outcome.unwrap();
    assert!(collection.complete);
    assert_eq!((collection.sockets, collection.malformed), (5, 0));

    let [listener, mini, request, leaked, mapped] = sockets.as_slice() else {
        panic!("five sockets");
    };
    assert_eq!(listener.state, TcpState::Listen);
    assert_eq!(listener.accept_queue(), Some(3));
    assert_eq!(listener.accept_limit(), None, "/proc doesn't tell");
    assert_eq!(listener.inode, Some(4_834));

    assert_eq!(mini.state, TcpState::FinWait2);
    assert_eq!(mini.kind, SocketKind::TimeWait);
    assert_eq!((mini.uid, mini.inode), (None, None));
    let timer = mini.timer.unwrap();
    assert_eq!(
        (timer.kind, timer.expires_ms),
        (TimerKind::TimeWait, 59_940)
    );

    assert_eq!(request.kind, SocketKind::Request);
    assert_eq!(request.remote.to_string(), "10.0.0.2:40036");
    assert_eq!(request.timer.unwrap().retransmits, 2);

    assert_eq!(leaked.state, TcpState::CloseWait);
    assert_eq!((leaked.recv_q, leaked.send_q), (51, Some(7)));
    assert_eq!((leaked.uid, leaked.inode), (Some(1_000), Some(4_836)));
    assert_eq!((listener.uid, mapped.uid), (Some(0), Some(0)));

    assert_eq!(mapped.family, Family::Ipv6);
    assert_eq!(mapped.local.to_string(), "[::ffff:127.0.0.1]:39769");
}

#[test]
fn a_fast_open_syn_recv_is_a_full_socket() {
    let line = TCP.lines().nth(4).unwrap().replace(" 08 ", " 03 ");
    let socket = row::parse(line.as_bytes(), Family::Ipv4).unwrap();
    assert_eq!(socket.kind, SocketKind::Full);
}

#[test]
fn bad_lines_are_skipped_and_counted() {
    let bad = "   1: nonsense\n\n   2: 0100007F:CE33 0100007F:9C62 ZZ 0:0 0:0 0 0 0 0\n\u{0}\n";
    let good = TCP.lines().nth(4).unwrap().replace(" 4836 ", " 4837 ");
    let text = format!("{TCP}{bad}{good}\n");
    let (_root, proc_root) = root_with(&[("tcp", text.as_bytes())]);
    let (sockets, outcome) = visit(&proc_root, &all());
    let collection = outcome.unwrap();
    assert_eq!(sockets.len(), 5);
    assert_eq!(collection.malformed, 4);
    assert!(!collection.complete);
}

/// A row of a kernel before 3.6 was lost for the timer that was overdue.
#[test]
fn a_timer_that_an_old_kernel_prints_with_16_digits_is_overdue() {
    let heading = TCP.lines().next().unwrap();
    let rows = [
        "   1: 0700040A:1F90 0009040A:9C40 01 00000200:00000000 01:1999999999999998 00000003     0        0 901 1 f 20 4 0 10 -1",
        "   2: 0700040A:1F90 0009040A:9C41 03 00000000:00000000 01:99999998 00000001     0        0 0 1 f",
        "   3: 0700040A:1F90 0009040A:9C42 06 00000000:00000000 03:0000176A 00000000     0        0 0 3 f",
    ];
    let table = format!("{heading}\n{}\n", rows.join("\n"));
    let (_root, proc_root) = root_with(&[("tcp", table.as_bytes())]);
    let (sockets, outcome) = visit(&proc_root, &all());
    assert_eq!(outcome.unwrap().malformed, 0);
    let timers: Vec<_> = sockets.iter().map(|one| one.timer.unwrap()).collect();
    let expires: Vec<_> = timers.iter().map(|timer| timer.expires_ms).collect();
    assert_eq!(expires, [0, 0, 59_940]);
    assert_eq!(timers[0].retransmits, 3);
}

/// A connection that moved along its chain was counted twice.
#[test]
fn a_row_that_comes_twice_counts_once_and_what_shares_a_port_counts_each() {
    let lines: Vec<&str> = TCP.lines().collect();
    let other_inode = lines[1].replace(" 4834 ", " 4835 ");
    let a_tick_later = lines[2].replace("0000176A", "00001769");
    let rows = [
        lines[0],
        lines[1],
        lines[1],
        &other_inode,
        lines[2],
        &a_tick_later,
        lines[4],
        lines[4],
    ];
    let table = format!("{}\n", rows.join("\n"));
    let (_root, proc_root) = root_with(&[("tcp", table.as_bytes()), ("sockstat", b"")]);
    let (sockets, outcome) = visit(&proc_root, &all());
    let collection = outcome.unwrap();
    assert_eq!((sockets.len(), collection.sockets), (4, 4));
    assert_eq!(collection.duplicates, Some(3));
    assert!(collection.complete);
}

/// What was left of the inode was another one.
#[test]
fn a_row_that_is_cut_is_no_socket() {
    let whole = TCP.trim_end();
    let cut_at = |column: &str| {
        let text = &whole[..whole.rfind(column).unwrap() + 2];
        let (_root, proc_root) = root_with(&[("tcp", text.as_bytes())]);
        let (sockets, outcome) = visit(&proc_root, &all());
        let collection = outcome.unwrap();
        (sockets.len(), collection.malformed, collection.complete)
    };
    for column in ["4836", " 20 4", "5cb263f7", "-1"] {
        assert_eq!(cut_at(column), (3, 1, false), "{column}");
    }
    // In the middle of a file, too.
    let text = whole.replace(" 100 0 0 10 0 ", "");
    let (_root, proc_root) = root_with(&[("tcp", format!("{text}\n").as_bytes())]);
    assert_eq!(
        visit(&proc_root, &all()).0.len(),
        4,
        "as short as a request"
    );
    let text = whole.replace(" 00000000be14b265 100 0 0 10 0 ", "");
    let (_root, proc_root) = root_with(&[("tcp", format!("{text}\n").as_bytes())]);
    assert_eq!(visit(&proc_root, &all()).0.len(), 3);
}

/// A copy of a /proc without tcp6 was taken for a host without IPv6.
#[test]
fn without_a_table_of_ipv6_a_copy_is_complete_where_its_counts_have_none_either() {
    let complete = |files: &[(&str, &[u8])]| {
        let tcp = [("tcp", TCP.as_bytes())];
        let (_root, proc_root) = root_with(&[&tcp, files].concat());
        visit(&proc_root, &all()).1.unwrap().complete
    };
    assert!(!complete(&[]));
    assert!(complete(&[("sockstat", b"TCP: inuse 4\n")]));
    assert!(!complete(&[
        ("sockstat", b""),
        ("sockstat6", b"TCP6: inuse 1\n")
    ]));
}

#[test]
fn states_and_families_are_filtered() {
    let (_root, proc_root) = root_with(&[("tcp", TCP.as_bytes()), ("tcp6", TCP6.as_bytes())]);
    let close_wait = Request::states(StateSet::NONE.with(TcpState::CloseWait));
    assert_eq!(visit(&proc_root, &close_wait).0.len(), 1);
    for (family, count) in [(Family::Ipv4, 4), (Family::Ipv6, 1)] {
        let query = all().and(&crate::model::Condition::Family(family).into());
        let (sockets, _) = visit(&proc_root, &query);
        assert_eq!(sockets.len(), count);
        assert!(sockets.iter().all(|socket| socket.family == family));
    }
}

#[test]
fn a_table_that_cannot_be_read_does_not_hide_the_other() {
    let (_root, without_ipv6) = root_with(&[("tcp", TCP.as_bytes())]);
    assert_eq!(visit(&without_ipv6, &all()).0.len(), 4);
    // The one that can be read is shown, and is not all.
    for tcp in [None, Some(("tcp", b"" as &[u8]))] {
        let files: Vec<_> = tcp.into_iter().chain([("tcp6", TCP6.as_bytes())]).collect();
        let (_root, without_ipv4) = root_with(&files);
        let (sockets, outcome) = visit(&without_ipv4, &all());
        assert_eq!(sockets.len(), 1);
        assert!(!outcome.unwrap().complete);
    }
    let (_root, without_both) = root_with(&[]);
    assert!(matches!(
        visit(&without_both, &all()).1,
        Err(KernelError::Proc { .. })
    ));
}

#[test]
fn a_file_that_is_no_socket_table_is_an_error() {
    for text in ["", "sockets: used 5\n", "\n"] {
        let (_root, proc_root) = root_with(&[("tcp", text.as_bytes())]);
        assert!(
            matches!(
                visit(&proc_root, &all()).1,
                Err(KernelError::ProcContent { .. })
            ),
            "{text:?}"
        );
    }
}

#[test]
fn the_live_table_shows_a_listener_of_ours() {
    let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sockets, outcome) = visit(&ProcRoot::new(std::path::Path::new("/proc")), &all());
    assert!(outcome.unwrap().complete);
    let ours: Vec<&Socket> = sockets
        .iter()
        .filter(|socket| socket.local.port == port && socket.state == TcpState::Listen)
        .collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0].local.to_string(), format!("[::1]:{port}"));
}

proptest! {
    #[test]
    fn any_line_has_an_outcome(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = row::parse(&line, Family::Ipv4);
        let _ = row::parse(&line, Family::Ipv6);
    }

    /// Lines that are almost right, where a careless parser reads past its
    /// columns.
    #[test]
    fn any_damaged_line_has_an_outcome(
        which in 1_usize..5,
        cut in 0_usize..150,
        place in 0_usize..150,
        byte in any::<u8>(),
    ) {
        let mut line = TCP.lines().nth(which).unwrap().as_bytes().to_vec();
        if let Some(target) = line.get_mut(place) {
            *target = byte;
        }
        line.truncate(cut);
        let _ = row::parse(&line, Family::Ipv4);
    }
}

/// A line of Linux 6.1: a connection to a listener of the user 1000, which
/// nobody has accepted.
#[test]
fn the_owner_of_a_connection_that_was_not_accepted_is_not_root() {
    let heading = TCP.lines().next().unwrap();
    let line = "   2: 0100007F:0410 0100007F:97B2 08 00000000:00000001 00:00000000 00000000     0        0 0 1 0000000069b2aba3 21 4 0 10 -1";
    let table = format!("{heading}\n{line}\n");
    let (_root, proc_root) = root_with(&[("tcp", table.as_bytes())]);
    let mut owners = Vec::new();
    ProcfsSource::new(&proc_root)
        .visit_all(&Request::states(StateSet::RFC9293), &mut |socket| {
            owners.push((socket.kind, socket.uid));
        })
        .unwrap();
    assert_eq!(owners, [(SocketKind::Full, None)]);
}
