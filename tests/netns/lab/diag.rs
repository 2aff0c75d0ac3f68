//! A sock_diag dump read in the plainest way: the lab's own view of what netlink shows.

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};

use super::{Family, State, Tally};

/// Every state that the kernel knows, and bit 13, which the crate's `all()` lacks.
const EVERY_STATE: u32 = u32::MAX;
/// Bound-only sockets alone: they are reported as CLOSE.
const BOUND_INACTIVE: u32 = 1 << 13;

/// Counts all sockets, bound-only ones too where the kernel has them (6.8).
pub(super) fn tally() -> Tally {
    let mut tally = Tally::default();
    for (family, number) in [(Family::Ipv4, AF_INET), (Family::Ipv6, AF_INET6)] {
        for state in dump(number, EVERY_STATE & !BOUND_INACTIVE) {
            tally.add(State::from_kernel(state), family, 1);
        }
        let bound = dump(number, BOUND_INACTIVE).len();
        let bound = u64::try_from(bound).expect("a count");
        tally.add(State::BoundInactive, family, bound);
    }
    tally
}

/// An older kernel doesn't refuse the bit: it finds nothing.
pub(super) fn shows_bound_sockets() -> bool {
    let release = rustix::system::uname().release().to_owned();
    let release = release.to_str().expect("ASCII");
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut number = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
    (number(), number()) >= (Some(6), Some(8))
}

/// The state numbers of all rows that match.
fn dump(family: u8, states: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::from_bits_retain(states),
        socket_id: if family == AF_INET {
            SocketId::new_v4()
        } else {
            SocketId::new_v6()
        },
    });
    let mut packet = NetlinkMessage::new(header, request.into());
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);

    let socket = Socket::new(NETLINK_SOCK_DIAG).expect("open a sock_diag socket");
    socket
        .connect(&SocketAddr::new(0, 0))
        .expect("connect to the kernel");
    socket.send(&bytes, 0).expect("send to the kernel");
    let mut found = Vec::new();
    loop {
        let mut datagram = Vec::with_capacity(64 * 1024);
        socket.recv(&mut datagram, 0).expect("the kernel's answer");
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<SockDiagMessage>::deserialize(rest).expect("a netlink message");
            let length = message.header.length;
            let length = usize::try_from(length)
                .expect("a length")
                .next_multiple_of(4);
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    found.push(response.header.state);
                }
                NetlinkPayload::Done(_) => return found,
                other => panic!("sock_diag answers {other:?}"),
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}
