//! Listeners: who doesn't accept, and whose handshakes don't end.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
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
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, to.port());
    lab.send_syns((0..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 9, high, low), 2_000);
        Syn { from, to }
    }));
}

fn flooded(lab: &Lab, cookies: u64, count: u16) -> (Value, Value) {
    lab.set_sysctl("net/ipv4/tcp_syncookies", &cookies.to_string());
    lab.add_black_hole(Ipv4Addr::new(10, 9, 0, 0), 16);
    let (listener, address) = listener(64);
    let looking = std::thread::scope(|scope| {
        let looking = scope.spawn(|| pressure(lab, &["--over", "1s"]));
        // Whenever the first look is: some of the flood comes after it.
        for part in 0..5 {
            std::thread::sleep(Duration::from_millis(100));
            let from = part * (count / 5);
            let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, address.port());
            lab.send_syns((from..from + count / 5).map(|number| {
                let [high, low] = number.to_be_bytes();
                let from = SocketAddrV4::new(Ipv4Addr::new(10, 9, high, low), 2_000);
                Syn { from, to }
            }));
        }
        looking.join().expect("the command")
    });
    let shown = entry(&looking, address);
    drop(listener);
    (looking, shown)
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
