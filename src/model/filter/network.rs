//! Addresses that begin alike.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The addresses that share the first bits of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Every IPv4 address.
    pub const IPV4: Self = Self {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        prefix: 0,
    };

    /// The network of an address and the number of its bits that count; `None`
    /// when it has no so many.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        if prefix <= bits(address) {
            Some(Self { address, prefix })
        } else {
            None
        }
    }

    /// One address.
    #[must_use]
    pub const fn host(address: IpAddr) -> Self {
        Self {
            address,
            prefix: bits(address),
        }
    }

    /// The address that it was made from.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many of its first bits count.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address that a socket holds is in it, as sock_diag judges:
    /// an IPv4 network has the IPv4-mapped addresses too, an IPv6 network has
    /// no IPv4 address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let address = if self.address.is_ipv4() {
            address.to_canonical()
        } else {
            address
        };
        // Bits in which they differ, at the upper end of 128.
        let differing = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(another)) => {
                u128::from(one.to_bits() ^ another.to_bits()) << 96
            }
            (IpAddr::V6(one), IpAddr::V6(another)) => one.to_bits() ^ another.to_bits(),
            _ => return false,
        };
        differing.leading_zeros() >= u32::from(self.prefix)
    }
}

/// Bits of an address.
const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// As it can be written in a filter and on the command line.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address) {
            self.address.fmt(f)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_in_networks_of_both_kinds() {
        for (network, prefix, address, expected) in [
            ("127.0.0.1", 32, "127.0.0.1", true),
            ("127.0.0.1", 32, "::ffff:127.0.0.1", true),
            ("127.0.0.1", 32, "7f00:1::1", false),
            ("127.0.0.0", 8, "127.9.9.9", true),
            ("0.0.0.0", 8, "::ffff:127.0.0.1", false),
            ("0.0.0.0", 0, "::ffff:127.0.0.1", true),
            ("0.0.0.0", 0, "::1", false),
            ("::", 0, "::ffff:127.0.0.1", true),
            ("::", 0, "127.0.0.1", false),
            ("::", 128, "::", true),
            ("::ffff:0.0.0.0", 96, "::ffff:10.0.0.1", true),
            ("::ffff:0.0.0.0", 96, "10.0.0.1", false),
            ("2001:db8::", 32, "2001:db8:5::1", true),
            ("2001:db8::", 32, "2001:db9::", false),
        ] {
            let network = Network::new(network.parse().unwrap(), prefix).unwrap();
            let address = address.parse().unwrap();
            assert_eq!(network.contains(address), expected, "{network} {address}");
        }
        assert_eq!(Network::new(Ipv4Addr::LOCALHOST.into(), 33), None);
    }
}
