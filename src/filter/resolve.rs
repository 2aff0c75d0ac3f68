//! What names stand for. Whoever parses says how: the host's files, or a test's.

use std::net::IpAddr;

use crate::model::{CgroupId, PortRange};

/// Looks names up.
pub trait Names {
    /// The TCP port of a service, by its name or an alias.
    fn service(&self, name: &str) -> Option<u16>;

    /// The addresses of a host; none when it has none.
    fn addresses(&self, host: &str) -> Vec<IpAddr>;

    /// The index of an interface of the namespace that is read.
    fn device(&self, name: &str) -> Option<u32>;

    /// The cgroup at a path, which begins at the root of cgroup2 or leads there.
    fn cgroup(&self, path: &str) -> Option<CgroupId>;

    /// The number of a user.
    fn user(&self, name: &str) -> Option<u32>;

    /// `net.ipv4.ip_local_port_range` of the namespace that is read.
    fn local_ports(&self) -> Option<PortRange>;
}

/// The port of a service in the text of a services(5) file.
#[must_use]
pub fn port_of_service(services: &str, service: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let mut words = uncommented(line).split_ascii_whitespace();
        let name = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?;
        let called = name == service || words.any(|alias| alias == service);
        called.then(|| port.parse().ok())?
    })
}

/// The number of a user in the text of a passwd(5) file.
#[must_use]
pub fn uid_of_user(passwd: &str, user: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_the_one = fields.next()? == user;
        is_the_one.then(|| fields.nth(1)?.parse().ok())?
    })
}

fn uncommented(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_and_protocols() {
        let services = "# comment\nssh\t22/tcp\nhttp 80/tcp www # web\n\
                        domain 53/udp\nodd\nodd x/tcp\nssh 99/tcp\n";
        for (name, port) in [
            ("ssh", Some(22)),
            ("www", Some(80)),
            ("domain", None),
            ("web", None),
            ("odd", None),
            ("", None),
        ] {
            assert_eq!(port_of_service(services, name), port, "{name}");
        }
    }

    #[test]
    fn users_have_a_number_in_the_third_field() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\nwww-data:x:33:33::/:/bin/false\n";
        assert_eq!(uid_of_user(passwd, "www-data"), Some(33));
        assert_eq!(uid_of_user(passwd, "root"), Some(0));
        assert_eq!(uid_of_user(passwd, "broken"), None);
        assert_eq!(uid_of_user(passwd, "x"), None);
    }
}
