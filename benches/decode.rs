//! What a row of a dump costs to read: tcpstate's borrowed view beside the owned parse of
//! netlink-packet-sock-diag, over one datagram as the kernel sends it.
//!
//! This is why rows aren't read with the crate that builds the requests.

#![expect(clippy::expect_used, reason = "a benchmark that can't run should stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netlink_packet_core::NetlinkMessage;
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::SOCK_DIAG_BY_FAMILY;
use tcpstate::kernel::sock_diag::message::{Message, Messages};
use tcpstate::kernel::sock_diag::row;
use tcpstate::model::StateSet;

/// What the kernel fills a datagram up to.
const DATAGRAM: usize = 32 * 1024;

const ESTABLISHED: u8 = 1;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_SHUTDOWN: u16 = 8;
const INET_DIAG_CGROUP_ID: u16 = 21;
const INET_DIAG_SOCKOPT: u16 = 22;
/// Length of `struct tcp_info` on Linux 6.18.
const TCP_INFO: usize = 280;

fn decode(criterion: &mut Criterion) {
    for (name, tcp_info) in [("plain", false), ("tcp_info", true)] {
        let (datagram, rows) = datagram(tcp_info);
        assert_eq!(ours(&datagram), rows, "rows that tcpstate reads");
        assert_eq!(theirs(&datagram), rows, "rows that the crate reads");

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(rows));
        group.bench_function("tcpstate, borrowed", |bencher| {
            bencher.iter(|| ours(black_box(&datagram)));
        });
        group.bench_function("netlink-packet-sock-diag, owned", |bencher| {
            bencher.iter(|| theirs(black_box(&datagram)));
        });
        group.finish();
    }
}

/// Frames and decodes every message; returns how many were rows.
fn ours(datagram: &[u8]) -> u64 {
    let mut rows = 0;
    for message in Messages::new(datagram) {
        let Ok(message) = message else { break };
        if let Message::Row(payload) = message.content
            && let Some(decoded) = row::decode(payload, StateSet::RFC9293)
        {
            black_box(&decoded);
            rows += 1;
        }
    }
    rows
}

/// The same with the crate.
fn theirs(mut datagram: &[u8]) -> u64 {
    let mut rows = 0;
    while let Ok(message) = NetlinkMessage::<SockDiagMessage>::deserialize(datagram) {
        black_box(&message);
        rows += 1;
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        datagram = datagram
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    rows
}

/// A datagram full of ESTABLISHED sockets, with what the kernel adds unasked, and how many.
fn datagram(tcp_info: bool) -> (Vec<u8>, u64) {
    let mut bytes = Vec::with_capacity(DATAGRAM);
    let mut rows = 0;
    loop {
        let port = u16::try_from(10_000 + rows).expect("a datagram has some hundred rows");
        let message = message(port, tcp_info);
        if bytes.len() + message.len() > DATAGRAM {
            return (bytes, rows);
        }
        bytes.extend(message);
        rows += 1;
    }
}

/// `struct nlmsghdr`, `struct inet_diag_msg`, attributes.
fn message(port: u16, tcp_info: bool) -> Vec<u8> {
    let mut body = vec![2, ESTABLISHED, 0, 0]; // AF_INET; no timer, no retransmits.
    body.extend(port.to_be_bytes());
    body.extend(443_u16.to_be_bytes());
    for address in [[10, 0, 0, 1], [10, 0, 0, 2]] {
        body.extend(address);
        body.extend([0; 12]);
    }
    // Interface, cookie (two halves), expires, queues, uid, inode.
    for field in [
        0,
        u32::from(port),
        1,
        0,
        0,
        0,
        1000,
        100_000 + u32::from(port),
    ] {
        body.extend(u32::to_ne_bytes(field));
    }
    attribute(&mut body, INET_DIAG_SHUTDOWN, &[0]);
    attribute(&mut body, INET_DIAG_CGROUP_ID, &4711_u64.to_ne_bytes());
    attribute(&mut body, INET_DIAG_SOCKOPT, &[0; 2]);
    if tcp_info {
        attribute(&mut body, INET_DIAG_INFO, &[1; TCP_INFO]);
    }
    let length = u32::try_from(16 + body.len()).expect("a message is short");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(2_u16.to_ne_bytes()); // NLM_F_MULTI
    message.extend([0; 8]); // Sequence number and port.
    message.extend(body);
    message
}

/// `struct nlattr` and its value, padded.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).expect("an attribute is short");
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

criterion_group!(benches, decode);
criterion_main!(benches);
