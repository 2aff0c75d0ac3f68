mod widths;

use super::*;
use crate::classify::close_wait::LeakReport;
use crate::classify::close_wait::testing::{SocketBuilder, close_wait, endpoint};
use crate::classify::close_wait::{Earlier, Interval, Judge, Listeners, Ownership, Selection};
use crate::model::{Cgroup, Collection, Host, Processes, SourceKind};
use crate::model::{
    CgroupId, ClosedDescriptor, ClosedDescriptors, ContainerRuntime, Endpoint, Holder,
    IncompleteScan, NetNs, Process, ScanCoverage, Socket, SocketPast, TimerKind, Unit,
};
use crate::render::{Style, csv, json};
use std::collections::HashMap;
use std::time::Duration;

/// A host with every kind of socket, process and gap.
#[derive(Default)]
struct Stage {
    sockets: Vec<SocketBuilder>,
    holders: Vec<(u64, Holder)>,
    processes: Processes,
    listeners: Listeners,
    scan: ScanCoverage,
}

fn process(pid: u32, command: &str, unit: Option<Unit>, fds: (u64, u64)) -> Process {
    Process {
        pid,
        start_time: 1,
        command: Some(command.to_owned()),
        cmdline: Some(vec![format!("/usr/bin/{command}"), "-x".to_owned()]),
        uid: Some(1000),
        cgroup: Some("/system.slice/x.service".to_owned()),
        unit,
        open_fds: Some(fds.0),
        fd_limit: Some(fds.1),
    }
}

impl Stage {
    fn full() -> Self {
        let mut stage = Self::default();
        let orders = Unit::Systemd {
            name: "orders.service".to_owned(),
            user: None,
        };
        let container = Unit::Container {
            runtime: ContainerRuntime::Docker,
            id: "3f2a".repeat(16),
            pod: None,
        };
        for process in [
            process(2231, "java", Some(orders), (918, 1_024)),
            process(880, "nginx", Some(container), (61, 4_096)),
            process(411, "rsync", None, (9, 1_024)),
            process(77, "evil\u{1b}[2J\n\"},{", None, (8, 1_024)),
        ] {
            stage.processes.insert(process.pid, process);
        }
        for number in 1..=81 {
            let remote = if number <= 78 {
                "10.0.0.9:5432"
            } else {
                "10.0.0.8:6379"
            };
            let local = format!("10.0.0.5:{}", 40_000 + number);
            let pool = close_wait()
                .ends(&local, remote)
                .times(8_040_510, 8_041_000);
            stage.add(2231, pool);
        }
        for number in 1..=3 {
            let remote = format!("[::ffff:192.0.2.7]:{}", 50_000 + number);
            let unread = close_wait().ends("[::ffff:10.0.0.5]:443", &remote);
            stage.add(880, unread.queued(51).times(242_010, 300_000));
        }
        let half = || close_wait().times(100, 500_000).last_sent(100);
        stage.add(411, half());
        stage.add(411, half());
        stage.add(77, close_wait().ends("10.0.0.5:25", "198.51.100.1:2525"));
        stage.add(
            77,
            close_wait().timer(TimerKind::Keepalive).times(510, 900_000),
        );
        stage.add(0, close_wait().cgroup(7).times(70_010, 80_000));
        let listener = close_wait().ends("0.0.0.0:8080", "0.0.0.0:0").listen();
        let listener = listener.inode(9_000).queued(5).send_q(128);
        stage.listeners.add(&listener.build());
        stage.hold(880, 3, 9_000);
        let listener = close_wait().ends("[::]:443", "[::]:0").listen();
        stage.listeners.add(&listener.inode(9_001).build());
        stage.add(
            0,
            close_wait()
                .ends("10.0.0.5:8080", "192.0.2.9:1")
                .inode(0)
                .queued(1),
        );
        stage.scan.processes_scanned = 40;
        stage.scan.processes_denied = 12;
        stage
    }

    /// Adds a socket, held by a process unless that is 0.
    fn add(&mut self, pid: u32, socket: SocketBuilder) {
        let number = self.sockets.len() as u64 + 1;
        let is_accepted = socket.clone().build().inode.is_some();
        let inode = if is_accepted { 100 + number } else { 0 };
        self.sockets.push(socket.inode(inode).cookie(number));
        if pid != 0 {
            let fd = 10 + u32::try_from(number).unwrap();
            self.hold(pid, fd, inode);
        }
    }

    fn hold(&mut self, pid: u32, fd: u32, inode: u64) {
        self.holders.push((inode, Holder::descriptor(pid, fd)));
    }

    fn report(&self, earlier: Option<&Earlier>) -> LeakReport {
        self.report_of(Selection::default(), earlier)
    }

    fn report_of(&self, selection: Selection<'_>, earlier: Option<&Earlier>) -> LeakReport {
        let judge = Judge {
            min_age: Duration::from_secs(60),
            uptime: Some(Duration::from_secs(86_400)),
            earlier,
        };
        let sockets = self.sockets.iter().cloned();
        let judged = sockets.map(|socket| judge.judge(socket.build())).collect();
        let before = HashMap::from([((2231, 1), 80)]);
        let holders = self.holders.iter().copied().collect();
        let owners = Ownership {
            holders: &holders,
            processes: &self.processes,
            listeners: &self.listeners,
            scan: Some(self.scan),
            unseen: &[],
            fin_wait2: &[],
            earlier: earlier.map(|_| &before),
        };
        LeakReport::new(judge.min_age, judged, owners, selection, earlier)
    }

    fn show(&self, report: &LeakReport, show: impl Fn(&LeaksView<'_>) -> String) -> String {
        let host = Host {
            name: Some("web-3".to_owned()),
            netns: Some(NetNs {
                inode: Some(4_026_531_840),
                name: None,
            }),
            kernel: Some((6, 18)),
        };
        let collection = Collection {
            source: SourceKind::Netlink,
            fallback_reason: None,
            complete: true,
            sockets: self.sockets.len() as u64,
            duplicates: Some(0),
            malformed: 0,
            unjudged: 0,
            selection: None,
        };
        let removed = Cgroup {
            id: CgroupId(7),
            path: None,
            removed: true,
            unit: None,
        };
        show(&LeaksView {
            host: &host,
            taken_at: Some(std::time::UNIX_EPOCH + Duration::from_millis(1_750_000_000_123)),
            elapsed: Duration::from_micros(1_400),
            collection: &collection,
            report,
            processes: &self.processes,
            cgroups: &HashMap::from([(CgroupId(7), removed)]),
            asked: &[],
            elsewhere: &[],
            narrowed: false,
            repeated: "",
            list_sockets: false,
            as_root: false,
        })
    }
}

/// A stream that sends every 90 s was a leak for sure 83 s after it had sent.
#[test]
fn one_look_does_not_exclude_that_a_stream_pauses() {
    let told = |sent: u32, over: Option<u64>| {
        let mut stage = Stage::default();
        stage
            .processes
            .insert(9, process(9, "push", None, (9, 1_024)));
        let socket = close_wait().times(sent, 300_000).last_sent(sent);
        stage.add(9, socket);
        let sockets: Vec<Socket> = stage
            .sockets
            .iter()
            .cloned()
            .map(SocketBuilder::build)
            .collect();
        let earlier = over.map(|over| {
            let over = Duration::from_secs(over);
            let since = Interval {
                at_least: over,
                at_most: over,
            };
            Earlier::new(&sockets, Some(Duration::from_secs(86_400))).ago(since)
        });
        stage.show(&stage.report(earlier.as_ref()), |view| {
            leaks(view, &Style::default())
        })
    };
    let hedge = "1 of the leaked sockets sent data after the peer's last, 1 m 23 s ago: a half-closed \
                 stream";
    for over in [None, Some(10)] {
        let text = told(83_000, over);
        assert!(
            text.contains("1 of 1 CLOSE_WAIT socket is leaked"),
            "{text}"
        );
        assert!(
            text.contains(hedge) && text.contains("--over 600s"),
            "{text}"
        );
    }
    // So long it wouldn't pause.
    for (sent, over) in [(83_000, Some(600)), (601_000, None), (300_000, None)] {
        assert!(!told(sent, over).contains("half-closed"), "{sent} {over:?}");
    }
}

/// What is 83 s old, or hours, was called recent.
#[test]
fn what_may_be_old_is_not_called_recent() {
    let told = |last_data| {
        let mut stage = Stage::default();
        stage.add(
            0,
            close_wait().times(40_000, last_data).last_sent(last_data),
        );
        stage.show(&stage.report(None), |view| leaks(view, &Style::default()))
    };
    let text = told(83_000);
    assert!(text.contains("1 not known to be older than 1 m"), "{text}");
    let text = told(50_000);
    assert!(text.contains("1 younger than 1 m"), "{text}");
}

/// Nine sockets of a pool that sleep(1) had inherited: a pool was asked after.
#[test]
fn who_never_read_may_have_inherited_its_sockets() {
    let told = |queued| {
        let mut stage = Stage::default();
        let sleep = process(900, "sleep", None, (14, 1_024));
        stage.processes.insert(900, sleep);
        for port in 40_000..40_009 {
            let local = format!("10.0.0.5:{port}");
            let socket = close_wait().ends(&local, "10.0.0.9:5432");
            stage.add(900, socket.queued(queued).times(70_000, 71_000));
        }
        stage.show(&stage.report(None), |view| leaks(view, &Style::default()))
    };
    assert!(told(1).contains("keeps what the server closed, or descriptors that came over fork()"));
    assert!(told(0).contains("keeps what the server closed?"), "it read");
}

fn json_text(view: &LeaksView<'_>) -> String {
    let mut text = Vec::new();
    json::leaks(view, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn csv_text(view: &LeaksView<'_>) -> String {
    let mut text = Vec::new();
    csv::leaks(view, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn on_terminal() -> Style {
    Style {
        color: false,
        unicode: true,
        width: Some(80),
    }
}

#[test]
fn the_table_at_80_columns() {
    let stage = Stage::full();
    let text = stage.show(&stage.report(None), |view| leaks(view, &on_terminal()));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_cron_mail_is_ascii_and_whole() {
    let stage = Stage::full();
    let text = stage.show(&stage.report(None), |view| leaks(view, &Style::default()));
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains(&"3f2a".repeat(16)), "nothing is cut: {text}");
}

#[test]
fn two_looks_give_a_rate_and_the_time_that_is_left() {
    let stage = Stage::full();
    let then: Vec<Socket> = stage
        .sockets
        .iter()
        .skip(1)
        .cloned()
        .map(SocketBuilder::build)
        .collect();
    let since = Interval {
        at_least: Duration::from_secs(60),
        at_most: Duration::from_secs(60),
    };
    let earlier = Earlier::new(&then, None).ago(since);
    let text = stage.show(&stage.report(Some(&earlier)), |view| {
        leaks(view, &Style::default())
    });
    assert!(text.contains("+1 in 1 m, +60 an hour."), "{text}");
    assert!(
        text.contains("runs out of descriptors in about 1 h 46 m"),
        "{text}"
    );
    let looks = format!("In 1 m: {} stayed, 1 new, 0 gone.", then.len());
    assert!(text.contains(&looks), "{text}");
}

#[test]
fn every_socket_is_listed_on_request() {
    let stage = Stage::full();
    let text = stage.show(&stage.report(None), |view| {
        let view = LeaksView {
            list_sockets: true,
            ..*view
        };
        leaks(&view, &Style::default())
    });
    assert!(text.contains("10.0.0.5:40001 -> 10.0.0.9:5432"), "{text}");
    assert!(text.contains("No descriptor found"), "{text}");
    assert!(
        text.contains("\njava[2231]  uid 1000, orders.service\n/usr/bin/java -x\n"),
        "{text}"
    );
    assert!(
        text.contains("UNREAD"),
        "payload, without the end that counts 1"
    );
}

#[test]
fn connections_that_are_gone_are_told_by_descriptor() {
    let stage = Stage::full();
    let mut report = stage.report(None);
    let closed = |fd, past| ClosedDescriptor {
        holder: Holder::descriptor(880, fd),
        inode: fd.into(),
        past,
        local: Some(Endpoint::new(endpoint("10.0.0.5:443").address, 443)),
        unread: Some(0),
    };
    report.closed = Some(ClosedDescriptors {
        sockets: vec![
            closed(7, SocketPast::Ended),
            closed(8, SocketPast::NeverConnected),
            closed(9, SocketPast::Unknown),
        ],
        unseen: Some(IncompleteScan::Denied(58)),
        ..ClosedDescriptors::default()
    });
    let text = stage.show(&report, |view| leaks(view, &Style::default()));
    assert!(text.contains("nginx[880] keeps 1 descriptor whose connection has ended"));
    assert!(text.contains("fd 7."), "{text}");
    assert!(text.contains("shut down by both sides"), "{text}");
    let more = "There may be more such descriptors: 58 processes may not be looked into";
    assert!(text.contains(more), "{text}");
    let rows = stage.show(&report, csv_text);
    assert_eq!(
        rows.matches(",closed_connection,false,").count(),
        2,
        "{rows}"
    );
    assert!(rows.contains("\n880,nginx,1000,"), "{rows}");
    let waiting = rows.lines().find(|row| row.contains(",not_accepted,"));
    assert!(
        waiting.is_some_and(|row| row.starts_with("880,nginx,")),
        "{rows}"
    );
    let text = stage.show(&report, json_text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fds: Vec<_> = document["closed_connections"]["descriptors"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(fds.len(), 2, "one was never connected");
    assert_eq!(fds[0]["past"], "ended");
    let reason = document["closed_connections"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("58 processes may not be looked into"));
}

#[test]
fn a_suggested_command_asks_the_same_question() {
    let stage = Stage::full();
    let mut report = stage.report(None);
    report.min_age = Duration::from_millis(1_500);
    let text = stage.show(&report, |view| {
        let view = LeaksView {
            repeated: " --min-age 1500ms -4",
            asked: &[77],
            ..*view
        };
        leaks(&view, &Style::default())
    });
    let again = "tcpstate leaks --pid 77 --min-age 1500ms -4 --over 1500ms ";
    assert!(text.contains(again), "{text}");
    let each = "tcpstate leaks --pid 2231 --min-age 1500ms -4 --sockets ";
    assert!(text.contains(each), "{text}");
}

#[test]
fn forked_holders_of_the_same_sockets_are_explained_once() {
    let mut stage = Stage::default();
    for pid in 5..=11 {
        let child = process(pid, "srv", None, (10, 1_024));
        stage.processes.insert(pid, child);
    }
    for inode in 101..=110 {
        stage.add(0, close_wait());
        for pid in 5..=11 {
            stage.hold(pid, 7, inode);
        }
    }
    let text = stage.show(&stage.report(None), |view| leaks(view, &Style::default()));
    assert!(
        text.contains("srv[5] and 6 processes with the same  10 not"),
        "{text}"
    );
    assert_eq!(text.matches("10 not closed").count(), 1, "{text}");
}

/// The command asked another question, and one line was wider than a terminal.
#[test]
fn rows_that_a_terminal_has_no_room_for_are_to_be_had_by_the_same_question() {
    let mut stage = Stage::default();
    for pid in 5..=20 {
        let process = process(pid, "srv", None, (10, 1_024));
        stage.processes.insert(pid, process);
        stage.add(pid, close_wait());
    }
    let style = Style {
        width: Some(40),
        ..on_terminal()
    };
    let text = stage.show(&stage.report(None), |view| {
        let view = LeaksView {
            repeated: " --min-age 5s",
            ..*view
        };
        leaks(&view, &style)
    });
    let more = "\nand 4 more processes\n→ tcpstate leaks --min-age 5s | less\n    shows all\n";
    assert!(text.contains(more), "{text}");
}

#[test]
fn who_leaks_fewer_than_was_asked_for_is_counted() {
    let stage = Stage::full();
    let told = |pids: &[u32], min_count| {
        let selection = Selection { pids, min_count };
        let report = stage.report_of(selection, None);
        stage.show(&report, |view| {
            let view = LeaksView {
                asked: pids,
                ..*view
            };
            leaks(&view, &Style::default())
        })
    };
    let text = told(&[], 4);
    // nginx, rsync, evil, and the listener.
    let sentence = "Left out by --min-count: 4 processes or listeners.\n";
    assert!(text.contains(sentence), "{text}");
    assert!(text.contains("java[2231]  81 not closed"), "{text}");
    assert!(!text.contains("nginx[880]  3"), "{text}");
    let sentence = "Left out by --min-count: 1 process or listener.\n";
    assert!(
        told(&[880], 3).contains(sentence),
        "the listener is nginx's"
    );
    let sentence = "nginx[880] leaks fewer than --min-count asks for.\n";
    assert!(told(&[880], 4).contains(sentence));
    assert!(!told(&[880], 3).contains(sentence));
    assert!(!told(&[], 0).contains("Left out"));
}

#[test]
fn where_nobody_is_in_sight_the_peers_can_be_seen() {
    let mut stage = Stage::default();
    stage.scan.processes_denied = 1;
    stage.add(0, close_wait());
    let again = "-> tcpstate leaks --sockets   every peer and age\n";
    let text = stage.show(&stage.report(None), |view| leaks(view, &Style::default()));
    assert!(text.ends_with(again), "{text}");
    let listed = stage.show(&stage.report(None), |view| {
        let view = LeaksView {
            list_sockets: true,
            ..*view
        };
        leaks(&view, &Style::default())
    });
    assert!(!listed.contains(again), "{listed}");
    assert!(
        listed.contains("10.0.0.1:8080 -> 10.0.0.2:40000"),
        "{listed}"
    );
}

#[test]
fn a_name_of_spaces_is_not_shown_as_nothing() {
    let mut stage = Stage::default();
    stage
        .processes
        .insert(5, process(5, "   ", None, (10, 1_024)));
    stage.add(5, close_wait());
    let text = stage.show(&stage.report(None), |view| leaks(view, &Style::default()));
    assert!(text.contains("?[5]  1 not closed"), "{text}");
}

#[test]
fn a_host_without_such_sockets_says_so() {
    let stage = Stage::default();
    let text = stage.show(&stage.report(None), |view| leaks(view, &Style::default()));
    assert_eq!(text, "No socket is in CLOSE_WAIT\n");
}

#[test]
fn the_json_document_follows_the_contract() {
    let mut stage = Stage::full();
    // One of the pool says what 81 would.
    stage.sockets.drain(1..81);
    let text = stage.show(&stage.report(None), json_text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

/// Takes texts, and remembers the longest that came at once.
#[derive(Default)]
struct Pieces {
    longest: usize,
    all: usize,
}

impl std::io::Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.longest = self.longest.max(piece.len());
        self.all += piece.len();
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_long_document_is_never_whole_in_memory() {
    let mut stage = Stage::full();
    for _ in 0..1_000 {
        stage.add(411, close_wait());
    }
    let report = stage.report(None);
    for (write, at_once) in [
        // A sentence, at the most.
        (json::leaks as fn(&LeaksView<'_>, &mut Pieces) -> _, 1_000),
        // What the writer of CSV collects.
        (csv::leaks, 8 * 1024),
    ] {
        stage.show(&report, |view| {
            let mut pieces = Pieces::default();
            write(view, &mut pieces).unwrap();
            assert!(pieces.all > 100_000, "{}", pieces.all);
            assert!(pieces.longest <= at_once, "{}", pieces.longest);
            String::new()
        });
    }
}

#[test]
fn names_harm_neither_a_terminal_nor_a_parser() {
    let stage = Stage::full();
    let report = stage.report(None);
    for style in [on_terminal(), Style::default()] {
        let text = stage.show(&report, |view| leaks(view, &style));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    }
    let text = stage.show(&report, csv_text);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(
        rows.len(),
        stage.sockets.len(),
        "each has one holder or none"
    );
    assert!(rows.iter().any(|row| row[1] == *r#"evil\u{1b}[2J\n"},{"#));
    assert_eq!(text.lines().count(), 1 + rows.len(), "a line for each");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn connections_at_a_listener_of_a_hidden_process_are_told_of_once() {
    let mut stage = Stage::full();
    stage.holders.retain(|&(inode, _)| inode != 9_000);
    let text = stage.show(&stage.report(None), |view| leaks(view, &on_terminal()));
    assert!(
        text.contains("Is the accept loop of its process\n(unknown) stuck?"),
        "{text}"
    );
    let (_, out_of_sight) = text.split_once("OWNER UNKNOWN").unwrap();
    let rows = out_of_sight
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty());
    assert_eq!(rows.count(), 1, "only the one of cgroup 7:\n{text}");
}

#[test]
fn an_age_of_nothing_is_no_limit() {
    let stage = Stage::full();
    let mut report = stage.report(None);
    report.min_age = Duration::ZERO;
    let text = stage.show(&report, |view| leaks(view, &on_terminal()));
    assert!(
        text.starts_with("87 of 90 CLOSE_WAIT sockets are leaked (of any age);"),
        "{text}"
    );
}
