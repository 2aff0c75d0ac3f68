//! Where a socket is: an address and a port.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The address family of a socket (not of the addresses inside it: an IPv6
/// socket may carry IPv4 as `::ffff:192.0.2.1`, and stays an IPv6 socket).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// `AF_INET`
    Ipv4,
    /// `AF_INET6`
    Ipv6,
}

/// One end of a connection.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema, Deserialize,
)]
pub struct Endpoint {
    /// The address as the socket holds it; all zeros is the wildcard.
    pub address: IpAddr,
    /// The port; 0 is "any".
    pub port: u16,
    /// Index of the interface that a link-local address belongs to: without it
    /// two hosts are one. `None` for other addresses, and over /proc, which
    /// doesn't tell.
    pub zone: Option<u32>,
}

impl Endpoint {
    /// An endpoint from its two parts.
    #[must_use]
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            zone: None,
        }
    }

    /// The endpoint of a socket that is bound to this interface: the zone of a
    /// link-local address, and no part of any other.
    #[must_use]
    pub const fn on_interface(self, interface: Option<u32>) -> Self {
        let zone = match self.address {
            IpAddr::V6(address) if address.is_unicast_link_local() => interface,
            _ => None,
        };
        Self { zone, ..self }
    }

    /// The address in words, with its zone.
    #[must_use]
    pub fn host(&self) -> String {
        on_device(self.address, self.zone)
    }

    /// The endpoint in words, with the interface that its socket is bound to, as
    /// ss writes it: `0.0.0.0%2:80`.
    #[must_use]
    pub fn on_device(&self, interface: Option<u32>) -> String {
        let host = on_device(self.address, interface.or(self.zone));
        match self.address {
            IpAddr::V4(_) => format!("{host}:{}", self.port),
            IpAddr::V6(_) => format!("[{host}]:{}", self.port),
        }
    }

    /// The address with an IPv4-mapped one unwrapped, for grouping: a client
    /// at 192.0.2.1 is one client whatever socket it came in on.
    #[must_use]
    pub fn canonical_address(&self) -> IpAddr {
        self.address.to_canonical()
    }

    /// Whether the address is the wildcard of its family.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.address.is_unspecified()
    }
}

/// An address as ss writes it, with the index of the interface that its socket
/// is bound to.
#[must_use]
pub fn on_device(address: IpAddr, interface: Option<u32>) -> String {
    let interface = interface.map_or_else(String::new, |index| format!("%{index}"));
    format!("{address}{interface}")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.zone) {
            (IpAddr::V6(address), Some(zone)) => {
                SocketAddrV6::new(address, self.port, 0, zone).fmt(f)
            }
            (address, _) => SocketAddr::new(address, self.port).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_shown_as_it_is_and_grouped_as_ipv4() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let endpoint = Endpoint::new(mapped, 80);
        assert_eq!(endpoint.to_string(), "[::ffff:192.0.2.1]:80");
        assert_eq!(endpoint.canonical_address().to_string(), "192.0.2.1");
    }

    #[test]
    fn a_link_local_address_has_its_interface_and_another_has_none() {
        let on_third = |address: &str| {
            Endpoint::new(address.parse().unwrap(), 80)
                .on_interface(Some(3))
                .to_string()
        };
        assert_eq!(on_third("fe80::1"), "[fe80::1%3]:80");
        assert_eq!(on_third("2001:db8::1"), "[2001:db8::1]:80");
        assert_eq!(on_third("192.0.2.1"), "192.0.2.1:80");
    }

    /// Two listeners on one port, each bound to a device, looked like one.
    #[test]
    fn the_device_of_a_socket_stands_behind_its_address_once() {
        let on_second = |address: &str| {
            Endpoint::new(address.parse().unwrap(), 80)
                .on_interface(Some(2))
                .on_device(Some(2))
        };
        assert_eq!(on_second("0.0.0.0"), "0.0.0.0%2:80");
        assert_eq!(on_second("::"), "[::%2]:80");
        assert_eq!(on_second("fe80::1"), "[fe80::1%2]:80");
        let bound_to_none = Endpoint::new("::".parse().unwrap(), 80);
        assert_eq!(bound_to_none.on_device(None), "[::]:80");
    }
}
