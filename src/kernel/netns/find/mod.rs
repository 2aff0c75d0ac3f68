//! Which network namespaces there are.
//!
//! /proc/PID/ns/net is not the list: it shows the namespace of the first thread
//! of each process, to who may trace it. Threads, processes whose first thread
//! has ended, mounts, open descriptors and sockets keep others. Who shares a
//! namespace with whom is told to everybody by the inode of /proc/PID/net/tcp.

mod descriptors;
mod pins;

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

use foldhash::fast::RandomState;
use rustix::fs::{AtFlags, readlinkat, statat};
use rustix::io::Errno;

pub use self::descriptors::find_descriptors;
pub use self::pins::namespace_at;
use crate::kernel::proc_root::netns_of_link;
use crate::kernel::processes::directory::{listed, other_threads};
use crate::kernel::processes::{directory, sizes};
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{Entrance, NamespaceEntry, NamespaceList, NetnsKey, Pin};

/// More namespaces than these are not listed.
const MOST: usize = 10_000;

/// So many entrances of a kind are kept of each namespace: others serve when the
/// first has gone meanwhile.
const ENTRANCES: usize = 3;

/// The inode of the initial network namespace since Linux 6.18
/// (`NET_NS_INIT_INO`); before, the kernel numbered them all from 0xf0000000.
const HOST_NETNS: u64 = 0xefff_fff9;

/// The inode of the initial pid namespace (`PROC_PID_INIT_INO`), whose process 1
/// is in the host's network namespace.
const HOST_PIDS: &[u8] = b"pid:[4026531836]";

/// Finds the network namespaces that processes are in, or that are mounted
/// somewhere. Those that only an open descriptor keeps are found by
/// [`find_descriptors`]; what only sockets keep can't be entered.
///
/// # Errors
///
/// When the root of /proc can't be listed.
pub fn find(proc_root: &ProcRoot) -> Result<NamespaceList, KernelError> {
    let root = directory::open_root(proc_root)?;
    let failed =
        |errno: Errno| proc_root.error(proc_root.path().to_owned(), std::io::Error::from(errno));
    let again = directory::open(&root, ".").map_err(failed)?;
    let mut pids = listed(again).map_err(failed)?;
    pids.sort_unstable();
    let mut search = Search::new(proc_root, root);
    search.found.hidden = sizes::is_proc(&search.root) && pids.first() != Some(&1);
    for &pid in &pids {
        search.process(pid);
    }
    search.tell_denied_apart();
    let mut pinned = pins::find(proc_root, &search.mounts);
    search.found.stale_pins.append(&mut pinned.stale);
    for (inode, pin) in pinned.pins {
        search.enter_at(NetnsKey::Inode(inode), Entrance::Pin(pin));
    }
    Ok(search.finish(proc_root))
}

/// What has been found so far.
struct Search {
    root: OwnedFd,
    found: NamespaceList,
    /// Where each namespace is in the list.
    by_key: HashMap<NetnsKey, usize, RandomState>,
    /// Processes and threads whose namespace may not be read, with the inode of
    /// their table of sockets.
    denied: Vec<(Entrance, u64)>,
    /// A process of each mount namespace, by the text of its link.
    mounts: HashMap<Vec<u8>, u32, RandomState>,
}

impl Search {
    fn new(proc_root: &ProcRoot, root: OwnedFd) -> Self {
        let mut search = Self {
            root,
            found: NamespaceList::default(),
            by_key: HashMap::default(),
            denied: Vec::new(),
            mounts: HashMap::default(),
        };
        // Our own thread may be in another one than our process.
        for own in ["thread-self", "self"] {
            if let Ok(inode) = search.netns(own) {
                search.at(NetnsKey::Inode(inode));
                break;
            }
        }
        // A copy of a /proc, and one that shows no process of ours, has a
        // namespace of its own all the same: that of its /proc/net.
        if search.found.all.is_empty() {
            let table = proc_root.net_file("tcp");
            if let Ok(stat) = rustix::fs::stat(&table) {
                search.at(NetnsKey::SocketTable(stat.st_ino));
            }
        }
        if let Some(own) = search.found.all.first_mut() {
            own.is_own = true;
        }
        search
    }

    /// The namespace with this key, added where it is new; `None` where there
    /// are too many.
    fn at(&mut self, key: NetnsKey) -> Option<&mut NamespaceEntry> {
        let next = self.found.all.len();
        if !self.by_key.contains_key(&key) {
            if next >= MOST {
                self.found.more = true;
                return None;
            }
            self.by_key.insert(key, next);
            self.found.all.push(NamespaceEntry {
                key,
                is_own: false,
                is_host: None,
                members: Vec::new(),
                entrances: Vec::new(),
            });
        }
        let place = *self.by_key.get(&key)?;
        self.found.all.get_mut(place)
    }

    /// Adds a way into a namespace, and the process that it leads through.
    fn enter_at(&mut self, key: NetnsKey, entrance: Entrance) {
        let Some(namespace) = self.at(key) else {
            return;
        };
        if let Entrance::Process(pid) | Entrance::Thread { pid, .. } = entrance
            && namespace.members.last() != Some(&pid)
        {
            namespace.members.push(pid);
        }
        let kind = std::mem::discriminant(&entrance);
        let alike = namespace
            .entrances
            .iter()
            .filter(|one| std::mem::discriminant(*one) == kind);
        if alike.count() < ENTRANCES && !namespace.entrances.contains(&entrance) {
            namespace.entrances.push(entrance);
        }
    }

    /// Looks at a process, and at its threads where they may be elsewhere.
    fn process(&mut self, pid: u32) {
        let first = self.look(&pid.to_string(), Entrance::Process(pid));
        if let Ok(link) = readlinkat(&self.root, format!("{pid}/ns/mnt"), []) {
            self.mounts.entry(link.into_bytes()).or_insert(pid);
        }
        for thread in other_threads(self.root.as_fd(), pid).unwrap_or_default() {
            let path = format!("{pid}/task/{thread}");
            let place = Entrance::Thread { pid, thread };
            // Most threads are where the first one is, and then add nothing.
            match (self.netns(&path), first) {
                (Ok(inode), Some(Place::Known(same))) if inode == same => {}
                (Err(Errno::ACCESS | Errno::PERM), Some(Place::Denied(same)))
                    if self.table(&path) == Ok(same) => {}
                _ => {
                    self.look(&path, place);
                }
            }
        }
    }

    /// Reads where a process or a thread is.
    fn look(&mut self, path: &str, entrance: Entrance) -> Option<Place> {
        match self.netns(path) {
            Ok(inode) => {
                self.enter_at(NetnsKey::Inode(inode), entrance);
                Some(Place::Known(inode))
            }
            Err(Errno::ACCESS | Errno::PERM) => {
                let table = match self.table(path) {
                    Ok(table) => table,
                    Err(Errno::ACCESS | Errno::PERM) => {
                        let is_process = matches!(entrance, Entrance::Process(_));
                        self.found.denied += u64::from(is_process);
                        return None;
                    }
                    // Who has ended belongs to no user any more.
                    Err(_) => return None,
                };
                self.denied.push((entrance, table));
                Some(Place::Denied(table))
            }
            // It has ended, or its first thread has.
            Err(_) => None,
        }
    }

    fn netns(&self, path: &str) -> Result<u64, Errno> {
        let link = readlinkat(&self.root, format!("{path}/ns/net"), [])?;
        netns_of_link(link.to_bytes()).ok_or(Errno::INVAL)
    }

    /// The inode of a table of sockets: everybody may ask for it.
    fn table(&self, path: &str) -> Result<u64, Errno> {
        let stat = statat(&self.root, format!("{path}/net/tcp"), AtFlags::empty())?;
        Ok(stat.st_ino)
    }

    /// Sorts those that may not be looked into to the namespaces that are known
    /// by others, and else to ones of their own.
    fn tell_denied_apart(&mut self) {
        if self.denied.is_empty() {
            return;
        }
        let mut known: HashMap<u64, NetnsKey, RandomState> = HashMap::default();
        for namespace in &self.found.all {
            if let NetnsKey::SocketTable(table) = namespace.key {
                known.insert(table, namespace.key);
            }
            let path = match namespace.entrances.first() {
                _ if namespace.is_own => "thread-self".to_owned(),
                Some(Entrance::Process(pid)) => pid.to_string(),
                Some(Entrance::Thread { pid, thread }) => format!("{pid}/task/{thread}"),
                _ => continue,
            };
            let mut table = self.table(&path);
            if table.is_err() && namespace.is_own {
                table = self.table("self");
            }
            known.extend(table.map(|table| (table, namespace.key)));
        }
        for (entrance, table) in std::mem::take(&mut self.denied) {
            match known.get(&table) {
                // There is a better way in than through this one.
                Some(&key @ NetnsKey::Inode(_)) => {
                    let pid = entrance.pid();
                    if let Some(namespace) = self.at(key) {
                        namespace.members.extend(pid);
                    }
                }
                _ => self.enter_at(NetnsKey::SocketTable(table), entrance),
            }
        }
    }

    /// Says which one is the host's.
    fn finish(mut self, proc_root: &ProcRoot) -> NamespaceList {
        for namespace in &mut self.found.all {
            namespace.members.sort_unstable();
            namespace.members.dedup();
        }
        let pids = ["1/ns/pid", "self/ns/pid"]
            .into_iter()
            .find_map(|link| rustix::fs::readlink(proc_root.file(link), []).ok());
        let first_is_host = pids.map(|link| link.to_bytes() == HOST_PIDS);
        let has_host = |one: &NamespaceEntry| one.key == NetnsKey::Inode(HOST_NETNS);
        let known = self.found.all.iter().any(has_host);
        for namespace in &mut self.found.all {
            let has_first = namespace.members.binary_search(&1).is_ok();
            namespace.is_host = match (known, first_is_host) {
                (true, _) => Some(namespace.key == NetnsKey::Inode(HOST_NETNS)),
                (false, Some(true)) => Some(has_first),
                // We are in a container: the host's may be among these, or not.
                (false, _) => None,
            };
        }
        self.found
    }
}

/// Where a process was seen to be.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the namespace with this inode.
    Known(u64),
    /// In the one with this table of sockets.
    Denied(u64),
}

/// Adds what was found elsewhere.
fn add(found: &mut NamespaceList, inode: u64, entrance: Entrance) {
    let key = NetnsKey::Inode(inode);
    if let Some(namespace) = found.all.iter_mut().find(|one| one.key == key) {
        if namespace.entrances.len() < 2 * ENTRANCES {
            namespace.entrances.push(entrance);
        }
        return;
    }
    if found.all.len() >= MOST {
        found.more = true;
        return;
    }
    let knows_host = found.all.iter().any(|one| one.is_host == Some(true));
    found.all.push(NamespaceEntry {
        key,
        is_own: false,
        is_host: knows_host.then_some(false),
        members: Vec::new(),
        entrances: vec![entrance],
    });
}

#[cfg(test)]
mod tests;
