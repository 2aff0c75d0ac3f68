//! Every default threshold has a case that reaches it and one that just
//! doesn't: here those that no socket can be made for, as they are the whole
//! host's or take a flood, and the list of all.

use crate::files::age;
use crate::staged::{StagedProc, healthy};
use crate::{check, proc_args, run, stdout};

const OK: i32 = 0;
const WARNING: i32 = 1;
const CRITICAL: i32 = 2;

/// Who reaches the thresholds of a metric or rule, and who just doesn't: names
/// of tests, mostly of one that does both.
const STAGED: &[(&str, &str)] = &[
    ("accept_queues_full", "an_accept_queue_that_is_full"),
    ("close_wait_leaked", "leaks_of_all_together"),
    (
        "close_wait_leaked",
        "one_leaked_socket_in_each_of_many_processes",
    ),
    (
        "close_wait_leaked_by_one",
        "one_leaked_socket_may_be_chance_and_two_are_a_warning",
    ),
    (
        "close_wait_leaked_by_one",
        "fifty_leaked_sockets_are_a_warning_and_one_more_is_critical",
    ),
    ("leaker_fds_used", "descriptors_of_a_process_that_leaks"),
    ("orphans_used", "orphans_by_the_limit_of_the_host"),
    ("ports_used", "ports_towards_one_destination"),
    ("resets_per_second", "resets_by_their_rate"),
    ("resets_per_second", "resets_of_a_busy_and_of_an_ill_host"),
    (
        "syn_cookies_per_second",
        "a_flood_by_what_cookies_make_of_it",
    ),
    ("syn_drops_per_second", "dropped_handshakes_by_their_rate"),
    ("syn_queue_used", "a_syn_queue_that_fills_without_cookies"),
    ("tcp_memory_used", "memory_by_the_limits_of_the_host"),
    ("tcp_syncookies", "settings_that_are_wrong"),
    ("tcp_tw_recycle", "a_setting_that_the_kernel_has_no_more"),
    ("time_wait_overflows_per_second", "time_wait_by_its_limit"),
    ("time_wait_used", "time_wait_by_its_limit"),
    (
        "unacknowledged_connections",
        "data_that_nobody_acknowledges",
    ),
    ("unlisted_sockets", "many_resets_are_looked_for_and_told_of"),
    ("unanswered_connects", "connections_that_hang"),
];

/// Where the tests are.
const TESTS: [&str; 5] = [
    include_str!("thresholds.rs"),
    include_str!("../netns/check.rs"),
    include_str!("../netns/check/thresholds.rs"),
    include_str!("../netns/leaks.rs"),
    include_str!("../netns/pressure/unresponsive.rs"),
];

/// A threshold that nobody has ever seen fire is a promise.
#[test]
fn every_default_threshold_is_staged() {
    let list = stdout(&run(&["--list"]));
    let (metrics, rules) = list.split_once("\nRULE ").expect("two tables");
    // Beside the metrics there are rules that judge a setting.
    let rows = |text: &str| -> Vec<Vec<String>> {
        let rows = text.lines().skip(1).take_while(|line| !line.is_empty());
        rows.map(|line| {
            let cells = line.split("  ").map(str::trim);
            cells
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .collect()
    };
    let thresholds = rows(metrics)
        .into_iter()
        .filter(|row| row[2] != "-" || row[3] != "-")
        .map(|row| row[0].clone());
    let of_settings = rows(rules)
        .into_iter()
        .filter(|row| !row[1].contains(": "))
        .map(|row| row[0].clone());
    let mut judged: Vec<String> = thresholds.chain(of_settings).collect();
    judged.sort();
    let mut staged: Vec<&str> = STAGED.iter().map(|(name, _)| *name).collect();
    staged.sort_unstable();
    staged.dedup();
    assert_eq!(judged, staged);
    for (name, test) in STAGED {
        let begins = [
            format!("fn {test}() {{"),
            format!("netns_test!({test}, "),
            format!("netns_test!(\n    {test},"),
        ];
        let is_there = |text: &&str| begins.iter().any(|begin| text.contains(begin.as_str()));
        assert!(TESTS.iter().any(is_there), "{name}: no {test}");
    }
}

/// What a check of a staged /proc comes to, and what it says first.
fn judged(proc_root: &StagedProc, more: &[&str]) -> (Option<i32>, String) {
    let output = check(&proc_args(proc_root, more))
        .output()
        .expect("it runs");
    let said = stdout(&output);
    let first = said.split(" | ").next().unwrap_or_default().to_owned();
    (output.status.code(), first)
}

/// The host's own namespace shows the limits: 8,192 orphans here.
#[test]
fn orphans_by_the_limit_of_the_host() {
    let proc_root = healthy();
    for (orphans, status) in [
        (2_047, OK),
        (2_048, WARNING),
        (7_372, WARNING),
        (7_373, CRITICAL),
    ] {
        let sockstat = format!("TCP: inuse 1 orphan {orphans} tw 0 alloc 1 mem 1\n");
        proc_root.write("net/sockstat", &sockstat);
        let (code, said) = judged(&proc_root, &[]);
        assert_eq!(code, Some(status), "{orphans}: {said}");
        assert_eq!(said.contains("held by no process"), status != OK, "{said}");
    }
}

/// Of 28,000 pages on the kernel moderates, beyond 42,000 it drops.
#[test]
fn memory_by_the_limits_of_the_host() {
    let proc_root = healthy();
    for (pages, status) in [
        (27_999, OK),
        (28_000, WARNING),
        (37_799, WARNING),
        (37_800, CRITICAL),
    ] {
        let sockstat = format!("TCP: inuse 1 orphan 0 tw 0 alloc 1 mem {pages}\n");
        proc_root.write("net/sockstat", &sockstat);
        let (code, said) = judged(&proc_root, &[]);
        assert_eq!(code, Some(status), "{pages}: {said}");
        assert_eq!(said.contains("TCP buffers"), status != OK, "{said}");
    }
}

/// Gone since Linux 4.12; where it is on, clients behind a NAT are dropped.
#[test]
fn a_setting_that_the_kernel_has_no_more() {
    let proc_root = healthy();
    for (value, status) in [("0\n", OK), ("1\n", CRITICAL)] {
        proc_root.write("sys/net/ipv4/tcp_tw_recycle", value);
        let (code, said) = judged(&proc_root, &[]);
        assert_eq!(code, Some(status), "{said}");
    }
}

/// A hundred a second, and a thousand. The time between two runs is made longer
/// than it was, and it is longer still by what the runs take: so a rate is never
/// above what it is counted from.
#[test]
fn resets_of_a_busy_and_of_an_ill_host() {
    const SECONDS: u64 = 1_000;
    for (a_second, status) in [
        (100, OK),
        (150, WARNING),
        (1_000, WARNING),
        (1_500, CRITICAL),
    ] {
        let proc_root = healthy();
        let path = proc_root.file("state.json");
        let state = ["--state", path.to_str().expect("text")];
        assert_eq!(judged(&proc_root, &state).0, Some(OK));
        age(&path, SECONDS);
        proc_root.resets(a_second * SECONDS);
        let (code, said) = judged(&proc_root, &state);
        assert_eq!(code, Some(status), "{a_second}: {said}");
        assert_eq!(
            said.contains("resets_per_second is "),
            status != OK,
            "{said}"
        );
    }
}
