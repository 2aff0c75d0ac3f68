//! What a state file remembers of single sockets.

use std::{net::Shutdown, thread::sleep, time::Duration};

use socket2::Socket;

use super::{
    Actor, CheckState, Confinement, Lab, Net, OK, UNKNOWN, WARNING, check, connected, netns_test,
    status,
};

/// More than keepalives let an age become.
const TERMS: [&str; 2] = ["--min-age", "1500ms"];

/// Two connections in CLOSE_WAIT, whose ages keepalives hide.
fn hidden(lab: &Lab) -> (Actor, Vec<Socket>) {
    let (mut actor, clients) = connected(lab, "keeps alive", Net::V4, 2);
    actor.expect("keeping alive");
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
    }
    sleep(Duration::from_millis(2_200));
    (actor, clients)
}

netns_test!(a_state_file_dates_what_keepalives_hide, |lab| {
    let _held = hidden(lab);
    let memory = CheckState::new();
    let first = memory.check(lab, &TERMS);
    first.is(OK, "close_wait_leak");
    assert_eq!(
        first.metric("close_wait_undated"),
        Some(2.0),
        "{:#}",
        first.document
    );
    sleep(Duration::from_millis(1_600));
    let second = memory.check(lab, &TERMS);
    second.is(WARNING, "close_wait_leak");
    assert_eq!(
        second.metric("close_wait_leaked"),
        Some(2.0),
        "{:#}",
        second.document
    );
    assert!(second.metric("close_wait_oldest").unwrap() >= 1.6);
    // Without the file one look still can't tell.
    check(lab, &TERMS).is(OK, "close_wait_leak");
});

// A run that sees no cookies must not make the next one begin anew.
netns_test!(first_sightings_outlive_a_run_without_netlink, |lab| {
    let _held = hidden(lab);
    let memory = CheckState::new();
    let first = memory.check(lab, &TERMS);
    assert_eq!(first.metric("close_wait_undated"), Some(2.0));
    sleep(Duration::from_secs(1));
    let path = memory.path();
    let arguments = [&["check", "--json", "--state", &path], &TERMS[..]].concat();
    let program = lab.tcpstate(&arguments);
    let refused = program.confined(Confinement::without_netlink(1)).run();
    assert!(
        refused.stdout.contains("\"source\":\"procfs\""),
        "{refused:#?}"
    );
    assert_eq!(status(&refused), UNKNOWN, "{refused:#?}");
    sleep(Duration::from_millis(600));
    let third = memory.check(lab, &TERMS);
    third.is(WARNING, "close_wait_leak");
    assert!(
        third.metric("close_wait_oldest").unwrap() >= 1.6,
        "{:#}",
        third.document
    );
});
