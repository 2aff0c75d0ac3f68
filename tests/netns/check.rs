//! `tcpstate check`: each default threshold fires on sockets that deserve it, and not on those
//! that just don't.

mod sightings;
mod thresholds;

use std::{
    net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use socket2::Socket;
use tempfile::TempDir;

use tcpstate::kernel::ProcRoot;
use tcpstate::kernel::processes::CgroupTree;

use crate::{
    cast::{close_wait_with, connected},
    lab::{
        Actor, Answer, Confinement, Lab, Mix, Net, State, Syn, netns_test,
        stage::{self, Pair, address_of, listen, socket},
        until,
    },
};

/// An age that every staged socket soon has.
const MIN_AGE: &str = "100ms";

const OK: i32 = 0;
const WARNING: i32 = 1;
const CRITICAL: i32 = 2;
const UNKNOWN: i32 = 3;

/// What a check came to.
struct Checked {
    status: i32,
    document: Value,
}

fn run(lab: &Lab, more: &[&str]) -> Answer {
    lab.tcpstate(&[&["check"], more].concat()).run()
}

fn status(answer: &Answer) -> i32 {
    answer.status.code().expect("an exit status")
}

fn check(lab: &Lab, more: &[&str]) -> Checked {
    let answer = run(lab, &[&["--json"], more].concat());
    let status = status(&answer);
    assert_eq!(answer.stderr, "", "{answer:#?}");
    let document: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let words = ["ok", "warning", "critical", "unknown"];
    assert_eq!(document["status"], words[usize::try_from(status).unwrap()]);
    Checked { status, document }
}

impl Checked {
    /// Insists on a status, and that this rule alone is to blame for it.
    fn is(&self, status: i32, rule: &str) {
        assert_eq!(self.status, status, "{:#}", self.document);
        let findings = self.document["findings"].as_array().unwrap();
        let mut severe = findings
            .iter()
            .filter(|finding| finding["severity"] != "info")
            .map(|finding| finding["rule"].as_str().unwrap())
            .peekable();
        assert_eq!(severe.peek().is_some(), status != OK, "{:#}", self.document);
        assert!(severe.all(|found| found == rule), "{:#}", self.document);
    }

    /// What the document says of a metric.
    fn entry(&self, name: &str) -> &Value {
        let metrics = self.document["metrics"].as_array().unwrap();
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        metric.unwrap_or_else(|| panic!("no {name}"))
    }

    fn metric(&self, name: &str) -> Option<f64> {
        self.entry(name)["value"].as_f64()
    }
}

/// A count as JSON has it here.
fn number(count: impl TryInto<u32, Error: std::fmt::Debug>) -> f64 {
    count.try_into().expect("few").into()
}

/// A state file between two checks.
struct CheckState(TempDir);

impl CheckState {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self) -> String {
        let path = self.0.path().join("state.json");
        path.to_str().expect("text").to_owned()
    }

    fn check(&self, lab: &Lab, more: &[&str]) -> Checked {
        self.age(11);
        check(lab, &[&["--state", &self.path()], more].concat())
    }
}

impl CheckState {
    /// Makes the counters older, as nobody wants to wait for a rate. The ages of sockets stay.
    fn age(&self, seconds: u64) {
        let path = self.path();
        let Ok(bytes) = std::fs::read(&path) else {
            return;
        };
        let mut state: Value = serde_json::from_slice(&bytes).expect("JSON");
        for check in state["checks"].as_array_mut().expect("checks") {
            for snapshot in check["snapshots"].as_array_mut().expect("snapshots") {
                let at = snapshot["at_ms"].as_u64().expect("a time");
                snapshot["at_ms"] = at.saturating_sub(seconds * 1_000).into();
            }
        }
        // A map of the library sorts its keys, and the first one tells whose it is.
        let checks = &state["checks"];
        let text = format!("{{\"schema\":\"tcpstate.state/3\",\"checks\":{checks}}}");
        std::fs::write(path, text).expect("written");
    }
}

/// A server that never reads, with the ends of so many streams waiting for it.
fn leaking(lab: &Lab, count: usize) -> (Actor, Vec<Socket>) {
    let (actor, clients) = connected(lab, "never reads", Net::V4, count);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1);
    }
    sleep(Duration::from_millis(150));
    (actor, clients)
}

/// Insists that a message names the process, or says that it didn't look so far: on a host with
/// many descriptors the search is cut short.
fn assert_names(message: &Value, actor: &Actor) {
    let message = message.as_str().expect("a message");
    let named = message.contains(&format!("[{}] leaks ", actor.pid()));
    let unnamed = message.contains(" leaked") || message.contains(".s");
    assert!(named || unnamed, "{message}");
}

netns_test!(
    one_leaked_socket_may_be_chance_and_two_are_a_warning,
    |lab| {
        for (count, expected) in [(1, OK), (2, WARNING)] {
            let (actor, _clients) = leaking(lab, count);
            let checked = check(lab, &["--min-age", MIN_AGE]);
            checked.is(expected, "close_wait_leak");
            assert_eq!(checked.metric("close_wait_leaked"), Some(number(count)));
            let by_one = checked.metric("close_wait_leaked_by_one");
            assert_eq!(by_one, Some(number(count)));
            let findings = &checked.document["findings"];
            if expected == OK {
                assert_eq!(findings.as_array().map(Vec::len), Some(0));
            } else {
                assert_names(&findings[0]["message"], &actor);
            }
            // By default a minute must have passed.
            check(lab, &[]).is(OK, "close_wait_leak");
            drop(actor);
            sleep(Duration::from_millis(50));
        }
    }
);

netns_test!(
    fifty_leaked_sockets_are_a_warning_and_one_more_is_critical,
    |lab| {
        for (count, expected) in [(50, WARNING), (51, CRITICAL)] {
            let (actor, _clients) = leaking(lab, count);
            let answer = run(lab, &["--min-age", MIN_AGE]);
            assert_eq!(status(&answer), expected, "{answer:#?}");
            let says = format!("{count} CLOSE_WAIT sockets");
            assert!(answer.stdout.contains(&says), "{answer:#?}");
            drop(actor);
            sleep(Duration::from_millis(50));
        }
    }
);

// Each may be a spare connection of a pool. Fifty-six of them were fifty-one in one lump that
// nobody was known to have, and somebody was woken up.
netns_test!(one_leaked_socket_in_each_of_many_processes, |lab| {
    let mut held = Vec::new();
    for (processes, expected) in [(9, OK), (10, WARNING), (56, WARNING)] {
        while held.len() < processes {
            let (actor, clients) = connected(lab, "never reads", Net::V4, 1);
            clients[0].shutdown(Shutdown::Write).unwrap();
            close_wait_with(&clients[0], 1);
            held.push((actor, clients));
        }
        sleep(Duration::from_millis(150));
        let checked = check(lab, &["--min-age", MIN_AGE]);
        assert_eq!(checked.status, expected, "{:#}", checked.document);
        let by_one = checked.metric("close_wait_leaked_by_one");
        assert_eq!(by_one, Some(1.0), "{:#}", checked.document);
        let findings = checked.document["findings"].as_array().unwrap();
        let rules: Vec<_> = findings.iter().map(|found| &found["rule"]).collect();
        if expected == OK {
            assert_eq!(rules, [] as [&str; 0]);
        } else {
            assert_eq!(rules, ["close_wait_leaked"]);
            let says = format!(
                "{processes} leaked CLOSE_WAIT sockets in {processes} processes, 10 or more"
            );
            assert_eq!(checked.document["message"], says);
        }
    }
});

netns_test!(time_wait_by_its_limit, |lab| {
    const LIMIT: &str = "net/ipv4/tcp_max_tw_buckets";
    let mut mix = Mix::default();
    mix.add(stage::time_wait(Net::V4, 8));
    mix.settle();
    for (limit, expected) in [("11", OK), ("10", WARNING), ("8", CRITICAL)] {
        lab.set_sysctl(LIMIT, limit);
        check(lab, &[]).is(expected, "time_wait_buckets");
    }
    // The next one finds no bucket.
    let memory = CheckState::new();
    let only = ["--only", "time_wait_overflows_per_second"];
    assert_eq!(memory.check(lab, &only).status, OK, "not known yet");
    sleep(Duration::from_millis(20));
    assert_eq!(memory.check(lab, &only).status, OK, "none since");
    let pair = Pair::new(Net::V4);
    pair.client.shutdown(Shutdown::Write).unwrap();
    pair.server_is(State::CloseWait);
    drop(pair);
    mix.settle();
    assert_eq!(memory.check(lab, &only).status, WARNING);
});

netns_test!(ports_towards_one_destination, |lab| {
    lab.set_sysctl("net/ipv4/ip_local_port_range", "50000 50019");
    let server = socket(Net::V4);
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 7_000));
    server.bind(&to.into()).unwrap();
    server.listen(128).unwrap();
    let mut held = Vec::new();
    for (taken, expected) in [(15, OK), (16, WARNING), (18, WARNING), (19, CRITICAL)] {
        while held.len() < taken {
            let client = socket(Net::V4);
            client.connect(&to.into()).unwrap();
            held.push((client, server.accept().unwrap().0));
        }
        let checked = check(lab, &[]);
        checked.is(expected, "ports_exhaustion");
        let used = checked.metric("ports_used").unwrap();
        assert!(
            (used - number(taken) * 5.0).abs() < 0.1,
            "{used} with {taken}"
        );
    }
});

// More connections than ports, and no destination with many: the share is that of the fullest one.
netns_test!(ports_towards_several_destinations, |lab| {
    lab.set_sysctl("net/ipv4/ip_local_port_range", "50000 50399");
    let listening = |port| {
        let server = socket(Net::V4);
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.bind(&to.into()).unwrap();
        server.listen(128).unwrap();
        (server, to)
    };
    let servers = [7_000, 7_001, 7_002].map(listening);
    let connect = |(server, to): &(Socket, SocketAddr)| {
        let client = socket(Net::V4);
        client.connect(&(*to).into()).unwrap();
        (client, server.accept().unwrap().0)
    };
    let [first, second, third] = &servers;
    let mut held: Vec<_> = (0..130).map(|_| connect(first)).collect();
    let others: Vec<_> = (0..130)
        .flat_map(|_| [connect(second), connect(third)])
        .collect();
    let checked = check(lab, &[]);
    checked.is(OK, "ports_exhaustion");
    let used = checked.metric("ports_used").unwrap();
    assert!((used - 32.5).abs() < 0.1, "{used}");
    assert!(checked.entry("ports_used")["bound"].is_null());
    drop(others);
    held.extend((0..194).map(|_| connect(first)));
    let checked = check(lab, &[]);
    checked.is(WARNING, "ports_exhaustion");
    let used = checked.metric("ports_used").unwrap();
    assert!((used - 81.0).abs() < 0.1, "{used}");
});

// Where all connections together can't use the ports up, the share is counted all the same.
netns_test!(a_small_share_of_the_ports_is_the_true_one, |lab| {
    lab.set_sysctl("net/ipv4/ip_local_port_range", "50000 50019");
    let mut held = Vec::new();
    for port in 7_000..7_005 {
        let server = socket(Net::V4);
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        server.bind(&to.into()).unwrap();
        server.listen(8).unwrap();
        let client = socket(Net::V4);
        client.connect(&to.into()).unwrap();
        held.push((client, server.accept().unwrap().0));
    }
    for (threshold, expected) in [("ports_used=40", OK), ("ports_used=4", CRITICAL)] {
        let checked = check(lab, &["-c", threshold]);
        assert_eq!(checked.status, expected, "{:#}", checked.document);
        assert_eq!(checked.metric("ports_used"), Some(5.0), "of each address");
        assert!(checked.entry("ports_used")["bound"].is_null());
    }
    let lines = run(lab, &["-vv"]).stdout;
    assert!(lines.contains("\nports_used: 5"), "{lines}");
});

netns_test!(an_accept_queue_that_is_full, |lab| {
    let near = stage::not_accepted(Net::V4, 5);
    check(lab, &[]).is(OK, "accept_queue_full");
    drop(near);
    let memory = CheckState::new();
    let _full = stage::full_accept_queue(Net::V4, 1);
    let ignoring = ["--ignore", "syn_drops_per_second"];
    memory
        .check(lab, &ignoring)
        .is(WARNING, "accept_queue_full");
    // The client that found no room knocks again after a second.
    sleep(Duration::from_millis(1_300));
    memory
        .check(lab, &ignoring)
        .is(CRITICAL, "accept_queue_full");
});

/// SYNs from a network that never answers.
fn send_syns(lab: &Lab, to: &Socket, count: u16) {
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, address_of(to).port());
    lab.send_syns((0..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 9, high, low), 2_000);
        Syn { from, to }
    }));
}

netns_test!(dropped_handshakes_by_their_rate, |lab| {
    lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
    let full = listen(socket(Net::V4), Net::V4, 0);
    let first = socket(Net::V4);
    first.connect(&address_of(&full).into()).unwrap();
    let memory = CheckState::new();
    let only = ["--only", "syn_drops_per_second"];
    assert_eq!(memory.check(lab, &only).status, OK);
    sleep(Duration::from_millis(20));
    assert_eq!(memory.check(lab, &only).status, OK, "none dropped");
    sleep(Duration::from_secs(1));
    send_syns(lab, &full, 40);
    let some = memory.check(lab, &only);
    assert_eq!(some.status, WARNING, "{:#}", some.document);
    send_syns(lab, &full, 2_000);
    let many = memory.check(lab, &only);
    assert_eq!(many.status, CRITICAL, "{:#}", many.document);
});

netns_test!(resets_by_their_rate, |lab| {
    let reset = || {
        let pair = Pair::new(Net::V4);
        pair.client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(pair);
    };
    let memory = CheckState::new();
    let only = ["--only", "resets_per_second"];
    assert_eq!(memory.check(lab, &only).status, OK);
    sleep(Duration::from_millis(300));
    (0..3).for_each(|_| reset());
    let few = memory.check(lab, &only);
    assert_eq!(few.status, OK, "{:#}", few.document);
    assert!(few.metric("resets_per_second").unwrap() > 0.0);
    (0..1_500).for_each(|_| reset());
    let many = memory.check(lab, &only);
    assert!(
        [WARNING, CRITICAL].contains(&many.status),
        "{:#}",
        many.document
    );
});

netns_test!(a_flood_by_what_cookies_make_of_it, |lab| {
    lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
    for (cookies, expected) in [("1", WARNING), ("0", CRITICAL)] {
        lab.set_sysctl("net/ipv4/tcp_syncookies", cookies);
        let ignoring = ["--ignore", "tcp_syncookies,syn_drops_per_second"];
        let flooded = listen(socket(Net::V4), Net::V4, 64);
        let memory = CheckState::new();
        memory.check(lab, &ignoring).is(OK, "syn_flood");
        // Near miss: a few slow clients.
        send_syns(lab, &flooded, 10);
        memory.check(lab, &ignoring).is(OK, "syn_flood");
        send_syns(lab, &flooded, 500);
        memory.check(lab, &ignoring).is(expected, "syn_flood");
    }
});

netns_test!(settings_that_are_wrong, |lab| {
    check(lab, &[]).is(OK, "tcp_syncookies");
    lab.set_sysctl("net/ipv4/tcp_syncookies", "0");
    check(lab, &[]).is(WARNING, "tcp_syncookies");
    check(lab, &["--ignore", "tcp_syncookies"]).is(OK, "tcp_syncookies");
});

/// What is ignored where a mix of everything is staged: it has full queues.
const NO_RULES: [&str; 2] = [
    "--ignore",
    "accept_queues_full,syn_queue_used,syn_cookies_per_second,unanswered_connects",
];

fn with<'a>(more: &[&'a str], thresholds: &'a [String]) -> Vec<&'a str> {
    let thresholds = thresholds.iter().map(String::as_str);
    NO_RULES
        .into_iter()
        .chain(more.iter().copied())
        .chain(thresholds)
        .collect()
}

netns_test!(the_count_of_any_state, |lab| {
    let mix = Mix::of_everything(lab);
    let made = mix.settle();
    let states = State::ALL
        .into_iter()
        .filter(|state| *state != State::BoundInactive);
    let counts: Vec<(&str, u64)> = states
        .map(|state| (state.json_key(), made.total(state)))
        .collect();
    // All at once: some of them end by themselves after a minute.
    let at = |less: u64| -> Vec<String> {
        let thresholds = counts
            .iter()
            .map(|(name, count)| format!("{name}=~:{}", count.saturating_sub(less)));
        thresholds
            .flat_map(|threshold| ["-c".to_owned(), threshold])
            .collect()
    };
    let (fitting, exceeding) = (at(0), at(1));
    let fits = check(lab, &with(&[], &fitting));
    assert_eq!(fits.status, OK, "{:#}", fits.document);
    let exceeds = run(lab, &with(&["-v"], &exceeding));
    assert_eq!(status(&exceeds), CRITICAL, "{exceeds:#?}");
    for (name, count) in &counts {
        assert_eq!(fits.metric(name), Some(number(*count)), "{name}");
        if let Some(less) = count.checked_sub(1) {
            let says = format!("CRITICAL: {name} is {count}, above {less}\n");
            assert!(exceeds.stdout.contains(&says), "{says} in {exceeds:#?}");
        }
    }
    let page = run(lab, &[&NO_RULES[..], &["--format", "prometheus"]].concat());
    for state in State::ALL {
        let line = format!(
            "tcpstate_sockets{{state=\"{}\"}} {}\n",
            state.json_key(),
            made.total(state)
        );
        assert!(
            state == State::BoundInactive || page.stdout.contains(&line),
            "{line} in {}",
            page.stdout
        );
    }
});

netns_test!(a_part_of_the_sockets, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V4, 3);
    let other = stage::established(Net::V4, 4);
    let established = |more: &[&str]| check(lab, more).metric("established");
    assert_eq!(established(&[]), Some(14.0));
    let pid = actor.pid().to_string();
    assert_eq!(established(&["--pid", &pid]), Some(3.0));
    let port = address_of(&clients[0]).port().to_string();
    assert_eq!(established(&["--listen-port", &port]), Some(1.0));
    let peer = clients[0].peer_addr().unwrap().as_socket().unwrap();
    assert_eq!(established(&["--remote", &peer.to_string()]), Some(3.0));
    assert_eq!(established(&["--remote", "192.0.2.0/24"]), Some(0.0));
    let narrowed = check(lab, &["--pid", &pid, "-c", "established=2"]);
    assert_eq!(narrowed.status, CRITICAL);
    drop(other);
});

// Nobody holds them, and the check of their program saw none: its own leak was OK.
netns_test!(what_a_process_does_not_accept_is_its_own, |lab| {
    let clients: Vec<Socket> = (0..3).map(|_| socket(Net::V4)).collect();
    let listener = listen(socket(Net::V4), Net::V4, 8);
    for client in &clients {
        client.connect(&address_of(&listener).into()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1);
    }
    sleep(Duration::from_millis(150));
    let (actor, _other) = connected(lab, "never reads", Net::V4, 1);
    let ours = std::process::id().to_string();
    let theirs = actor.pid().to_string();
    for (pid, leaked, expected) in [(&ours, 3, WARNING), (&theirs, 0, OK)] {
        let checked = check(lab, &["--min-age", MIN_AGE, "--pid", pid]);
        checked.is(expected, "close_wait_leak");
        assert_eq!(checked.metric("close_wait_leaked"), Some(number(leaked)));
    }
});

netns_test!(over_proc_what_cannot_be_judged_is_unknown, |lab| {
    let refused = |more: &[&str]| {
        let program = lab.tcpstate(&[&["check"], more].concat());
        program.confined(Confinement::without_netlink(1)).run()
    };
    let nothing = refused(&[]);
    assert_eq!(status(&nothing), OK, "{nothing:#?}");
    assert!(nothing.stdout.contains("from /proc"), "{nothing:#?}");
    let _listener = stage::listening(Net::V4, 1);
    let blind = refused(&[]);
    assert_eq!(status(&blind), UNKNOWN, "{blind:#?}");
    assert!(
        blind.stdout.contains("'accept_queues_full'=U"),
        "{blind:#?}"
    );
    assert!(blind.stdout.contains("'listen'=1;"), "{blind:#?}");
    assert_eq!(blind.stderr, "", "one line is enough");
});

netns_test!(an_unprivileged_cron_user, |lab| {
    let (_actor, _clients) = leaking(lab, 3);
    let state = TempDir::new().unwrap();
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
    std::fs::set_permissions(state.path(), open).unwrap();
    let path = state.path().join("state.json");
    let arguments = [
        "check",
        "--min-age",
        MIN_AGE,
        "--state",
        path.to_str().unwrap(),
    ];
    for _ in 0..2 {
        let answer = lab.tcpstate(&arguments).confined(lab.unprivileged()).run();
        assert_eq!(status(&answer), WARNING, "{answer:#?}");
        assert!(
            answer.stdout.contains("3 CLOSE_WAIT sockets"),
            "{answer:#?}"
        );
        assert_eq!(answer.stderr, "");
        sleep(Duration::from_millis(20));
    }
});

netns_test!(an_evil_name_stays_in_its_line, |lab| {
    let (mut actor, clients) = connected(lab, "has an evil name", Net::V4, 2);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 1);
    }
    sleep(Duration::from_millis(150));
    let answer = run(lab, &["-vvv", "--min-age", MIN_AGE]);
    assert_eq!(status(&answer), WARNING, "{answer:#?}");
    assert!(!answer.stdout.contains('\u{1b}'), "{answer:#?}");
    let bars = answer.stdout.matches('|').count();
    assert_eq!(bars, 1, "perfdata begin once: {answer:#?}");
    let first = answer.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("TCPSTATE WARNING: ") && first.contains(" | '"),
        "{first}"
    );
    actor.tell("enough");
});

/// A process in a network namespace of its own, which ends when this is dropped.
struct Apart(std::process::Child);

impl Apart {
    fn start() -> Self {
        let child = std::process::Command::new("unshare")
            .args(["-n", "sleep", "60"])
            .spawn()
            .expect("start unshare");
        let apart = Self(child);
        let netns = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        until("it has left", || {
            let there = netns(&apart.0.id().to_string());
            if there.is_some() && there != netns("self") {
                return Ok(());
            }
            Err(format!("{there:?}"))
        });
        apart
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// It said "OK: 0 sockets" of a container that leaked.
netns_test!(a_process_in_another_namespace_is_no_ok, |lab| {
    let apart = Apart::start();
    let pid = apart.0.id().to_string();
    let ours = std::process::id().to_string();
    for asked in [&["--pid", &pid][..], &["--pid", &pid, "--pid", &ours]] {
        let answer = run(lab, asked);
        assert_eq!(status(&answer), UNKNOWN, "{answer:#?}");
        let answer = run(lab, &[&["-v"], asked].concat());
        let line = &answer.stdout;
        let told = format!("process {pid} is in another network namespace (netns:");
        assert!(line.contains(&told), "{line}");
        let advice = format!("add --netns {pid}");
        assert!(line.contains(&advice), "{line}");
    }
    // One that is here and has no sockets is fine.
    let answer = run(lab, &["--pid", &ours]);
    assert_eq!(status(&answer), OK, "{answer:#?}");
    let answer = lab.tcpstate(&["leaks", "--json", "--pid", &pid]).run();
    assert!(
        answer.stderr.contains("is in another network namespace"),
        "{answer:#?}"
    );
});

// Nobody may say of a container that it has no connections, because none of them is here.
netns_test!(a_unit_in_another_namespace_is_no_ok, |lab| {
    if lab.skip_without_real_root("making cgroups takes the host's root") {
        return;
    }
    let proc_root = ProcRoot::new(std::path::Path::new("/proc"));
    let Some(tree) = CgroupTree::of(&proc_root) else {
        return lab.skip("no cgroup2 is mounted");
    };
    let unit = format!("tcpstate-{}.service", std::process::id());
    let cgroup = tree.root().join(&unit);
    if let Err(error) = std::fs::create_dir(&cgroup) {
        return lab.skip(&format!("cgroups can't be made: {error}"));
    }
    let join = |pid: u32| std::fs::write(cgroup.join("cgroup.procs"), pid.to_string());
    let apart = Apart::start();
    let elsewhere = join(apart.0.id()).map(|()| run(lab, &["--unit", &unit]));
    // One of its processes is here, so what is seen of it is an answer.
    let mut near = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let here = join(near.id()).map(|()| run(lab, &["--unit", &unit]));
    near.kill().unwrap();
    near.wait().unwrap();
    drop(apart);
    until("the cgroup is empty", || {
        std::fs::remove_dir(&cgroup).map_err(|error| error.to_string())
    });
    let (elsewhere, here) = (elsewhere.unwrap(), here.unwrap());
    assert_eq!(status(&elsewhere), UNKNOWN, "{elsewhere:#?}");
    let told = format!("{unit} is in another network namespace");
    assert!(elsewhere.stdout.contains(&told), "{elsewhere:#?}");
    assert_eq!(status(&here), OK, "{here:#?}");
});

// With socket activation one unit makes the listener and another one leaks what it accepts: the
// check of that one said OK.
netns_test!(a_unit_has_what_it_holds_and_what_it_made, |lab| {
    if lab.skip_without_real_root("making cgroups takes the host's root") {
        return;
    }
    let proc_root = ProcRoot::new(std::path::Path::new("/proc"));
    let Some(tree) = CgroupTree::of(&proc_root) else {
        return lab.skip("no cgroup2 is mounted");
    };
    let ours = std::process::id();
    let units = ["maker", "holder", "other"].map(|name| format!("tcpstate-{name}-{ours}.service"));
    let directory = |unit: &str| tree.root().join(unit);
    if let Err(error) = std::fs::create_dir(directory(&units[0])) {
        return lab.skip(&format!("cgroups can't be made: {error}"));
    }
    for unit in &units[1..] {
        std::fs::create_dir(directory(unit)).unwrap();
    }
    let join =
        |cgroup: std::path::PathBuf| std::fs::write(cgroup.join("cgroup.procs"), ours.to_string());
    let joined = join(directory(&units[0]));
    let listener = listen(socket(Net::V4), Net::V4, 8);
    let moved = join(directory(&units[1]));
    let mut held = Vec::new();
    for _ in 0..3 {
        let client = socket(Net::V4);
        client.connect(&address_of(&listener).into()).unwrap();
        held.push(listener.accept().unwrap().0);
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(&client, 1);
    }
    let count = |unit: &String| {
        let arguments = ["--min-age", "0s", "--unit", unit.as_str()];
        check(lab, &arguments).metric("close_wait")
    };
    let counts = units.each_ref().map(count);
    join(tree.root().to_owned()).unwrap();
    for unit in &units {
        std::fs::remove_dir(directory(unit)).unwrap();
    }
    joined.unwrap();
    moved.unwrap();
    assert_eq!(counts, [Some(3.0), Some(3.0), Some(0.0)]);
});
