//! `tcpstate leaks`: holders that are not where one looks first, or not there any more.

use std::{
    fs,
    net::Shutdown,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use socket2::Socket;

use crate::{
    cast::{close_wait_with, connected},
    lab::{Lab, Net, Row, Table, netns_test, stage::Pair, until},
};

/// `tcpstate leaks --json` of sockets of any age.
fn leaks(lab: &Lab, more: &[&str]) -> Value {
    let arguments = [&["leaks", "--json", "--min-age", "0s"], more].concat();
    lab.tcpstate(&arguments).run().json()
}

netns_test!(a_process_whose_first_thread_has_ended, |lab| {
    let (actor, clients) = connected(lab, "outlives its first thread", Net::V4, 2);
    let pid = actor.pid();
    until("the first thread to end", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.contains(") Z ") {
            Ok(())
        } else {
            Err(stat)
        }
    });
    let shut = |client: &Socket| {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1)
    };
    let rows: Vec<Row> = clients.iter().map(shut).collect();
    for more in [&[][..], &["--pid", &pid.to_string()]] {
        let document = leaks(lab, more);
        assert_eq!(document["close_wait"]["eof_unread"], 2, "{document:#}");
        assert_eq!(document["coverage"]["attributed"], 2, "{document:#}");
        let process = &document["processes"][0];
        assert_eq!(process["pid"], pid);
        assert_eq!(process["leaked"], 2);
        assert!(process["open_fds"].is_null(), "the process shows none");
        for row in &rows {
            let sockets = process["sockets"].as_array().unwrap();
            let socket = sockets.iter().find(|socket| socket["inode"] == row.inode);
            let fd = &socket.unwrap()["fds"][0];
            // Any thread but the first shows them.
            let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            let shown = threads.filter_map(|task| {
                let link = task.ok()?.path().join(format!("fd/{fd}"));
                fs::read_link(link).ok()
            });
            let links: Vec<_> = shown.collect();
            let expected = format!("socket:[{}]", row.inode);
            assert!(!links.is_empty(), "fd {fd}");
            assert!(
                links
                    .iter()
                    .all(|link| link.as_os_str() == expected.as_str())
            );
        }
    }
});

/// Ends a connection by a reset, and waits until the other end is gone.
fn reset(client: Socket, row: &Row) {
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    until("the reset", || {
        match Table::read().find(row.local, row.remote) {
            None => Ok(()),
            Some(row) => Err(format!("{row:?}")),
        }
    });
}

netns_test!(what_comes_and_goes_is_neither_leaked_nor_lost, |lab| {
    // Ports would run out, and a dump of so many TIME_WAIT sockets takes long.
    lab.set_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
    let (mut actor, clients) = connected(lab, "churns", Net::V4, 2);
    actor.expect("churning");
    let [broken, stays] = <[_; 2]>::try_from(clients).expect("two");
    let rows = [&broken, &stays].map(|client| {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1)
    });
    reset(broken, &rows[0]);
    let pid = actor.pid().to_string();
    until("a look during which a connection was closed", || {
        let document = leaks(lab, &["--pid", &pid]);
        let closed = document["closed_connections"]["descriptors"]
            .as_array()
            .unwrap();
        let inodes: Vec<&Value> = closed.iter().map(|one| &one["inode"]).collect();
        assert_eq!(inodes, [rows[0].inode], "{document:#}");
        let document = leaks(lab, &[]);
        let coverage = &document["coverage"];
        assert_eq!(coverage["unattributed"], 0, "{document:#}");
        let processes = document["processes"].as_array().unwrap().iter();
        let sockets = processes.flat_map(|process| process["sockets"].as_array().unwrap());
        let kept = sockets.filter(|socket| socket["inode"] == rows[1].inode);
        assert_eq!(kept.count(), 1);
        match coverage["closed_during_scan"].as_u64() {
            Some(1..) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
});

netns_test!(the_check_and_the_leaks_blame_the_same_for_as_much, |lab| {
    let (first, of_first) = connected(lab, "never reads", Net::V4, 3);
    let (mut second, of_second) = connected(lab, "never closes", Net::Mapped, 2);
    for client in [&of_first, &of_second].into_iter().flatten() {
        client.shutdown(Shutdown::Write).unwrap();
    }
    second.expect("eof");
    for client in &of_first {
        close_wait_with(client, 1);
    }
    sleep(Duration::from_millis(150));
    let terms = ["--json", "--min-age", "100ms"];
    let ask = |what: &[&str]| lab.tcpstate(&[what, &terms].concat()).run();
    let leaks = ask(&["leaks"]).json();
    let checked = ask(&["check", "--only", "close_wait_leak"]);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(leaks["close_wait"]["leaked"], 5, "{leaks:#}");
    let processes = leaks["processes"].as_array().unwrap();
    let count_of = |pid: &Value| {
        let process = processes.iter().find(|process| process["pid"] == *pid);
        process.map(|process| process["leaked"].clone())
    };
    assert_eq!(count_of(&first.pid().into()), Some(3.into()));
    assert_eq!(count_of(&second.pid().into()), Some(2.into()));
    let findings = checked["findings"].as_array().unwrap();
    let mut blamed = 0;
    for evidence in findings.iter().map(|finding| &finding["evidence"]) {
        blamed += evidence["leaked"].as_u64().unwrap();
        assert_eq!(evidence["close_wait"], leaks["close_wait"]["total"]);
        // Among very many processes its search is cut short, and names nobody.
        if !evidence["pid"].is_null() {
            let count = Some(evidence["leaked"].clone());
            assert_eq!(count_of(&evidence["pid"]), count, "{checked:#}");
        }
    }
    assert_eq!(blamed, 5, "{checked:#}");
});

/// A process in a network namespace of its own that holds a socket of ours.
struct Emigrant(Child);

impl Emigrant {
    fn with(socket: OwnedFd) -> Self {
        let mut sleep = Command::new("unshare");
        sleep.args(["-n", "sleep", "600"]);
        sleep.stdin(socket).stdout(Stdio::null());
        Self(sleep.spawn().expect("start unshare"))
    }

    /// Waits until it is elsewhere.
    fn pid(&self) -> u32 {
        let pid = self.0.id();
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
        until("another namespace", || {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
            let is_elsewhere = namespace(&pid.to_string()) != namespace("self");
            if is_elsewhere && name == "sleep\n" {
                Ok(())
            } else {
                Err(name)
            }
        });
        pid
    }
}

impl Drop for Emigrant {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

netns_test!(a_socket_of_ours_in_a_process_of_another_namespace, |lab| {
    let Pair { client, server, .. } = Pair::new(Net::V4);
    let emigrant = Emigrant::with(server.into());
    let pid = emigrant.pid();
    client.shutdown(Shutdown::Write).unwrap();
    let row = close_wait_with(&client, 1);
    for more in [&[][..], &["--pid", &pid.to_string()]] {
        let document = leaks(lab, more);
        assert_eq!(document["coverage"]["attributed"], 1, "{document:#}");
        assert_eq!(document["processes"][0]["pid"], pid);
        assert_eq!(document["processes"][0]["sockets"][0]["inode"], row.inode);
        assert_eq!(document["processes"][0]["sockets"][0]["fds"][0], 0);
    }
});

netns_test!(
    sockets_of_another_namespace_are_not_taken_for_vanished,
    |lab| {
        let (actor, clients) = connected(lab, "never reads", Net::V4, 3);
        let shut = |client: &Socket| {
            client.shutdown(Shutdown::Write).unwrap();
            close_wait_with(client, 1)
        };
        let rows: Vec<Row> = clients.iter().map(shut).collect();
        // One of them is in no table, and not from the namespace that is asked.
        reset(clients.into_iter().next().unwrap(), &rows[0]);
        let pid = actor.pid().to_string();
        // Seen from a namespace that has no sockets at all.
        let ask = |more: &[&str]| {
            let program = env!("CARGO_BIN_EXE_tcpstate");
            let asked = ["-n", program, "leaks", "--min-age", "0s", "--pid", &pid];
            lab.program("unshare", &[&asked, more].concat()).run()
        };
        let document = ask(&["--json"]).json();
        assert_eq!(document["close_wait"]["total"], 0, "{document:#}");
        assert_eq!(
            document["closed_connections"]["descriptors"],
            Value::Array(Vec::new())
        );
        assert_eq!(document["closed_connections"]["other_namespaces"], 3);
        let text = ask(&[]).succeeded().stdout;
        assert!(!text.contains("holds none"), "{text}");
        assert!(text.contains("is in another network namespace"), "{text}");
        let again = format!("tcpstate leaks --pid {pid} --min-age 0s --netns {pid}");
        assert!(text.contains(&again), "{text}");
    }
);
