//! What an advice tells to type.

use std::net::IpAddr;

/// An address, or one with a port, as ss takes it: IPv6 in brackets, which a
/// shell may take for a pattern.
pub(super) fn place(address: IpAddr, port: Option<u16>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    match address {
        IpAddr::V4(address) => format!("{address}{port}"),
        IpAddr::V6(address) => format!("'[{address}]{port}'"),
    }
}
