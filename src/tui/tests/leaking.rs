//! A host on which two processes leak, as the view of leaks reads it.

use std::collections::HashMap;
use std::time::Duration;

use crate::classify::close_wait::testing::close_wait;
use crate::classify::close_wait::{
    Earlier, Interval, Judge, LeakReport, Listeners, MIN_AGE, Ownership, Selection,
};
use crate::model::{Holder, Process, Processes, ScanCoverage, Socket, Unit};

fn process(pid: u32, command: &str, open_fds: u64) -> Process {
    Process {
        pid,
        start_time: 1,
        command: Some(command.to_owned()),
        cmdline: Some(vec![
            format!("/usr/bin/{command}"),
            "--port\u{1b}".to_owned(),
        ]),
        uid: Some(1000),
        cgroup: None,
        unit: Some(Unit::Systemd {
            name: format!("{command}.service"),
            user: None,
        }),
        open_fds: Some(open_fds),
        fd_limit: Some(1_024),
    }
}

/// Java has 30 sockets that it forgot, six of them new; nginx two that it
/// doesn't read; the owner of one is unknown.
pub(super) fn report() -> LeakReport {
    let java = |number: u64| {
        let socket = close_wait()
            .cookie(number)
            .inode(number)
            .ends("10.0.0.5:40000", "10.0.0.9:5432");
        // Those that came since are a second old.
        if number > 24 {
            socket.times(910, 1_500)
        } else {
            socket
        }
        .build()
    };
    let mut sockets: Vec<Socket> = (1..=30).map(java).collect();
    sockets.extend((31..=32).map(|number| {
        let client = format!("192.0.2.7:{}", 50_000 + number);
        close_wait()
            .cookie(number)
            .inode(number)
            .queued(17)
            .ends("10.0.0.5:443", &client)
            .build()
    }));
    sockets.push(close_wait().cookie(99).inode(99).build());
    let before: Vec<&Socket> = sockets.iter().filter(|socket| !is_new(socket)).collect();
    let second = Duration::from_secs(1);
    let earlier = Earlier::new(before, None).ago(Interval {
        at_least: second,
        at_most: second,
    });
    let holders = (1..=32_u32).map(|number| {
        let pid = if number <= 30 { 2231 } else { 880 };
        let holder = Holder::descriptor(pid, number + 10);
        (u64::from(number), holder)
    });
    let processes = Processes::from_iter([
        (2231, process(2231, "java", 950)),
        (880, process(880, "nginx", 61)),
    ]);
    let counts = HashMap::from([((2231, 1), 26), ((880, 1), 2)]);
    let judge = Judge {
        min_age: MIN_AGE,
        uptime: None,
        earlier: Some(&earlier),
    };
    let judged = sockets.iter().map(|socket| judge.judge(socket.clone()));
    LeakReport::new(
        MIN_AGE,
        judged.collect(),
        Ownership {
            holders: &holders.collect(),
            processes: &processes,
            listeners: &Listeners::default(),
            unseen: &[],
            fin_wait2: &[],
            scan: Some(ScanCoverage {
                processes_scanned: 40,
                processes_denied: 3,
                ..ScanCoverage::default()
            }),
            earlier: Some(&counts),
        },
        Selection::default(),
        Some(&earlier),
    )
}

fn is_new(socket: &Socket) -> bool {
    socket.inode.is_some_and(|inode| (25..=30).contains(&inode))
}
