//! CLOSE_WAIT sockets for tests.

pub(crate) use super::super::testing::endpoint;
use crate::model::{
    CgroupId, Family, Socket, SocketCookie, SocketKind, SocketTimer, TcpInfo, TcpState, TimerKind,
};

/// A socket in the making: IPv4, held by inode 100, the end of the stream
/// read, everything two minutes ago and a tick.
#[derive(Debug, Clone)]
pub(crate) struct SocketBuilder(Socket);

pub(crate) fn close_wait() -> SocketBuilder {
    let long_ago = Some(120_010);
    let (local, remote) = (endpoint("10.0.0.1:8080"), endpoint("10.0.0.2:40000"));
    let (state, kind) = (TcpState::CloseWait, SocketKind::Full);
    SocketBuilder(Socket {
        send_q: Some(0),
        uid: Some(1000),
        inode: Some(100),
        cookie: Some(SocketCookie(1)),
        cgroup: Some(CgroupId(42)),
        shutdown: Some(1),
        tcp_info: Some(TcpInfo {
            rtt: None,
            total_retrans: None,
            last_data_sent: long_ago,
            last_data_recv: long_ago,
            last_ack_recv: long_ago,
            bytes_sent: Some(0),
            bytes_acked: Some(0),
            bytes_retrans: Some(0),
        }),
        ..Socket::new(Family::Ipv4, state, kind, local, remote)
    })
}

impl SocketBuilder {
    /// `last_ack_recv` and `last_data_recv`, in ms.
    pub(crate) fn times(mut self, last_ack: u32, last_data: u32) -> Self {
        if let Some(info) = &mut self.0.tcp_info {
            info.last_ack_recv = Some(last_ack);
            info.last_data_recv = Some(last_data);
        }
        self
    }

    /// `last_data_sent`, in ms.
    pub(crate) fn last_sent(mut self, milliseconds: u32) -> Self {
        if let Some(info) = &mut self.0.tcp_info {
            info.last_data_sent = Some(milliseconds);
        }
        self
    }

    /// So many bytes of payload were sent, so many of them for a second time.
    pub(crate) fn sent(mut self, bytes: u64, again: u64) -> Self {
        if let Some(info) = &mut self.0.tcp_info {
            info.bytes_sent = Some(bytes);
            info.bytes_retrans = Some(again);
        }
        self
    }

    /// What a kernel before 4.19 says of what was sent.
    pub(crate) fn acked_only(mut self, bytes: u64) -> Self {
        if let Some(info) = &mut self.0.tcp_info {
            info.bytes_acked = Some(bytes);
            info.bytes_sent = None;
            info.bytes_retrans = None;
        }
        self
    }

    pub(crate) fn without_info(mut self) -> Self {
        self.0.tcp_info = None;
        self
    }

    pub(crate) fn cookie(mut self, cookie: u64) -> Self {
        self.0.cookie = Some(SocketCookie(cookie));
        self
    }

    pub(crate) fn without_cookie(mut self) -> Self {
        self.0.cookie = None;
        self
    }

    pub(crate) fn inode(mut self, inode: u64) -> Self {
        self.0.inode = (inode != 0).then_some(inode);
        self
    }

    pub(crate) fn uid(mut self, uid: u32) -> Self {
        self.0.uid = Some(uid);
        self
    }

    pub(crate) fn cgroup(mut self, id: u64) -> Self {
        self.0.cgroup = Some(CgroupId(id));
        self
    }

    pub(crate) fn queued(mut self, bytes: u32) -> Self {
        self.0.recv_q = bytes;
        self
    }

    pub(crate) fn send_q(mut self, bytes: u32) -> Self {
        self.0.send_q = Some(bytes);
        self
    }

    pub(crate) fn timer(mut self, kind: TimerKind) -> Self {
        self.0.timer = Some(SocketTimer {
            kind,
            expires_ms: 100,
            retransmits: 0,
        });
        self
    }

    pub(crate) fn ends(mut self, local: &str, remote: &str) -> Self {
        self.0.local = endpoint(local);
        self.0.remote = endpoint(remote);
        self.0.family = if self.0.local.address.is_ipv4() {
            Family::Ipv4
        } else {
            Family::Ipv6
        };
        self
    }

    pub(crate) fn listen(mut self) -> Self {
        self.0.state = TcpState::Listen;
        self
    }

    pub(crate) fn build(self) -> Socket {
        self.0
    }
}
