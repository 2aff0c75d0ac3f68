//! The list, against `ss` with the same filter.

use std::collections::BTreeSet;

use crate::lab::{Lab, Net, netns_test, stage};

/// The ends of the sockets that the list shows.
fn listed(lab: &Lab, words: &[&str]) -> BTreeSet<(String, String)> {
    let arguments = [&["list", "-H"], words].concat();
    let output = lab.tcpstate(&arguments).run();
    assert!(output.status.success(), "{output:?}");
    let lines = output.stdout.lines().map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        (columns[3].to_owned(), columns[4].to_owned())
    });
    lines.collect()
}

netns_test!(a_filter_selects_what_it_says_and_nothing_else, |lab| {
    let _open = stage::established(Net::V4, 3);
    let _leaked = stage::fin_wait2_held(Net::V6, 2);
    let _done = stage::time_wait(Net::V4, 4);
    let all = listed(lab, &[]);
    assert_eq!(all.len(), 10, "no TIME_WAIT, as ss: {all:#?}");
    assert_eq!(listed(lab, &["state", "close-wait"]).len(), 2);
    assert_eq!(listed(lab, &["state", "time-wait"]).len(), 4);
    assert_eq!(listed(lab, &["established"]).len(), 6);
    let six = listed(lab, &["src", "::/0"]);
    assert_eq!(listed(lab, &["-6"]), six);
    assert_eq!(six.len(), 4);
    let four = listed(lab, &["not", "src", "::/0"]);
    assert_eq!(four.len(), 6);
    assert!(four.is_disjoint(&six));
    let port = {
        let (local, _) = four.iter().next().expect("one");
        local.rsplit(':').next().expect("a port").to_owned()
    };
    let at_port = listed(lab, &["sport", "=", &format!(":{port}")]);
    assert!(
        at_port
            .iter()
            .all(|(local, _)| local.ends_with(&format!(":{port}")))
    );
    assert!(!at_port.is_empty());
});

netns_test!(
    a_filter_that_is_wrong_is_shown_with_what_may_stand_there,
    |lab| {
        let output = lab.tcpstate(&["list", "dport", "="]).run();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(output.stderr.contains("\n         ^\n"), "{output:?}");
    }
);
