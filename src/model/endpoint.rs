//! Where a socket is: an address and a port.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::fmt;
use std::net::{IpAddr, SocketAddr};

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
}

impl Endpoint {
    /// An endpoint from its two parts.
    #[must_use]
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port }
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
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
}
