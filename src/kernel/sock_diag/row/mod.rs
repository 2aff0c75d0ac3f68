//! One row of a dump: `struct inet_diag_msg` and its attributes, read where
//! they lie.
//!
//! Kernels differ in what they send: a `tcp_info` of any length, an attribute
//! or a state that isn't known here are data, not errors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_sock_diag::constants::{
    AF_INET, AF_INET6, INET_DIAG_CONG, INET_DIAG_INFO, INET_DIAG_MARK, INET_DIAG_SHUTDOWN,
    INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY,
};
use zerocopy::native_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned, big_endian};

use crate::kernel::is_owner;
use crate::model::{
    CgroupId, Endpoint, Family, Socket, SocketCookie, SocketDetails, SocketKind, SocketMemory,
    SocketTimer, StateSet, TcpInfo, TcpState, TimerKind,
};

/// `INET_DIAG_CGROUP_ID`, which netlink-packet-sock-diag doesn't name.
const INET_DIAG_CGROUP_ID: u16 = 21;
/// Where `SK_MEMINFO_DROPS` lies among the numbers of `INET_DIAG_SKMEMINFO`
/// (include/uapi/linux/sock_diag.h; since Linux 4.7).
const SK_MEMINFO_DROPS: usize = 8 * 4;
/// The bits of `nla_type` that are the type.
const NLA_TYPE_MASK: u16 = 0x3fff;
/// `INET_DIAG_NOCOOKIE`, in both halves.
const NO_COOKIE: u64 = u64::MAX;

/// `struct inet_diag_msg` (include/uapi/linux/inet_diag.h)
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct InetDiagMsg {
    family: u8,
    state: u8,
    timer: u8,
    retrans: u8,
    source_port: big_endian::U16,
    destination_port: big_endian::U16,
    source: [u8; 16],
    destination: [u8; 16],
    interface: U32,
    cookie_low: U32,
    cookie_high: U32,
    expires: U32,
    rqueue: U32,
    wqueue: U32,
    uid: U32,
    inode: U32,
}

/// `struct nlattr`
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct NlAttr {
    length: U16,
    attribute_type: U16,
}

/// A row that was read.
#[derive(Debug)]
pub struct Decoded {
    /// What it says.
    pub socket: Socket,
    /// Whether the attributes could be followed to the end. Where they
    /// couldn't, those before the break are in the socket.
    pub attributes_whole: bool,
}

/// The attributes that tcpstate uses.
#[derive(Default)]
struct Attributes {
    shutdown: Option<u8>,
    cgroup: Option<CgroupId>,
    mark: Option<u32>,
    drops: Option<u32>,
    v6only: Option<bool>,
    tcp_info: Option<TcpInfo>,
    whole: bool,
}

/// Reads a row; `None` when it is too short, or of a family that TCP doesn't
/// have. What it means depends on the states that were asked for.
#[must_use]
pub fn decode(payload: &[u8], asked: StateSet) -> Option<Decoded> {
    let (row, rest) = InetDiagMsg::ref_from_prefix(payload).ok()?;
    let family = match row.family {
        AF_INET => Family::Ipv4,
        AF_INET6 => Family::Ipv6,
        _ => return None,
    };
    let attributes = attributes(rest);
    let state = match TcpState::from_kernel(row.state) {
        // The kernel finds bound-only sockets by a bit of their own, and then
        // reports them as what they are besides: closed.
        TcpState::Close if asked.contains(TcpState::BoundInactive) => TcpState::BoundInactive,
        state => state,
    };
    let timer = timer(row);
    let kind = kind(state, timer, attributes.shutdown);
    let owned = kind == SocketKind::Full;
    let cookie = u64::from(row.cookie_high.get()) << 32 | u64::from(row.cookie_low.get());
    let interface = row.interface.get();
    let interface = (interface != 0).then_some(interface);
    let inode = u64::from(row.inode.get());
    let socket = Socket {
        state,
        kind,
        family,
        local: Endpoint::new(address(family, row.source), row.source_port.get())
            .on_interface(interface),
        remote: Endpoint::new(address(family, row.destination), row.destination_port.get())
            .on_interface(interface),
        interface,
        recv_q: row.rqueue.get(),
        send_q: Some(row.wqueue.get()),
        timer,
        uid: owned
            .then(|| row.uid.get())
            .filter(|&uid| is_owner(uid, inode)),
        inode: (owned && inode != 0).then_some(inode),
        cookie: (cookie != 0 && cookie != NO_COOKIE).then_some(SocketCookie(cookie)),
        cgroup: attributes.cgroup,
        mark: attributes.mark,
        drops: attributes.drops,
        shutdown: attributes.shutdown,
        v6only: attributes.v6only,
        tcp_info: attributes.tcp_info,
        details: None,
    };
    Some(Decoded {
        socket,
        attributes_whole: attributes.whole,
    })
}

/// Full sockets always come with `INET_DIAG_SHUTDOWN`, the two small kinds
/// never. For SYN_RECV that alone tells a Fast Open socket, which is a full
/// one, from a request.
fn kind(state: TcpState, timer: Option<SocketTimer>, shutdown: Option<u8>) -> SocketKind {
    match state {
        TcpState::TimeWait => SocketKind::TimeWait,
        TcpState::FinWait2 if timer.is_some_and(|t| t.kind == TimerKind::TimeWait) => {
            SocketKind::TimeWait
        }
        TcpState::SynRecv if shutdown.is_none() => SocketKind::Request,
        _ => SocketKind::Full,
    }
}

fn timer(row: &InetDiagMsg) -> Option<SocketTimer> {
    TimerKind::from_kernel(row.timer).map(|kind| SocketTimer {
        kind,
        expires_ms: row.expires.get(),
        retransmits: row.retrans,
    })
}

/// Both fields are 16 bytes long; IPv4 uses the first four.
fn address(family: Family, bytes: [u8; 16]) -> IpAddr {
    match family {
        Family::Ipv4 => {
            let [a, b, c, d, ..] = bytes;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(bytes)),
    }
}

fn attributes(rest: &[u8]) -> Attributes {
    let mut found = Attributes::default();
    found.whole = each_attribute(rest, |number, value| match number {
        INET_DIAG_SHUTDOWN => found.shutdown = value.first().copied(),
        INET_DIAG_CGROUP_ID => found.cgroup = field::<U64>(value, 0).map(|id| CgroupId(id.get())),
        INET_DIAG_MARK => found.mark = field::<U32>(value, 0).map(U32::get),
        INET_DIAG_SKMEMINFO => found.drops = field::<U32>(value, SK_MEMINFO_DROPS).map(U32::get),
        INET_DIAG_SKV6ONLY => found.v6only = value.first().map(|&only| only != 0),
        INET_DIAG_INFO => found.tcp_info = Some(tcp_info(value)),
        _ => {}
    });
    found
}

/// Shows the number and the bytes of each attribute; whether they could be
/// followed to the end.
fn each_attribute(mut rest: &[u8], mut show: impl FnMut(u16, &[u8])) -> bool {
    while !rest.is_empty() {
        let Ok((header, _)) = NlAttr::ref_from_prefix(rest) else {
            return false;
        };
        let length = usize::from(header.length.get());
        let Some(value) = rest.get(size_of::<NlAttr>()..length) else {
            return false;
        };
        show(header.attribute_type.get() & NLA_TYPE_MASK, value);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

/// Reads what only a list shows of a row, in place of what `details` held.
pub fn read_details(payload: &[u8], details: &mut SocketDetails) {
    details.info.0.clear();
    details.congestion.clear();
    details.memory = None;
    let attributes = payload.get(size_of::<InetDiagMsg>()..).unwrap_or_default();
    each_attribute(attributes, |number, value| match number {
        INET_DIAG_INFO => details.info.0.extend_from_slice(value),
        INET_DIAG_SKMEMINFO => {
            let mut memory = SocketMemory::default();
            for (number, bytes) in memory.0.iter_mut().zip(value.chunks_exact(4)) {
                *number = field::<U32>(bytes, 0).map(U32::get);
            }
            details.memory = Some(memory);
        }
        INET_DIAG_CONG => {
            let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
            details.congestion.push_str(&String::from_utf8_lossy(name));
        }
        _ => {}
    });
}

/// `struct tcp_info`, as much of it as the kernel has. The numbers are the
/// offsets in include/uapi/linux/tcp.h; fields are only ever added behind.
fn tcp_info(bytes: &[u8]) -> TcpInfo {
    let u32_at = |offset| field::<U32>(bytes, offset).map(U32::get);
    let u64_at = |offset| field::<U64>(bytes, offset).map(U64::get);
    TcpInfo {
        rtt: u32_at(68),
        total_retrans: u32_at(100),
        last_data_sent: u32_at(44),
        last_data_recv: u32_at(52),
        last_ack_recv: u32_at(56),
        bytes_acked: u64_at(120),
        bytes_sent: u64_at(200),
        bytes_retrans: u64_at(208),
    }
}

fn field<T: FromBytes>(bytes: &[u8], offset: usize) -> Option<T> {
    T::read_from_prefix(bytes.get(offset..)?)
        .ok()
        .map(|(value, _)| value)
}

#[cfg(test)]
mod tests;
