//! Links, addresses and routes of the namespace, over rtnetlink: `ip` may not be installed.

use std::net::{IpAddr, Ipv4Addr};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEIGH: u16 = 28;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_ACK: u16 = 0x004;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
/// What exists already is as good as made.
const MAKE: u16 = NLM_F_CREATE | NLM_F_REPLACE;

const IFF_UP: u32 = 1;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// In a new namespace lo is always the first link.
const LOOPBACK_INDEX: u32 = 1;

/// Brings lo up; the kernel then gives it 127.0.0.1/8 and ::1/128 by itself.
pub(crate) fn bring_up_loopback() {
    let mut link = vec![0, 0, 0, 0];
    link.extend(LOOPBACK_INDEX.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    request("bring lo up", RTM_NEWLINK, 0, &link);
}

/// Makes a link that leads nowhere: one end of a veth, whose other end nobody listens at. Gives
/// its index.
pub(super) fn add_link(name: &str) -> u32 {
    const IFLA_IFNAME: u16 = 3;
    const IFLA_LINKINFO: u16 = 18;
    const IFLA_INFO_KIND: u16 = 1;
    let mut link = vec![0; 16];
    link.extend(attribute(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat()));
    link.extend(attribute(
        IFLA_LINKINFO,
        &attribute(IFLA_INFO_KIND, b"veth"),
    ));
    request("add a link", RTM_NEWLINK, NLM_F_CREATE, &link);
    for name in [PEER, name] {
        let index = index_of(name).to_ne_bytes();
        let up = [[0; 4], index, IFF_UP.to_ne_bytes(), IFF_UP.to_ne_bytes()].concat();
        request("bring a link up", RTM_NEWLINK, 0, &up);
    }
    index_of(name)
}

/// What the kernel calls the first veth that nobody names.
const PEER: &str = "veth0";

fn index_of(name: &str) -> u32 {
    let any = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    );
    rustix::net::netdevice::name_to_index(any.expect("a socket"), name).expect("a link")
}

/// Adds an address to lo, usable at once: without duplicate address detection for IPv6.
pub(super) fn add_address(address: IpAddr, prefix: u8) {
    add_address_to(LOOPBACK_INDEX, address, prefix);
}

/// The same for any link.
pub(super) fn add_address_to(link: u32, address: IpAddr, prefix: u8) {
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    const IFA_F_NODAD: u8 = 2;
    let (family, bytes) = bytes(address);
    let mut message = vec![family, prefix, IFA_F_NODAD, 0];
    message.extend(link.to_ne_bytes());
    message.extend(attribute(IFA_LOCAL, &bytes));
    message.extend(attribute(IFA_ADDRESS, &bytes));
    request("add an address", RTM_NEWADDR, MAKE, &message);
}

/// A neighbour on a link that is there for good, whatever it answers.
pub(super) fn add_neighbour(link: u32, address: IpAddr) {
    const NDA_DST: u16 = 1;
    const NDA_LLADDR: u16 = 2;
    const NUD_PERMANENT: u16 = 0x80;
    let (family, bytes) = bytes(address);
    let mut message = vec![family, 0, 0, 0];
    message.extend(link.to_ne_bytes());
    message.extend(NUD_PERMANENT.to_ne_bytes());
    message.extend([0, 0]);
    message.extend(attribute(NDA_DST, &bytes));
    message.extend(attribute(NDA_LLADDR, &[2, 0, 0, 0, 0, 0x99]));
    request("add a neighbour", RTM_NEWNEIGH, MAKE, &message);
}

/// Routes a network to lo that isn't local there.
pub(super) fn add_route(network: Ipv4Addr, prefix: u8) {
    add_route_to(LOOPBACK_INDEX, network.into(), prefix);
}

/// Routes a network to a link.
pub(super) fn add_route_to(link: u32, network: IpAddr, prefix: u8) {
    const RTA_DST: u16 = 1;
    const RTA_OIF: u16 = 4;
    const RT_TABLE_MAIN: u8 = 254;
    const RTPROT_STATIC: u8 = 4;
    const RT_SCOPE_LINK: u8 = 253;
    const RTN_UNICAST: u8 = 1;
    let (family, bytes) = bytes(network);
    let mut message = vec![family, prefix, 0, 0];
    message.extend([RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK, RTN_UNICAST]);
    message.extend(0_u32.to_ne_bytes());
    message.extend(attribute(RTA_DST, &bytes));
    message.extend(attribute(RTA_OIF, &link.to_ne_bytes()));
    request("add a route", RTM_NEWROUTE, MAKE, &message);
}

fn bytes(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    }
}

/// One attribute, padded.
fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 4).expect("a short attribute");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends one request and waits for the kernel to agree.
fn request(what: &str, kind: u16, flags: u16, payload: &[u8]) {
    let length = u32::try_from(payload.len() + 16).expect("a short message");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(payload);

    let socket = Socket::new(NETLINK_ROUTE).expect("open an rtnetlink socket");
    socket
        .connect(&SocketAddr::new(0, 0))
        .expect("connect to the kernel");
    socket.send(&message, 0).expect("send to the kernel");
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0).expect("the kernel's answer");
    let kind = answer.get(4..6).expect("a message header");
    assert_eq!(
        kind,
        NLMSG_ERROR.to_ne_bytes(),
        "{what}: not an acknowledgement"
    );
    let error = answer.get(16..20).expect("an error code");
    let error = i32::from_ne_bytes(error.try_into().expect("four bytes"));
    assert_eq!(
        error,
        0,
        "{what}: {}",
        std::io::Error::from_raw_os_error(-error)
    );
}
