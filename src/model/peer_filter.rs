//! Which peers are wanted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::{Comparison, Condition, End, Endpoint, Filter, Network};

/// A peer, or a network of them: `192.0.2.7`, `10.0.0.0/8`, `10.0.0.9:5432`,
/// `2001:db8::/32`, `[2001:db8::1]:443`, `:5432`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerFilter {
    /// The address, an IPv4-mapped one unwrapped, and how many of its first
    /// bits count; `None`: any.
    network: Option<(IpAddr, u8)>,
    /// The port; `None`: any.
    port: Option<u16>,
}

/// Text that names no peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as ADDRESS, ADDRESS/PREFIX, ADDRESS:PORT, [IPV6]:PORT or :PORT")]
pub struct NotAPeer;

impl PeerFilter {
    /// The same as conditions on one end of a socket.
    #[must_use]
    pub fn filter(&self, end: End) -> Filter {
        let mut conditions = Vec::new();
        if let Some((address, prefix)) = self.network {
            let network = |network| Filter::from(Condition::Address(end, network));
            // A network of more bits than its address has is nobody's.
            conditions.push(Network::new(address, prefix).map_or(Filter::NOTHING, network));
            // IPv4-mapped addresses are in no IPv6 network here.
            if address.is_ipv6() {
                conditions.push(network(Network::IPV4).negated());
            }
        }
        if let Some(port) = self.port {
            conditions.push(Condition::Port(end, Comparison::Equal, port).into());
        }
        Filter::And(conditions)
    }

    /// Whether an end of a connection is one that is wanted. An IPv4-mapped
    /// address is the IPv4 one.
    #[must_use]
    pub fn accepts(&self, end: &Endpoint) -> bool {
        let address = end.canonical_address();
        self.port.is_none_or(|port| port == end.port)
            && self
                .network
                .is_none_or(|(network, prefix)| begins_alike(network, address, prefix))
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Whether two addresses of one family share their first `prefix` bits.
fn begins_alike(one: IpAddr, another: IpAddr, prefix: u8) -> bool {
    // Bits in which they differ, at the upper end of 128.
    let differing = match (one, another) {
        (IpAddr::V4(one), IpAddr::V4(another)) => {
            u128::from(one.to_bits() ^ another.to_bits()) << 96
        }
        (IpAddr::V6(one), IpAddr::V6(another)) => one.to_bits() ^ another.to_bits(),
        _ => return false,
    };
    differing.leading_zeros() >= u32::from(prefix)
}

/// As it can be written on the command line.
impl fmt::Display for PeerFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.network, self.port) {
            (None, None) => f.write_str("0.0.0.0/0"),
            (None, Some(port)) => write!(f, ":{port}"),
            (Some((address, _)), Some(port)) => SocketAddr::new(address, port).fmt(f),
            (Some((address, prefix)), None) if prefix == bits(address) => address.fmt(f),
            (Some((address, prefix)), None) => write!(f, "{address}/{prefix}"),
        }
    }
}

impl FromStr for PeerFilter {
    type Err = NotAPeer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Colons alone are an IPv6 address: its port needs brackets.
        if let Ok(address) = text.parse::<IpAddr>() {
            return Self::new(Some(address), None, None);
        }
        if let Some((address, prefix)) = text.split_once('/') {
            let address = address.parse().map_err(|_| NotAPeer)?;
            let prefix = prefix.parse().map_err(|_| NotAPeer)?;
            return Self::new(Some(address), Some(prefix), None);
        }
        let (address, port) = text.rsplit_once(':').ok_or(NotAPeer)?;
        let port = Some(port.parse().map_err(|_| NotAPeer)?);
        if address.is_empty() || address == "*" {
            return Self::new(None, None, port);
        }
        let address = match address.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or(NotAPeer)?,
            None if address.contains(':') => return Err(NotAPeer),
            None => address,
        };
        Self::new(Some(address.parse().map_err(|_| NotAPeer)?), None, port)
    }
}

impl PeerFilter {
    fn new(
        address: Option<IpAddr>,
        prefix: Option<u8>,
        port: Option<u16>,
    ) -> Result<Self, NotAPeer> {
        let network = match address {
            None => None,
            Some(address) => {
                let canonical = address.to_canonical();
                // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
                let unwrapped = address.is_ipv6() && canonical.is_ipv4();
                let bits = bits(canonical);
                let prefix = match prefix {
                    None => bits,
                    Some(prefix) if unwrapped => prefix.checked_sub(96).ok_or(NotAPeer)?,
                    Some(prefix) => prefix,
                };
                if prefix > bits {
                    return Err(NotAPeer);
                }
                Some((canonical, prefix))
            }
        };
        Ok(Self { network, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(filter: &str, end: &str) -> bool {
        let end: SocketAddr = end.parse().unwrap();
        filter
            .parse::<PeerFilter>()
            .unwrap()
            .accepts(&Endpoint::new(end.ip(), end.port()))
    }

    #[test]
    fn peers_are_chosen_by_address_network_and_port() {
        for (filter, end, expected) in [
            ("10.0.0.9", "10.0.0.9:1", true),
            ("10.0.0.9", "10.0.0.8:1", false),
            ("10.0.0.9", "[::ffff:10.0.0.9]:1", true),
            ("::ffff:10.0.0.9", "10.0.0.9:1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1:1", true),
            ("10.0.0.9:80", "10.0.0.9:80", true),
            ("10.0.0.9:80", "10.0.0.9:81", false),
            (":80", "[2001:db8::1]:80", true),
            ("10.0.0.0/8", "10.255.0.1:1", true),
            ("10.0.0.0/8", "11.0.0.1:1", false),
            ("0.0.0.0/0", "11.0.0.1:1", true),
            ("0.0.0.0/0", "[2001:db8::1]:1", false),
            ("2001:db8::/32", "[2001:db8:5::1]:1", true),
            ("2001:db8::/32", "[2001:db9::1]:1", false),
            ("[2001:db8::1]:443", "[2001:db8::1]:443", true),
        ] {
            assert_eq!(accepts(filter, end), expected, "{filter} {end}");
        }
    }

    #[test]
    fn what_is_shown_can_be_typed() {
        for text in [
            "10.0.0.9",
            "10.0.0.9:80",
            ":80",
            "10.0.0.0/8",
            "2001:db8::/32",
            "[::1]:9",
        ] {
            let filter: PeerFilter = text.parse().unwrap();
            assert_eq!(filter.to_string().parse(), Ok(filter), "{text}");
        }
    }

    #[test]
    fn what_names_no_peer_is_refused() {
        for text in [
            "",
            "host",
            "10.0.0.9:",
            "10.0.0.9:70000",
            "10.0.0.0/33",
            "::/129",
            "::ffff:10.0.0.0/95",
            "2001:db8::1:x",
            "[::1]",
            "[::1:80",
            "/8",
        ] {
            assert_eq!(text.parse::<PeerFilter>(), Err(NotAPeer), "{text}");
        }
    }
}
