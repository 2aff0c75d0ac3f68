use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::*;
use crate::kernel::SocketSource;
use crate::kernel::sock_diag::NetlinkSource;
use crate::model::{Endpoint, Request, SocketPast, StateSet};

fn live() -> ProcRoot {
    ProcRoot::new(Path::new("/proc"))
}

fn inode(socket: &impl AsFd) -> u64 {
    rustix::fs::fstat(socket).unwrap().st_ino
}

/// Everything that a dump shows.
fn dumped() -> HashSet<u64> {
    let mut inodes = HashSet::new();
    let query = Request::states(StateSet::RFC9293);
    let mut source = NetlinkSource::open().unwrap();
    source
        .visit_all(&query, &mut |socket| inodes.extend(socket.inode))
        .unwrap();
    inodes
}

/// What is found of one socket of ours among all that is found.
fn found(socket: &(impl AsFd + AsRawFd)) -> Option<(SocketPast, Option<Endpoint>, Option<u64>)> {
    let own = Which::Only(&[std::process::id()]);
    let descriptors = SocketDescriptors::collect(&live(), own).unwrap();
    let shown = dumped();
    let closed = descriptors.closed(|inode| shown.contains(&inode));
    let fd = socket.as_raw_fd().cast_unsigned();
    let pid = std::process::id();
    closed
        .sockets
        .into_iter()
        .find(|closed| closed.inode == inode(socket))
        .map(|closed| {
            assert_eq!(closed.holder, Holder::descriptor(pid, fd));
            (closed.past, closed.local, closed.unread)
        })
}

/// A connection: the client's end and the server's.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn reset(socket: TcpStream) {
    SockRef::from(&socket)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(socket);
    // Loopback delivers within the call; this is for a busy machine.
    sleep(Duration::from_millis(20));
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.ip(), address.port())
}

#[test]
fn a_reset_connection_is_found_with_its_own_end_and_what_is_unread() {
    let (mut client, server) = connection();
    let local = endpoint(server.local_addr().unwrap());
    assert_eq!(found(&server), None);
    std::io::Write::write_all(&mut client, &[0; 50]).unwrap();
    reset(client);
    let ended = Some((SocketPast::Ended, Some(local), Some(50)));
    assert_eq!(found(&server), ended);
    // Nothing was taken from it, not even its error.
    assert_eq!(found(&server), ended);
    let error = server.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(found(&server), ended);
}

#[test]
fn a_connection_that_both_sides_have_shut_down_is_over() {
    let (client, server) = connection();
    drop(client);
    assert_eq!(found(&server), None, "CLOSE_WAIT is in the dump");
    server.shutdown(std::net::Shutdown::Both).unwrap();
    sleep(Duration::from_millis(20));
    let local = endpoint(server.local_addr().unwrap());
    assert_eq!(
        found(&server),
        Some((SocketPast::Ended, Some(local), Some(0)))
    );
}

#[test]
fn a_refused_connection_is_over() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.connect(&port.into()).unwrap_err();
    sleep(Duration::from_millis(20));
    assert_eq!(found(&socket).unwrap().0, SocketPast::Ended);
}

#[test]
fn sockets_that_were_never_connected_are_told_apart() {
    for domain in [Domain::IPV4, Domain::IPV6] {
        let fresh = Socket::new(domain, Type::STREAM, None).unwrap();
        let nothing = Some((SocketPast::NeverConnected, None, Some(0)));
        assert_eq!(found(&fresh), nothing);
        fresh.shutdown(std::net::Shutdown::Both).unwrap_err();
        assert_eq!(found(&fresh), nothing);
    }
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    bound.bind(&any.into()).unwrap();
    let local = endpoint(bound.local_addr().unwrap().as_socket().unwrap());
    let expected = (SocketPast::NeverConnected, Some(local), Some(0));
    assert_eq!(found(&bound), Some(expected));
}

#[test]
fn what_is_in_a_dump_and_what_is_not_tcp_has_not_vanished() {
    let (client, server) = connection();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for socket in [client.as_fd(), server.as_fd(), listener.as_fd()] {
        assert_eq!(found(&socket), None);
    }
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (unix, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(found(&udp), None);
    assert_eq!(found(&unix), None);
}

#[test]
fn a_socket_that_is_alive_and_in_no_dump_is_elsewhere() {
    let (client, _server) = connection();
    let own = Which::Only(&[std::process::id()]);
    let descriptors = SocketDescriptors::collect(&live(), own).unwrap();
    let closed = descriptors.closed(|_| false);
    assert!(closed.elsewhere >= 2, "{closed:?}");
    let inode = inode(&client);
    assert!(closed.sockets.iter().all(|found| found.inode != inode));
}

#[test]
fn a_descriptor_that_is_closed_meanwhile_has_not_vanished() {
    let fresh = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let inode = inode(&fresh);
    let own = Which::Only(&[std::process::id()]);
    let descriptors = SocketDescriptors::collect(&live(), own).unwrap();
    drop(fresh);
    let closed = descriptors.closed(|other| other != inode);
    assert_eq!(closed, ClosedDescriptors::default());
}

#[test]
fn in_a_copied_proc_no_socket_can_be_told() {
    let root = tempfile::tempdir().unwrap();
    let descriptors = root.path().join("7/fd");
    std::fs::create_dir_all(&descriptors).unwrap();
    std::fs::write(
        root.path().join("7/stat"),
        "7 (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0",
    )
    .unwrap();
    std::os::unix::fs::symlink("socket:[50]", descriptors.join("3")).unwrap();
    let proc_root = ProcRoot::new(root.path());
    let all = Which::All { first: &[] };
    let collected = SocketDescriptors::collect(&proc_root, all).unwrap();
    assert_eq!(collected.coverage().processes_scanned, 1);
    // The link leads nowhere.
    let closed = collected.closed(|_| false);
    assert_eq!(closed, ClosedDescriptors::default());
}
