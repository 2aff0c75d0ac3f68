//! `tcpstate leaks` about processes that it may not look into, or that show nothing.

use std::{fs, net::Shutdown, thread::sleep, time::Duration};

use crate::{
    cast::{close_wait_with, connected},
    lab::{Net, netns_test},
};

netns_test!(
    a_process_that_may_not_be_looked_into_is_not_acquitted,
    |lab| {
        let (actor, clients) = connected(lab, "never reads", Net::V4, 3);
        for client in &clients {
            client.shutdown(Shutdown::Write).unwrap();
            close_wait_with(client, 1);
        }
        sleep(Duration::from_millis(150));
        let pid = actor.pid().to_string();
        let ask = |more: &[&str]| {
            let arguments = ["leaks", "--min-age", "100ms", "--exit-code", "--pid", &pid];
            let arguments = [&arguments[..], more].concat();
            lab.tcpstate(&arguments).confined(lab.unprivileged()).run()
        };
        let answer = ask(&["--json"]);
        assert_eq!(answer.status.code(), Some(1), "{}", answer.stderr);
        let document: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(document["close_wait"]["leaked"], 3, "{document:#}");
        assert_eq!(document["coverage"]["unattributed"], 3);
        assert_eq!(document["coverage"]["unreadable_pids"][0], actor.pid());
        assert!(document["coverage"]["reason"].is_string());
        assert!(
            document["closed_connections"].is_null(),
            "nobody could look"
        );
        let note = "whether it keeps descriptors whose connection is gone can't be told";
        assert!(answer.stderr.contains(note), "{}", answer.stderr);
        let answer = ask(&[]);
        assert!(!answer.stdout.contains("holds none"), "{}", answer.stdout);
        assert!(answer.stdout.contains("may not be looked into"));
    }
);

netns_test!(a_thread_is_asked_for_by_its_process, |lab| {
    let threads: Vec<u32> = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let own = std::process::id();
    let thread = threads.iter().find(|&&thread| thread != own);
    let thread = thread.expect("libtest has one for each test").to_string();
    let answer = lab.tcpstate(&["leaks", "--pid", &thread]).run();
    assert_eq!(answer.status.code(), Some(2));
    let told = format!("tcpstate: {thread} is a thread of process {own}");
    assert!(answer.stderr.starts_with(&told), "{}", answer.stderr);
});

/// With hidepid=1 every process is listed, and nothing can be asked about those of others: that
/// was taken for processes without descriptors, so that "no process in sight" had the sockets.
const SEES_NOBODY: &str = "mount -t proc -o hidepid=1,gid=65533 proc /proc && \
     setpriv --bounding-set -all --inh-caps -all -- \"$@\"; exit $?";

netns_test!(processes_that_hidepid_1_lists_are_not_acquitted, |lab| {
    let (_actor, clients) = connected(lab, "never reads", Net::V4, 2);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1);
    }
    let ask = |more: &[&str]| {
        // Old kernels have one set of options for all mounts of a pid namespace: so it is another
        // one, in which the shell is somebody else's process.
        let shell = ["-mpf", "sh", "-c", SEES_NOBODY, "sh"];
        let leaks = [env!("CARGO_BIN_EXE_tcpstate"), "leaks", "--min-age", "0s"];
        let arguments = [&shell[..], &leaks, more].concat();
        lab.program("unshare", &arguments).run()
    };
    let document = ask(&["--json"]).json();
    assert_eq!(document["close_wait"]["total"], 2, "{document:#}");
    assert_eq!(document["coverage"]["processes_denied"], 1, "{document:#}");
    assert_eq!(document["unattributed"][0]["reason"], "permission");
    let answer = ask(&["--pid", "1"]);
    assert_eq!(answer.status.code(), Some(2), "{}", answer.stdout);
    let told = "tcpstate: may not look into process 1: ";
    assert!(answer.stderr.starts_with(told), "{}", answer.stderr);
});

netns_test!(who_has_no_descriptors_left_says_so, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V4, 3);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1);
    }
    sleep(Duration::from_millis(150));
    let pid = actor.pid().to_string();
    let mut answered = 0;
    for limit in 4..=16 {
        // Both limits: the program raises the soft one to the hard one.
        let shell = format!("ulimit -n {limit}; exec \"$@\"");
        let tcpstate = env!("CARGO_BIN_EXE_tcpstate");
        for asked in [&["--pid", &pid][..], &[]] {
            let leaks = ["leaks", "--json", "--min-age", "100ms"];
            let arguments = [&["-c", &shell, "sh", tcpstate][..], &leaks, asked].concat();
            let answer = lab.program("/bin/sh", &arguments).run();
            if answer.status.code() == Some(2) {
                let why = answer.stderr.to_lowercase();
                let is_reason = why.contains("too many open files");
                assert!(is_reason, "{limit} {asked:?}: {}", answer.stderr);
                continue;
            }
            let document: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
            let context = || format!("{limit} {asked:?}: {document:#} {}", answer.stderr);
            let coverage = &document["coverage"];
            assert_eq!(document["close_wait"]["leaked"], 3, "{}", context());
            assert_eq!(coverage["closed_during_scan"], 0, "{}", context());
            if coverage["unattributed"] == 0 {
                answered += 1;
            } else {
                assert!(
                    coverage["processes_failed"].as_u64() > Some(0),
                    "{}",
                    context()
                );
                let why = &document["unattributed"][0]["reason"];
                assert_eq!(why, "unreadable", "{}", context());
            }
        }
    }
    assert!(answered > 0, "16 are enough");
    // A parent that leaked what it had to us: the hard limit helps.
    let soft = "ulimit -Sn 4; exec \"$@\"";
    let tcpstate = env!("CARGO_BIN_EXE_tcpstate");
    let leaks = ["leaks", "--json", "--min-age", "100ms"];
    let arguments = [&["-c", soft, "sh", tcpstate][..], &leaks].concat();
    let document = lab.program("/bin/sh", &arguments).run().json();
    assert_eq!(document["coverage"]["attributed"], 3, "{document:#}");
});
