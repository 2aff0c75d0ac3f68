//! One TCP socket as the kernel describes it.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Family, SocketDetails, TcpInfo, TcpState};

/// What stands behind a row. Only a full socket has queues, an owner and a
/// file; the kernel reports zeros in their place for the two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// `struct tcp_sock`.
    Full,
    /// `struct request_sock`: a handshake that isn't finished, SYN_RECV.
    Request,
    /// `struct inet_timewait_sock`: TIME_WAIT, or FIN_WAIT2 with nobody
    /// behind it.
    TimeWait,
}

/// The kernel's unique number of a socket in its host, the same in every state
/// from ESTABLISHED to TIME_WAIT (`idiag_cookie`). Never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketCookie(pub u64);

/// The cgroup that a socket was made in (`INET_DIAG_CGROUP_ID`, Linux 5.8):
/// the inode number of its directory in cgroup2. It outlives the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CgroupId(pub u64);

/// Which timer runs (`idiag_timer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKind {
    /// 1: retransmission, early retransmit, or the SYN-ACK of a request.
    Retransmit,
    /// 2: keepalive, or the end of an orphaned FIN_WAIT2.
    Keepalive,
    /// 3: the end of TIME_WAIT (or of FIN_WAIT2 with nobody behind it).
    TimeWait,
    /// 4: zero-window probe: the peer doesn't read.
    ZeroWindowProbe,
    /// A number that this version of tcpstate has no name for.
    Unknown(u8),
}

/// A running timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketTimer {
    /// What it is for.
    pub kind: TimerKind,
    /// When it fires, in ms from now (`idiag_expires`); 0 where it is overdue.
    pub expires_ms: u32,
    /// How often it fired already (`idiag_retrans`); of a request, how many
    /// SYN-ACKs were sent.
    pub retransmits: u8,
}

/// A TCP socket. Fields that a source can't know are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// `idiag_state`
    pub state: TcpState,
    /// What stands behind the row.
    pub kind: SocketKind,
    /// `idiag_family`
    pub family: Family,
    /// Our end.
    pub local: Endpoint,
    /// The peer's end; all zeros for a socket without a peer.
    pub remote: Endpoint,
    /// Index of the interface that the socket is bound to (`idiag_if`); `None`
    /// when it is bound to none, and over /proc, which doesn't tell.
    pub interface: Option<u32>,
    /// `idiag_rqueue`: bytes not read yet, a FIN counting 1; of a LISTEN
    /// socket, connections waiting in the accept queue.
    pub recv_q: u32,
    /// `idiag_wqueue`: bytes not sent or not acknowledged; of a LISTEN socket,
    /// the limit of its accept queue, which /proc doesn't tell. `None` of
    /// another: the kernel prints 0 for both queues whatever waits there.
    pub send_q: Option<u32>,
    /// The timer that runs, if one does.
    pub timer: Option<SocketTimer>,
    /// `idiag_uid`: the owner. `None` for requests and TIME_WAIT sockets: the
    /// kernel says 0 there, and means nobody. Older kernels say so of every
    /// socket without a file: `None` too, where it is 0.
    pub uid: Option<u32>,
    /// `idiag_inode`: the file behind the socket. `None` when there is none:
    /// requests, TIME_WAIT, orphans, connections not accepted yet.
    pub inode: Option<u64>,
    /// Over netlink only.
    pub cookie: Option<SocketCookie>,
    /// Over netlink only, full sockets only, Linux 5.8.
    pub cgroup: Option<CgroupId>,
    /// `SO_MARK` (`INET_DIAG_MARK`): over netlink only, and only with
    /// CAP_NET_ADMIN.
    pub mark: Option<u32>,
    /// `SK_MEMINFO_DROPS` of `INET_DIAG_SKMEMINFO`: segments that the socket has
    /// discarded. A listener counts SYNs and final ACKs that it dropped, and
    /// whatever else it could do nothing with, since it began to listen. `None`
    /// where it wasn't asked for, over /proc and before Linux 4.7.
    pub drops: Option<u32>,
    /// `INET_DIAG_SHUTDOWN`: 1 = receiving is shut down, 2 = sending. Full
    /// sockets over netlink only.
    pub shutdown: Option<u8>,
    /// `INET_DIAG_SKV6ONLY`: an IPv6 socket that takes no IPv4. Over netlink
    /// only, of IPv6 sockets that listen or are only bound.
    pub v6only: Option<bool>,
    /// `INET_DIAG_INFO`, when the query asks for it; full sockets only.
    pub tcp_info: Option<TcpInfo>,
    /// The rest of what the kernel tells, when the query asks for it.
    pub details: Option<Box<SocketDetails>>,
}

impl Socket {
    /// A socket between two ends of which nothing else is known.
    #[must_use]
    pub const fn new(
        family: Family,
        state: TcpState,
        kind: SocketKind,
        local: Endpoint,
        remote: Endpoint,
    ) -> Self {
        Self {
            state,
            kind,
            family,
            local,
            remote,
            interface: None,
            recv_q: 0,
            send_q: None,
            timer: None,
            uid: None,
            inode: None,
            cookie: None,
            cgroup: None,
            mark: None,
            drops: None,
            shutdown: None,
            v6only: None,
            tcp_info: None,
            details: None,
        }
    }

    /// `recv_q` where it says something; `None` where the kernel prints 0
    /// whatever waits, and tells neither queue.
    #[must_use]
    pub fn known_recv_q(&self) -> Option<u32> {
        let is_told = self.state == TcpState::Listen || self.send_q.is_some();
        is_told.then_some(self.recv_q)
    }

    /// Connections that wait to be accepted; `None` unless LISTEN.
    #[must_use]
    pub fn accept_queue(&self) -> Option<u32> {
        (self.state == TcpState::Listen).then_some(self.recv_q)
    }

    /// How many connections may wait to be accepted: min(backlog,
    /// net.core.somaxconn). `None` unless LISTEN, and over /proc.
    #[must_use]
    pub fn accept_limit(&self) -> Option<u32> {
        self.send_q.filter(|_| self.state == TcpState::Listen)
    }
}

impl TimerKind {
    /// The timer for the kernel's number; `None` for 0, none running. The
    /// numbers are the same in `idiag_timer` and in /proc/net/tcp.
    #[must_use]
    pub const fn from_kernel(number: u8) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self::Retransmit),
            2 => Some(Self::Keepalive),
            3 => Some(Self::TimeWait),
            4 => Some(Self::ZeroWindowProbe),
            other => Some(Self::Unknown(other)),
        }
    }
}
