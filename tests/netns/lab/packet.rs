//! Raw packets: SYNs from hosts that don't exist, which answer late if at all.

use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;
const IPPROTO_TCP: u8 = 6;
/// `ETH_P_IP`, as packet(7) wants it.
const ETH_P_IP: u16 = 0x0800;

const SYN: u8 = 0x02;
const FIN: u8 = 0x01;
const ACK: u8 = 0x10;
/// The sequence number of every SYN.
const FIRST: u32 = 1_000;

/// One SYN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syn {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
}

impl Syn {
    fn packet(self) -> Vec<u8> {
        self.segment(SYN, FIRST, 0)
    }

    /// A segment of the same client.
    fn segment(self, flags: u8, sequence: u32, acknowledgement: u32) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(TCP_HEADER);
        tcp.extend(self.from.port().to_be_bytes());
        tcp.extend(self.to.port().to_be_bytes());
        tcp.extend(sequence.to_be_bytes());
        tcp.extend(acknowledgement.to_be_bytes());
        tcp.extend([0x50, flags]); // five words of header
        tcp.extend(65_535_u16.to_be_bytes()); // window
        tcp.extend([0; 4]); // checksum, urgent pointer
        let checksum = self.checksum(&tcp).to_be_bytes();
        tcp.splice(16..18, checksum);

        // The kernel fills in the length, the identification and the checksum.
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_TCP, 0, 0];
        packet.extend(self.from.ip().octets());
        packet.extend(self.to.ip().octets());
        assert_eq!(packet.len(), IP_HEADER, "the IPv4 header");
        packet.extend(tcp);
        packet
    }

    /// The internet checksum over the pseudo header and the segment.
    fn checksum(self, segment: &[u8]) -> u16 {
        let mut covered = self.from.ip().octets().to_vec();
        covered.extend(self.to.ip().octets());
        covered.extend([0, IPPROTO_TCP]);
        covered.extend(u16::try_from(segment.len()).expect("short").to_be_bytes());
        covered.extend(segment);
        let mut sum: u32 = covered
            .chunks(2)
            .map(|pair| match *pair {
                [high, low] => u32::from(u16::from_be_bytes([high, low])),
                [high] => u32::from(high) << 8,
                _ => 0,
            })
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).expect("folded to 16 bits")
    }
}

pub(super) fn send_syns(syns: impl IntoIterator<Item = Syn>) {
    let socket = raw_socket();
    for syn in syns {
        let to = SockAddr::from(syn.to);
        socket.send_to(&syn.packet(), &to).expect("send a SYN");
    }
}

fn raw_socket() -> Socket {
    let protocol = Protocol::from(i32::from(IPPROTO_TCP));
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol)).expect("a raw socket");
    socket.set_header_included_v4(true).expect("own IP headers");
    socket
}

/// Clients that have sent a SYN and will answer the SYN-ACK when they are told
/// to: honest ones on a slow line.
#[derive(Debug)]
pub(crate) struct SlowClients {
    /// Sees what goes out towards them.
    line: Socket,
    waiting: usize,
}

impl SlowClients {
    pub(super) fn new() -> Self {
        let protocol = Protocol::from(i32::from(ETH_P_IP.to_be()));
        let line = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol));
        let line = line.expect("a packet socket");
        let patience = Some(Duration::from_secs(10));
        line.set_read_timeout(patience).expect("SO_RCVTIMEO");
        Self { line, waiting: 0 }
    }

    /// More clients begin.
    pub(crate) fn begin(&mut self, syns: impl IntoIterator<Item = Syn>) {
        send_syns(syns.into_iter().inspect(|_| self.waiting += 1));
    }

    /// Each answers the SYN-ACK that it got.
    pub(crate) fn answer(mut self) {
        let socket = raw_socket();
        let mut packet = [0; 128];
        while self.waiting > 0 {
            let length = self.line.read(&mut packet).expect("a SYN-ACK");
            let Some((client, sequence)) = syn_ack(&packet[..length]) else {
                continue;
            };
            let ack = client.segment(ACK, FIRST + 1, sequence.wrapping_add(1));
            let to = SockAddr::from(client.to);
            socket.send_to(&ack, &to).expect("send an ACK");
            self.waiting -= 1;
        }
    }
}

/// A server that doesn't exist: it answers the SYN that it gets, and sends a FIN when it is told.
#[derive(Debug)]
pub(crate) struct Ghost {
    address: SocketAddrV4,
    /// Sees what goes out towards it.
    line: Socket,
    /// Its client, and the number after the client's SYN.
    client: Option<(SocketAddrV4, u32)>,
}

impl Ghost {
    pub(super) fn at(address: SocketAddrV4) -> Self {
        let protocol = Protocol::from(i32::from(ETH_P_IP.to_be()));
        let line = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol));
        let line = line.expect("a packet socket");
        let patience = Some(Duration::from_secs(10));
        line.set_read_timeout(patience).expect("SO_RCVTIMEO");
        Self {
            address,
            line,
            client: None,
        }
    }

    /// Answers the SYN that somebody sends it.
    pub(crate) fn accept(&mut self) {
        let mut packet = [0; 128];
        let (client, sequence) = loop {
            let length = self.line.read(&mut packet).expect("a SYN");
            match segment_of(&packet[..length]) {
                Some((flags, way, sequence)) if flags == SYN && way.to == self.address => {
                    break (way.from, sequence.wrapping_add(1));
                }
                _ => {}
            }
        };
        self.client = Some((client, sequence));
        self.send(SYN | ACK, FIRST);
    }

    /// Sends a FIN, which acknowledges nothing but the SYN.
    pub(crate) fn finish(&self) {
        self.send(FIN | ACK, FIRST + 1);
    }

    fn send(&self, flags: u8, sequence: u32) {
        let (to, acknowledgement) = self.client.expect("a client");
        let from = self.address;
        let segment = Syn { from, to }.segment(flags, sequence, acknowledgement);
        let sent = raw_socket().send_to(&segment, &SockAddr::from(to));
        sent.expect("send a segment");
    }
}

/// Whose SYN-ACK a packet is, and its sequence number.
fn syn_ack(packet: &[u8]) -> Option<(Syn, u32)> {
    let (flags, way, sequence) = segment_of(packet)?;
    let client = Syn {
        from: way.to,
        to: way.from,
    };
    (flags & (SYN | ACK) == SYN | ACK).then_some((client, sequence))
}

/// The flags, the ends and the sequence number of a TCP segment.
fn segment_of(packet: &[u8]) -> Option<(u8, Syn, u32)> {
    let (ip, tcp) = packet.split_at_checked(IP_HEADER)?;
    let [from @ .., _, _, _, _] = ip[12..].first_chunk::<8>()?;
    let to = ip[16..].first_chunk::<4>()?;
    let number = |at: usize| Some(u16::from_be_bytes(*tcp.get(at..)?.first_chunk()?));
    let way = Syn {
        from: SocketAddrV4::new(Ipv4Addr::from(*from), number(0)?),
        to: SocketAddrV4::new(Ipv4Addr::from(*to), number(2)?),
    };
    let sequence = u32::from_be_bytes(*tcp.get(4..)?.first_chunk()?);
    (ip[9] == IPPROTO_TCP).then_some((*tcp.get(13)?, way, sequence))
}
