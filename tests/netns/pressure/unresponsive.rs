//! Peers that don't answer.

use serde_json::Value;

use super::{pressure, severities};
use crate::lab::{Lab, Net, netns_test, stage, until};

fn messages<'a>(document: &'a Value, rule: &str) -> Vec<&'a str> {
    let findings = document["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| finding["message"].as_str().expect("a message"))
        .collect()
}

netns_test!(connections_that_nobody_answers, |lab| {
    let few = stage::syn_sent(Net::V4, 9);
    let document = until("SYNs that were sent again", || {
        let document = lab.tcpstate(&["summary", "--json"]).run().json();
        let check = lab
            .tcpstate(&["check", "--only", "unanswered_connects"])
            .run();
        if check.stdout.contains("'unanswered_connects'=9;") {
            Ok(document)
        } else {
            Err(check.stdout)
        }
    });
    assert!(severities(&document, "unresponsive_peers").is_empty());
    let many = stage::syn_sent(Net::V6, 10);
    let document = until("a finding", || {
        let document = lab.tcpstate(&["summary", "--json"]).run().json();
        match messages(&document, "unresponsive_peers").first() {
            Some(found) if found.contains(": 10 connections") => Ok(document),
            found => Err(format!("{found:?}")),
        }
    });
    assert_eq!(severities(&document, "unresponsive_peers"), ["warning"]);
    let found = messages(&document, "unresponsive_peers");
    assert!(found[0].starts_with("[::1]:"), "{found:?}");
    let hang = ": 10 connections of ";
    assert!(
        found[0].contains(hang) && found[0].contains("] hang in connect()"),
        "{found:?}"
    );
    let silent = pressure(lab, &[]);
    assert_eq!(messages(&silent, "unresponsive_peers").len(), 1);
    // /proc tells the timer, too.
    let over_proc = lab.tcpstate(&["summary", "--json", "--source", "procfs"]);
    let over_proc = over_proc.run().json();
    assert_eq!(messages(&over_proc, "unresponsive_peers").len(), 1);
    let check = lab
        .tcpstate(&["check", "--only", "unanswered_connects"])
        .run();
    assert_eq!(check.status.code(), Some(1), "{check:#?}");
    drop((few, many));
});

/// Open connections to one listener; their servers hear nothing any more if they are to be deaf.
fn connected(count: usize, is_deaf: bool) -> Vec<socket2::Socket> {
    let listener = stage::listen(stage::socket(Net::V4), Net::V4, 64);
    let address = stage::address_of(&listener);
    let pairs = (0..count).flat_map(|_| {
        let client = stage::socket(Net::V4);
        client.connect(&address.into()).expect("connect");
        let (server, _) = listener.accept().expect("accept");
        if is_deaf {
            stage::deafen(&server);
        }
        client.send(b"SELECT 1").expect("send");
        [client, server]
    });
    pairs.collect()
}

fn says_unacknowledged(lab: &Lab, command: &str) -> Option<String> {
    let said = lab.tcpstate(&[command]).run().stdout;
    let mut lines = said.lines();
    let line = lines.find(|line| line.contains("unacknowledged data"));
    line.and_then(|line| line.split_whitespace().next())
        .map(str::to_owned)
}

// "ok silent peers", with 73 % of all segments sent again.
netns_test!(data_that_nobody_acknowledges, |lab| {
    let _alive = connected(20, false);
    assert_eq!(says_unacknowledged(lab, "pressure").as_deref(), Some("ok"));
    // Nobody looks at open connections there, and nobody says that they are well.
    assert_eq!(
        says_unacknowledged(lab, "summary").as_deref(),
        Some("unknown")
    );
    let _dead = connected(12, true);
    let document = until("data that was sent again five times", || {
        let document = pressure(lab, &[]);
        match messages(&document, "unacknowledged_data").first() {
            Some(found) if found.contains(": 12 open connections of ") => Ok(document),
            found => Err(format!("{found:?}")),
        }
    });
    assert_eq!(severities(&document, "unacknowledged_data"), ["warning"]);
    let found = messages(&document, "unacknowledged_data")[0];
    let holder = format!(
        "[{}] sent data again up to 5 times, for 6 s at least;",
        std::process::id()
    );
    assert!(found.contains(&holder), "{found}");
    assert!(
        found.contains("after 15 m 24 s") || found.contains("15 m 24 s after"),
        "{found}"
    );
    assert_eq!(
        says_unacknowledged(lab, "summary").as_deref(),
        Some("unknown")
    );
    // Who asks by name has it read.
    for arguments in [
        ["--only", "unacknowledged_data"],
        ["--only", "unacknowledged_connections"],
        ["-w", "unacknowledged_connections=5"],
    ] {
        let check = lab.tcpstate(&[&["check"], &arguments[..]].concat()).run();
        assert_eq!(check.status.code(), Some(1), "{check:#?}");
    }
    let fine = lab
        .tcpstate(&["check", "-w", "unacknowledged_connections=12"])
        .run();
    assert_eq!(fine.status.code(), Some(0), "{fine:#?}");
});
