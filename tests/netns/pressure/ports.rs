//! The number of free ports that is predicted is the number of connects that succeed.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{pressure, severities};
use crate::lab::{Lab, State, Table, netns_test, until};

/// Ports in the range of these tests; an even number, because a single connect() leaves one out of
/// an odd one.
const PORTS: u64 = 20;
const FIRST: u16 = 50_000;
const EADDRNOTAVAIL: i32 = 99;
const EADDRINUSE: i32 = 98;

/// Not loopback to the kernel, although it is on lo.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn tiny_range(lab: &Lab) {
    range_of(lab, PORTS);
}

fn range_of(lab: &Lab, ports: u64) {
    let last = u64::from(FIRST) + ports - 1;
    lab.set_sysctl("net/ipv4/ip_local_port_range", &format!("{FIRST} {last}"));
    lab.add_address(ELSEWHERE.into(), 32);
    lab.add_address(SECOND.into(), 32);
}

/// Makes TIME_WAIT old enough to be taken over: at once where that is a setting, after more than a
/// second where it isn't.
fn grow_old(lab: &Lab) {
    if has_delay() {
        lab.set_sysctl("net/ipv4/tcp_tw_reuse_delay", "100");
        sleep(Duration::from_millis(200));
    } else {
        sleep(Duration::from_millis(2_100));
    }
}

fn has_delay() -> bool {
    Path::new("/proc/sys/net/ipv4/tcp_tw_reuse_delay").exists()
}

fn tcp() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("a TCP socket")
}

fn bound(address: Ipv4Addr, port: u16) -> Socket {
    let socket = tcp();
    let address = SocketAddr::new(address.into(), port);
    socket.bind(&address.into()).expect("bind");
    socket
}

/// A server outside the range.
struct Server {
    listener: Socket,
    address: SocketAddr,
}

impl Server {
    fn new(address: Ipv4Addr, port: u16) -> Self {
        let listener = tcp();
        listener.set_reuse_address(true).expect("SO_REUSEADDR");
        let address = SocketAddr::new(address.into(), port);
        listener.bind(&address.into()).expect("bind");
        listener.listen(1024).expect("listen");
        Self { listener, address }
    }

    /// A connection and its other end.
    fn connection(&self) -> (Socket, Socket) {
        let client = tcp();
        client.connect(&self.address.into()).expect("connect");
        let (server, _) = self.listener.accept().expect("accept");
        (client, server)
    }

    /// Connects until there is no port left, as many times as that.
    fn exhaust(&self) -> Vec<Socket> {
        let mut clients = Vec::new();
        loop {
            let client = tcp();
            match client.connect(&self.address.into()) {
                Ok(()) => clients.push(client),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(EADDRNOTAVAIL), "{error}");
                    return clients;
                }
            }
        }
    }

    /// Connections that we, the client, closed first.
    fn leave_in_time_wait(&self, count: usize) {
        self.close_in_time_wait((0..count).map(|_| self.connection()).collect());
    }

    fn close_in_time_wait(&self, pairs: Vec<(Socket, Socket)>) {
        for (client, server) in pairs {
            let from = client.local_addr().expect("bound").as_socket();
            let from = from.expect("an IP address");
            drop(client);
            Table::wait_for(self.address, from, State::CloseWait);
            drop(server);
            Table::wait_for(from, self.address, State::TimeWait);
        }
    }

    /// What is said of the ports towards it.
    fn destination(&self, document: &Value) -> Value {
        let destinations = document["ports"]["destinations"].as_array();
        let found = destinations.expect("destinations").iter().find(|entry| {
            entry["remote"]["address"] == self.address.ip().to_string()
                && entry["remote"]["port"] == self.address.port()
        });
        found
            .unwrap_or_else(|| panic!("no {} in {document:#}", self.address))
            .clone()
    }

    /// Compares the prediction with what connect() does. One connection at least must be there.
    fn assert_predicted(&self, lab: &Lab, expected: u64, what: &str) {
        let document = pressure(lab, &["--bound"]);
        let free = self.destination(&document)["free"].clone();
        let succeeded = self.exhaust();
        assert_eq!(free, succeeded.len(), "{what}: {document:#}");
        assert_eq!(free, expected, "{what}: {document:#}");
        // A reset leaves no TIME_WAIT behind for the next case.
        for client in succeeded {
            client.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        }
    }
}

netns_test!(free_ports_are_those_that_connect_gets, |lab| {
    tiny_range(lab);
    for (index, address) in [Ipv4Addr::LOCALHOST, ELSEWHERE].into_iter().enumerate() {
        let port = 7_000 + 10 * u16::try_from(index).unwrap();
        let plain = Server::new(address, port);
        let _kept = plain.connection();
        plain.assert_predicted(lab, PORTS - 1, "nothing special");

        lab.set_sysctl(
            "net/ipv4/ip_local_reserved_ports",
            "50003,50005-50008,60000",
        );
        let reserved = Server::new(address, port + 1);
        let _kept = reserved.connection();
        reserved.assert_predicted(lab, PORTS - 5 - 1, "5 reserved");
        lab.set_sysctl("net/ipv4/ip_local_reserved_ports", "\n");

        let listened = Server::new(address, port + 2);
        let _kept = listened.connection();
        let in_range = Server::new(SECOND, FIRST + 11);
        listened.assert_predicted(lab, PORTS - 1 - 1, "a listener in the range");
        drop(in_range);

        let beside_bound = Server::new(address, port + 3);
        let _kept = beside_bound.connection();
        let sockets = [
            bound(SECOND, FIRST + 13),
            bound(Ipv4Addr::UNSPECIFIED, FIRST + 15),
        ];
        if lab.shows_bound_sockets() {
            beside_bound.assert_predicted(lab, PORTS - 2 - 1, "2 bound sockets");
        }
        drop(sockets);
    }
});

netns_test!(time_wait_is_free_where_connect_takes_it_over, |lab| {
    const WAITING: u64 = 6;
    tiny_range(lab);
    for (index, address) in [Ipv4Addr::LOCALHOST, ELSEWHERE].into_iter().enumerate() {
        for reuse in [0_u64, 1, 2] {
            let place = u16::try_from(index).unwrap() * 10 + u16::try_from(reuse).unwrap();
            let server = Server::new(address, 7_100 + place);
            lab.set_sysctl("net/ipv4/tcp_tw_reuse", "0");
            server.leave_in_time_wait(6);
            lab.set_sysctl("net/ipv4/tcp_tw_reuse", &reuse.to_string());
            grow_old(lab);
            let taken_over = reuse == 1 || (reuse == 2 && address.is_loopback());
            let expected = if taken_over { PORTS } else { PORTS - WAITING };
            let what = format!("tcp_tw_reuse={reuse} towards {address}");
            let document = pressure(lab, &[]);
            let entry = server.destination(&document);
            assert_eq!(entry["time_wait"], WAITING, "{what}");
            assert_eq!(
                entry["reusable"],
                if taken_over { WAITING } else { 0 },
                "{what}"
            );
            server.assert_predicted(lab, expected, &what);
        }
    }
});

netns_test!(young_time_wait_and_fin_wait2_block_their_ports, |lab| {
    tiny_range(lab);
    lab.set_sysctl("net/ipv4/tcp_tw_reuse", "0");
    let young = Server::new(ELSEWHERE, 7_000);
    young.leave_in_time_wait(5);
    lab.set_sysctl("net/ipv4/tcp_tw_reuse", "1");
    if has_delay() {
        lab.set_sysctl("net/ipv4/tcp_tw_reuse_delay", "30000");
        young.assert_predicted(lab, PORTS - 5, "younger than the delay");
        lab.set_sysctl("net/ipv4/tcp_tw_reuse_delay", "1000");
    }

    let half_closed = Server::new(ELSEWHERE, 7_001);
    let mut servers = Vec::new();
    for _ in 0..4 {
        let (client, server) = half_closed.connection();
        let from = client.local_addr().expect("bound").as_socket().expect("IP");
        drop(client);
        until("a FIN_WAIT2 minisocket", || {
            match Table::read().find(from, half_closed.address) {
                Some(row) if row.state == State::FinWait2 && row.timer == 3 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        servers.push(server);
    }
    grow_old(lab);
    half_closed.assert_predicted(lab, PORTS - 4, "FIN_WAIT2");
});

netns_test!(ports_from_bind_are_one_pool, |lab| {
    const BOUND: u64 = 6;
    tiny_range(lab);
    let shared = [Server::new(ELSEWHERE, 7_000), Server::new(ELSEWHERE, 7_001)];
    let other = Server::new(ELSEWHERE, 7_002);
    let _kept = other.connection();
    let connect_bound = |server: &Server| {
        let client = tcp();
        client.bind(&SocketAddr::new(ELSEWHERE.into(), 0).into())?;
        client.connect(&server.address.into()).expect("connect");
        Ok::<Socket, std::io::Error>(client)
    };
    let mut clients: Vec<Socket> = (0..BOUND)
        .zip(shared.iter().cycle())
        .map(|(_, server)| connect_bound(server).expect("bind"))
        .collect();
    let document = pressure(lab, &[]);
    assert_eq!(shared[0].destination(&document)["bound_first"], true);
    assert_eq!(shared[1].destination(&document)["bound_first"], true);
    assert_eq!(other.destination(&document)["bound_first"], false);
    let pool = &document["ports"]["shared_pools"][0];
    assert_eq!(pool["local_address"], ELSEWHERE.to_string());
    assert_eq!(pool["in_use"], BOUND);
    assert_eq!(pool["free"], PORTS - BOUND - 1);
    other.assert_predicted(lab, PORTS - BOUND - 1, "beside a pool of bind()");

    // The pool stays in sight as it fills, and is at its end when bind() says so.
    for server in shared.iter().cycle() {
        let document = pressure(lab, &[]);
        let pool = &document["ports"]["shared_pools"][0];
        assert_eq!(pool["in_use"], clients.len(), "{document:#}");
        assert_eq!(
            pool["free"],
            PORTS - 1 - clients.len() as u64,
            "{document:#}"
        );
        match connect_bound(server) {
            Ok(client) => clients.push(client),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(EADDRINUSE), "{error}");
                assert_eq!(pool["free"], 0, "{document:#}");
                // The pool, and connect() to the other one, which finds nothing either.
                let found = severities(&document, "ports_exhaustion");
                assert_eq!(found, ["critical", "critical"]);
                break;
            }
        }
    }
});

netns_test!(
    ports_from_bind_at_several_addresses_are_all_lost_to_connect,
    |lab| {
        tiny_range(lab);
        let shared = [Server::new(ELSEWHERE, 7_000), Server::new(ELSEWHERE, 7_001)];
        let other = Server::new(Ipv4Addr::LOCALHOST, 7_002);
        let _kept = other.connection();
        let mut clients = Vec::new();
        let mut ports = BTreeSet::new();
        for local in [ELSEWHERE, SECOND] {
            for server in shared.iter().cycle().take(6) {
                let client = bound(local, 0);
                client.connect(&server.address.into()).expect("connect");
                let address = client.local_addr().expect("bound").as_socket();
                ports.insert(address.expect("an IP address").port());
                clients.push(client);
            }
        }
        let given_out = ports.len() as u64;
        other.assert_predicted(lab, PORTS - given_out - 1, "beside two pools of bind()");
    }
);

netns_test!(
    ports_from_bind_on_the_wildcard_address_are_one_pool_of_all_addresses,
    |lab| {
        const MANY: u64 = 300;
        range_of(lab, MANY);
        let locals = [Ipv4Addr::LOCALHOST, ELSEWHERE, SECOND];
        let servers: Vec<Server> = (7_000..)
            .zip(locals)
            .map(|(port, address)| Server::new(address, port))
            .collect();
        let mut clients = Vec::new();
        // The address that a socket gets is that of its route: to an address of
        // our own, this one.
        for server in servers.iter().cycle() {
            let number = clients.len() as u64;
            if number == 200 || number >= 290 {
                let document = pressure(lab, &[]);
                let pool = &document["ports"]["shared_pools"][0];
                assert_eq!(pool["local_address"], "0.0.0.0", "{document:#}");
                assert_eq!(pool["free"], MANY - number, "{document:#}");
                let expected: &[&str] = if number == 200 { &[] } else { &["critical"] };
                assert_eq!(severities(&document, "ports_exhaustion"), expected);
                let summary = lab.tcpstate(&["summary", "--json"]).run().json();
                assert_eq!(severities(&summary, "ports_exhaustion"), expected);
            }
            let client = tcp();
            match client.bind(&SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0).into()) {
                Ok(()) => client.connect(&server.address.into()).expect("connect"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(EADDRINUSE), "{error}");
                    assert_eq!(number, MANY);
                    break;
                }
            }
            clients.push(client);
        }
    }
);

// As many ports as above, and each address has given out its own.
netns_test!(pools_of_single_addresses_are_not_taken_for_one, |lab| {
    range_of(lab, 300);
    let servers = [Server::new(ELSEWHERE, 7_000), Server::new(ELSEWHERE, 7_001)];
    let locals = [Ipv4Addr::LOCALHOST, ELSEWHERE, SECOND];
    let to = servers.iter().cycle();
    let from = locals.into_iter().cycle();
    let clients: Vec<Socket> = (from.zip(to).take(288))
        .map(|(local, server)| {
            let client = bound(local, 0);
            client.connect(&server.address.into()).expect("connect");
            client
        })
        .collect();
    let document = pressure(lab, &[]);
    let pools = document["ports"]["shared_pools"].as_array().expect("pools");
    let free: Vec<&Value> = pools.iter().map(|pool| &pool["free"]).collect();
    assert_eq!(free, [204, 204, 204], "{document:#}");
    assert!(severities(&document, "ports_exhaustion").is_empty());
    let summary = lab.tcpstate(&["summary", "--json"]).run().json();
    assert!(severities(&summary, "ports_exhaustion").is_empty());
    drop(clients);
});

netns_test!(ports_that_one_destination_explains_are_no_pool, |lab| {
    tiny_range(lab);
    let server = Server::new(ELSEWHERE, 7_000);
    let mut connections: Vec<_> = (0..18).map(|_| server.connection()).collect();
    connections.retain(|(client, _)| {
        let from = client.local_addr().expect("bound").as_socket().expect("IP");
        let is_odd = from.port() % 2 == 1;
        if !is_odd {
            client.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        }
        is_odd
    });
    let other = Server::new(ELSEWHERE, 7_001);
    let _kept = other.connection();
    let document = pressure(lab, &[]);
    assert_eq!(server.destination(&document)["bound_first"], false);
    other.assert_predicted(lab, PORTS - 1, "beside what a burst left");
});

netns_test!(no_time_wait_gives_a_port_of_bind_back, |lab| {
    tiny_range(lab);
    let server = Server::new(ELSEWHERE, 7_000);
    let pairs: Vec<(Socket, Socket)> = (0..8)
        .map(|_| {
            let client = bound(ELSEWHERE, 0);
            client.connect(&server.address.into()).expect("connect");
            let (accepted, _) = server.listener.accept().expect("accept");
            (client, accepted)
        })
        .collect();
    server.close_in_time_wait(pairs);
    lab.set_sysctl("net/ipv4/tcp_tw_reuse", "1");
    grow_old(lab);
    let document = pressure(lab, &[]);
    assert_eq!(server.destination(&document)["reusable"], 0);
    server.assert_predicted(lab, PORTS - 8, "TIME_WAIT of bind()");
});

netns_test!(a_range_full_of_bound_sockets_is_found, |lab| {
    tiny_range(lab);
    if !lab.shows_bound_sockets() {
        return;
    }
    let mut sockets: Vec<Socket> = (0..12).map(|step| bound(ELSEWHERE, FIRST + step)).collect();
    let server = Server::new(ELSEWHERE, 7_000);
    let kept: Vec<_> = (0..7).map(|_| server.connection()).collect();
    // Neither asks for bound sockets.
    let document = pressure(lab, &[]);
    assert_eq!(server.destination(&document)["free"], 1, "{document:#}");
    assert_eq!(severities(&document, "ports_exhaustion"), ["warning"]);
    let summary = lab.tcpstate(&["summary", "--json"]).run().json();
    assert_eq!(severities(&summary, "ports_exhaustion"), ["warning"]);
    let more = server.exhaust();
    assert_eq!(more.len(), 1);

    for client in kept.iter().map(|(client, _)| client).chain(&more) {
        client.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
    drop((kept, more));
    sockets.extend((12..20).map(|step| bound(ELSEWHERE, FIRST + step)));
    let idle = Server::new(ELSEWHERE, 7_001);
    assert_eq!(idle.exhaust().len(), 0);
    for command in ["pressure", "summary"] {
        let document = lab.tcpstate(&[command, "--json"]).run().json();
        let found = severities(&document, "ports_exhaustion");
        assert_eq!(found, ["critical"], "{command}");
    }
});

netns_test!(one_family_is_shown_and_both_take_ports, |lab| {
    tiny_range(lab);
    let server = Server::new(ELSEWHERE, 7_000);
    let _kept = server.connection();
    let clients: Vec<Socket> = (0..16)
        .map(|_| {
            let client = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a TCP socket");
            let to = SocketAddr::new(IpAddr::V6(ELSEWHERE.to_ipv6_mapped()), 7_000);
            client.connect(&to.into()).expect("connect");
            client
        })
        .collect();
    let document = pressure(lab, &["-4"]);
    assert_eq!(server.destination(&document)["free"], PORTS - 17);
    assert_eq!(severities(&document, "ports_exhaustion"), ["warning"]);
    let summary = lab.tcpstate(&["summary", "-4", "--json"]).run().json();
    assert_eq!(severities(&summary, "ports_exhaustion"), ["warning"]);
    drop(clients);
});

netns_test!(exhaustion_is_found_and_what_is_taken_over_is_not, |lab| {
    tiny_range(lab);
    lab.set_sysctl("net/ipv4/tcp_tw_reuse", "0");
    let server = Server::new(ELSEWHERE, 7_000);
    server.leave_in_time_wait(15);
    assert!(severities(&pressure(lab, &[]), "ports_exhaustion").is_empty());
    server.leave_in_time_wait(1);
    let found = pressure(lab, &[]);
    assert_eq!(severities(&found, "ports_exhaustion"), ["warning"]);
    let advice = found["findings"].to_string();
    assert!(
        advice.contains("tcp_tw_reuse=1") && !advice.contains("recycle"),
        "{advice}"
    );
    server.leave_in_time_wait(3);
    assert_eq!(
        severities(&pressure(lab, &[]), "ports_exhaustion"),
        ["critical"]
    );
    // The summary groups too, where it can't rule this out.
    let summary = lab.tcpstate(&["summary", "--json"]).run().json();
    assert_eq!(severities(&summary, "ports_exhaustion"), ["critical"]);
    lab.set_sysctl("net/ipv4/tcp_tw_reuse", "1");
    grow_old(lab);
    // What is taken over hangs on the peer's timestamps.
    assert_eq!(
        severities(&pressure(lab, &[]), "ports_exhaustion"),
        ["info"]
    );
});

netns_test!(the_sides_of_time_wait_are_told_apart, |lab| {
    tiny_range(lab);
    let server = Server::new(ELSEWHERE, 7_000);
    server.leave_in_time_wait(3);
    // All at once: a new connection would take over the TIME_WAIT of its own port.
    let pairs: Vec<(Socket, Socket)> = (0..5).map(|_| server.connection()).collect();
    for (client, accepted) in pairs {
        let from = client.local_addr().expect("bound").as_socket().expect("IP");
        drop(accepted);
        Table::wait_for(from, server.address, State::CloseWait);
        drop(client);
        Table::wait_for(server.address, from, State::TimeWait);
    }
    let document = pressure(lab, &[]);
    let time_wait = &document["time_wait"];
    assert_eq!(time_wait["client_side"], 3, "{document:#}");
    assert_eq!(time_wait["server_side"], 5);
    assert_eq!(time_wait["count"], 8);
    assert_eq!(time_wait["ages"][0], 8);
    // Clients of ours are no destinations of ours.
    assert_eq!(
        document["ports"]["destinations"].as_array().unwrap().len(),
        1
    );
    let table = lab.tcpstate(&["pressure"]).run().succeeded().stdout;
    assert!(table.contains("3 client side, 5 server side"), "{table}");
    assert!(
        table.contains("no value of tcp_tw_reuse helps the server side"),
        "{table}"
    );
});

// A dual-stack socket that carries IPv4 takes the port that an IPv4 one would.
netns_test!(mapped_addresses_count_with_ipv4, |lab| {
    tiny_range(lab);
    let server = Server::new(ELSEWHERE, 7_000);
    let _kept = server.connection();
    let mapped = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a TCP socket");
    let to = SocketAddr::new(IpAddr::V6(ELSEWHERE.to_ipv6_mapped()), 7_000);
    mapped.connect(&to.into()).expect("connect");
    server.assert_predicted(lab, PORTS - 2, "one of each family");
});
