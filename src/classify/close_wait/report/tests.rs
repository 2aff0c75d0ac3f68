use std::collections::HashMap;

use super::super::super::Severity;
use super::super::super::rules::severity_of_leaks;
use super::super::compare::Interval;
use super::super::listeners::Listeners;
use super::super::owners::Unseen;
use super::super::process::Hint;
use super::super::testing::{SocketBuilder, close_wait};
use super::super::verdict::Judge;
use super::*;
use crate::model::{Holder, IncompleteScan, Process, Processes, Socket, Verdict};
use proptest::prelude::*;

/// Processes, their descriptors and listeners, as a scan would find them.
#[derive(Default)]
struct Stage {
    holders: Vec<(u64, Holder)>,
    processes: Processes,
    listeners: Listeners,
    scan: ScanCoverage,
    fin_wait2: Vec<Socket>,
    unseen: Vec<Unseen>,
    earlier: HashMap<(u32, u64), u64>,
}

impl Stage {
    fn process(mut self, pid: u32, open_fds: u64) -> Self {
        let process = Process {
            pid,
            start_time: 1,
            command: Some(format!("p{pid}")),
            cmdline: None,
            uid: Some(0),
            cgroup: None,
            unit: None,
            open_fds: Some(open_fds),
            fd_limit: Some(1_000),
        };
        self.processes.insert(pid, process);
        self
    }

    fn holds(mut self, pid: u32, fd: u32, inode: u64) -> Self {
        self.holders.push((inode, Holder::descriptor(pid, fd)));
        self
    }

    fn report(
        &self,
        sockets: impl IntoIterator<Item = SocketBuilder>,
        selection: Selection<'_>,
        earlier: Option<&Earlier>,
    ) -> LeakReport {
        let judge = Judge {
            min_age: Duration::from_secs(60),
            uptime: None,
            earlier,
        };
        let judged = sockets
            .into_iter()
            .map(|socket| judge.judge(socket.build()))
            .collect();
        let holders = self.holders.iter().copied().collect();
        let owners = Ownership {
            holders: &holders,
            processes: &self.processes,
            listeners: &self.listeners,
            scan: Some(self.scan),
            unseen: &self.unseen,
            fin_wait2: &self.fin_wait2,
            earlier: earlier.map(|_| &self.earlier),
        };
        LeakReport::new(judge.min_age, judged, owners, selection, earlier)
    }

    fn all(&self, sockets: impl IntoIterator<Item = SocketBuilder>) -> LeakReport {
        self.report(sockets, Selection::default(), None)
    }
}

fn pids(report: &LeakReport) -> Vec<u32> {
    let processes = report.processes.iter();
    processes.map(|leaks| leaks.process.pid).collect()
}

#[test]
fn sockets_with_the_same_holders_share_one_list_of_them() {
    let stage = Stage::default().process(5, 10).process(6, 10);
    let stage = stage.holds(5, 3, 50).holds(5, 4, 51).holds(5, 5, 52);
    let stage = stage.holds(6, 5, 52).holds(5, 6, 53);
    let sockets = (50..54).map(|inode| close_wait().inode(inode));
    let report = stage.report(sockets, Selection::default(), None);
    let of = |pid: u32| {
        let mut processes = report.processes.iter();
        let leaks = processes.find(|leaks| leaks.process.pid == pid).unwrap();
        let lists = leaks.sockets.iter().map(|held| &held.holders);
        lists.collect::<Vec<_>>()
    };
    let (five, six) = (of(5), of(6));
    let pids: Vec<&[u32]> = five.iter().map(|list| &***list).collect();
    assert_eq!(pids, [&[5][..], &[5], &[5, 6], &[5]]);
    assert!(std::sync::Arc::ptr_eq(five[0], five[1]));
    assert!(std::sync::Arc::ptr_eq(five[2], six[0]));
}

#[test]
fn a_shared_socket_counts_once_and_names_every_holder() {
    let stage = Stage::default()
        .process(1, 10)
        .process(2, 10)
        .holds(1, 5, 100)
        .holds(1, 6, 100)
        .holds(2, 5, 100);
    let report = stage.all([close_wait()]);
    assert_eq!(report.counts.leaked(), 1);
    assert_eq!(report.attributed, 1);
    assert_eq!(pids(&report), [1, 2]);
    let held = &report.processes[0].sockets[0];
    assert_eq!(held.fds.as_slice(), [5, 6]);
    assert_eq!(held.shared_with(1).collect::<Vec<_>>(), [2]);
}

#[test]
fn who_leaks_more_comes_first_then_who_is_nearer_its_limit() {
    let stage = Stage::default()
        .process(1, 10)
        .process(2, 900)
        .process(3, 5)
        .holds(1, 5, 11)
        .holds(2, 5, 21)
        .holds(3, 5, 31)
        .holds(3, 6, 32);
    let sockets = [11, 21, 31, 32].map(|inode| close_wait().inode(inode).cookie(inode));
    assert_eq!(pids(&stage.all(sockets)), [3, 2, 1]);
}

#[test]
fn who_is_about_to_run_out_of_descriptors_comes_before_who_leaks_more() {
    let mut stage = Stage::default().process(1, 20).process(2, 800);
    for inode in 1..=30 {
        stage = stage.holds(if inode <= 20 { 1 } else { 2 }, 5, inode);
    }
    let sockets = || (1..=30).map(|inode| close_wait().inode(inode).cookie(inode));
    assert_eq!(pids(&stage.all(sockets())), [2, 1]);
    let one_less = sockets().take(29);
    assert_eq!(pids(&stage.all(one_less)), [1, 2], "9 are not the cause");
}

#[test]
fn a_peer_that_does_not_read_is_a_cause_of_its_own() {
    let stage = Stage::default().process(1, 10).holds(1, 5, 100);
    let stuck = close_wait()
        .send_q(2_000_000)
        .timer(crate::model::TimerKind::ZeroWindowProbe);
    let report = stage.all([stuck]);
    assert_eq!(report.processes[0].hint, Some(Hint::PeerNotReading));
    assert_eq!(report.processes[0].unsent_bytes, 2_000_000);
}

#[test]
fn with_a_process_selected_nobody_knows_whose_those_were_that_are_gone() {
    let stage = Stage::default().process(1, 10).holds(1, 5, 11);
    let then = [11, 22].map(|inode| close_wait().inode(inode).cookie(inode).build());
    let earlier = Earlier::new(&then, None);
    let only = Selection {
        pids: &[1],
        min_count: 0,
    };
    let now = || [close_wait().inode(11).cookie(11)];
    let report = stage.report(now(), only, Some(&earlier));
    assert_eq!(report.comparison.unwrap().gone, None);
    let report = stage.report(now(), Selection::default(), Some(&earlier));
    assert_eq!(report.comparison.unwrap().gone, Some(1));
}

#[test]
fn a_holder_that_ended_since_holds_nothing() {
    let stage = Stage::default().holds(1, 5, 100);
    let report = stage.all([close_wait()]);
    assert_eq!(report.attributed, 0);
    assert_eq!(report.unattributed[0].why, Unowned::NoDescriptor);
}

#[test]
fn a_gap_in_the_search_is_the_reason_for_a_gap_in_the_answer() {
    let mut stage = Stage::default();
    stage.scan.processes_denied = 3;
    let why = stage.all([close_wait()]).unattributed[0].why;
    assert_eq!(why, Unowned::Unseen(IncompleteScan::Denied(3)));
    assert_eq!(why.key(), "permission");
}

#[test]
fn what_nobody_accepts_belongs_to_whoever_listens() {
    let mut stage = Stage::default()
        .process(1, 10)
        .process(2, 10)
        .holds(1, 3, 500)
        .holds(2, 3, 501);
    for inode in [500, 501] {
        let listener = close_wait().ends("0.0.0.0:80", "0.0.0.0:0").listen();
        stage.listeners.add(&listener.inode(inode).build());
    }
    let queued = |number: u16| {
        let remote = format!("192.0.2.1:{number}");
        close_wait().ends("10.0.0.1:80", &remote).inode(0).queued(1)
    };
    let young = queued(3).times(1, 2);
    let elsewhere = close_wait().ends("10.0.0.1:81", "192.0.2.1:4").inode(0);
    let report = stage.all([queued(1), queued(2), young, elsewhere]);
    assert_eq!(report.listeners.len(), 1);
    assert_eq!(report.listeners[0].not_accepted, 2);
    assert_eq!(report.listeners[0].pids, [1, 2]);
    assert_eq!(report.counts.of(Verdict::Recent), 1);
    assert_eq!(report.attributed, 3);
    assert_eq!(report.unattributed[0].why, Unowned::NoListener);
    let more = Selection {
        pids: &[],
        min_count: 3,
    };
    let report = stage.report([queued(1), queued(2)], more, None);
    assert_eq!((report.listeners.len(), report.left_out), (0, 1));
    assert_eq!(Vec::from_iter(report.left_out_pids), [1, 2]);
}

#[test]
fn asking_for_a_process_narrows_sockets_and_keeps_who_shares_them() {
    let stage = Stage::default()
        .process(1, 10)
        .process(2, 10)
        .holds(1, 5, 11)
        .holds(2, 5, 11)
        .holds(2, 6, 22);
    let sockets = || [11, 22].map(|inode| close_wait().inode(inode).cookie(inode));
    let only = Selection {
        pids: &[1],
        min_count: 0,
    };
    let report = stage.report(sockets(), only, None);
    assert_eq!(pids(&report), [1]);
    assert_eq!(report.counts.total(), 1);
    let held = &report.processes[0].sockets[0];
    assert_eq!(held.shared_with(1).collect::<Vec<_>>(), [2]);
    let many = Selection {
        pids: &[],
        min_count: 2,
    };
    let report = stage.report(sockets(), many, None);
    assert_eq!(pids(&report), [2]);
    assert_eq!(report.left_out, 1);
    assert_eq!(Vec::from_iter(report.left_out_pids.clone()), [1]);
    assert_eq!(severity_of_leaks(&report, 2), Some(Severity::Warning));
}

#[test]
fn a_process_that_may_not_be_looked_into_is_not_said_to_hold_none() {
    let mut stage = Stage::default().process(1, 10).holds(1, 5, 11);
    stage.scan.processes_denied = 1;
    stage.unseen.push(Unseen {
        pid: 9,
        uid: Some(1000),
        cgroup: Some(crate::model::CgroupId(7)),
    });
    let only = Selection {
        pids: &[9],
        min_count: 0,
    };
    let sockets = [
        // Another's.
        close_wait().inode(11).cookie(11),
        // Of its user, of its cgroup, and of neither.
        close_wait().inode(12).cookie(12),
        close_wait().inode(13).cookie(13).uid(0).cgroup(7),
        close_wait().inode(14).cookie(14).uid(0),
    ];
    let report = stage.report(sockets, only, None);
    let inodes: Vec<_> = report.sockets.iter().map(|one| one.socket.inode).collect();
    assert_eq!(inodes, [Some(12), Some(13)]);
    assert_eq!(report.unseen, [9]);
    assert_eq!(report.unattributed.len(), 2);
    assert_eq!(severity_of_leaks(&report, 0), Some(Severity::Warning));
}

#[test]
fn growth_gives_a_rate_and_the_time_to_the_limit() {
    let mut stage = Stage::default().process(1, 900);
    for inode in 1..=5 {
        stage = stage.holds(1, 5, inode);
    }
    stage.earlier.insert((1, 1), 3);
    let sockets = || (1..=5).map(|inode| close_wait().inode(inode).cookie(inode));
    let since = Interval {
        at_least: Duration::from_secs(36),
        at_most: Duration::from_secs(36),
    };
    let then: Vec<Socket> = sockets().take(3).map(SocketBuilder::build).collect();
    let earlier = Earlier::new(&then, None).ago(since);
    let report = stage.report(sockets(), Selection::default(), Some(&earlier));
    let leaks = &report.processes[0];
    assert_eq!(leaks.growth.map(|growth| growth.sockets), Some(2));
    // 2 in 36 s are 200 an hour; 100 descriptors are left.
    let limit = leaks.limit_reached_in().unwrap();
    assert_eq!(limit.as_secs(), 1_800);
    let comparison = report.comparison.unwrap();
    assert_eq!((comparison.stayed, comparison.new), (3, 2));
    assert_eq!(comparison.gone, Some(0));
}

#[test]
fn many_to_one_service_are_a_pool_and_many_clients_are_not() {
    let stage = (1..=4).fold(Stage::default().process(1, 10), |stage, inode| {
        stage.holds(1, 5, inode)
    });
    let hint = |ends: &dyn Fn(u64) -> (String, String)| {
        let sockets = (1..=4).map(|number| {
            let (local, remote) = ends(number);
            let socket = close_wait().ends(&local, &remote);
            socket.inode(number).cookie(number)
        });
        stage.all(sockets).processes[0].hint
    };
    // One more is another service each time, and no majority.
    let so_many = |pooled| {
        hint(&move |number| {
            let local = format!("10.0.0.1:{number}");
            let other = format!("10.0.0.{}:{number}", 10 + number);
            let pool = "10.0.0.9:5432".to_owned();
            (local, if number <= pooled { pool } else { other })
        })
    };
    assert!(matches!(so_many(3), Some(Hint::Pool(peer)) if peer.count == 3));
    assert_eq!(so_many(2), Some(Hint::NotClosing), "two may be chance");
    let pool = hint(&|number| (format!("10.0.0.1:{number}"), "10.0.0.9:5432".to_owned()));
    assert!(matches!(pool, Some(Hint::Pool(peer)) if peer.count == 4));
    let clients = hint(&|number| ("10.0.0.1:80".to_owned(), format!("10.0.0.9:{number}")));
    assert_eq!(clients, Some(Hint::NotClosing));
}

proptest! {
    #[test]
    fn every_socket_is_attributed_or_not(
        sockets in proptest::collection::vec((0_u64..6, 0_u32..200_000), 0..20),
        holders in proptest::collection::vec((1_u32..4, 0_u32..4, 1_u64..6), 0..12),
    ) {
        let mut stage = Stage::default().process(1, 10).process(2, 10);
        for (pid, fd, inode) in holders {
            stage = stage.holds(pid, fd, inode);
        }
        let sockets: Vec<SocketBuilder> = sockets
            .into_iter()
            .map(|(inode, age)| close_wait().inode(inode).times(age, age))
            .collect();
        let report = stage.all(sockets.clone());
        prop_assert_eq!(report.counts.total(), sockets.len() as u64);
        let unattributed = report.unattributed.len() as u64;
        prop_assert_eq!(report.attributed + unattributed, report.counts.total());
        for leaks in &report.processes {
            prop_assert_eq!(leaks.counts.total(), leaks.sockets.len() as u64);
            prop_assert!(leaks.counts.leaked() <= report.counts.leaked());
        }
    }
}

/// A proxy whose backend never closes was called the leaker: it has as many in
/// CLOSE_WAIT, and its name came first.
#[test]
fn a_proxy_waits_for_the_backend_that_does_not_close() {
    let stage = |apart: u32| {
        let mut stage = Stage::default().process(1, 50).process(2, 10);
        let mut sockets = Vec::new();
        for number in 0..20_u32 {
            let (inode, port) = (u64::from(number) * 10, 40_000 + number);
            let (up, backend) = (format!("127.0.0.1:{port}"), "127.0.0.1:7120");
            let client = format!("127.0.0.1:{}", 50_000 + number);
            let ages = |socket: SocketBuilder| socket.times(70_000, 80_000);
            let down = close_wait()
                .ends("127.0.0.1:7121", &client)
                .inode(inode + 1);
            sockets.push(ages(down).cookie(inode + 1));
            let kept = close_wait().ends(backend, &up).inode(inode + 2).queued(1);
            sockets.push(ages(kept).cookie(inode + 2));
            let mut waits = close_wait().ends(&up, backend).inode(inode + 3).build();
            waits.state = crate::model::TcpState::FinWait2;
            if let Some(info) = &mut waits.tcp_info {
                info.last_ack_recv = Some(70_000 + apart);
            }
            stage.fin_wait2.push(waits);
            stage = stage.holds(1, 3, inode + 1).holds(1, 4, inode + 3);
            if number > 0 {
                stage = stage.holds(2, 3, inode + 2);
            }
        }
        stage.all(sockets)
    };
    let report = stage(500);
    assert_eq!(pids(&report), [2, 1]);
    assert_eq!(report.processes[0].hint, Some(Hint::NotReading));
    let proxy = &report.processes[1];
    assert_eq!(proxy.hint, Some(Hint::Waiting));
    let waits = proxy.waits.as_ref().unwrap();
    assert_eq!(waits.pairs, 20);
    assert_eq!(waits.holders, [(2, Some("p2".to_owned()))]);
    assert_eq!(
        (waits.peers[0].port, waits.peers[0].count),
        (Some(7120), 20)
    );
    // What ended at other times has nothing to do with it.
    let report = stage(30_000);
    assert_eq!(pids(&report), [1, 2]);
    assert_ne!(report.processes[0].hint, Some(Hint::Waiting));
}

/// A process that had both ends of each connection was said to wait for others.
#[test]
fn who_has_both_ends_waits_for_nobody_else() {
    let mut stage = Stage::default().process(1, 50);
    let (ours, theirs) = ("127.0.0.1:8080", "127.0.0.1:50000");
    let mut other = close_wait().ends(theirs, ours).inode(2).build();
    other.state = crate::model::TcpState::FinWait2;
    stage.fin_wait2.push(other);
    let stage = stage.holds(1, 3, 1).holds(1, 4, 2);
    let report = stage.all([close_wait().ends(ours, theirs).inode(1)]);
    assert_eq!(report.processes[0].waits, None);
    assert_ne!(report.processes[0].hint, Some(Hint::Waiting));
}
