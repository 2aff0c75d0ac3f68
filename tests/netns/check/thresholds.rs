//! More default thresholds, on sockets that reach them and on those that just don't.

use std::{net::Shutdown, thread::sleep, time::Duration};

use super::{
    CRITICAL, MIN_AGE, Net, OK, WARNING, check, close_wait_with, connected, leaking, listen,
    netns_test, run, send_syns, socket, status,
};
use crate::lab::{stage, until};

// Each of them is a warning by itself; together they are in every process.
netns_test!(leaks_of_all_together, |lab| {
    let mut held: Vec<_> = (0..4).map(|_| leaking(lab, 40)).collect();
    for (last, expected) in [(39, WARNING), (40, CRITICAL)] {
        held.truncate(4);
        held.push(leaking(lab, last));
        let answer = run(lab, &["--min-age", MIN_AGE, "-v"]);
        assert_eq!(status(&answer), expected, "{answer:#?}");
        let says = format!("{} leaked CLOSE_WAIT sockets in 5 processes, ", 160 + last);
        // Who is named already says as much, until the total is worse.
        let is_told = answer.stdout.contains(&says);
        assert_eq!(is_told, expected == CRITICAL, "{answer:#?}");
    }
});

netns_test!(descriptors_of_a_process_that_leaks, |lab| {
    let (mut actor, clients) = connected(lab, "has few descriptors", Net::V4, 1);
    for (open, expected) in [(79, OK), (80, WARNING), (94, WARNING), (95, CRITICAL)] {
        actor.tell(&open.to_string());
        actor.expect("so many");
        if open == 79 {
            // Without a leak they are nobody's business here.
            check(lab, &["--min-age", MIN_AGE]).is(OK, "none");
            clients[0].shutdown(Shutdown::Write).unwrap();
            close_wait_with(&clients[0], 1);
            sleep(Duration::from_millis(150));
        }
        let checked = check(lab, &["--min-age", MIN_AGE]);
        assert_eq!(checked.status, expected, "{:#}", checked.document);
        assert_eq!(checked.metric("leaker_fds_used"), Some(f64::from(open)));
        if expected != OK {
            let message = checked.document["message"].as_str().unwrap();
            let says = format!("leaks and has {open} % of its 100 file descriptors in use");
            assert!(message.contains(&says), "{message}");
        }
    }
});

// With cookies it would be no more than worth knowing.
netns_test!(a_syn_queue_that_fills_without_cookies, |lab| {
    lab.add_black_hole(std::net::Ipv4Addr::new(10, 9, 0, 0), 16);
    lab.set_sysctl("net/ipv4/tcp_syncookies", "0");
    lab.set_sysctl("net/ipv4/tcp_max_syn_backlog", "4096");
    let ignoring = ["--ignore", "tcp_syncookies"];
    for (handshakes, expected) in [(63, OK), (64, WARNING)] {
        // It holds one more than its backlog.
        let listener = listen(socket(Net::V4), Net::V4, 127);
        send_syns(lab, &listener, handshakes);
        let checked = check(lab, &ignoring);
        checked.is(expected, "syn_recv_backlog");
        let held = f64::from(handshakes) * 100.0 / 128.0;
        assert_eq!(checked.metric("syn_queue_used"), Some(held));
        lab.set_sysctl("net/ipv4/tcp_syncookies", "1");
        check(lab, &[]).is(OK, "syn_recv_backlog");
        lab.set_sysctl("net/ipv4/tcp_syncookies", "0");
    }
});

// The limit is the whole host's, and so is the count: nobody but us knows what else it holds.
netns_test!(orphans_are_counted, |lab| {
    const FEW: u64 = 3;
    let _held = stage::fin_wait1_orphaned(Net::V4, FEW);
    // The kernel adds them up a few times a second.
    until("the orphans in sockstat", || {
        let sockstat = std::fs::read_to_string("/proc/net/sockstat").expect("readable");
        let words: Vec<&str> = sockstat.split_whitespace().collect();
        let orphan = words.iter().position(|word| *word == "orphan").unwrap();
        match words[orphan + 1].parse::<u64>().unwrap() {
            FEW.. => Ok(()),
            few => Err(format!("{few} orphans")),
        }
    });
    let fires = check(lab, &["-c", "orphans=~:2"]);
    assert_eq!(fires.status, CRITICAL, "{:#}", fires.document);
    assert!(fires.metric("orphans") >= Some(3.0));
    check(lab, &["-c", "orphans=~:1000000"]).is(OK, "orphans");
});

netns_test!(connections_that_hang, |lab| {
    let _nine = stage::syn_sent(Net::V4, 9);
    let hang = |expected: f64| {
        until("SYNs that were sent again", || {
            let checked = check(lab, &[]);
            match checked.metric("unanswered_connects") {
                Some(hang) if hang >= expected => Ok(checked),
                other => Err(format!("{other:?}")),
            }
        })
    };
    hang(9.0).is(OK, "none");
    // Ten in all, at two places.
    let _one = stage::syn_sent(Net::V6, 1);
    hang(10.0).is(WARNING, "unresponsive_peers");
});
