//! Raw packets: SYNs from hosts that don't exist.

use std::net::SocketAddrV4;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;
const IPPROTO_TCP: u8 = 6;

/// One SYN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syn {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
}

impl Syn {
    fn packet(self) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(TCP_HEADER);
        tcp.extend(self.from.port().to_be_bytes());
        tcp.extend(self.to.port().to_be_bytes());
        tcp.extend(1_000_u32.to_be_bytes()); // sequence number
        tcp.extend([0; 4]); // acknowledgement
        tcp.extend([0x50, 0x02]); // five words of header; SYN
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
    let protocol = Protocol::from(i32::from(IPPROTO_TCP));
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol)).expect("a raw socket");
    socket.set_header_included_v4(true).expect("own IP headers");
    for syn in syns {
        let to = SockAddr::from(syn.to);
        socket.send_to(&syn.packet(), &to).expect("send a SYN");
    }
}
