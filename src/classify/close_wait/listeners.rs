//! Which listener a connection waits at that nobody has accepted.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::{Endpoint, Family, Socket};

/// What the kernel tells listeners apart by. Those that share it
/// (SO_REUSEPORT) can't be told apart from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    family: Family,
    local: Endpoint,
    interface: Option<u32>,
}

/// The LISTEN sockets of the host.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    places: HashMap<Place, Vec<Socket>, RandomState>,
}

impl Listeners {
    /// Takes one in.
    pub fn add(&mut self, listener: &Socket) {
        let place = Place {
            family: listener.family,
            local: listener.local,
            interface: listener.interface,
        };
        self.places.entry(place).or_default().push(listener.clone());
    }

    /// The listeners that a connection can have come through: several only if
    /// they share their port (SO_REUSEPORT). None when it is gone.
    ///
    /// A connection has the family of its listener: one to a dual-stack
    /// listener is an IPv6 socket, also from an IPv4 peer.
    #[must_use]
    pub fn of(&self, connection: &Socket) -> &[Socket] {
        let wildcard = match connection.family {
            Family::Ipv4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        // The kernel prefers the listener that says more.
        [connection.local.address, wildcard]
            .into_iter()
            .flat_map(|address| {
                [connection.interface, None].map(|interface| Place {
                    family: connection.family,
                    local: Endpoint::new(address, connection.local.port).on_interface(interface),
                    interface,
                })
            })
            .find_map(|place| self.places.get(&place))
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SocketBuilder, close_wait};
    use super::*;

    fn listener(local: &str, inode: u64) -> SocketBuilder {
        let any = if local.starts_with('[') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        close_wait().ends(local, any).inode(inode).listen()
    }

    fn inodes_of(listeners: &[(&str, u64)], local: &str) -> Vec<u64> {
        let mut all = Listeners::default();
        for &(local, inode) in listeners {
            all.add(&listener(local, inode).build());
        }
        let remote = if local.starts_with('[') {
            "[::1]:9"
        } else {
            "1.1.1.1:9"
        };
        let connection = close_wait().ends(local, remote).inode(0).build();
        let found = all.of(&connection).iter();
        found.filter_map(|listener| listener.inode).collect()
    }

    #[test]
    fn the_same_port_and_the_same_or_any_address() {
        let all = [("0.0.0.0:80", 1), ("10.0.0.1:81", 2), ("0.0.0.0:82", 3)];
        assert_eq!(inodes_of(&all, "10.0.0.1:80"), [1]);
        assert_eq!(inodes_of(&all, "10.0.0.1:81"), [2]);
        assert_eq!(inodes_of(&all, "10.0.0.2:81"), [] as [u64; 0]);
        assert_eq!(inodes_of(&all, "10.0.0.1:83"), [] as [u64; 0]);
    }

    #[test]
    fn the_address_itself_comes_before_the_wildcard() {
        let all = [("0.0.0.0:80", 1), ("10.0.0.1:80", 2)];
        assert_eq!(inodes_of(&all, "10.0.0.1:80"), [2]);
        assert_eq!(inodes_of(&all, "10.0.0.2:80"), [1]);
    }

    #[test]
    fn a_dual_stack_listener_takes_mapped_addresses_and_no_ipv4_socket() {
        let all = [("[::]:80", 1)];
        assert_eq!(inodes_of(&all, "[::ffff:10.0.0.1]:80"), [1]);
        assert_eq!(inodes_of(&all, "[2001:db8::1]:80"), [1]);
        assert_eq!(inodes_of(&all, "10.0.0.1:80"), [] as [u64; 0]);
    }

    #[test]
    fn those_that_share_a_port_are_all_named() {
        let all = [("0.0.0.0:80", 1), ("0.0.0.0:80", 2)];
        assert_eq!(inodes_of(&all, "10.0.0.1:80"), [1, 2]);
    }
}
