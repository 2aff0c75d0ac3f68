//! Which network namespace somebody means.

use std::path::Path;

use super::NetnsNamer;
use crate::collect::ContainerName;
use crate::kernel::ProcRoot;
use crate::kernel::netns::namespace_at;
use crate::kernel::processes::process_of;
use crate::model::{NamedBy, NamespaceEntry, NamespaceList, NetnsIdentity, NetnsKey, Unit};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// One namespace.
    One(&'a NamespaceEntry),
    /// Several, each with what it is called.
    Several(Vec<(&'a NamespaceEntry, NetnsIdentity)>),
    /// None that was found.
    Unknown,
}

/// The shortest beginning of a container's id that is taken for one.
const SHORTEST_ID: usize = 6;

/// Finds the namespace that is meant by the path of a pin, a name of `ip netns`,
/// a PID, a container's name, `NAMESPACE/POD`, a pod, a pod's uid, the beginning
/// of a container's id, a unit, a host name or any other name that we show: the
/// first of these that fits.
#[must_use]
pub fn resolve<'a>(
    proc_root: &ProcRoot,
    found: &'a NamespaceList,
    namer: &NetnsNamer<'_>,
    name: &str,
) -> Resolved<'a> {
    let quickly = by_path(found, name)
        .or_else(|| by_ip_netns(found, name))
        .or_else(|| by_pid(proc_root, found, name));
    if let Some(namespace) = quickly {
        return Resolved::One(namespace);
    }
    let identified: Vec<Identified<'a>> = found
        .all
        .iter()
        .map(|namespace| Identified::new(namespace, namer))
        .collect();
    for fits in ORDER {
        let mut fitting = identified.iter().filter(|one| fits(one, name));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => return Resolved::One(one.namespace),
            (Some(one), Some(another)) => {
                let all = [one, another].into_iter().chain(fitting);
                let several = all.map(|one| (one.namespace, one.identity.clone()));
                return Resolved::Several(several.collect());
            }
            (None, _) => {}
        }
    }
    Resolved::Unknown
}

/// A namespace and all that it can be meant by.
struct Identified<'a> {
    namespace: &'a NamespaceEntry,
    identity: NetnsIdentity,
    /// The names of its containers, with the pods around them.
    containers: Vec<String>,
    pods: Vec<String>,
}

impl<'a> Identified<'a> {
    fn new(namespace: &'a NamespaceEntry, namer: &NetnsNamer<'_>) -> Self {
        let identity = namer.identify(namespace);
        let known = identity.units.iter();
        let known: Vec<_> = known
            .filter_map(|unit| namer.containers().of(unit))
            .collect();
        let containers = known
            .iter()
            .filter(|one| one.pod.is_none())
            .filter_map(|one| one.name.clone())
            .chain(known.iter().filter_map(ContainerName::of_container))
            .collect();
        let pods = known.iter().filter_map(|one| one.pod.clone()).collect();
        Self {
            namespace,
            identity,
            containers,
            pods,
        }
    }

    fn is_named(&self, named_by: NamedBy, name: &str) -> bool {
        let mut names = self.identity.names.iter();
        names.any(|one| one.named_by == named_by && one.name == name)
    }
}

/// The ways to mean a namespace that take names, in their order.
const ORDER: [fn(&Identified<'_>, &str) -> bool; 9] = [
    |one, name| one.is_named(NamedBy::Host, name),
    |one, name| one.containers.iter().any(|own| own == name),
    |one, name| one.pods.iter().any(|own| own == name),
    |one, name| {
        let pods = one.pods.iter().filter_map(|own| own.split_once('/'));
        pods.map(|(_, pod)| pod).any(|pod| pod == name)
    },
    |one, name| one.identity.units.iter().any(|unit| is_uid(unit, name)),
    |one, name| one.identity.units.iter().any(|unit| begins(unit, name)),
    |one, name| one.identity.units.iter().any(|unit| unit.is_called(name)),
    |one, name| one.is_named(NamedBy::HostName, name),
    // What we call it ourselves.
    |one, name| one.identity.names.iter().any(|own| own.name == name),
];

fn is_uid(unit: &Unit, name: &str) -> bool {
    match unit {
        Unit::Pod { uid } => uid == name,
        Unit::Container { pod, .. } => pod.as_deref() == Some(name),
        Unit::Systemd { .. } | Unit::OpenRc { .. } => false,
    }
}

fn begins(unit: &Unit, name: &str) -> bool {
    let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Unit::Container { id, .. } = unit else {
        return false;
    };
    name.len() >= SHORTEST_ID && is_hex && id.starts_with(name)
}

/// By the path of a pin, or of /proc/PID/ns/net: what is mounted there now.
fn by_path<'a>(found: &'a NamespaceList, name: &str) -> Option<&'a NamespaceEntry> {
    if !name.contains('/') {
        return None;
    }
    found.get(NetnsKey::Inode(namespace_at(Path::new(name))?))
}

fn by_ip_netns<'a>(found: &'a NamespaceList, name: &str) -> Option<&'a NamespaceEntry> {
    found.all.iter().find(|namespace| {
        let mut pins = namespace.pins();
        pins.any(|pin| pin.ip_netns_name() == Some(name))
    })
}

/// By a process, or a thread. A thread that is elsewhere than its process counts
/// by itself.
fn by_pid<'a>(
    proc_root: &ProcRoot,
    found: &'a NamespaceList,
    name: &str,
) -> Option<&'a NamespaceEntry> {
    let pid: u32 = name.parse().ok()?;
    let inode = proc_root.netns_inode_of(pid).map(NetnsKey::Inode);
    inode
        .and_then(|key| found.get(key))
        .or_else(|| found.of_process(pid))
        .or_else(|| found.of_process(process_of(proc_root, pid)?))
}

#[cfg(test)]
mod tests;
