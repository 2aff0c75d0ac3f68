//! Sockets counted by what they have in common. None of them is kept: memory
//! follows the number of groups, and by process that of the sockets held.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::Namespace;
use super::close_wait::listeners;
use super::list::Repeats;
use super::ownership::{self, Budget, CgroupReader, Hints};
use crate::classify::close_wait::Listeners;
use crate::kernel::{HostNames, KernelError};
use crate::model::{
    CgroupId, Collection, GroupKey, GroupValue, Groups, Inodes, NoGroup, OwnerCoverage, Owners,
    Request, Socket, SocketKind, StateSet, TcpState,
};

/// What grouping came to.
#[derive(Debug)]
pub struct GroupReading {
    /// The groups.
    pub groups: Groups,
    /// How the sockets were read.
    pub collection: Collection,
    /// How long it took.
    pub elapsed: Duration,
    /// How far their processes were searched; `None` unless they are grouped by
    /// these.
    pub owners: Option<OwnerCoverage>,
}

/// Counts every socket by what it has in common with others.
///
/// # Errors
///
/// When the sockets, or their owners, can't be read.
pub fn group(namespace: &mut Namespace, by: &[GroupKey]) -> Result<GroupReading, KernelError> {
    let start = Instant::now();
    let wants = |key| by.contains(&key);
    let request = Request::states(StateSet::RFC9293);
    let owners = if wants(GroupKey::Process) {
        owners(namespace, &request)?
    } else {
        None
    };
    let listeners = if wants(GroupKey::Listener) {
        listeners(namespace.all_sockets())?.0
    } else {
        Listeners::default()
    };
    let by_cgroup = wants(GroupKey::Unit) || wants(GroupKey::Container);
    let proc_root = namespace.proc_root().filter(|_| by_cgroup);
    let mut values = Values {
        owners: owners.as_ref(),
        listeners,
        cgroups: proc_root.and_then(CgroupReader::all),
        made_in: HashMap::new(),
        places: HashMap::new(),
        names: Vec::new(),
    };
    let mut groups = Groups::by(by);
    let collection = namespace.with_fallback(|namespace| {
        groups.clear();
        let mut repeats = Repeats::default();
        let mut row = Vec::with_capacity(by.len());
        let read = namespace.sockets().visit_all(&request, &mut |socket| {
            if repeats.has(socket.cookie) {
                return;
            }
            groups.sockets += 1;
            row.clear();
            row.extend(by.iter().map(|&key| values.of(key, socket)));
            count(&mut groups, &mut row, socket, owners.as_ref());
        });
        let mut collection = read?;
        collection.sockets = groups.sockets;
        collection.duplicates = collection.duplicates.or(Some(repeats.found()));
        Ok(collection)
    })?;
    groups.names = values.names;
    name(&mut groups, namespace, owners.as_ref())?;
    Ok(GroupReading {
        groups,
        collection,
        elapsed: start.elapsed(),
        owners: owners.map(|owners| owners.coverage),
    })
}

/// Counts a socket: once for each process that holds it.
fn count(groups: &mut Groups, row: &mut [GroupValue], socket: &Socket, owners: Option<&Owners>) {
    let place = groups.by.iter().position(|&key| key == GroupKey::Process);
    let holders = owners
        .zip(socket.inode)
        .map(|(owners, inode)| owners.of(inode));
    let (Some(place), Some([_, _, ..])) = (place, holders) else {
        groups.add(row, socket.state);
        return;
    };
    let mut before = None;
    // They are sorted by process.
    for holder in holders.unwrap_or_default() {
        if before.replace(holder.pid) == Some(holder.pid) {
            continue;
        }
        if let Some(value) = row.get_mut(place) {
            *value = GroupValue::Process(holder.pid);
        }
        groups.add(row, socket.state);
    }
}

/// Who holds the sockets; `None` where nobody can tell.
fn owners(namespace: &mut Namespace, request: &Request) -> Result<Option<Owners>, KernelError> {
    let mut inodes = Inodes::default();
    namespace.with_fallback(|namespace| {
        inodes.clear();
        let sockets = namespace.sockets();
        sockets.visit_all(request, &mut |socket| inodes.extend(socket.inode))
    })?;
    let Some(proc_root) = namespace.proc_root() else {
        return Ok(None);
    };
    ownership::find(proc_root, &inodes, &Hints::default(), Budget::Everywhere).map(Some)
}

/// Names for the numbers in the groups.
fn name(
    groups: &mut Groups,
    namespace: &Namespace,
    owners: Option<&Owners>,
) -> Result<(), KernelError> {
    let Some(proc_root) = namespace.proc_root() else {
        return Ok(());
    };
    if let Some(owners) = owners {
        let processes = ownership::processes(proc_root, owners)?.into_iter();
        groups.commands = processes
            .filter_map(|(pid, process)| Some((pid, process.command?)))
            .collect();
    }
    let devices = HostNames::new(proc_root);
    for index in groups.interfaces_mentioned() {
        if let Some(name) = devices.device_name(index) {
            groups.interfaces.insert(index, name);
        }
    }
    Ok(())
}

/// What is known of sockets beside their rows.
struct Values<'a> {
    owners: Option<&'a Owners>,
    listeners: Listeners,
    cgroups: Option<CgroupReader>,
    /// The unit and the container of each cgroup.
    made_in: HashMap<CgroupId, [GroupValue; 2]>,
    places: HashMap<String, usize>,
    names: Vec<String>,
}

impl Values<'_> {
    fn of(&mut self, key: GroupKey, socket: &Socket) -> GroupValue {
        let none = GroupValue::None;
        let is_small = socket.kind != SocketKind::Full;
        match key {
            GroupKey::Process | GroupKey::Unit | GroupKey::Container | GroupKey::User
                if is_small =>
            {
                none(NoGroup::Minisocket)
            }
            GroupKey::Process => self.process(socket),
            GroupKey::Unit => self.made_in(socket)[0],
            GroupKey::Container => self.made_in(socket)[1],
            GroupKey::User => socket.uid.map_or(none(NoGroup::NotTold), GroupValue::User),
            GroupKey::LocalPort => GroupValue::Port(socket.local.port),
            GroupKey::RemotePort => GroupValue::Port(socket.remote.port),
            GroupKey::Remote => {
                GroupValue::Address(socket.remote.canonical_address(), socket.remote.zone)
            }
            GroupKey::RemotePrefix(bits) => network(socket.remote.canonical_address(), bits),
            GroupKey::Interface => {
                let interface = socket.interface.map(GroupValue::Interface);
                let nowhere = if socket.cookie.is_none() {
                    NoGroup::NotTold
                } else {
                    NoGroup::NotBound
                };
                interface.unwrap_or(none(nowhere))
            }
            GroupKey::Listener => {
                let through = match socket.state {
                    TcpState::Listen => Some(socket),
                    _ => self.listeners.of(socket).first(),
                };
                through.map_or(none(NoGroup::NoListener), |listener| {
                    GroupValue::Listener(listener.local, listener.interface)
                })
            }
        }
    }

    fn process(&self, socket: &Socket) -> GroupValue {
        let none = GroupValue::None;
        let Some(owners) = self.owners else {
            return none(NoGroup::NotTold);
        };
        match (socket.inode, socket.state) {
            (Some(inode), _) => owners
                .of(inode)
                .first()
                .map_or(none(NoGroup::Unseen), |holder| {
                    GroupValue::Process(holder.pid)
                }),
            (None, TcpState::Established | TcpState::CloseWait | TcpState::SynRecv) => {
                none(NoGroup::NotAccepted)
            }
            (None, _) => none(NoGroup::Closed),
        }
    }

    /// The unit and the container whose cgroup a socket was made in.
    fn made_in(&mut self, socket: &Socket) -> [GroupValue; 2] {
        let both = |why| [GroupValue::None(why); 2];
        let (Some(cgroup), Some(reader)) = (socket.cgroup, &self.cgroups) else {
            return both(NoGroup::NotTold);
        };
        if let Some(known) = self.made_in.get(&cgroup) {
            return *known;
        }
        let resolved = reader.of(cgroup);
        let values = match (&resolved.path, &resolved.unit) {
            (None, _) => both(NoGroup::CgroupUnknown),
            (Some(_), None) => [
                GroupValue::None(NoGroup::NoUnit),
                GroupValue::None(NoGroup::NoContainer),
            ],
            (Some(_), Some(unit)) => {
                let name = self.name(unit.short());
                let container = if unit.is_container() {
                    name
                } else {
                    GroupValue::None(NoGroup::NoContainer)
                };
                [name, container]
            }
        };
        self.made_in.insert(cgroup, values);
        values
    }

    fn name(&mut self, name: String) -> GroupValue {
        let next = self.names.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        if place == next {
            self.names.push(name);
        }
        GroupValue::Name(place)
    }
}

/// The network of an address: of IPv4 no more than 32 bits.
fn network(address: IpAddr, bits: u8) -> GroupValue {
    match address {
        IpAddr::V4(address) => {
            let bits = bits.min(32);
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let first = Ipv4Addr::from_bits(address.to_bits() & mask);
            GroupValue::Network(first.into(), bits)
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            let first = Ipv6Addr::from_bits(address.to_bits() & mask);
            GroupValue::Network(first.into(), bits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_first_bits_of_its_addresses() {
        let of = |address: &str, bits| match network(address.parse().unwrap(), bits) {
            GroupValue::Network(first, bits) => format!("{first}/{bits}"),
            other => format!("{other:?}"),
        };
        assert_eq!(of("192.0.2.77", 24), "192.0.2.0/24");
        assert_eq!(of("192.0.2.77", 0), "0.0.0.0/0");
        assert_eq!(of("192.0.2.77", 64), "192.0.2.77/32");
        assert_eq!(of("2001:db8:1:2::3", 48), "2001:db8:1::/48");
        assert_eq!(of("2001:db8::1", 128), "2001:db8::1/128");
    }
}
