//! The actors, checked: each does to its connections what its name says, as the kernel's own
//! tables and the processes' descriptors show.

use std::{
    fs,
    io::Write as _,
    net::{Shutdown, SocketAddr},
    time::Duration,
};

use socket2::Socket;

use crate::lab::{
    Actor, Lab, Net, Row, State, Table, netns_test,
    stage::{address_of, listen, socket},
    until,
};

/// Starts a server and connects to it so many times.
pub(crate) fn connected(lab: &Lab, name: &str, net: Net, count: usize) -> (Actor, Vec<Socket>) {
    connected_with(lab, name, net, count, &[])
}

/// The same, with more arguments for the server.
pub(crate) fn connected_with(
    lab: &Lab,
    name: &str,
    net: Net,
    count: usize,
    more: &[&str],
) -> (Actor, Vec<Socket>) {
    let (net_name, count_text) = (net.to_string(), count.to_string());
    let arguments = [&[net_name.as_str(), &count_text], more].concat();
    let mut actor = lab.actor(name, &arguments);
    let mut to = net.loopback();
    to.set_port(actor.hear().parse().expect("a port"));
    let clients = (0..count).map(|_| connect(net, to)).collect();
    actor.expect("accepted");
    (actor, clients)
}

pub(crate) fn connect(net: Net, to: SocketAddr) -> Socket {
    let client = socket(net);
    client.connect(&to.into()).expect("connect");
    client
}

/// Waits for the server's end of a client's connection to be in CLOSE_WAIT, with so many bytes
/// unread, a FIN counting as one.
pub(crate) fn close_wait_with(client: &Socket, unread: u32) -> Row {
    let peer = client.peer_addr().expect("connected").as_socket().unwrap();
    until("the right queue in CLOSE_WAIT", || {
        match Table::read().find(peer, address_of(client)) {
            Some(row) if row.state == State::CloseWait && row.recv_queue == unread => {
                Ok(row.clone())
            }
            other => Err(format!("{other:?}, not CLOSE_WAIT with {unread} unread")),
        }
    })
}

/// How many descriptors of a process are this socket.
fn holds(pid: u32, row: &Row) -> usize {
    let link = format!("socket:[{}]", row.inode);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.as_os_str() == link.as_str())
        .count()
}

netns_test!(never_reads, |lab| {
    for net in Net::ALL {
        let (actor, clients) = connected(lab, "never reads", net, 2);
        for mut client in &clients {
            client.write_all(&[b'x'; 50]).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let row = close_wait_with(client, 51);
            assert_eq!(holds(actor.pid(), &row), 1);
        }
    }
});

netns_test!(an_actor_dies_when_it_is_dropped, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V4, 1);
    let client = clients.first().unwrap();
    let server = client.peer_addr().unwrap().as_socket().unwrap();
    drop(actor);
    Table::wait_for(address_of(client), server, State::CloseWait);
});

netns_test!(never_closes, |lab| {
    let (mut actor, clients) = connected(lab, "never closes", Net::V4, 2);
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
    }
    actor.expect("eof");
    for client in &clients {
        let row = close_wait_with(client, 0);
        assert_eq!(holds(actor.pid(), &row), 1);
    }
});

netns_test!(reads_short, |lab| {
    for (size, read, unread) in [("20", "20", 31), ("4096", "50", 0)] {
        let (mut actor, clients) = connected_with(lab, "reads short", Net::V4, 1, &[size]);
        let mut client = clients.first().unwrap();
        client.write_all(&[b'x'; 50]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        close_wait_with(client, 51);
        actor.tell("read");
        actor.expect(read);
        actor.expect("0 events left");
        close_wait_with(client, unread);
    }
});

netns_test!(half_closes, |lab| {
    let (mut actor, clients) = connected(lab, "half closes", Net::V4, 1);
    let client = clients.first().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    actor.expect("eof");
    close_wait_with(client, 0);
    for sent in 1..=2 {
        actor.tell("send");
        actor.expect("sent");
        let there = client.peer_addr().unwrap().as_socket().unwrap();
        until("what was sent", || {
            match Table::read().find(address_of(client), there) {
                Some(row) if row.recv_queue == 4 * sent => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
});

netns_test!(never_accepts, |lab| {
    let mut actor = lab.actor("never accepts", &["v4", "8"]);
    let mut to = Net::V4.loopback();
    to.set_port(actor.hear().parse().unwrap());
    let clients: Vec<Socket> = (0..3).map(|_| connect(Net::V4, to)).collect();
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        let row = close_wait_with(client, 1);
        assert_eq!(row.inode, 0, "nobody has accepted it");
    }
    let table = lab.table();
    let listener = table.0.iter().find(|row| row.state == State::Listen);
    assert_eq!(listener.unwrap().recv_queue, 3);
});

netns_test!(keeps_alive, |lab| {
    let (mut actor, clients) = connected(lab, "keeps alive", Net::V4, 1);
    actor.expect("keeping alive");
    let client = clients.first().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let row = close_wait_with(client, 1);
    assert_eq!(row.timer, 2, "the keepalive timer runs: {row:?}");
});

netns_test!(shares_with_a_child, |lab| {
    let (mut actor, clients) = connected(lab, "shares with a child", Net::V4, 1);
    let child = actor.hear().parse().unwrap();
    let client = clients.first().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let row = close_wait_with(client, 1);
    assert_eq!(holds(actor.pid(), &row), 1);
    assert_eq!(holds(child, &row), 1);
});

netns_test!(has_it_in_flight, |lab| {
    let (mut actor, clients) = connected(lab, "has it in flight", Net::V4, 2);
    actor.expect("in flight");
    for client in &clients {
        client.shutdown(Shutdown::Write).unwrap();
        let row = close_wait_with(client, 1);
        assert_ne!(row.inode, 0, "it has been accepted");
        assert_eq!(holds(actor.pid(), &row), 0, "and nobody holds it");
    }
});

netns_test!(shares_its_port, |lab| {
    let mut first = lab.actor("shares its port", &["v6", "0"]);
    let port = first.hear();
    let mut second = lab.actor("shares its port", &["v6", &port]);
    second.expect(&port);
    assert_eq!(lab.table().tally().total(State::Listen), 2);
});

netns_test!(pools_connections, |lab| {
    let listener = listen(socket(Net::V4), Net::V4, 8);
    let to = address_of(&listener);
    let actor = lab.actor("pools connections", &[&to.to_string(), "2"]);
    let servers = [listener.accept().unwrap(), listener.accept().unwrap()];
    for (server, client) in servers {
        drop(server);
        let row = Table::wait_for(client.as_socket().unwrap(), to, State::CloseWait);
        assert_eq!(holds(actor.pid(), &row), 1);
    }
});

netns_test!(a_reset_hides_a_leak, |lab| {
    let (actor, clients) = connected(lab, "never reads", Net::V4, 1);
    let client = clients.into_iter().next().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let row = close_wait_with(&client, 1);
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    until("the reset", || {
        match Table::read().find(row.local, row.remote) {
            None => Ok(()),
            Some(row) => Err(format!("{row:?}")),
        }
    });
    assert_eq!(holds(actor.pid(), &row), 1, "the descriptor is still there");
});
