//! Those who are asked for and are in another network namespace: that they have
//! no sockets here means nothing.

use super::NetnsNamer;
use crate::collect::Namespace;
use crate::collect::selector::processes_of_unit;
use crate::kernel::netns::find;
use crate::model::{Condition, NamedBy, NamespaceList};

/// A process or a unit that is in another network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Who was asked for: a pid, or the name of a unit.
    pub who: Asked,
    /// One of its processes, by which its namespace can be entered.
    pub pid: u32,
    /// What its namespace is called; `None` where nobody may know.
    pub namespace: Option<String>,
}

/// Who was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A process.
    Process,
    /// A unit, of whose processes none is in our namespace.
    Unit(String),
}

/// Those that a filter asks for and that are in another network namespace. Empty also where
/// that can't be known.
#[must_use]
pub fn absent(namespace: &Namespace) -> Vec<Absent> {
    let (mut wanted, mut units) = (Vec::new(), Vec::new());
    namespace.filter().any(&mut |condition| {
        match condition {
            Condition::Pid(pid) => wanted.push(*pid),
            Condition::Unit(name) | Condition::Container(name) if !units.contains(name) => {
                units.push(name.clone());
            }
            _ => {}
        }
        false
    });
    if wanted.is_empty() && units.is_empty() {
        return Vec::new();
    }
    let Some(proc_root) = namespace.proc_root() else {
        return Vec::new();
    };
    let Ok(found) = find(proc_root) else {
        return Vec::new();
    };
    let namer = NetnsNamer::new(proc_root, &found);
    let called = |pid: u32| {
        let identity = namer.identify(found.of_process(pid)?);
        // It was asked for, and is no name of where it is.
        let mut called = identity.names.into_iter();
        let place = called.find(|name| name.named_by != NamedBy::Process)?;
        Some(place.name)
    };
    let process = |pid| Absent {
        who: Asked::Process,
        pid,
        namespace: called(pid),
    };
    let mut absent: Vec<Absent> = wanted
        .into_iter()
        .filter(|&pid| is_elsewhere(&found, pid))
        .map(process)
        .collect();
    for unit in units {
        let pids = processes_of_unit(proc_root, &unit);
        if let Some(&pid) = pids.first()
            && pids.iter().all(|&pid| is_elsewhere(&found, pid))
        {
            absent.push(Absent {
                who: Asked::Unit(unit),
                pid,
                namespace: called(pid),
            });
        }
    }
    absent
}

/// Whether no thread of a process is in our namespace, and one in another.
fn is_elsewhere(found: &NamespaceList, pid: u32) -> bool {
    let mut of_process = found
        .all
        .iter()
        .filter(|namespace| namespace.members.contains(&pid))
        .peekable();
    of_process.peek().is_some() && of_process.all(|namespace| !namespace.is_own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NamespaceEntry, NetnsKey};

    #[test]
    fn who_has_a_thread_here_is_here() {
        let entry = |inode, members: &[u32]| NamespaceEntry {
            key: NetnsKey::Inode(inode),
            is_own: inode == 1,
            is_host: None,
            members: members.to_vec(),
            entrances: Vec::new(),
        };
        let found = NamespaceList {
            all: vec![entry(1, &[10, 11]), entry(2, &[11, 12])],
            ..NamespaceList::default()
        };
        let elsewhere = [10, 11, 12, 13].map(|pid| is_elsewhere(&found, pid));
        assert_eq!(elsewhere, [false, false, true, false]);
    }
}
