//! What a network namespace is called.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::Path;

use crate::collect::ContainerNames;
use crate::kernel::ProcRoot;
use crate::kernel::netns::uts_name;
use crate::kernel::processes::read_member;
use crate::model::{
    Entrance, Member, NamedBy, NamespaceEntry, NamespaceList, NetnsIdentity, NetnsName, Unit,
};

/// Of a namespace with more processes so many are asked who they are: a
/// container's first ones say it.
const MOST_MEMBERS: usize = 64;

/// Of the host's.
const MOST_OF_HOST: usize = 10_000;

/// Names namespaces for one reading.
#[derive(Debug)]
pub struct NetnsNamer<'a> {
    proc_root: &'a ProcRoot,
    found: &'a NamespaceList,
    containers: ContainerNames,
    /// The units of the host's processes, read when they are first needed.
    host_units: OnceCell<HashSet<Unit>>,
}

impl<'a> NetnsNamer<'a> {
    /// For the namespaces that were found in a /proc. The files that name
    /// containers are those of the system around that /proc.
    #[must_use]
    pub fn new(proc_root: &'a ProcRoot, found: &'a NamespaceList) -> Self {
        let system = proc_root.path().parent().unwrap_or(Path::new("/"));
        Self {
            proc_root,
            found,
            containers: ContainerNames::new(system),
            host_units: OnceCell::new(),
        }
    }

    /// The names of containers.
    #[must_use]
    pub const fn containers(&self) -> &ContainerNames {
        &self.containers
    }

    /// Reads who is in a namespace, and names it.
    #[must_use]
    pub fn identify(&self, namespace: &NamespaceEntry) -> NetnsIdentity {
        let is_host = namespace.is_host == Some(true);
        let most = if is_host { MOST_OF_HOST } else { MOST_MEMBERS };
        let members = self.members(namespace, most);
        let mut units = Vec::new();
        for unit in members.iter().filter_map(|member| member.unit.as_ref()) {
            if !units.contains(unit) {
                units.push(unit.clone());
            }
        }
        let mut names = Names::default();
        if is_host {
            names.add(NamedBy::Host, "host");
        } else {
            for unit in &units {
                self.name_by_unit(unit, namespace, &mut names);
            }
        }
        for pin in namespace.pins() {
            name_by_pin(pin, &mut names);
        }
        if !is_host {
            if !names.has_better_than(NamedBy::HostName)
                && let Some(pid) = pid_of(&members)
                && let Some(host_name) = uts_name(self.proc_root, pid)
            {
                names.add(NamedBy::HostName, &host_name);
            }
            if let Some(Member { pid, command, .. }) = first_with_a_name(&members) {
                let command = command.as_deref().unwrap_or("process");
                names.add(NamedBy::Process, &format!("{command}[{pid}]"));
            } else if let Some(pid) = namespace.entrances.iter().find_map(Entrance::pid) {
                // It holds the namespace, and isn't in it.
                names.add(NamedBy::Process, &format!("held by [{pid}]"));
            }
        }
        if let Some(inode) = namespace.key.inode() {
            names.add(NamedBy::Inode, &format!("netns:{inode}"));
        }
        NetnsIdentity {
            names: names.in_order(),
            units,
            since: members.first().map(|member| member.start_time),
        }
    }

    /// The processes of a namespace, the oldest first.
    fn members(&self, namespace: &NamespaceEntry, most: usize) -> Vec<Member> {
        let pids = namespace.members.iter().take(most);
        let mut members: Vec<Member> = pids
            .filter_map(|&pid| read_member(self.proc_root, pid))
            .collect();
        members.sort_by_key(|member| (member.start_time, member.pid));
        members
    }

    fn name_by_unit(&self, unit: &Unit, namespace: &NamespaceEntry, names: &mut Names) {
        if let Some(container) = self.containers.of(unit)
            && let Some(name) = container.of_namespace()
        {
            names.add(container.named_by, name);
        }
        match unit {
            Unit::Container { .. } | Unit::Pod { .. } => {
                names.add(NamedBy::ContainerId, &unit.short());
            }
            Unit::Systemd { .. } | Unit::OpenRc { .. } => {
                // `ip netns exec` leaves a program in the unit of whoever ran it.
                if !self.is_in_host(unit, namespace) {
                    names.add(NamedBy::Unit, &unit.to_string());
                }
            }
        }
    }

    /// Whether a unit has processes in the host's namespace, or in ours where
    /// nobody knows the host's.
    fn is_in_host(&self, unit: &Unit, asked: &NamespaceEntry) -> bool {
        let all = &self.found.all;
        let host = all.iter().find(|one| one.is_host == Some(true));
        let Some(host) = host.or(all.iter().find(|one| one.is_own)) else {
            return false;
        };
        if host.key == asked.key {
            return false;
        }
        let units = self.host_units.get_or_init(|| {
            let members = self.members(host, MOST_OF_HOST).into_iter();
            members.filter_map(|member| member.unit).collect()
        });
        units.contains(unit)
    }
}

fn pid_of(members: &[Member]) -> Option<u32> {
    members.first().map(|member| member.pid)
}

/// The oldest process, but for the one that only keeps a pod's namespaces.
fn first_with_a_name(members: &[Member]) -> Option<&Member> {
    let is_pause = |member: &&Member| {
        matches!(
            member.command.as_deref(),
            Some("pause" | "conmon" | "catatonit")
        )
    };
    let works = members.iter().find(|member| !is_pause(member));
    works.or(members.first())
}

fn name_by_pin(pin: &crate::model::Pin, names: &mut Names) {
    if let Some(name) = pin.ip_netns_name()
        && !is_made_up(name)
    {
        names.add(NamedBy::IpNetns, name);
    } else {
        names.add(NamedBy::Pin, &pin.path.to_string_lossy());
    }
}

/// Whether a program made up the name of a pin: it ends in a UUID, as those of
/// CNI do (`cni-…`, `netns-…`).
fn is_made_up(name: &str) -> bool {
    let mut groups = name.rsplit('-');
    [12, 4, 4, 4, 8].iter().all(|&length| {
        groups.next().is_some_and(|group| {
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    })
}

/// Names as they are found, each once.
#[derive(Default)]
struct Names(Vec<NetnsName>);

impl Names {
    fn add(&mut self, named_by: NamedBy, name: &str) {
        let name = NetnsName {
            named_by,
            name: name.to_owned(),
        };
        if !name.name.is_empty() && !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    fn has_better_than(&self, named_by: NamedBy) -> bool {
        self.0.iter().any(|name| name.named_by < named_by)
    }

    /// The best first; of equals the one that was found first.
    fn in_order(mut self) -> Vec<NetnsName> {
        self.0.sort_by_key(|name| name.named_by);
        self.0
    }
}

#[cfg(test)]
mod tests;
