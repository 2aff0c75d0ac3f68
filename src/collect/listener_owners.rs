//! The programs and units behind listeners.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::ownership::{self, Budget, Hints, OwnerCache};
use crate::classify::change::{self, Past};
use crate::classify::listeners::{SynEvidence, Verdict, is_nearly_full, verdict};
use crate::kernel::processes::read_process;
use crate::kernel::{KernelError, ProcRoot};
use crate::model::{CgroupId, Counter, Listener, Listeners, Owners, Snapshot};

/// The process that systemd is, which makes sockets for others and keeps them.
const INIT: u32 = 1;

/// Names the units of all listeners, and who holds those that are in trouble,
/// or all. Reading every descriptor of a large host takes longer than
/// everything else here, so nobody is looked for without need. `owners` are
/// those that are known already.
pub(super) fn name(
    snapshot: &mut Snapshot,
    previous: Option<&Snapshot>,
    proc_root: &ProcRoot,
    all: bool,
    owners: &mut OwnerCache,
) -> Result<(), KernelError> {
    let past = previous.map(|previous| Past::of(previous, snapshot));
    let evidence = SynEvidence::of(snapshot, past);
    let dropped = change::counter(Counter::ListenOverflows, snapshot, past)
        .is_some_and(|change| change.by > 0);
    let overflowed = overflowed(snapshot);
    let Some(listeners) = &mut snapshot.pressure.listeners else {
        return Ok(());
    };
    resolve(listeners, proc_root);
    // Whoever gets into trouble next is looked for with those who are in it: a
    // search takes no longer for that.
    let inodes = listeners
        .listeners
        .iter()
        .flat_map(|listener| listener.members.iter().filter_map(|member| member.inode))
        .collect();
    let mut wanted: Vec<&mut Listener> = listeners
        .listeners
        .iter_mut()
        .filter(|listener| {
            // Whose queue was full a moment ago has somebody waiting, likely.
            let suspect = dropped && listener.accept_queue > 0;
            all || suspect || is_in_trouble(listener, &evidence, overflowed)
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    owners.update(proc_root, &inodes, || hints(&wanted), Budget::Everywhere)?;
    for listener in &mut wanted {
        hold(listener, owners.owners(), proc_root)?;
    }
    Ok(())
}

/// Names the units of the listeners that are in trouble and nothing else, for
/// commands that answer more than this: that reads no descriptor, and nothing
/// at all where all is well.
pub(super) fn name_units(snapshot: &mut Snapshot, proc_root: &ProcRoot) {
    let evidence = SynEvidence::of(snapshot, None);
    let overflowed = overflowed(snapshot);
    let Some(listeners) = &mut snapshot.pressure.listeners else {
        return;
    };
    let mut all = listeners.listeners.iter();
    if all.any(|listener| is_in_trouble(listener, &evidence, overflowed)) {
        resolve(listeners, proc_root);
    }
}

/// The same, and the programs of those that are in trouble, where a search that
/// ends soon finds them.
pub(super) fn name_nearby(
    snapshot: &mut Snapshot,
    proc_root: &ProcRoot,
) -> Result<(), KernelError> {
    name_units(snapshot, proc_root);
    let evidence = SynEvidence::of(snapshot, None);
    let overflowed = overflowed(snapshot);
    let Some(listeners) = &mut snapshot.pressure.listeners else {
        return Ok(());
    };
    let mut wanted: Vec<&mut Listener> = listeners
        .listeners
        .iter_mut()
        .filter(|listener| {
            let has_dropped = overflowed && listener.drops.is_some_and(|drops| drops > 0);
            has_dropped || is_in_trouble(listener, &evidence, overflowed)
        })
        .collect();
    let inodes = wanted
        .iter()
        .flat_map(|listener| listener.members.iter().filter_map(|member| member.inode))
        .collect();
    let owners = ownership::find(proc_root, &inodes, &hints(&wanted), ownership::QUICK)?;
    for listener in &mut wanted {
        hold(listener, &owners, proc_root)?;
    }
    Ok(())
}

/// Whether an accept queue was ever full: one that is nearly full now may have
/// been it.
fn overflowed(snapshot: &Snapshot) -> bool {
    let overflows = snapshot.counters.get(Counter::ListenOverflows);
    overflows.is_some_and(|overflows| overflows > 0)
}

fn is_in_trouble(listener: &Listener, evidence: &SynEvidence, overflowed: bool) -> bool {
    let verdict = verdict(listener, evidence);
    !matches!(verdict, Verdict::Fine | Verdict::Unknown) || (overflowed && is_nearly_full(listener))
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

/// The cgroups of some listeners: where the owners are most likely to be.
fn hints(listeners: &[&mut Listener]) -> Hints {
    let cgroups = listeners.iter().flat_map(|listener| &listener.cgroups);
    let paths: BTreeSet<&String> = cgroups.filter_map(|cgroup| cgroup.path.as_ref()).collect();
    Hints {
        pids: Vec::new(),
        cgroups: paths.into_iter().cloned().collect(),
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
    let pids = in_order(all, &of_full);
    let Some(&first) = pids.first() else {
        return Ok(());
    };
    // Another process may have got the number since.
    let process = read_process(proc_root, first)?;
    let process = process.filter(|process| holders.start_time(first) == Some(process.start_time));
    if let Some(process) = process {
        listener.command = process.command;
        listener.process_unit = process.unit;
    }
    listener.pids = Some(pids);
    Ok(())
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
        name(&mut snapshot, None, &root, false, &mut owners).unwrap();
        let orders = || Some("orders.service".to_owned());
        assert_eq!(units(&snapshot), [(80, orders()), (81, None)]);
        let listeners = &snapshot.pressure.listeners.as_ref().unwrap().listeners;
        assert_eq!(listeners[0].pids, None);
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
        name_units(&mut fine, &root);
        assert_eq!(units(&fine), [(80, None)]);
        let mut at_times = with(&[listening(80, 8, id)]);
        at_times.counters.set(Counter::ListenOverflows, 1);
        name_units(&mut at_times, &root);
        assert_eq!(units(&at_times), [(80, Some("orders.service".to_owned()))]);
        let mut full = with(&[listening(80, 9, id)]);
        name_units(&mut full, &root);
        assert_eq!(units(&full), [(80, Some("orders.service".to_owned()))]);
    }
}
