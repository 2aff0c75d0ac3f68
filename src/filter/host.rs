//! HOST and PORT of the filter language: `[FAMILY:]ADDRESS[/PREFIX][:PORT]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::number::integer;
use crate::model::{Family, Network};

/// What may stand for a HOST.
pub(super) const HOST: &str = "an address, as in 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, \
                               [2001:db8::1]:443, 2001:db8::/32, a host's name, or :PORT";
/// What may stand for a PORT.
pub(super) const PORT: &str = "a port, as in 443, :443, https, or * for any";

/// A HOST that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host<'t> {
    /// The socket's family, where it is named.
    pub(super) family: Option<Family>,
    pub(super) address: Address<'t>,
    /// The interface of a link-local address.
    pub(super) zone: Option<&'t str>,
    pub(super) port: Option<Port<'t>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address<'t> {
    Any,
    Network(Network),
    /// A host, whose addresses have to be looked up.
    Name(&'t str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Port<'t> {
    Number(u16),
    /// A service, whose port has to be looked up.
    Service(&'t str),
}

/// Reads a HOST.
pub(super) fn host(text: &str) -> Result<Host<'_>, String> {
    let (family, rest) = family(text)?;
    let (address, port) = if let Some(inside) = rest.strip_prefix('[') {
        let Some((address, port)) = inside.split_once(']') else {
            return Err(format!("the [ of {text} is not closed"));
        };
        match port.strip_prefix(':') {
            _ if port.is_empty() => (address, ""),
            Some(port) => (address, port),
            None => {
                return Err(format!(
                    "{port} cannot follow ]: a prefix goes inside the brackets, a port after a colon"
                ));
            }
        }
    } else {
        // The last colon begins the port: that of an address with a prefix
        // comes after the slash.
        let from = rest.find('/').unwrap_or(0);
        match rest.get(from..).and_then(|end| end.rfind(':')) {
            Some(colon) => {
                let (address, port) = rest.split_at(from + colon);
                (address, port.trim_start_matches(':'))
            }
            None => (rest, ""),
        }
    };
    let bracketed = rest.starts_with('[');
    if !bracketed && rest.parse::<Ipv6Addr>().is_ok() && address.parse::<Ipv6Addr>().is_err() {
        return Err(format!(
            "the last colon of {text} begins a port: write [{rest}] or {rest}/128 for the address"
        ));
    }
    let port = match port {
        "" | "*" => None,
        port => Some(number_or_service(port)?),
    };
    let (address, zone) = match address.split_once('%') {
        None => (address, None),
        Some((start, zone)) => match zone.split_once('/') {
            // fe80::1%eth0/64
            Some((zone, _)) => {
                let prefix = address.find('/').and_then(|slash| address.get(slash..));
                return with_zone(family, start, prefix.unwrap_or_default(), zone, port);
            }
            None => (start, Some(zone)),
        },
    };
    if let Some(zone) = zone {
        return with_zone(family, address, "", zone, port);
    }
    let address = network_or_name(address, bracketed)?;
    Ok(Host {
        family,
        address,
        zone: None,
        port,
    })
}

fn with_zone<'t>(
    family: Option<Family>,
    address: &str,
    prefix: &str,
    zone: &'t str,
    port: Option<Port<'t>>,
) -> Result<Host<'t>, String> {
    let network = ipv6(address, prefix.strip_prefix('/'))?;
    if zone.is_empty() {
        return Err(format!("an interface is missing after {address}%"));
    }
    Ok(Host {
        family,
        address: Address::Network(network),
        zone: Some(zone),
        port,
    })
}

/// The family before an address or port, and the rest.
pub(super) fn family(text: &str) -> Result<(Option<Family>, &str), String> {
    for (word, family) in [("inet:", Family::Ipv4), ("inet6:", Family::Ipv6)] {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((Some(family), rest));
        }
    }
    for word in ["unix:", "link:", "netlink:", "vsock:"] {
        if text.starts_with(word) {
            return Err(format!("{word} is not a family of TCP: inet: or inet6:"));
        }
    }
    Ok((None, text))
}

/// A port by its number or name.
pub(super) fn number_or_service(text: &str) -> Result<Port<'_>, String> {
    if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+')) {
        return integer(text).map(Port::Number).ok_or_else(|| {
            let octal = text.starts_with('0') && !text.starts_with("0x");
            let hint = if octal {
                ", and a leading 0 means octal"
            } else {
                ""
            };
            format!("{text} is not a port: 0 to 65535{hint}")
        });
    }
    if text.contains(['/', ':', '[', ']']) {
        return Err(format!("{text} is not a port"));
    }
    Ok(Port::Service(text))
}

fn network_or_name(text: &str, bracketed: bool) -> Result<Address<'_>, String> {
    if matches!(text, "" | "*") || (!bracketed && matches!(text, "any" | "all" | "default")) {
        return Ok(Address::Any);
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    if bracketed || address.contains(':') {
        return ipv6(address, prefix).map(Address::Network);
    }
    let is_number =
        |character: char| character.is_ascii_hexdigit() || matches!(character, 'x' | 'X' | '.');
    if address.starts_with(|first: char| first.is_ascii_digit()) && address.chars().all(is_number) {
        return ipv4(address, prefix).map(Address::Network);
    }
    if prefix.is_some() {
        return Err(format!(
            "a prefix needs a numeric address, not the name {address}"
        ));
    }
    Ok(Address::Name(address))
}

fn ipv6(address: &str, prefix: Option<&str>) -> Result<Network, String> {
    let parsed = address
        .parse::<Ipv6Addr>()
        .map_err(|_| format!("{address} is not an IPv6 address"))?;
    let bits = match prefix {
        None => 128,
        Some(prefix) => {
            integer(prefix).ok_or_else(|| format!("/{prefix} is not an IPv6 prefix: 0 to 128"))?
        }
    };
    Network::new(parsed.into(), bits)
        .ok_or_else(|| format!("/{bits} is not an IPv6 prefix: 0 to 128"))
}

/// An IPv4 address of one to four octets: those that are missing are zero.
fn ipv4(address: &str, prefix: Option<&str>) -> Result<Network, String> {
    let wrong = || format!("{address} is not an IPv4 address");
    let octets = address
        .split('.')
        .map(integer::<u8>)
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(wrong)?;
    let address: Ipv4Addr = match *octets.as_slice() {
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c] => [a, b, c, 0],
        [a, b, c, d] => [a, b, c, d],
        _ => return Err(wrong()),
    }
    .into();
    let bits = match prefix {
        None => 32,
        Some(prefix) => prefix_or_mask(prefix).ok_or_else(|| {
            format!("/{prefix} is not an IPv4 prefix: 0 to 32, or a mask as in 255.255.0.0")
        })?,
    };
    Network::new(IpAddr::V4(address), bits)
        .ok_or_else(|| format!("/{bits} is not an IPv4 prefix: 0 to 32"))
}

/// `8`, or the mask 255.0.0.0.
fn prefix_or_mask(text: &str) -> Option<u8> {
    if !text.contains('.') {
        return integer(text);
    }
    let mask = text.parse::<Ipv4Addr>().ok()?.to_bits();
    let bits = mask.leading_ones();
    (mask.checked_shl(bits).unwrap_or(0) == 0).then(|| u8::try_from(bits).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<String> {
        match host(text).ok()?.address {
            Address::Any => Some("any".to_owned()),
            Address::Network(network) => Some(network.to_string()),
            Address::Name(name) => Some(format!("name {name}")),
        }
    }

    #[test]
    fn addresses_are_read_as_ss_reads_them() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.1.0.0"),
            ("80", "80.0.0.0"),
            ("127/8", "127.0.0.0/8"),
            ("10.9/16", "10.9.0.0/16"),
            ("0x7f.0.0.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.0.0.0/255.0.0.0", "127.0.0.0/8"),
            ("1.2.3.4/0.0.0.0", "1.2.3.4/0"),
            ("127.0.0.0/0x8", "127.0.0.0/8"),
            ("[::1]", "::1"),
            ("[2001:db8::/32]:443", "2001:db8::/32"),
            ("2001:db8::/32:443", "2001:db8::/32"),
            ("::1:5432", "::1"),
            ("fe80::1:7000", "fe80::1"),
            ("::ffff:127.0.0.1/128", "::ffff:127.0.0.1"),
            ("*", "any"),
            ("[]", "any"),
            (":80", "any"),
            ("all:80", "any"),
            ("inet6:*:80", "any"),
            ("default", "any"),
            ("1.2.3.4:*", "1.2.3.4"),
            ("1.2.3.4:", "1.2.3.4"),
            ("ssh", "name ssh"),
            ("db.example:5432", "name db.example"),
            ("1e100.net", "name 1e100.net"),
            ("fe80::1%eth0/128", "fe80::1"),
            ("[fe80::1%eth0]:7000", "fe80::1"),
        ] {
            assert_eq!(address(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_port_begins_at_the_last_colon() {
        for (text, port) in [
            ("::1:5432", Some(Port::Number(5432))),
            ("2001:db8::/32:443", Some(Port::Number(443))),
            ("[::1]:http", Some(Port::Service("http"))),
            ("1.2.3.4:*", None),
            ("::1/128", None),
        ] {
            assert_eq!(host(text).unwrap().port, port, "{text}");
        }
        assert_eq!(host("[fe80::1%eth0]:7000").unwrap().zone, Some("eth0"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "127.0.0.256",
            "127.0.0.1/33",
            "127.0.0.1/",
            "127.0.0.1/255.0.255.0",
            "1.2.3.4.5",
            "2001:db8::/129",
            "::1",
            "fe80::1",
            "[::1",
            "[::1]/32",
            "[::1]80",
            "[127.0.0.1]",
            "unix:x",
            "fe80::1%/128",
            "1.2.3.4%eth0",
            "1.2.3.4:65536",
            "1.2.3.4:080",
            "ssh/8",
        ] {
            assert!(host(text).is_err(), "{text}: {:?}", host(text));
        }
    }
}
