//! The programs that play a part in a test, each in a process of its own: mostly servers that do
//! with a connection what real ones do wrong.
//!
//! The servers take a family (`v4`, `v6`, `mapped`) and a number of connections, say their port,
//! accept that many, and say "accepted".

use std::{
    fs,
    io::{IoSlice, Read as _, Write as _},
    mem::MaybeUninit,
    net::SocketAddr,
    os::{
        fd::AsFd as _,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Resource, Rlimit, setrlimit};
use socket2::{Socket, TcpKeepalive};

use crate::lab::{
    Net, Part, outlive_the_first_thread,
    stage::{address_of, listen, socket},
};

/// What an actor does, from its start to its end.
pub(crate) type Act = fn(&mut Part);

/// Name and function of each; `lab.actor(name, …)` starts one.
pub(crate) const ACTORS: &[(&str, Act)] = &[
    ("never reads", never_reads),
    ("never closes", never_closes),
    ("reads short", reads_short),
    ("half closes", half_closes),
    ("never accepts", never_accepts),
    ("keeps alive", keeps_alive),
    ("shares with a child", shares_with_a_child),
    ("has it in flight", has_it_in_flight),
    ("shares its port", shares_its_port),
    ("pools connections", pools_connections),
    ("has an evil name", has_an_evil_name),
    ("has few descriptors", has_few_descriptors),
    ("outlives its first thread", outlives_its_first_thread),
    ("churns", churns),
];

/// Hung, or interested in other things: data and FIN wait in the receive queue.
fn never_reads(part: &mut Part) {
    let _connections = serve(part);
    part.stay();
}

/// Reads the end of file and forgets the connection. Says "eof" when it has seen all ends.
fn never_closes(part: &mut Part) {
    let connections = serve(part);
    for connection in &connections {
        read_to_end(connection);
    }
    part.say("eof");
    part.stay();
}

/// Takes a size too. Told to go on, it reads once for each event of edge-triggered epoll, into a
/// buffer of that size, as if the next event would bring the rest: it never comes, since nothing
/// new arrives. Says how much it read from each, and how many events were left then.
fn reads_short(part: &mut Part) {
    let connections = serve(part);
    let mut buffer = vec![0; part.argument(2)];
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll_create1");
    let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
    for (number, connection) in (0..).zip(&connections) {
        let number = epoll::EventData::new_u64(number);
        epoll::add(&epoll, connection, number, edges).expect("epoll_ctl");
    }
    let events = |timeout| {
        let mut events = Vec::with_capacity(connections.len());
        epoll::wait(&epoll, spare_capacity(&mut events), timeout).expect("epoll_wait");
        events
    };
    part.hear();
    let mut to_come = connections.len();
    while to_come > 0 {
        for event in events(None) {
            let number = usize::try_from(event.data.u64()).expect("a number");
            let mut connection = connections.get(number).expect("one of them");
            part.say(connection.read(&mut buffer).expect("read"));
            to_come -= 1;
        }
    }
    let now = Timespec::default();
    part.say(format_args!("{} events left", events(Some(&now)).len()));
    part.stay();
}

/// Nothing wrong here: it has seen the end, says "eof", and goes on sending, some bytes to each
/// for every line that it is told, and says "sent".
fn half_closes(part: &mut Part) {
    let connections = serve(part);
    for connection in &connections {
        read_to_end(connection);
    }
    part.say("eof");
    while part.hear().is_some() {
        for mut connection in &connections {
            connection.write_all(b"more").expect("write");
        }
        part.say("sent");
    }
}

/// Takes a family and a backlog, says its port, and leaves its connections in the queue.
fn never_accepts(part: &mut Part) {
    let net = part.argument(0);
    let listener = listen(socket(net), net, part.argument(1));
    part.say(address_of(&listener).port());
    part.stay();
}

/// Doesn't read, and asks its peers every second whether they are still there: each answer
/// refreshes what the kernel knows of them.
fn keeps_alive(part: &mut Part) {
    let often = TcpKeepalive::new()
        .with_time(Duration::from_secs(1))
        .with_interval(Duration::from_secs(1));
    let connections = serve(part);
    for connection in &connections {
        connection.set_tcp_keepalive(&often).expect("keepalive");
    }
    part.say("keeping alive");
    part.stay();
}

/// Its child has the first connection too, as descriptor 1, and doesn't know. Says the child's
/// pid.
fn shares_with_a_child(part: &mut Part) {
    let connections = serve(part);
    let first = connections.first().expect("a connection");
    let first = first.as_fd().try_clone_to_owned().expect("a descriptor");
    // It ends when this process does, whose end of the pipe it waits for.
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(first)
        .spawn()
        .expect("start a child");
    part.say(child.id());
    part.stay();
    drop(child.stdin.take());
    child.wait().expect("the child ends");
}

/// Sends each connection to itself and closes it: they exist in an unread message only.
fn has_it_in_flight(part: &mut Part) {
    let connections = serve(part);
    let (sender, _receiver) = UnixStream::pair().expect("a socket pair");
    for connection in connections {
        let descriptors = [connection.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let byte = [IoSlice::new(b"x")];
        sendmsg(&sender, &byte, &mut control, SendFlags::empty()).expect("sendmsg");
    }
    part.say("in flight");
    part.stay();
}

/// A server beside others on one port: takes a family and a port (0 for a new one), says its
/// port, and accepts nothing.
fn shares_its_port(part: &mut Part) {
    let net: Net = part.argument(0);
    let listener = socket(net);
    listener.set_reuse_port(true).expect("SO_REUSEPORT");
    let mut address = net.loopback();
    address.set_port(part.argument(1));
    listener.bind(&address.into()).expect("bind");
    listener.listen(64).expect("listen");
    part.say(address_of(&listener).port());
    part.stay();
}

/// A client: takes an address and a number, makes so many connections, says "connected", and
/// keeps them whatever the server does.
fn pools_connections(part: &mut Part) {
    let to: SocketAddr = part.argument(0);
    let count: usize = part.argument(1);
    let net = if to.is_ipv4() { Net::V4 } else { Net::V6 };
    let connect = |_| {
        let client = socket(net);
        client.connect(&to.into()).expect("connect");
        client
    };
    let _pool: Vec<Socket> = (0..count).map(connect).collect();
    part.say("connected");
    part.stay();
}

/// What it calls itself, and its child, is written for the terminal and the parser of whoever
/// looks for them.
pub(crate) const EVIL_NAME: &str = "evil\u{1b}[2J\"},{";
pub(crate) const EVIL_ARGUMENT: &str = "=cmd\n\u{1b}[31m,\"x\" 'y";

/// Never reads, under a name that does harm where it is printed as it is. Says its child's pid,
/// which holds the first connection too.
fn has_an_evil_name(part: &mut Part) {
    fs::write("/proc/self/comm", EVIL_NAME).expect("a name");
    let connections = serve(part);
    let first = connections.first().expect("a connection");
    let first = first.as_fd().try_clone_to_owned().expect("a descriptor");
    let mut child = Command::new("cat")
        .arg0(EVIL_ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(first)
        .spawn()
        .expect("start a child");
    part.say(child.id());
    part.stay();
    drop(child.stdin.take());
    child.wait().expect("the child ends");
}

/// Never reads, and may have 100 descriptors. Told a number, it opens files until it has so many,
/// and says "so many".
fn has_few_descriptors(part: &mut Part) {
    let _connections = serve(part);
    let few = Rlimit {
        current: Some(100),
        maximum: Some(100),
    };
    setrlimit(Resource::Nofile, few).expect("RLIMIT_NOFILE");
    let mut files = Vec::new();
    while let Some(number) = part.hear() {
        let number: usize = number.parse().expect("a number");
        // One of those that it sees is the directory that it looks into.
        let open = || fs::read_dir("/proc/self/fd").expect("readable").count() - 1;
        while open() < number {
            files.push(fs::File::open("/dev/null").expect("a file"));
        }
        assert_eq!(open(), number);
        part.say("so many");
    }
}

/// Never reads, and its first thread, by whose number the process goes, has ended.
fn outlives_its_first_thread(part: &mut Part) {
    let connections = serve(part);
    outlive_the_first_thread(part, move |part| {
        part.stay();
        drop(connections);
    });
}

/// Never reads, and beside that opens and closes connections to itself as fast as it can, many at
/// a time: the clients close first, and the server a moment later, so that each is in CLOSE_WAIT
/// for a while. Says "churning" when the first ones are over.
fn churns(part: &mut Part) {
    let _connections = serve(part);
    let listener = listen(socket(Net::V4), Net::V4, 1024);
    let to = address_of(&listener);
    let churn = move || {
        let connect = |_| {
            let client = socket(Net::V4);
            client.connect(&to.into()).expect("connect");
            let (server, _) = listener.accept().expect("accept");
            (client, server)
        };
        let (clients, servers): (Vec<_>, Vec<_>) = (0..64).map(connect).unzip();
        drop(clients);
        servers.iter().for_each(read_to_end);
    };
    churn();
    part.say("churning");
    // It ends with the process.
    thread::spawn(move || {
        loop {
            churn();
        }
    });
    part.stay();
}

/// What all servers begin with. The listener is gone afterwards, so that only the connections
/// remain to be looked at.
fn serve(part: &mut Part) -> Vec<Socket> {
    let net = part.argument(0);
    let count: usize = part.argument(1);
    let listener = listen(socket(net), net, 1024);
    part.say(address_of(&listener).port());
    let connections = (0..count).map(|_| listener.accept().expect("accept").0);
    let connections = connections.collect();
    part.say("accepted");
    connections
}

fn read_to_end(mut connection: &Socket) {
    connection.read_to_end(&mut Vec::new()).expect("read");
}
