//! The programs and units behind listeners in trouble, and those that wait for
//! peers in vain.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::ownership::{self, Budget, Hints, OwnerCache};
use crate::classify::change::Past;
use crate::classify::listeners::{Drops, SynEvidence, Verdict, is_nearly_full, verdict};
use crate::kernel::processes::read_process;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{
    CgroupId, Counter, Inodes, Listener, Listeners, Owners, Pressure, Program, Snapshot,
    UnresponsivePeer, UnresponsivePeers,
};

/// The process that systemd is, which makes sockets for others and keeps them.
const INIT: u32 = 1;

/// Of which listeners the units and programs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Of those in trouble.
    InTrouble,
    /// The units of all, the programs of those in trouble.
    UnitsOfAll,
    /// Of all.
    All,
}

/// Names the units of listeners, and who holds those that are in trouble,
/// or all, and who waits for peers that don't answer. Reading every descriptor
/// of a large host takes longer than everything else here, so nobody is looked
/// for without need. `owners` are those that are known already.
pub(super) fn name(
    snapshot: &mut Snapshot,
    past: Option<Past<'_>>,
    proc_root: &ProcRoot,
    extent: Extent,
    owners: &mut OwnerCache,
) -> Result<(), KernelError> {
    let trouble = Trouble::of(snapshot, past);
    match &mut snapshot.pressure.listeners {
        Some(listeners) if extent != Extent::InTrouble => resolve(listeners, proc_root),
        _ => name_units(snapshot, past, proc_root),
    }
    // Whoever gets into trouble next is looked for with those who are in it: a
    // search takes no longer for that.
    let listeners = snapshot.pressure.listeners.iter();
    let listeners = listeners.flat_map(|listeners| &listeners.listeners);
    let mut inodes: Inodes = listeners.flat_map(Listener::inodes).collect();
    let mut wanted = Wanted::of(snapshot, |listener| {
        extent == Extent::All || trouble.includes(listener)
    });
    if wanted.is_empty() {
        return Ok(());
    }
    inodes.extend(wanted.inodes());
    let hints = || wanted.hints(proc_root);
    owners.update(proc_root, &inodes, hints, Budget::Everywhere)?;
    wanted.name(owners.owners(), proc_root)
}

/// Names the units of the listeners where one is in trouble: that reads no
/// descriptor, and nothing at all where all is well.
fn name_units(snapshot: &mut Snapshot, past: Option<Past<'_>>, proc_root: &ProcRoot) {
    let trouble = Trouble::of(snapshot, past);
    let Some(listeners) = &mut snapshot.pressure.listeners else {
        return;
    };
    let mut all = listeners.listeners.iter();
    if all.any(|listener| trouble.includes(listener)) {
        resolve(listeners, proc_root);
    }
}

/// The same, and the programs of those that are in trouble and of those who
/// wait for peers that don't answer, where a search that ends soon finds them.
pub(super) fn name_nearby(
    snapshot: &mut Snapshot,
    past: Option<Past<'_>>,
    proc_root: &ProcRoot,
) -> Result<(), KernelError> {
    name_units(snapshot, past, proc_root);
    let trouble = Trouble::of(snapshot, past);
    let mut wanted = Wanted::of(snapshot, |listener| trouble.includes(listener));
    let inodes = wanted.inodes().collect();
    let hints = wanted.hints(proc_root);
    let owners = ownership::find(proc_root, &inodes, &hints, ownership::QUICK)?;
    wanted.name(&owners, proc_root)
}

/// Which listeners a finding may be about.
struct Trouble {
    evidence: SynEvidence,
    /// Whether an accept queue was ever full: one that is nearly full now may
    /// have been it.
    overflowed: bool,
    /// Those whose own drops rose while the kernel counted some.
    dropped: Vec<String>,
}

impl Trouble {
    fn of(snapshot: &Snapshot, past: Option<Past<'_>>) -> Self {
        let overflows = snapshot.counters.get(Counter::ListenOverflows);
        let drops = Drops::between(snapshot, past);
        let by = drops.into_iter().flat_map(|drops| drops.by);
        Self {
            evidence: SynEvidence::of(snapshot, past),
            overflowed: overflows.is_some_and(|overflows| overflows > 0),
            dropped: by.map(|(listener, _)| listener.address()).collect(),
        }
    }

    fn includes(&self, listener: &Listener) -> bool {
        let verdict = verdict(listener, &self.evidence);
        !matches!(verdict, Verdict::Fine | Verdict::Unknown)
            || (self.overflowed && is_nearly_full(listener))
            || self.dropped.contains(&listener.address())
    }
}

/// Whose programs are wanted.
struct Wanted<'a> {
    listeners: Vec<&'a mut Listener>,
    peers: Vec<&'a mut UnresponsivePeer>,
}

impl<'a> Wanted<'a> {
    fn of(snapshot: &'a mut Snapshot, is_wanted: impl Fn(&Listener) -> bool) -> Self {
        let Pressure {
            listeners,
            unresponsive,
            ..
        } = &mut snapshot.pressure;
        let listeners = listeners.iter_mut();
        let listeners = listeners.flat_map(|listeners| &mut listeners.listeners);
        let peers = unresponsive.iter_mut();
        Self {
            listeners: listeners.filter(|listener| is_wanted(listener)).collect(),
            peers: peers.flat_map(UnresponsivePeers::many_wait_for).collect(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.peers.is_empty()
    }

    fn inodes(&self) -> impl Iterator<Item = u64> {
        let of_listeners = self.listeners.iter().flat_map(|one| one.inodes());
        let of_peers = self.peers.iter().flat_map(|peer| &peer.sockets);
        of_listeners.chain(of_peers.map(|&(inode, _)| inode))
    }

    /// The cgroups that the sockets were made in: where their owners are most
    /// likely to be.
    fn hints(&self, proc_root: &ProcRoot) -> Hints {
        let of_peers = self.peers.iter().flat_map(|peer| &peer.sockets);
        let ids = of_peers.filter_map(|&(_, cgroup)| cgroup);
        let mut hints = Hints::of(&ownership::cgroups(proc_root, ids));
        let cgroups = self.listeners.iter().flat_map(|listener| &listener.cgroups);
        let paths: BTreeSet<&String> = cgroups.filter_map(|cgroup| cgroup.path.as_ref()).collect();
        hints.cgroups.extend(paths.into_iter().cloned());
        hints
    }

    fn name(&mut self, holders: &Owners, proc_root: &ProcRoot) -> Result<(), KernelError> {
        for listener in &mut self.listeners {
            hold(listener, holders, proc_root)?;
        }
        for peer in &mut self.peers {
            let of = |&(inode, _): &(u64, _)| holders.of(inode);
            let pids = peer.sockets.iter().flat_map(of).map(|holder| holder.pid);
            peer.program = program(
                in_order(pids.collect(), &BTreeSet::new()),
                holders,
                proc_root,
            )?;
        }
        Ok(())
    }
}

/// Resolves the cgroups that the sockets were made in: one walk for all.
fn resolve(listeners: &mut Listeners, proc_root: &ProcRoot) {
    let ids_of = |listener: &Listener| -> BTreeSet<CgroupId> {
        let members = listener.members.iter();
        members.filter_map(|member| member.cgroup).collect()
    };
    let wanted = listeners.listeners.iter().flat_map(ids_of);
    let resolved = ownership::cgroups(proc_root, wanted);
    for listener in &mut listeners.listeners {
        let ids = ids_of(listener).into_iter();
        listener.cgroups = ids.filter_map(|id| resolved.get(&id).cloned()).collect();
    }
}

/// Says who holds a listener.
fn hold(
    listener: &mut Listener,
    holders: &Owners,
    proc_root: &ProcRoot,
) -> Result<(), KernelError> {
    let mut all: BTreeSet<u32> = BTreeSet::new();
    let mut of_full: BTreeSet<u32> = BTreeSet::new();
    for member in &mut listener.members {
        let found = member.inode.map_or(&[][..], |inode| holders.of(inode));
        let pids: BTreeSet<u32> = found.iter().map(|holder| holder.pid).collect();
        if member.is_full() == Some(true) {
            of_full.extend(&pids);
        }
        all.extend(&pids);
        member.pids = (!pids.is_empty()).then(|| pids.into_iter().collect());
    }
    listener.program = program(in_order(all, &of_full), holders, proc_root)?;
    Ok(())
}

/// What is known of some holders; `None` where there are none.
fn program(
    pids: Vec<u32>,
    holders: &Owners,
    proc_root: &ProcRoot,
) -> Result<Option<Program>, KernelError> {
    let Some(&first) = pids.first() else {
        return Ok(None);
    };
    // Another process may have got the number since.
    let process = read_process(proc_root, first)?;
    let process = process.filter(|process| holders.start_time(first) == Some(process.start_time));
    let (command, unit) = process.map_or((None, None), |one| (one.command, one.unit));
    Ok(Some(Program {
        pids,
        command,
        unit,
    }))
}

/// Holders, the one to name first.
fn in_order(all: BTreeSet<u32>, of_full: &BTreeSet<u32>) -> Vec<u32> {
    let mut pids: Vec<u32> = all.into_iter().collect();
    pids.sort_by_key(|pid| (*pid == INIT, Reverse(of_full.contains(pid)), *pid));
    pids
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::super::cpu_budget::cpu_time;
    use super::*;
    use crate::classify::listeners::ListenerTally;
    use crate::classify::testing::{snapshot, socket};
    use crate::model::{Pressure, Socket, Unit};

    const PATH: &str = "/system.slice/orders.service";

    /// A /proc without processes, and a cgroup2 beside it.
    fn staged() -> (tempfile::TempDir, ProcRoot, CgroupId) {
        let host = tempfile::tempdir().unwrap();
        fs::create_dir(host.path().join("proc")).unwrap();
        let tree = host.path().join("sys/fs/cgroup");
        let unit = tree.join(PATH.trim_start_matches('/'));
        fs::create_dir_all(&unit).unwrap();
        fs::write(tree.join("cgroup.controllers"), "").unwrap();
        let id = CgroupId(fs::metadata(unit).unwrap().ino());
        let root = ProcRoot::new(&host.path().join("proc"));
        (host, root, id)
    }

    fn listening(port: u16, waiting: u32, cgroup: CgroupId) -> Socket {
        let local = format!("0.0.0.0:{port}");
        let mut socket = socket(&local, "0.0.0.0:0")
            .listening(waiting, Some(8))
            .build();
        socket.cgroup = Some(cgroup);
        socket
    }

    fn with(sockets: &[Socket]) -> Snapshot {
        let mut tally = ListenerTally::default();
        for socket in sockets {
            tally.add_listener(socket);
        }
        let pressure = Pressure {
            listeners: Some(tally.finish()),
            ..Pressure::default()
        };
        snapshot().with_pressure(pressure).build()
    }

    fn units(snapshot: &Snapshot) -> Vec<(u16, Option<String>)> {
        let listeners = &snapshot.pressure.listeners.as_ref().unwrap().listeners;
        let named = listeners.iter();
        named
            .map(|one| (one.local.port, one.unit(Unit::short)))
            .collect()
    }

    /// The socket says it to everybody, also to who may look into no process.
    #[test]
    fn the_unit_is_known_where_no_process_is() {
        let (_host, root, id) = staged();
        let gone = CgroupId(u64::MAX);
        let mut snapshot = with(&[listening(80, 9, id), listening(81, 0, gone)]);
        let mut owners = OwnerCache::new(cpu_time);
        name(&mut snapshot, None, &root, Extent::UnitsOfAll, &mut owners).unwrap();
        let orders = || Some("orders.service".to_owned());
        assert_eq!(units(&snapshot), [(80, orders()), (81, None)]);
        let listeners = &snapshot.pressure.listeners.as_ref().unwrap().listeners;
        assert_eq!(listeners[0].program, None);
        assert_eq!(listeners[0].cgroups[0].path.as_deref(), Some(PATH));
        assert_eq!(listeners[1].cgroups[0].path, None);
    }

    /// systemd keeps the sockets that it made, and one worker of many is stuck.
    #[test]
    fn who_holds_a_full_socket_is_named_first_and_systemd_last() {
        let order = |all: &[u32], of_full: &[u32]| {
            in_order(
                all.iter().copied().collect(),
                &of_full.iter().copied().collect(),
            )
        };
        assert_eq!(order(&[1, 411, 412, 413], &[412]), [412, 411, 413, 1]);
        assert_eq!(order(&[1, 880], &[1, 880]), [880, 1]);
        assert_eq!(order(&[1], &[1]), [1], "of a container, perhaps");
    }

    #[test]
    fn the_summary_reads_cgroups_only_where_a_listener_is_in_trouble() {
        let (_host, root, id) = staged();
        let mut fine = with(&[listening(80, 8, id)]);
        name_units(&mut fine, None, &root);
        assert_eq!(units(&fine), [(80, None)]);
        let mut at_times = with(&[listening(80, 8, id)]);
        at_times.counters.set(Counter::ListenOverflows, 1);
        name_units(&mut at_times, None, &root);
        assert_eq!(units(&at_times), [(80, Some("orders.service".to_owned()))]);
        let mut full = with(&[listening(80, 9, id)]);
        name_units(&mut full, None, &root);
        assert_eq!(units(&full), [(80, Some("orders.service".to_owned()))]);
    }
}
