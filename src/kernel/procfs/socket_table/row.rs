//! One line of /proc/net/tcp or tcp6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::lines::Line;
use crate::kernel::is_owner;
use crate::kernel::proc_root::{decimal, number};
use crate::model::{Endpoint, Family, Socket, SocketKind, SocketTimer, TcpState, TimerKind};

/// The kernel prints times in ticks of `USER_HZ`, 100 a second on every
/// architecture that has this tool.
const MS_A_TICK: u32 = 10;

/// Columns of a request or a minisocket.
const COLUMNS_OF_SMALL_SOCKETS: usize = 12;
/// Full sockets have five more: rto, ato, quick acks, congestion window and
/// slow-start threshold.
const COLUMNS_OF_FULL_SOCKETS: usize = COLUMNS_OF_SMALL_SOCKETS + 5;

/// A timer that fires later than this is overdue: where the time was over,
/// kernels before 3.6 printed what is left, a negative number, as one without a
/// sign (16 digits, or the lower 8 of them).
const LATEST_TICKS: u64 = 0x7fff_ffff;

/// Whether a line is the heading of a socket table.
pub(super) fn is_header(line: &Line<'_>) -> bool {
    match line {
        Line::Whole(bytes) => bytes.trim_ascii_start().starts_with(b"sl "),
        Line::TooLong | Line::Cut => false,
    }
}

/// Reads a line (`get_tcp4_sock`, `get_openreq4` and `get_timewait4_sock` in
/// net/ipv4/tcp_ipv4.c); `None` when it isn't one.
pub(super) fn parse(line: &[u8], family: Family) -> Option<Socket> {
    let mut columns = line
        .split(u8::is_ascii_whitespace)
        .filter(|column| !column.is_empty());
    let _slot = columns.next()?;
    let local = endpoint(columns.next()?, family)?;
    let remote = endpoint(columns.next()?, family)?;
    let state = TcpState::from_kernel(u8::try_from(hex(columns.next()?)?).ok()?);
    let (tx_queue, rx_queue) = hex_pair(columns.next()?)?;
    let (timer_number, expires_ticks) = split_at_colon(columns.next()?)?;
    let expires_ticks = match number(expires_ticks, 16)? {
        overdue if overdue > LATEST_TICKS => 0,
        ticks => u32::try_from(ticks).ok()?,
    };
    let retransmits = hex(columns.next()?)?;
    let uid = decimal(columns.next()?)?;
    let _timeout = columns.next()?;
    let inode = decimal(columns.next()?)?;
    // References and the kernel's address of the socket, then what only full
    // sockets have.
    let columns_before = COLUMNS_OF_SMALL_SOCKETS - 2;
    let is_small = match columns.count() + columns_before {
        COLUMNS_OF_SMALL_SOCKETS => true,
        COLUMNS_OF_FULL_SOCKETS.. => false,
        // A row that was cut may have lost digits, too.
        _ => return None,
    };

    let timer_number = u8::try_from(hex(timer_number)?).ok()?;
    let timer = TimerKind::from_kernel(timer_number).map(|kind| SocketTimer {
        kind,
        expires_ms: expires_ticks.saturating_mul(MS_A_TICK),
        // The netlink field is a byte too.
        retransmits: u8::try_from(retransmits).unwrap_or(u8::MAX),
    });
    let kind = match state {
        TcpState::TimeWait => SocketKind::TimeWait,
        TcpState::FinWait2 if timer.is_some_and(|t| t.kind == TimerKind::TimeWait) => {
            SocketKind::TimeWait
        }
        TcpState::SynRecv if is_small => SocketKind::Request,
        _ => SocketKind::Full,
    };
    let owned = kind == SocketKind::Full;
    Some(Socket {
        recv_q: rx_queue,
        // Always 0 for LISTEN, where netlink has the limit.
        send_q: (state != TcpState::Listen).then_some(tx_queue),
        timer,
        uid: u32::try_from(uid)
            .ok()
            .filter(|&uid| owned && is_owner(uid, inode)),
        inode: (owned && inode != 0).then_some(inode),
        ..Socket::new(family, state, kind, local, remote)
    })
}

/// `0100007F:1F90`: the address as the kernel holds it in memory, printed as
/// numbers of 32 bits; the port as a number.
fn endpoint(text: &[u8], family: Family) -> Option<Endpoint> {
    let (address, port) = split_at_colon(text)?;
    let address = match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::from(memory_of(address)?)),
        Family::Ipv6 => {
            if address.len() != 32 {
                return None;
            }
            let mut bytes = [0; 16];
            for (word, digits) in bytes.chunks_exact_mut(4).zip(address.chunks_exact(8)) {
                word.copy_from_slice(&memory_of(digits)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
    };
    let port = u16::try_from(hex(port)?).ok()?;
    Some(Endpoint::new(address, port))
}

/// The four bytes in memory behind a printed 32-bit number.
fn memory_of(digits: &[u8]) -> Option<[u8; 4]> {
    (digits.len() == 8)
        .then(|| hex(digits))
        .flatten()
        .map(u32::to_ne_bytes)
}

fn split_at_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

fn hex_pair(text: &[u8]) -> Option<(u32, u32)> {
    let (first, second) = split_at_colon(text)?;
    Some((hex(first)?, hex(second)?))
}

fn hex(digits: &[u8]) -> Option<u32> {
    number(digits, 16).and_then(|value| u32::try_from(value).ok())
}
