//! How to bring sockets into each state, and to keep them there.
//!
//! Two means keep a connection where it is. A **stalled** end has sent more than its peer, which
//! doesn't read, has room for: its FIN waits behind that data forever. A **deaf** socket has a
//! packet filter that drops all that arrives: to its peer it is a host that has gone away, but no
//! routes are needed for that, and it works for every family alike.

use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4};

use socket2::{Domain, SockAddr, SockFilter, Socket, Type};

use super::{Family, Lab, Net, Row, State, Syn, Table, Tally, until};

/// Sockets that a stager holds, and what it made, the ends that it doesn't hold any more
/// included.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) made: Tally,
    pub(crate) sockets: Vec<Socket>,
}

/// Two ends of one connection; its listener is gone.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) client: Socket,
    pub(crate) server: Socket,
    client_address: SocketAddr,
    server_address: SocketAddr,
}

impl Pair {
    pub(crate) fn new(net: Net) -> Self {
        Self::with_buffers(net, None)
    }

    /// With buffers so small that an end is stalled soon, and receive buffers far smaller than
    /// send buffers, so that it certainly is.
    pub(crate) fn narrow(net: Net) -> Self {
        Self::with_buffers(net, Some((4096, 64 * 1024)))
    }

    fn with_buffers(net: Net, bytes: Option<(usize, usize)>) -> Self {
        let (listener, client) = (socket(net), socket(net));
        if let Some((receive, send)) = bytes {
            // An accepted socket has its listener's buffers.
            for socket in [&listener, &client] {
                socket.set_recv_buffer_size(receive).expect("SO_RCVBUF");
                socket.set_send_buffer_size(send).expect("SO_SNDBUF");
            }
        }
        let listener = listen(listener, net, 1);
        client
            .connect(&address_of(&listener).into())
            .expect("connect");
        let (server, client_address) = listener.accept().expect("accept");
        Self {
            client_address: client_address.as_socket().expect("an IP address"),
            server_address: address_of(&listener),
            client,
            server,
        }
    }

    /// Waits until the kernel shows the client's end in this state.
    pub(crate) fn client_is(&self, state: State) -> Row {
        Table::wait_for(self.client_address, self.server_address, state)
    }

    /// Waits until the kernel shows the server's end in this state.
    pub(crate) fn server_is(&self, state: State) -> Row {
        Table::wait_for(self.server_address, self.client_address, state)
    }

    /// Both names, for a test that drops the ends one by one.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.client_address, self.server_address)
    }
}

/// Accepted connections: both ends ESTABLISHED.
pub(crate) fn established(net: Net, count: u64) -> Staged {
    staged(
        net,
        count,
        &[State::Established, State::Established],
        || {
            let pair = Pair::new(net);
            vec![pair.client, pair.server]
        },
    )
}

/// IPv4 clients of a listener on `::`, as most servers have it: each connection is an IPv4 socket
/// at one end and an IPv6 socket at the other.
pub(crate) fn established_dual_stack(count: u64) -> Staged {
    let listener = socket(Net::V6);
    listener.set_only_v6(false).expect("dual stack");
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    listener.bind(&any.into()).expect("bind");
    listener.listen(8).expect("listen");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, address_of(&listener).port()));
    let mut staged = staged(Net::V4, count, &[State::Established], || {
        let client = socket(Net::V4);
        client.connect(&to.into()).expect("connect");
        let (server, _) = listener.accept().expect("accept");
        vec![client, server]
    });
    staged.made.add(State::Established, Family::Ipv6, count);
    staged.holding(Net::V6, listener)
}

/// Listeners with nothing in their queues.
pub(crate) fn listening(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::Listen], || {
        vec![listen(socket(net), net, 8)]
    })
}

/// Bound to an address and left so; neither /proc nor old versions of `ss` show them.
pub(crate) fn bound(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::BoundInactive], || {
        let socket = socket(net);
        socket.bind(&net.loopback().into()).expect("bind");
        vec![socket]
    })
}

/// Clients of one listener that is deaf.
pub(crate) fn syn_sent(net: Net, count: u64) -> Staged {
    let listener = listen(socket(net), net, 8);
    deafen(&listener);
    let to = address_of(&listener);
    staged(net, count, &[State::SynSent], || vec![connecting(net, to)]).holding(net, listener)
}

/// Clients of one listener that are deaf themselves: they never hear the SYN-ACK.
pub(crate) fn syn_recv(net: Net, count: u64) -> Staged {
    let listener = listen(socket(net), net, 1024);
    let to = address_of(&listener);
    staged(net, count, &[State::SynSent, State::SynRecv], || {
        let client = socket(net);
        deafen(&client);
        vec![start_connecting(client, to)]
    })
    .holding(net, listener)
}

/// Request sockets only: raw SYNs to one listener, from a network that is a black hole.
pub(crate) fn syn_recv_from_nowhere(lab: &Lab, net: Net, count: u16) -> Staged {
    assert_ne!(net, Net::V6, "there is no black hole for IPv6");
    let nowhere = Ipv4Addr::new(10, 9, 0, 0);
    lab.add_black_hole(nowhere, 16);
    let listener = listen(socket(net), net, 1024);
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, address_of(&listener).port());
    lab.send_syns((0..count).map(|number| {
        let [high, low] = number.to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 9, high, low), 2000);
        Syn { from, to }
    }));
    let made = Tally::of(State::SynRecv, net.family(), count.into());
    let sockets = Vec::new();
    Staged { made, sockets }.holding(net, listener)
}

/// SYN_RECV as a full socket: a Fast Open connection that carried data with its SYN, and whose
/// client is deaf.
pub(crate) fn fast_open_syn_recv(lab: &Lab, net: Net, count: u64) -> Staged {
    /// Client and server, on every listener, without cookies on either side.
    const WITHOUT_COOKIES: u32 = 0x1 | 0x2 | 0x4 | 0x200 | 0x400;
    const MSG_FASTOPEN: i32 = 0x2000_0000;
    const SETTING: &str = "net/ipv4/tcp_fastopen";
    let before = lab.sysctl(SETTING);
    lab.set_sysctl(SETTING, &WITHOUT_COOKIES.to_string());
    let listener = listen(socket(net), net, 1024);
    let to = SockAddr::from(address_of(&listener));
    let staged = staged(net, count, &[State::SynSent, State::SynRecv], || {
        let client = socket(net);
        deafen(&client);
        client.set_nonblocking(true).expect("non-blocking");
        // Whether the data counts as sent depends on the kernel; the table says what happened.
        let _ = client.send_to_with_flags(b"early", &to, MSG_FASTOPEN);
        vec![client]
    });
    // Request sockets would not be in the accept queue, full sockets are.
    until("fast opened connections in the accept queue", || {
        let table = Table::read();
        let row = table.0.iter().find(|row| Some(row.local) == to.as_socket());
        match row {
            Some(row) if u64::from(row.recv_queue) == count => Ok(()),
            other => Err(format!("{other:?} instead of {count}")),
        }
    });
    lab.set_sysctl(SETTING, &before);
    staged.holding(net, listener)
}

/// Connected, but waiting for a listener that doesn't accept.
pub(crate) fn not_accepted(net: Net, count: u64) -> Staged {
    let listener = listen(socket(net), net, 1024);
    let to = address_of(&listener);
    staged(
        net,
        count,
        &[State::Established, State::Established],
        || {
            let client = socket(net);
            client.connect(&to.into()).expect("connect");
            vec![client]
        },
    )
    .holding(net, listener)
}

/// A listener with a backlog of 0 whose queue one connection fills, and more clients than that.
pub(crate) fn full_accept_queue(net: Net, refused: u64) -> Staged {
    let listener = listen(socket(net), net, 0);
    let to = address_of(&listener);
    let first = socket(net);
    first.connect(&to.into()).expect("connect");
    let mut staged = staged(net, refused, &[State::SynSent], || {
        vec![connecting(net, to)]
    });
    staged.made.add(State::Established, net.family(), 2);
    staged.sockets.push(first);
    staged.holding(net, listener)
}

/// Stalled, then shut down by an application that keeps the socket.
pub(crate) fn fin_wait1_held(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::FinWait1, State::Established], || {
        let pair = Pair::narrow(net);
        stall(&pair.client);
        pair.client.shutdown(Shutdown::Write).expect("shut down");
        pair.client_is(State::FinWait1);
        vec![pair.client, pair.server]
    })
}

/// Stalled, then closed.
pub(crate) fn fin_wait1_orphaned(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::FinWait1, State::Established], || {
        let pair = Pair::narrow(net);
        stall(&pair.client);
        let (client, server) = pair.addresses();
        drop(pair.client);
        Table::wait_for(client, server, State::FinWait1);
        vec![pair.server]
    })
}

/// Half closed by an application that keeps the socket; the other end is CLOSE_WAIT.
pub(crate) fn fin_wait2_held(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::FinWait2, State::CloseWait], || {
        let pair = half_closed(net);
        vec![pair.client, pair.server]
    })
}

/// Closed while its peer isn't, and kept as a full socket because it may live longer than a
/// TIME_WAIT would; the other end is CLOSE_WAIT.
pub(crate) fn fin_wait2_orphaned_full(lab: &Lab, net: Net, count: u64) -> Staged {
    const SETTING: &str = "net/ipv4/tcp_fin_timeout";
    let before = lab.sysctl(SETTING);
    lab.set_sysctl(SETTING, "600");
    let staged = fin_wait2_orphaned(net, count, 2);
    lab.set_sysctl(SETTING, &before);
    staged
}

/// Closed while its peer isn't, and shrunk to a minisocket; the other end is CLOSE_WAIT.
pub(crate) fn fin_wait2_minisocket(net: Net, count: u64) -> Staged {
    fin_wait2_orphaned(net, count, 3)
}

/// `timer` is what tells the two kinds apart in the table.
fn fin_wait2_orphaned(net: Net, count: u64, timer: u8) -> Staged {
    staged(net, count, &[State::FinWait2, State::CloseWait], || {
        let pair = half_closed(net);
        let (client, server) = pair.addresses();
        drop(pair.client);
        until("an orphan of the right kind", || {
            match Table::read().find(client, server) {
                Some(row) if row.state == State::FinWait2 && row.timer == timer => Ok(()),
                other => Err(format!("{other:?}, not a row with timer {timer}")),
            }
        });
        vec![pair.server]
    })
}

/// Closed by both, the client first: one TIME_WAIT, on the client's side.
pub(crate) fn time_wait(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::TimeWait], || {
        let pair = half_closed(net);
        let (client, server) = pair.addresses();
        drop(pair);
        Table::wait_for(client, server, State::TimeWait);
        Vec::new()
    })
}

/// Closed by both, the server first: TIME_WAIT on the port of a listener that is still there.
pub(crate) fn time_wait_of_server(net: Net, count: u64) -> Staged {
    let listener = listen(socket(net), net, 1024);
    let to = address_of(&listener);
    staged(net, count, &[State::TimeWait], || {
        let client = socket(net);
        client.connect(&to.into()).expect("connect");
        let (server, from) = listener.accept().expect("accept");
        let from = from.as_socket().expect("an IP address");
        drop(server);
        Table::wait_for(from, to, State::CloseWait);
        drop(client);
        Table::wait_for(to, from, State::TimeWait);
        Vec::new()
    })
    .holding(net, listener)
}

/// Closed after its peer was, but stalled; the peer holds on in FIN_WAIT2.
pub(crate) fn last_ack(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::LastAck, State::FinWait2], || {
        let pair = Pair::narrow(net);
        stall(&pair.server);
        pair.client.shutdown(Shutdown::Write).expect("shut down");
        pair.server_is(State::CloseWait);
        let (client, server) = pair.addresses();
        drop(pair.server);
        Table::wait_for(server, client, State::LastAck);
        vec![pair.client]
    })
}

/// Shut down by both at once, as seen by an end that is stalled; the other is in FIN_WAIT2.
pub(crate) fn closing(net: Net, count: u64) -> Staged {
    staged(net, count, &[State::Closing, State::FinWait2], || {
        let pair = Pair::narrow(net);
        stall(&pair.client);
        pair.client.shutdown(Shutdown::Write).expect("shut down");
        pair.client_is(State::FinWait1);
        pair.server.shutdown(Shutdown::Write).expect("shut down");
        pair.client_is(State::Closing);
        vec![pair.client, pair.server]
    })
}

/// A connection that the client has half closed, and the server knows it.
fn half_closed(net: Net) -> Pair {
    let pair = Pair::new(net);
    pair.client.shutdown(Shutdown::Write).expect("shut down");
    pair.server_is(State::CloseWait);
    pair.client_is(State::FinWait2);
    pair
}

/// Stages `count` times what makes one socket of each of `states`.
fn staged(net: Net, count: u64, states: &[State], one: impl Fn() -> Vec<Socket>) -> Staged {
    let mut made = Tally::default();
    for &state in states {
        made.add(state, net.family(), count);
    }
    let sockets = (0..count).flat_map(|_| one()).collect();
    Staged { made, sockets }
}

impl Staged {
    /// Takes in the listener that the others needed.
    fn holding(mut self, net: Net, listener: Socket) -> Self {
        self.made.add(State::Listen, net.family(), 1);
        self.sockets.push(listener);
        self
    }
}

/// A TCP socket that nothing was done with yet.
pub(crate) fn socket(net: Net) -> Socket {
    let domain = match net.family() {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    Socket::new(domain, Type::STREAM, None).expect("a TCP socket")
}

/// Listens on loopback, on a port that nobody else has.
pub(crate) fn listen(socket: Socket, net: Net, backlog: i32) -> Socket {
    socket.bind(&net.loopback().into()).expect("bind");
    socket.listen(backlog).expect("listen");
    socket
}

/// The local address of a socket.
pub(crate) fn address_of(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().expect("a bound socket");
    address.as_socket().expect("an IP address")
}

/// A client that waits for an answer that doesn't come.
fn connecting(net: Net, to: SocketAddr) -> Socket {
    start_connecting(socket(net), to)
}

fn start_connecting(client: Socket, to: SocketAddr) -> Socket {
    const EINPROGRESS: i32 = 115;
    client.set_nonblocking(true).expect("non-blocking");
    let error = client.connect(&to.into()).expect_err("nobody answers");
    assert_eq!(error.raw_os_error(), Some(EINPROGRESS), "connect: {error}");
    client
}

/// Makes a socket drop whatever arrives for it.
pub(crate) fn deafen(socket: &Socket) {
    const BPF_RET: u16 = 0x06;
    let drop_all = SockFilter::new(BPF_RET, 0, 0, 0);
    socket.attach_filter(&[drop_all]).expect("a packet filter");
}

/// Sends until nothing more can be sent. What the peer, which must be narrow, has no room for
/// stays in the queue, and a FIN behind it.
pub(crate) fn stall(socket: &Socket) {
    const MORE_THAN_FITS: usize = 32 * 1024;
    let chunk = [b'x'; 16 * 1024];
    let mut sent = 0;
    socket.set_nonblocking(true).expect("non-blocking");
    let full = loop {
        match socket.send(&chunk) {
            Ok(bytes) => sent += bytes,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock, "send: {full}");
    assert!(
        sent > MORE_THAN_FITS,
        "only {sent} bytes: the peer may hold them"
    );
}
