//! The way to the kernel and back.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::RecvFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// How long the kernel may take for one datagram. It answers within the call,
/// so only an emulation that takes the request and never answers gets here.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries requests out and datagrams in.
pub trait Transport {
    /// Sends one request.
    ///
    /// # Errors
    ///
    /// What send(2) says.
    fn send(&mut self, request: &[u8]) -> io::Result<()>;

    /// Receives one datagram into the empty buffer, up to its capacity, and
    /// returns the length of the datagram, which may be more.
    ///
    /// # Errors
    ///
    /// What recv(2) says.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// A second way to the same kernel, if it can be had.
    fn second(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// A `NETLINK_SOCK_DIAG` socket.
pub struct KernelTransport {
    socket: Socket,
}

impl KernelTransport {
    /// Opens the socket in this thread's network namespace.
    ///
    /// # Errors
    ///
    /// What socket(2), bind(2) or connect(2) says.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        // Connected to port 0, the kernel: datagrams from anybody else are
        // refused before they reach us.
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(RECEIVE_TIMEOUT))?;
        Ok(Self { socket })
    }
}

impl Transport for KernelTransport {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.socket.send(request, 0).map(|_| ())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self
            .socket
            .recv(buffer, RecvFlags::TRUNC.bits().cast_signed())
        {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer in {} s", RECEIVE_TIMEOUT.as_secs()),
            )),
            outcome => outcome,
        }
    }

    fn second(&self) -> Option<Self> {
        // Who can do with one does so where a second is refused.
        Self::open().ok()
    }
}

impl fmt::Debug for KernelTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelTransport").finish_non_exhaustive()
    }
}
