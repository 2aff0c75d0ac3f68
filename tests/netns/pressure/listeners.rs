//! Listeners: who doesn't accept, and whose handshakes don't end.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    ops::Range,
    time::Duration,
};

use serde_json::Value;
use socket2::Socket;

use super::{pressure, severities};
use crate::lab::{Lab, Net, Syn, netns_test, stage, until};

const BACKLOG: i32 = 8;

fn listener(backlog: i32) -> (Socket, SocketAddr) {
    let listener = stage::listen(stage::socket(Net::V4), Net::V4, backlog);
    let address = stage::address_of(&listener);
    (listener, address)
}

fn entry(document: &Value, address: SocketAddr) -> Value {
    let listeners = document["listeners"].as_array().expect("listeners");
    let found = listeners
        .iter()
        .find(|listener| listener["local"]["port"] == address.port());
    found.expect("the listener").clone()
}

netns_test!(a_listener_that_does_not_accept, |lab| {
    let (listener, address) = listener(BACKLOG);
    let mut clients: Vec<Socket> = (0..BACKLOG)
        .map(|_| {
            let client = stage::socket(Net::V4);
            client.connect(&address.into()).expect("connect");
            client
        })
        .collect();
    let before = pressure(lab, &[]);
    let shown = entry(&before, address);
    assert_eq!(shown["accept_queue"], 8);
    assert_eq!(shown["accept_limit"], 8);
    assert_eq!(shown["full"], false, "one more fits");
    assert_eq!(shown["verdict"], "fine");
    assert!(severities(&before, "accept_queue_full").is_empty());

    let last = stage::socket(Net::V4);
    last.connect(&address.into()).expect("connect");
    clients.push(last);
    let full = pressure(lab, &[]);
    let shown = entry(&full, address);
    assert_eq!(shown["full"], true);
    assert_eq!(shown["verdict"], "slow_accept");
    assert_eq!(shown["unaccepted"], 9);
    assert_eq!(shown["dead"], 0);
    assert_eq!(severities(&full, "accept_queue_full"), ["warning"]);
    let summary = lab.tcpstate(&["summary", "--json"]).run().json();
    assert_eq!(severities(&summary, "accept_queue_full"), ["warning"]);

    // Over /proc nobody can tell.
    let blind = pressure(lab, &["--source", "procfs"]);
    let shown = entry(&blind, address);
    assert_eq!(shown["full"], Value::Null);
    assert_eq!(shown["accept_limit"], Value::Null);
    assert_eq!(shown["verdict"], "unknown");

    // Now a client is dropped, while somebody looks twice.
    let knocking = std::thread::spawn(move || {
        let client = stage::socket(Net::V4);
        client.connect_timeout(&address.into(), Duration::from_millis(1_500))
    });
    let over = pressure(lab, &["--over", "1200ms"]);
    assert!(
        knocking.join().expect("the client").is_err(),
        "the queue is full"
    );
    assert_eq!(severities(&over, "accept_queue_full"), ["critical"]);
    let rate = over["rates"]["ListenOverflows"].as_f64().expect("a rate");
    assert!(rate > 0.0, "{over:#}");

    // Clients that give up leave dead connections in the queue.
    for client in clients.drain(..4) {
        client.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
    until("dead connections", || {
        let dead = entry(&pressure(lab, &[]), address)["dead"].clone();
        if dead == 4 {
            Ok(())
        } else {
            Err(dead.to_string())
        }
    });
    drop(listener);
});

netns_test!(a_busy_listener_that_keeps_up, |lab| {
    let (listener, address) = listener(BACKLOG);
    let mut connections = Vec::new();
    for _ in 0..200 {
        let client = stage::socket(Net::V4);
        client.connect(&address.into()).expect("connect");
        let (server, _) = listener.accept().expect("accept");
        connections.push((client, server));
    }
    let document = pressure(lab, &[]);
    let shown = entry(&document, address);
    assert_eq!(shown["verdict"], "fine");
    assert_eq!(shown["accept_queue"], 0);
    assert!(severities(&document, "accept_queue_full").is_empty());
});

/// SYNs from a network that never answers.
fn flood(lab: &Lab, to: SocketAddr, count: u16) {
    lab.send_syns(syns(to, 0..count));
}

/// A SYN of each of these clients.
fn syns(to: SocketAddr, clients: Range<u16>) -> impl Iterator<Item = Syn> {
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, to.port());
    clients.map(move |number| {
        let [high, low] = number.to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 9, high, low), 2_000);
        Syn { from, to }
    })
}

fn flooded(lab: &Lab, cookies: u64, count: u16) -> (Value, Value) {
    lab.set_sysctl("net/ipv4/tcp_syncookies", &cookies.to_string());
    lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
    let (listener, address) = listener(64);
    let looking = looking_while(lab, count, |clients| lab.send_syns(syns(address, clients)));
    let shown = entry(&looking, address);
    drop(listener);
    (looking, shown)
}

/// Looks twice while so many clients come in five parts: whenever the first
/// look is, some come after it.
fn looking_while(lab: &Lab, count: u16, mut come: impl FnMut(Range<u16>)) -> Value {
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| pressure(lab, &["--over", "1s"]));
        for part in 0..5 {
            std::thread::sleep(Duration::from_millis(100));
            let from = part * (count / 5);
            come(from..from + count / 5);
        }
        looking.join().expect("the command")
    })
}

netns_test!(a_syn_flood_that_cookies_absorb, |lab| {
    let (document, shown) = flooded(lab, 1, 500);
    assert_eq!(shown["syn_recv"], 65, "one more than the backlog");
    assert_eq!(shown["syn_limit"], 65);
    assert_eq!(shown["verdict"], "syn_flood_absorbed", "{document:#}");
    assert_eq!(document["syn"]["verdict"], "syn_flood_absorbed");
    assert_eq!(severities(&document, "syn_flood"), ["warning"]);
});

netns_test!(a_syn_flood_without_cookies_drops_clients, |lab| {
    let (document, shown) = flooded(lab, 0, 500);
    assert_eq!(shown["verdict"], "syn_flood_dropping", "{document:#}");
    assert_eq!(document["syn"]["verdict"], "syn_flood_dropping");
    assert_eq!(severities(&document, "syn_flood"), ["critical"]);
});

netns_test!(a_syn_flood_with_cookies_for_everybody, |lab| {
    let (document, shown) = flooded(lab, 2, 500);
    assert_eq!(shown["syn_recv"], 0, "cookies keep none");
    assert_eq!(
        document["syn"]["verdict"], "syn_flood_absorbed",
        "{document:#}"
    );
    assert_eq!(shown["verdict"], "syn_flood_absorbed", "the only listener");
    assert_eq!(severities(&document, "syn_flood"), ["warning"]);
});

netns_test!(
    many_slow_clients_with_cookies_for_everybody_are_no_flood,
    |lab| {
        lab.set_sysctl("net/ipv4/tcp_syncookies", "2");
        lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
        let (_listener, address) = listener(64);
        let mut clients = lab.slow_clients();
        let on_their_way = looking_while(lab, 60, |some| clients.begin(syns(address, some)));
        let counters = &on_their_way["counters"];
        assert_eq!(counters["SyncookiesSent"], 60);
        assert_eq!(counters["SyncookiesRecv"], 0, "none has answered yet");
        assert_eq!(on_their_way["syn"]["verdict"], "fine", "{on_their_way:#}");
        assert_eq!(entry(&on_their_way, address)["verdict"], "fine");
        assert!(severities(&on_their_way, "syn_flood").is_empty());

        // They were honest.
        clients.answer();
        let arrived = pressure(lab, &[]);
        assert_eq!(arrived["counters"]["SyncookiesRecv"], 60);
        assert_eq!(entry(&arrived, address)["accept_queue"], 60);
        assert_eq!(arrived["syn"]["verdict"], "fine", "{arrived:#}");
    }
);

netns_test!(
    honest_clients_that_a_full_syn_queue_gave_cookies_are_no_flood,
    |lab| {
        lab.set_sysctl("net/ipv4/tcp_syncookies", "1");
        // Nobody is asked a second time, however long the looks take.
        lab.set_sysctl("net/ipv4/tcp_synack_retries", "0");
        lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
        let (_listener, address) = listener(64);
        let mut clients = lab.slow_clients();
        clients.begin(syns(address, 0..65));
        let on_their_way = looking_while(lab, 60, |some| {
            clients.begin(syns(address, some.start + 65..some.end + 65));
        });
        let sent = on_their_way["counters"]["SyncookiesSent"].as_u64();
        assert!(sent >= Some(10), "{on_their_way:#}");
        let verdict = &on_their_way["syn"]["verdict"];
        assert!(
            verdict == "syn_queue_full" || verdict == "fine",
            "{on_their_way:#}"
        );
        assert!(!severities(&on_their_way, "syn_flood").contains(&"warning"));
    }
);

netns_test!(
    honest_clients_beyond_a_full_accept_queue_are_no_flood,
    |lab| {
        lab.set_sysctl("net/ipv4/tcp_syncookies", "1");
        lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
        let (listener, address) = listener(BACKLOG);
        let listener: std::net::TcpListener = listener.into();
        let mut accepted = Vec::new();
        // Nine of each twenty stand in the SYN queue and the others get cookies;
        // nine find a place in the accept queue, and the others' answers are lost.
        let document = looking_while(lab, 100, |some| {
            accepted.extend((0..9 * u16::from(some.start > 0)).map(|_| listener.accept()));
            let mut clients = lab.slow_clients();
            clients.begin(syns(address, some));
            clients.answer();
        });
        let counters = &document["counters"];
        assert_eq!(counters["SyncookiesSent"], 55);
        assert_eq!(counters["SyncookiesRecv"], 55);
        assert_eq!(counters["ListenOverflows"], 55);
        assert_eq!(entry(&document, address)["verdict"], "slow_accept");
        assert_eq!(severities(&document, "accept_queue_full"), ["critical"]);
        assert_eq!(document["syn"]["verdict"], "syn_burst", "{document:#}");
        assert_eq!(severities(&document, "syn_flood"), ["info"]);
    }
);

netns_test!(one_stuck_socket_of_several_is_not_hidden, |lab| {
    let sockets: Vec<Socket> = (0..4).map(|_| stage::socket(Net::V4)).collect();
    let mut address: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    for socket in &sockets {
        socket.set_reuse_port(true).expect("SO_REUSEPORT");
        socket.bind(&address.into()).expect("bind");
        socket.listen(BACKLOG).expect("listen");
        address = stage::address_of(socket);
    }
    let (stuck, working) = sockets.split_first().expect("four");
    for socket in working {
        socket.set_nonblocking(true).expect("O_NONBLOCK");
    }
    // The others take all that they get, until one client isn't let in.
    let mut held = Vec::new();
    until("a full socket", || {
        let client = stage::socket(Net::V4);
        client.set_nonblocking(true).expect("O_NONBLOCK");
        // It answers later, or never.
        drop(client.connect(&address.into()));
        held.push(client);
        for socket in working {
            while let Ok((connection, _)) = socket.accept() {
                held.push(connection);
            }
        }
        let shown = entry(&pressure(lab, &[]), address);
        match shown["full_sockets"].as_u64() {
            Some(1) => Ok(()),
            _ => Err(shown.to_string()),
        }
    });
    let document = pressure(lab, &[]);
    let shown = entry(&document, address);
    assert_eq!(shown["sockets"], 4);
    assert_eq!(shown["accept_queue"], 9, "of the fullest");
    assert_eq!(shown["verdict"], "slow_accept");
    let members = shown["members"].as_array().expect("members");
    let full = |member: &&Value| member["full"] == true;
    assert_eq!(members.iter().filter(full).count(), 1, "{shown:#}");
    assert_eq!(severities(&document, "accept_queue_full"), ["warning"]);
    let text = document["findings"].to_string();
    assert!(text.contains("1 of its 4 sockets, which"), "{text}");
    drop(stuck.accept().expect("a connection"));
    let freed = entry(&pressure(lab, &[]), address);
    assert_eq!(freed["full_sockets"], 0);
});

// What the socket says of its cgroup is what the kernel says of its process.
netns_test!(the_cgroup_of_a_listener_is_that_of_its_process, |lab| {
    let (_listener, address) = listener(BACKLOG);
    let own = std::fs::read_to_string("/proc/self/cgroup").expect("cgroups");
    let own = own.lines().find_map(|line| line.strip_prefix("0::"));
    let document = pressure(lab, &["--processes"]);
    let shown = entry(&document, address);
    assert_eq!(shown["pids"], serde_json::json!([std::process::id()]));
    let Some(cgroup) = shown["cgroups"].get(0) else {
        let why = "no cgroup2 is mounted here, or the kernel is older than 5.8";
        return lab.skip(why);
    };
    assert_eq!(cgroup["path"].as_str(), own, "{shown:#}");
    assert_eq!(cgroup["removed"], false);
    assert_eq!(shown["members"][0]["cgroup_id"], cgroup["id"]);
});

netns_test!(what_nothing_matches_is_not_said_to_be_well, |lab| {
    let (_listener, address) = listener(BACKLOG);
    let port = address.port().to_string();
    let said = |arguments: &[&str]| {
        let all = [&["pressure"], arguments].concat();
        lab.tcpstate(&all).run().succeeded().stdout
    };
    let here = said(&["--listen-port", &port]);
    let fine = |text: &str| {
        text.lines()
            .any(|line| line.starts_with("ok ") && line.contains("accept queues"))
    };
    assert!(fine(&here), "{here}");
    let nowhere = said(&["--listen-port", "1"]);
    assert!(
        nowhere.contains("LISTENERS  none matches the filter, of 1"),
        "{nowhere}"
    );
    assert!(!fine(&nowhere), "{nowhere}");
    let _client = std::net::TcpStream::connect(address).expect("connect");
    let elsewhere = said(&["--remote", "192.0.2.1"]);
    let line = "PORTS  no connection matches the filter, of 1 destination";
    assert!(elsewhere.contains(line), "{elsewhere}");
});

netns_test!(many_slow_clients_are_no_flood, |lab| {
    lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
    let (_listener, address) = listener(64);
    flood(lab, address, 60);
    let shown = entry(&pressure(lab, &[]), address);
    assert_eq!(shown["syn_recv"], 60);
    assert_eq!(shown["verdict"], "fine");
    assert!(severities(&pressure(lab, &[]), "syn_flood").is_empty());
    // After a second the SYN-ACKs are sent again, which dates them.
    until("a second SYN-ACK", || {
        let age = entry(&pressure(lab, &[]), address)["oldest_syn_age_ms"].clone();
        match age["at_least"].as_u64() {
            Some(1_000..) => Ok(()),
            _ => Err(age.to_string()),
        }
    });
});

// One was full and had dropped nobody, another dropped, and the first was blamed, "now".
netns_test!(drops_are_told_of_the_listener_that_dropped, |lab| {
    let (_full, full) = listener(0);
    let (_dropping, dropping) = listener(0);
    let connect = |to: SocketAddr| {
        let client = stage::socket(Net::V4);
        client.set_nonblocking(true).expect("a setting");
        // What a full queue drops stays on its way.
        let _ = client.connect(&to.into());
        client
    };
    let mut clients = vec![connect(full), connect(dropping)];
    until("both queues are full", || {
        let document = pressure(lab, &[]);
        let waiting = [full, dropping].map(|at| entry(&document, at)["accept_queue"].clone());
        (waiting == [1, 1])
            .then_some(())
            .ok_or(format!("{waiting:?}"))
    });
    let document = looking_while(lab, 20, |some| {
        clients.extend(some.map(|_| connect(dropping)));
    });
    let findings = document["findings"].as_array().expect("findings");
    let mut found = findings
        .iter()
        .filter(|finding| finding["rule"] == "accept_queue_full");
    let first = found.next().expect("who dropped goes first");
    assert_eq!(first["subject"], dropping.to_string(), "{document:#}");
    assert_eq!(first["severity"], "critical");
    let dropped = first["evidence"]["dropped"].as_u64().expect("a number");
    assert_eq!(
        document["counters"]["ListenOverflows"].as_u64(),
        Some(dropped),
        "all of them are its own"
    );
    let second = found.next().expect("the other is full all the same");
    assert_eq!(second["subject"], full.to_string());
    assert_eq!(second["severity"], "warning");
    assert_eq!(second["evidence"]["dropped"], 0);
});

// They were one with two sockets, and the idle one's program was accused.
netns_test!(two_listeners_on_one_port_differ_in_their_devices, |lab| {
    let device = lab.add_link("two");
    let bound = |device: &str, port: u16, backlog| {
        let socket = stage::socket(Net::V4);
        socket
            .bind_device(Some(device.as_bytes()))
            .expect("SO_BINDTODEVICE");
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        socket.bind(&any.into()).expect("bind");
        socket.listen(backlog).expect("listen");
        socket
    };
    let full = bound("lo", 0, 0);
    let port = stage::address_of(&full).port();
    let _idle = bound("two", port, 512);
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let _client = std::net::TcpStream::connect(to).expect("connect");
    let document = pressure(lab, &[]);
    let listeners = document["listeners"].as_array().expect("listeners");
    let shown: Vec<_> = listeners
        .iter()
        .map(|one| (&one["interface"], &one["sockets"], &one["full"]))
        .map(|(device, sockets, full)| (device.as_u64(), sockets.as_u64(), full.as_bool()))
        .collect();
    let expected = [
        (Some(1), Some(1), Some(true)),
        (Some(device.into()), Some(1), Some(false)),
    ];
    assert_eq!(shown, expected, "{document:#}");
    let findings = document["findings"].as_array().expect("findings");
    let found = findings
        .iter()
        .find(|one| one["rule"] == "accept_queue_full");
    let subject = found.expect("a finding")["subject"].as_str();
    let begins = format!("0.0.0.0%1:{port}");
    assert!(
        subject.is_some_and(|subject| subject.starts_with(&begins)),
        "{subject:?}"
    );
});
