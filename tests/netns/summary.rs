//! `tcpstate summary`: the numbers are those of the sockets that were made, whatever they are
//! read from.

use std::{
    fs,
    net::Shutdown,
    os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _},
    path::Path,
};

use serde_json::Value;

use crate::lab::{
    Answer, Confinement, Family, Lab, Mix, Net, State, Tally, netns_test, settle,
    stage::{self, Pair},
};

/// The error that container runtimes answer with, and the one that systemd answers with.
const REFUSALS: [u16; 2] = [1, 97];

/// `tcpstate summary --json` and more arguments.
fn summary(lab: &Lab, more: &[&str]) -> Value {
    json(lab, more, None)
}

fn json(lab: &Lab, more: &[&str], confinement: Option<Confinement>) -> Value {
    let mut program = lab.tcpstate(&[&["summary", "--json"], more].concat());
    if let Some(confinement) = confinement {
        program = program.confined(confinement);
    }
    let document = program.run().json();
    assert_eq!(document["schema"], "tcpstate.summary/1");
    document
}

/// The counts of a document in which every number is known. Bound-only sockets are null unless
/// asked for; so is, in a recording, a state that it doesn't show.
fn tally(document: &Value) -> Tally {
    let mut tally = Tally::default();
    for state in State::ALL {
        let counts = &document["states"][state.json_key()];
        let untold = state == State::BoundInactive || document["collection"]["source"] == "replay";
        if untold && counts.is_null() {
            continue;
        }
        for (family, key) in [(Family::Ipv4, "ipv4"), (Family::Ipv6, "ipv6")] {
            let count = counts[key].as_u64();
            let count = count.unwrap_or_else(|| panic!("{state:?} {key} in {document:#}"));
            tally.add(state, family, count);
        }
        let total = counts["total"].as_u64();
        assert_eq!(total, Some(tally.total(state)), "{state:?} in {document:#}");
    }
    let total = document["total"].as_u64();
    assert_eq!(total, Some(tally.sum()), "the total of {document:#}");
    tally
}

/// Compares a document whose method may not tell the families of TIME_WAIT apart.
fn assert_derived(document: &Value, made: &Tally) {
    assert_eq!(document["method"], "derived", "{document:#}");
    for state in State::ALL {
        let counts = &document["states"][state.json_key()];
        if state == State::BoundInactive {
            assert!(counts.is_null(), "not asked for, yet in {document:#}");
            continue;
        }
        let total = counts["total"].as_u64();
        assert_eq!(total, Some(made.total(state)), "{state:?} in {document:#}");
        for (family, key) in [(Family::Ipv4, "ipv4"), (Family::Ipv6, "ipv6")] {
            let untold = state == State::TimeWait && counts[key].is_null();
            if !untold {
                let count = counts[key].as_u64();
                let made = Some(made.count(state, family));
                assert_eq!(count, made, "{state:?} {key} in {document:#}");
            }
        }
    }
    let total = document["total"].as_u64();
    assert_eq!(total, Some(made.sum()), "the total of {document:#}");
}

/// A mix, what it should count as by any method that wasn't asked for bound-only sockets, and the
/// certainty that `ss` sees it the same way.
fn everything(lab: &Lab) -> (Mix, Tally) {
    let mix = Mix::of_everything(lab);
    let made = mix.settle().without_bound();
    if let Some(shown) = lab.ss() {
        assert_eq!(shown, made, "ss");
    }
    (mix, made)
}

netns_test!(derived_by_default, |lab| {
    let (_mix, made) = everything(lab);
    let document = summary(lab, &[]);
    assert_derived(&document, &made);
    assert_eq!(document["collection"]["source"], "netlink");
    assert_eq!(document["collection"]["complete"], true);
    assert_eq!(document["collection"]["fallback_reason"], Value::Null);
});

netns_test!(exact, |lab| {
    let (_mix, made) = everything(lab);
    let document = summary(lab, &["--exact"]);
    assert_eq!(tally(&document), made);
    assert_eq!(document["method"], "dump");
    assert_eq!(document["collection"]["source"], "netlink");
    assert_eq!(document["collection"]["sockets"], made.sum());
    assert_eq!(document["collection"]["malformed"], 0);
});

netns_test!(from_proc, |lab| {
    let (_mix, made) = everything(lab);
    let document = summary(lab, &["--source", "procfs"]);
    assert_eq!(tally(&document), made);
    assert_eq!(document["method"], "dump");
    assert_eq!(document["collection"]["source"], "procfs");
    assert_eq!(document["collection"]["sockets"], made.sum());
    assert_eq!(document["collection"]["malformed"], 0);
});

netns_test!(from_a_recording_of_ss, |lab| {
    let (mix, made) = everything(lab);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("recording");
    if !lab.record_with_ss(&file) {
        return;
    }
    // What is replayed must be the recording, not the sockets of now.
    mix.reset();
    let document = summary(lab, &["--replay", file.to_str().unwrap()]);
    assert_eq!(tally(&document), made);
    assert_eq!(document["method"], "dump");
    assert_eq!(document["collection"]["source"], "replay");
    assert_eq!(document["collection"]["sockets"], made.sum());
});

netns_test!(one_family_at_a_time, |lab| {
    let (_mix, made) = everything(lab);
    for (family, flag) in [(Family::Ipv4, "-4"), (Family::Ipv6, "-6")] {
        let made = made.only(family);
        for more in [
            &[flag, "--exact"][..],
            &[flag, "--source", "procfs"],
            &[flag],
        ] {
            let document = summary(lab, more);
            for state in State::ALL {
                let counts = &document["states"][state.json_key()];
                if state != State::BoundInactive {
                    let total = Some(made.total(state));
                    assert_eq!(
                        counts["total"].as_u64(),
                        total,
                        "{more:?} {state:?} in {document:#}"
                    );
                }
            }
            assert_eq!(
                document["total"].as_u64(),
                Some(made.sum()),
                "{more:?}: {document:#}"
            );
        }
    }
});

netns_test!(bound_sockets_when_asked_for, |lab| {
    if !lab.shows_bound_sockets() {
        return;
    }
    let mix = Mix::of_everything(lab);
    let made = mix.settle();
    assert_eq!(tally(&summary(lab, &["--bound", "--exact"])), made);
    let derived = summary(lab, &["--bound"]);
    let bound = &derived["states"]["bound_inactive"];
    let total = made.total(State::BoundInactive);
    assert_eq!(bound["total"], total, "{derived:#}");
    // /proc doesn't show them: unknown, not none.
    let document = summary(lab, &["--bound", "--source", "procfs"]);
    assert_eq!(tally(&document), made.without_bound());
    assert!(
        document["states"]["bound_inactive"].is_null(),
        "{document:#}"
    );
});

netns_test!(time_wait_against_its_limit, |lab| {
    const LIMIT: &str = "net/ipv4/tcp_max_tw_buckets";
    let mut mix = Mix::default();
    mix.add(stage::time_wait(Net::V4, 6));
    mix.add(stage::time_wait(Net::V6, 4));
    mix.settle();
    lab.set_sysctl(LIMIT, "20");
    let document = summary(lab, &[]);
    let time_wait = &document["time_wait"];
    assert_eq!(time_wait["count"], 10, "{document:#}");
    assert_eq!(time_wait["max_buckets"], 20, "{document:#}");
    assert_eq!(time_wait["used_ratio"], 0.5, "{document:#}");
    assert_eq!(time_wait["overflows"], 0, "{document:#}");

    // The next one finds no bucket, and is closed at once.
    lab.set_sysctl(LIMIT, "10");
    let pair = Pair::new(Net::V4);
    pair.client.shutdown(Shutdown::Write).unwrap();
    pair.server_is(State::CloseWait);
    drop(pair);
    mix.settle();
    let document = summary(lab, &[]);
    let time_wait = &document["time_wait"];
    assert_eq!(time_wait["count"], 10, "{document:#}");
    assert_eq!(time_wait["used_ratio"], 1.0, "{document:#}");
    assert_eq!(time_wait["overflows"], 1, "{document:#}");
});

netns_test!(the_settings_are_those_of_the_namespace, |lab| {
    lab.set_sysctl("net/ipv4/tcp_fin_timeout", "41");
    lab.set_sysctl("net/ipv4/tcp_syncookies", "2");
    let document = summary(lab, &[]);
    let settings = document["sysctls"].as_object().unwrap();
    assert_eq!(settings["net.ipv4.tcp_fin_timeout"], 41);
    assert_eq!(settings["net.ipv4.tcp_syncookies"], 2);
    for (name, value) in settings {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        // A setting that this kernel doesn't have is unknown.
        let text = fs::read_to_string(path).ok();
        let number = text.map(|text| text.trim().parse::<u64>().unwrap());
        assert_eq!(value.as_u64(), number, "{name}");
    }
    let namespace = fs::metadata("/proc/self/ns/net").unwrap().ino();
    assert_eq!(document["netns"]["inode"], namespace);
});

netns_test!(an_empty_namespace, |lab| {
    let nothing = Tally::default();
    assert_derived(&summary(lab, &[]), &nothing);
    assert_eq!(tally(&summary(lab, &["--exact"])), nothing);
    assert_eq!(tally(&summary(lab, &["--source", "procfs"])), nothing);
});

// A full socket in SYN_RECV is counted by sockstat, a request socket isn't: a derived count that
// takes one for the other is wrong about ESTABLISHED, by as many.
netns_test!(fast_open_does_not_confuse_the_derivation, |lab| {
    let mut mix = Mix::default();
    for net in Net::ALL {
        let mut early = stage::fast_open_syn_recv(lab, net, 9);
        // A server may have some of them already, before the handshake is done.
        let listener = early.sockets.last().unwrap();
        let accepted = [listener.accept().unwrap().0, listener.accept().unwrap().0];
        early.sockets.extend(accepted);
        mix.add(early);
        mix.add(stage::syn_recv(net, 4));
        mix.add(stage::established(net, 1));
    }
    let made = mix.settle();
    assert_derived(&summary(lab, &[]), &made);
});

netns_test!(closed_sockets_are_forgotten, |lab| {
    let mut mix = Mix::default();
    for net in Net::ALL {
        mix.add(stage::established(net, 5));
        mix.add(stage::listening(net, 2));
        mix.add(stage::fin_wait2_held(net, 3));
        mix.add(stage::last_ack(net, 2));
        mix.add(stage::not_accepted(net, 2));
    }
    let made = mix.settle();
    assert_derived(&summary(lab, &[]), &made);
    mix.reset();
    settle(&Tally::default());
    let nothing = Tally::default();
    assert_derived(&summary(lab, &[]), &nothing);
    assert_eq!(tally(&summary(lab, &["--exact"])), nothing);
    assert_eq!(tally(&summary(lab, &["--source", "procfs"])), nothing);
});

netns_test!(without_netlink_it_falls_back_and_says_why, |lab| {
    let (_mix, made) = everything(lab);
    for errno in REFUSALS {
        let confinement = Confinement::without_netlink(errno);
        let program = lab.tcpstate(&["summary", "--json"]).confined(confinement);
        let answer = program.run();
        assert_one_complaint(&answer);
        let document = answer.json();
        assert_eq!(tally(&document), made);
        assert_eq!(document["collection"]["source"], "procfs");
        let reason = document["collection"]["fallback_reason"].as_str();
        assert!(
            reason.is_some_and(|reason| !reason.is_empty()),
            "{document:#}"
        );
    }
});

netns_test!(without_netlink_but_with_source_netlink_it_fails, |lab| {
    let _listener = stage::listening(Net::V4, 1);
    for errno in REFUSALS {
        let arguments = ["summary", "--json", "--source", "netlink"];
        let program = lab.tcpstate(&arguments);
        let answer = program.confined(Confinement::without_netlink(errno)).run();
        assert_eq!(answer.status.code(), Some(2), "{answer:#?}");
        assert_eq!(answer.stdout, "", "nothing half-printed");
        assert_one_complaint(&answer);
    }
});

netns_test!(source_procfs_never_tries_netlink, |lab| {
    let (_mix, made) = everything(lab);
    let confinement = Confinement::without_netlink(1);
    let program = lab.tcpstate(&["summary", "--json", "--source", "procfs"]);
    let answer = program.confined(confinement).run();
    assert_eq!(answer.stderr, "", "nothing to complain of");
    let document = answer.json();
    assert_eq!(tally(&document), made);
    assert_eq!(document["collection"]["fallback_reason"], Value::Null);
});

netns_test!(without_sockstat_it_dumps, |lab| {
    if lab.skip_without_real_root("/proc/net/sockstat can only be closed by the host's root") {
        return;
    }
    let (_mix, made) = everything(lab);
    for file in ["sockstat", "sockstat6"] {
        // Only this namespace's file: each namespace has its own.
        let path = format!("/proc/self/net/{file}");
        let open = fs::metadata(&path).unwrap().permissions();
        let mut closed = open.clone();
        std::os::unix::fs::PermissionsExt::set_mode(&mut closed, 0);
        fs::set_permissions(&path, closed).unwrap();
        let cat = lab.program("cat", &[&path]).confined(lab.unprivileged());
        assert!(!cat.run().status.success(), "{path} can still be read");

        let document = json(lab, &[], Some(lab.unprivileged()));
        assert_eq!(document["method"], "dump", "without {file}");
        assert_eq!(tally(&document), made, "without {file}");
        assert_eq!(document["collection"]["source"], "netlink");
        fs::set_permissions(&path, open).unwrap();
    }
});

netns_test!(without_privilege, |lab| {
    let (_mix, made) = everything(lab);
    let user = lab.unprivileged();
    assert_derived(&json(lab, &[], Some(user)), &made);
    for more in [&["--exact"][..], &["--source", "procfs"]] {
        assert_eq!(tally(&json(lab, more, Some(user))), made, "{more:?}");
    }
});

netns_test!(alone_it_prints_the_summary, |lab| {
    let _listeners = stage::listening(Net::V4, 3);
    let alone = lab.tcpstate(&[]).run().succeeded();
    assert_eq!(alone.stderr, "");
    let listen = alone.stdout.lines().find(|line| line.contains("LISTEN"));
    let listen = listen.unwrap_or_else(|| panic!("no LISTEN in {alone:#?}"));
    let numbers = listen.split_ascii_whitespace();
    assert!(numbers.into_iter().any(|word| word == "3"), "{listen:?}");
});

netns_test!(a_closed_pipe_is_no_accident, |lab| {
    const SIGPIPE: i32 = 13;
    for arguments in [&[][..], &["summary"], &["summary", "--json"]] {
        let (status, stderr) = lab.tcpstate(arguments).run_into_closed_pipe();
        let quiet = status.success() || status.signal() == Some(SIGPIPE);
        assert!(quiet, "{arguments:?}: {status}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
});

/// Errors and warnings are one line each, in the one form that all have.
fn assert_one_complaint(answer: &Answer) {
    let lines: Vec<&str> = answer.stderr.lines().collect();
    match *lines {
        [line] if line.starts_with("tcpstate: ") => {}
        _ => panic!("not one line of complaint: {answer:#?}"),
    }
}
