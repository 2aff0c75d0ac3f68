//! What the names in a filter stand for on this host.

use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketType, socket};

use super::processes::CgroupTree;
use super::{ProcRoot, read_port_settings};
use crate::filter::{Names, port_of_service, uid_of_user};
use crate::model::{CgroupId, ListNames, PortRange};

/// Files that hold names: users of a directory service aren't in them.
const SERVICES: &str = "services";
const PASSWD: &str = "passwd";
const HOSTS: &str = "hosts";

/// The names of the host, and the interfaces of the network namespace, whose
/// /proc is read.
#[derive(Debug, Clone)]
pub struct HostNames {
    proc_root: ProcRoot,
}

impl HostNames {
    /// The names that go with a /proc.
    #[must_use]
    pub fn new(proc_root: &ProcRoot) -> Self {
        Self {
            proc_root: proc_root.clone(),
        }
    }

    /// A file of /etc: beside a /proc that isn't the live one.
    fn etc(&self, name: &str) -> Option<String> {
        let etc = if self.proc_root.is_live() {
            PathBuf::from("/etc")
        } else {
            self.proc_root.path().parent()?.join("etc")
        };
        let bytes = fs::read(etc.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The index of an interface of another namespace: IPv6 has a file of
    /// counters for each, which begins with it.
    fn device_in_proc(&self, name: &str) -> Option<u32> {
        if name.contains('/') || name == "." || name == ".." {
            return None;
        }
        let path = self.proc_root.net_file(&format!("dev_snmp6/{name}"));
        let text = fs::read_to_string(path).ok()?;
        let index = text.lines().next()?.strip_prefix("ifIndex")?;
        index.trim().parse().ok()
    }

    /// The name of an interface; `None` where it is gone, or not to be known.
    #[must_use]
    pub fn device_name(&self, index: u32) -> Option<String> {
        if self.proc_root.is_of_this_thread() {
            return index_to_name(any_socket()?, index).ok();
        }
        let devices = fs::read_dir(self.proc_root.net_file("dev_snmp6")).ok()?;
        let names = devices.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names = names.filter(|name| self.device_in_proc(name) == Some(index));
        names.next()
    }

    /// All names of users, services and hosts that files of this host have:
    /// nobody else is asked.
    #[must_use]
    pub fn of_files(&self) -> ListNames {
        let file = |name| self.etc(name).unwrap_or_default();
        ListNames {
            users: users(&file(PASSWD)),
            services: services(&file(SERVICES)),
            hosts: hosts(&file(HOSTS)),
            local_ports: self.local_ports(),
        }
    }
}

/// A socket to ask for interfaces.
fn any_socket() -> Option<OwnedFd> {
    socket(AddressFamily::INET, SocketType::DGRAM, None)
        .or_else(|_| socket(AddressFamily::UNIX, SocketType::DGRAM, None))
        .ok()
}

/// The first name of each user of a passwd(5) file.
fn users(passwd: &str) -> HashMap<u32, String> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    first_of_each(passwd.lines().filter_map(entry))
}

/// The first name of each TCP port of a services(5) file.
fn services(services: &str) -> HashMap<u16, String> {
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let name = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
        Some((port, name.to_owned()))
    };
    first_of_each(services.lines().filter_map(entry))
}

/// The first name of each address of a hosts(5) file.
fn hosts(hosts: &str) -> HashMap<IpAddr, String> {
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        Some((address, words.next()?.to_owned()))
    };
    first_of_each(hosts.lines().filter_map(entry))
}

fn first_of_each<K: Eq + Hash>(entries: impl Iterator<Item = (K, String)>) -> HashMap<K, String> {
    let mut names = HashMap::new();
    for (key, name) in entries {
        names.entry(key).or_insert(name);
    }
    names
}

impl Names for HostNames {
    fn service(&self, name: &str) -> Option<u16> {
        port_of_service(&self.etc(SERVICES)?, name)
    }

    /// Asks as any program does: the hosts file, DNS, and what else the
    /// resolver is set up for.
    fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for address in (host, 0).to_socket_addrs().into_iter().flatten() {
            if !addresses.contains(&address.ip()) {
                addresses.push(address.ip());
            }
        }
        addresses
    }

    fn device(&self, name: &str) -> Option<u32> {
        if !self.proc_root.is_of_this_thread() {
            return self.device_in_proc(name);
        }
        name_to_index(any_socket()?, name).ok()
    }

    fn cgroup(&self, path: &str) -> Option<CgroupId> {
        let tree = CgroupTree::of(&self.proc_root)?;
        let below = tree.root().join(path.trim_start_matches('/'));
        let inside = Some(Path::new(path)).filter(|path| path.starts_with(tree.root()));
        [Some(below.as_path()), inside]
            .into_iter()
            .flatten()
            .filter_map(|path| fs::metadata(path).ok())
            .find(fs::Metadata::is_dir)
            .map(|metadata| CgroupId(metadata.ino()))
    }

    fn user(&self, name: &str) -> Option<u32> {
        uid_of_user(&self.etc(PASSWD)?, name)
    }

    fn local_ports(&self) -> Option<PortRange> {
        read_port_settings(&self.proc_root).range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_another_root_are_those_beside_its_proc() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("etc")).unwrap();
        fs::create_dir_all(at("proc")).unwrap();
        fs::create_dir_all(at("sys/fs/cgroup/a/b")).unwrap();
        fs::write(at("sys/fs/cgroup/cgroup.controllers"), "").unwrap();
        fs::write(at("etc/services"), "odd 7/tcp\n").unwrap();
        fs::write(at("etc/passwd"), "odd:x:77:7::/:/bin/sh\n").unwrap();
        let names = HostNames::new(&ProcRoot::new(&at("proc")));
        assert_eq!(names.service("odd"), Some(7));
        assert_eq!(names.user("odd"), Some(77));
        assert_eq!(names.user("root"), None);
        assert_eq!(names.device("lo"), None, "that of another namespace");
        fs::create_dir_all(at("proc/net/dev_snmp6")).unwrap();
        fs::write(
            at("proc/net/dev_snmp6/eth0"),
            "ifIndex \t7\nIp6InReceives 0\n",
        )
        .unwrap();
        assert_eq!(names.device("eth0"), Some(7));
        assert_eq!(names.device_name(7).as_deref(), Some("eth0"));
        assert_eq!(names.device_name(8), None);
        fs::write(at("etc/hosts"), "::1 localhost six # x\n::1 other\nodd\n").unwrap();
        let files = names.of_files();
        assert_eq!(files.users[&77], "odd");
        assert_eq!(files.services[&7], "odd");
        assert_eq!(files.hosts[&"::1".parse::<IpAddr>().unwrap()], "localhost");
        assert_eq!(names.device("../dev_snmp6/eth0"), None);
        let id = |path: &str| Some(CgroupId(fs::metadata(at(path)).unwrap().ino()));
        assert_eq!(names.cgroup("/a/b"), id("sys/fs/cgroup/a/b"));
        assert_eq!(names.cgroup("a"), id("sys/fs/cgroup/a"));
        assert_eq!(names.cgroup("/"), id("sys/fs/cgroup"));
        assert_eq!(names.cgroup("/cgroup.controllers"), None);
        assert_eq!(names.cgroup("/etc"), None);
        let mounted = at("sys/fs/cgroup/a").to_string_lossy().into_owned();
        assert_eq!(names.cgroup(&mounted), id("sys/fs/cgroup/a"));
    }

    #[test]
    fn names_of_this_host_are_its_own() {
        let names = HostNames::new(&ProcRoot::new(Path::new("/proc")));
        assert_eq!(names.device("lo"), Some(1));
        assert_eq!(names.device_name(1).as_deref(), Some("lo"));
        assert_eq!(names.device_name(u32::MAX), None);
        assert_eq!(names.device("no such device"), None);
        assert!(
            names
                .addresses("127.0.0.1")
                .contains(&IpAddr::from([127, 0, 0, 1]))
        );
        assert!(names.local_ports().is_some());
    }
}
