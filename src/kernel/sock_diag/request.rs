//! The requests for a dump.

use netlink_packet_core::{Emitable, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, SOCK_DIAG_BY_FAMILY};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use zerocopy::native_endian::U32;
use zerocopy::{Immutable, IntoBytes, Unaligned};

use crate::model::{Extensions, Family, StateSet};

/// Type of the older request (`TCPDIAG_GETSOCK`, include/uapi/linux/inet_diag.h):
/// it ignores the family and walks the table once for both.
pub const TCPDIAG_GETSOCK: u16 = 18;

/// `INET_DIAG_REQ_BYTECODE`, which netlink-packet-sock-diag doesn't offer.
const REQUEST_BYTECODE: u16 = 1;

/// Bytes of `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// Bytes of `struct nlattr`.
const ATTRIBUTE_BYTES: usize = 4;

/// Which dump to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpRequest {
    /// IPv4 and IPv6 in one walk, with `TCPDIAG_GETSOCK`.
    BothFamilies,
    /// One family, with `SOCK_DIAG_BY_FAMILY`.
    OneFamily(Family),
}

/// `struct inet_diag_req`, which netlink-packet-sock-diag doesn't offer.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct InetDiagReq {
    family: u8,
    src_len: u8,
    dst_len: u8,
    ext: u8,
    /// `struct inet_diag_sockid`: ports and addresses, all "any".
    id: [u8; 48],
    states: U32,
    dbs: U32,
}

impl DumpRequest {
    /// The request as it goes out, with the program of a filter unless that is
    /// empty.
    #[must_use]
    pub fn to_bytes(
        self,
        states: StateSet,
        extensions: Extensions,
        program: &[u8],
        sequence: u32,
    ) -> Vec<u8> {
        let filter = if program.is_empty() {
            Vec::new()
        } else {
            attribute(REQUEST_BYTECODE, program)
        };
        match self {
            Self::BothFamilies => {
                let request = InetDiagReq {
                    family: 0,
                    src_len: 0,
                    dst_len: 0,
                    ext: extensions.bits(),
                    id: [0; 48],
                    states: U32::new(states.bits()),
                    dbs: U32::ZERO,
                };
                framed(TCPDIAG_GETSOCK, sequence, &[request.as_bytes(), &filter])
            }
            Self::OneFamily(family) => {
                let (number, socket_id) = match family {
                    Family::Ipv4 => (AF_INET, SocketId::new_v4()),
                    Family::Ipv6 => (AF_INET6, SocketId::new_v6()),
                };
                let request = InetRequest {
                    family: number,
                    protocol: IPPROTO_TCP,
                    extensions: ExtensionFlags::from_bits_retain(extensions.bits()),
                    // The crate names eleven states; the kernel knows more.
                    states: StateFlags::from_bits_retain(states.bits()),
                    socket_id,
                };
                let mut body = vec![0; request.buffer_len()];
                request.emit(&mut body);
                framed(SOCK_DIAG_BY_FAMILY, sequence, &[&body, &filter])
            }
        }
    }
}

/// An attribute with `struct nlattr` before it.
fn attribute(number: u16, value: &[u8]) -> Vec<u8> {
    // A program is made to fit.
    let length = u16::try_from(ATTRIBUTE_BYTES + value.len()).unwrap_or(u16::MAX);
    [&length.to_ne_bytes(), &number.to_ne_bytes(), value].concat()
}

/// The parts of a body with `struct nlmsghdr` before them.
fn framed(message_type: u16, sequence: u32, body: &[&[u8]]) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.message_type = message_type;
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let length = HEADER_BYTES + body.iter().map(|part| part.len()).sum::<usize>();
    // A structure of 60 bytes or less, and an attribute of 64 KiB or less.
    header.length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut bytes = vec![0; HEADER_BYTES];
    header.emit(&mut bytes);
    for part in body {
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TcpState;

    /// Byte for byte what ss sends for `ss -tan4` (seen with strace), but for
    /// its state mask and number.
    #[test]
    fn the_request_for_one_family_is_inet_diag_req_v2() {
        let states = StateSet::NONE
            .with(TcpState::CloseWait)
            .with(TcpState::BoundInactive);
        let request = DumpRequest::OneFamily(Family::Ipv6);
        let bytes = request.to_bytes(states, Extensions::TCP_INFO, &[], 7);
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[0..4], 72_u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 20_u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x301_u16.to_ne_bytes());
        assert_eq!(bytes[8..12], 7_u32.to_ne_bytes());
        assert_eq!(bytes[16..20], [10, 6, 2, 0], "family, protocol, INFO, pad");
        assert_eq!(bytes[20..24], 0x2100_u32.to_ne_bytes());
        assert!(bytes[24..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn the_request_for_both_families_is_inet_diag_req() {
        let request = DumpRequest::BothFamilies;
        let bytes = request.to_bytes(StateSet::RFC9293, Extensions::NONE, &[], 1);
        assert_eq!(bytes.len(), 76);
        assert_eq!(bytes[4..6], 18_u16.to_ne_bytes());
        assert_eq!(bytes[19], 0, "no extension");
        assert_eq!(bytes[68..72], 0xffe_u32.to_ne_bytes());
    }

    #[test]
    fn a_program_goes_out_behind_either_request() {
        let program = [1_u8, 4, 8, 0];
        for (request, body) in [
            (DumpRequest::BothFamilies, 76),
            (DumpRequest::OneFamily(Family::Ipv4), 72),
        ] {
            let bytes = request.to_bytes(StateSet::RFC9293, Extensions::NONE, &program, 1);
            assert_eq!(bytes.len(), body + 8);
            let length = u32::try_from(bytes.len()).unwrap();
            assert_eq!(bytes[0..4], length.to_ne_bytes());
            assert_eq!(bytes[body..body + 2], 8_u16.to_ne_bytes());
            assert_eq!(bytes[body + 2..body + 4], 1_u16.to_ne_bytes());
            assert_eq!(bytes[body + 4..], program);
        }
    }
}
