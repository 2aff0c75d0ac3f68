//! What the commands say of other network namespaces.

use serde_json::Value;
use socket2::Socket;
use tcpstate::kernel::netns::enter;

use super::{Idle, found, live};
use crate::lab::{
    Net, State, bring_up_loopback, netns_test,
    stage::{self, Pair},
    until,
};

/// Leaks so many connections in a namespace: our end is held, the peer has closed.
pub(super) fn leak(idle: &Idle, count: usize) -> Vec<Socket> {
    let pairs = enter(&live(), &idle.namespace(), |_| {
        bring_up_loopback();
        [(); 8].map(|()| Pair::new(Net::V4))
    });
    let pairs = pairs.unwrap().into_iter().take(count);
    pairs.map(|pair| pair.server).collect()
}

/// How many sockets of a document are in a state.
fn in_state(document: &Value, state: State) -> Option<u64> {
    document["states"][state.json_key()]["total"].as_u64()
}

netns_test!(a_command_reads_the_namespace_that_is_asked_for, |lab| {
    let here = stage::listening(Net::V4, 2);
    let idle = Idle::new();
    enter(&live(), &idle.namespace(), |_| {
        std::fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "33").unwrap();
    })
    .unwrap();
    let leaked = leak(&idle, 3);
    let pid = idle.process.id().to_string();
    let ask =
        |command: &[&str], name: &str| lab.tcpstate(&[command, &["--netns", name]].concat()).run();
    until("the leak", || {
        let document = ask(&["summary", "--json"], &pid).json();
        match in_state(&document, State::CloseWait) {
            Some(3) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let called = [
        pid.clone(),
        format!("sh[{pid}]"),
        format!("netns:{}", idle.inode),
        format!("/proc/{pid}/ns/net"),
    ];
    for name in &called {
        let document = ask(&["summary", "--json"], name).json();
        let netns = &document["netns"];
        assert_eq!(netns["inode"], idle.inode, "{document:#}");
        assert_eq!(netns["named_by"], "process", "{document:#}");
        assert_eq!(netns["name"], called[1], "{document:#}");
        assert_eq!(document["collection"]["source"], "netlink");
        assert_eq!(
            document["sysctls"]["net.ipv4.tcp_fin_timeout"], 33,
            "{document:#}"
        );
        assert_eq!(in_state(&document, State::Listen), Some(0));
    }
    let text = ask(&["summary"], &pid).succeeded().stdout;
    assert!(text.contains(&format!("netns {}", called[1])), "{text}");
    let document = ask(&["leaks", "--json", "--min-age", "0s"], &pid).json();
    assert_eq!(document["close_wait"]["leaked"], 3, "{document:#}");
    assert_eq!(document["processes"][0]["pid"], std::process::id());
    let document = ask(&["pressure", "--json"], &pid).json();
    assert_eq!(document["netns"]["inode"], idle.inode, "{document:#}");
    let text = ask(&["list", "--no-header"], &pid).succeeded().stdout;
    assert_eq!(text.matches("CLOSE_WAIT").count(), 3, "{text}");
    let text = ask(&["explain", "CLOSE_WAIT"], &pid).succeeded().stdout;
    assert!(text.contains("3 here now"), "{text}");
    let text = ask(&["check", "--min-age", "0s"], &pid).stdout;
    assert!(text.starts_with("TCPSTATE WARNING"), "{text}");
    drop((here, leaked));
});

netns_test!(nothing_of_a_namespace_is_kept, |lab| {
    let idle = Idle::new();
    let key = idle.key();
    let pid = idle.process.id().to_string();
    lab.tcpstate(&["pressure", "--netns", &pid])
        .run()
        .succeeded();
    drop(idle);
    assert!(found().get(key).is_none());
    let answer = lab.tcpstate(&["summary", "--netns", &pid]).run();
    assert_eq!(answer.status.code(), Some(2), "{answer:#?}");
    let told = format!("there is no process {pid}; there are ");
    assert!(answer.stderr.contains(&told), "{answer:#?}");
});

netns_test!(names_that_mean_nothing_are_refused_and_others_told, |lab| {
    for (arguments, status) in [
        (["summary", "--netns", "\u{1b}[2J"], 2),
        (["check", "--netns", "x"], 3),
    ] {
        let answer = lab.tcpstate(&arguments).run();
        assert_eq!(answer.status.code(), Some(status), "{answer:#?}");
        let told = answer.stdout + &answer.stderr;
        assert!(told.contains("no network namespace is called"), "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
        assert!(told.contains("; there are "), "{told}");
    }
    let answer = lab
        .tcpstate(&["--replay", "x", "summary", "--netns", "1"])
        .run();
    assert_eq!(answer.status.code(), Some(2), "{answer:#?}");
});

netns_test!(without_privileges_a_namespace_is_read_from_outside, |lab| {
    let idle = Idle::new();
    let listeners = enter(&live(), &idle.namespace(), |_| {
        [(); 2].map(|()| std::net::TcpListener::bind("0.0.0.0:0").unwrap())
    });
    let pid = idle.process.id().to_string();
    let answer = lab
        .tcpstate(&["summary", "--json", "--netns", &pid])
        .confined(lab.unprivileged())
        .run();
    let told = answer.stderr.clone();
    let document = answer.json();
    assert!(told.contains("entering it takes CAP_SYS_ADMIN"), "{told}");
    assert_eq!(document["netns"]["inode"], Value::Null, "{document:#}");
    assert_eq!(document["netns"]["name"], format!("sh[{pid}]"));
    assert_eq!(document["collection"]["source"], "procfs");
    assert_eq!(in_state(&document, State::Listen), Some(2), "{document:#}");
    assert_eq!(document["sysctls"]["net.ipv4.tcp_fin_timeout"], Value::Null);
    drop(listeners);
});
