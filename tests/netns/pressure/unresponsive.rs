//! Peers that don't answer.

use serde_json::Value;

use super::{pressure, severities};
use crate::lab::{Net, netns_test, stage, until};

fn messages(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter(|finding| finding["rule"] == "unresponsive_peers")
        .map(|finding| finding["message"].as_str().expect("a message"))
        .collect()
}

netns_test!(connections_that_nobody_answers, |lab| {
    let few = stage::syn_sent(Net::V4, 9);
    let many = stage::syn_sent(Net::V6, 10);
    let document = until("SYNs that were sent again", || {
        let document = lab.tcpstate(&["summary", "--json"]).run().json();
        if severities(&document, "unresponsive_peers").is_empty() {
            Err(document["findings"].to_string())
        } else {
            Ok(document)
        }
    });
    // As many as are at one place, and nine are no finding.
    assert_eq!(severities(&document, "unresponsive_peers"), ["warning"]);
    let found = messages(&document);
    assert!(found[0].starts_with("[::1]:"), "{found:?}");
    assert!(
        found[0].contains(": 10 connections hang in connect()"),
        "{found:?}"
    );
    assert_eq!(messages(&pressure(lab, &[])).len(), 1);
    // /proc tells the timer, too.
    let over_proc = lab.tcpstate(&["summary", "--json", "--source", "procfs"]);
    assert_eq!(messages(&over_proc.run().json()).len(), 1);
    let check = lab
        .tcpstate(&["check", "--only", "unanswered_connects"])
        .run();
    assert_eq!(check.status.code(), Some(1), "{check:#?}");
    drop((few, many));
});
