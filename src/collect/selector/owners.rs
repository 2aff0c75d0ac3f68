//! Whose sockets are whose, as far as a filter asks: its conditions on processes,
//! units, containers and ages.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::SelectionError;
use crate::classify::close_wait::{Listeners, age_of};
use crate::collect::ownership;
use crate::filter::{Truth, is_command, judge_age};
use crate::kernel::processes::CgroupTree;
use crate::kernel::{ProcRoot, since_boot};
use crate::model::{
    CgroupId, Condition, Filter, IncompleteScan, Inodes, Socket, SocketKind, TcpState, Unit,
};

/// Whose sockets are whose, as far as a filter asks.
#[derive(Debug, Default)]
pub(super) struct OwnerFacts {
    pub(super) pids: HashMap<u32, Held>,
    pub(super) commands: HashMap<String, Held>,
    /// By the names of units, containers and pods.
    pub(super) units: HashMap<String, Held>,
    pub(super) tree: Option<CgroupTree>,
    /// There are few cgroups, and each is looked up once.
    pub(super) cgroups: RefCell<HashMap<CgroupId, Option<Unit>>>,
    /// Where connections wait that no process holds yet.
    pub(super) listeners: Listeners,
    /// Whether some of these may be missing: then so may what waits there.
    pub(super) lacks_listeners: bool,
    pub(super) uptime: Option<Duration>,
}

/// What some processes hold.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) inodes: Inodes,
    /// Whether all of the processes could be looked into.
    pub(super) complete: bool,
}

impl OwnerFacts {
    pub(super) fn read(filter: &Filter, proc_root: &ProcRoot) -> Result<Self, SelectionError> {
        let mut facts = Self {
            uptime: Some(since_boot()),
            ..Self::default()
        };
        if filter.needs_units() {
            facts.tree = Some(CgroupTree::of(proc_root).ok_or(SelectionError::NoCgroups)?);
        }
        let mut outcome = Ok(());
        filter.any(&mut |condition| {
            if outcome.is_ok() {
                outcome = facts.learn(condition, proc_root);
            }
            false
        });
        outcome.map(|()| facts)
    }

    /// Reads what it takes to judge by a condition.
    fn learn(&mut self, condition: &Condition, proc_root: &ProcRoot) -> Result<(), SelectionError> {
        match condition {
            Condition::Pid(pid) => {
                if !proc_root.file(&pid.to_string()).is_dir() {
                    return Err(SelectionError::NoProcess(*pid));
                }
                let held = held_by(proc_root, &[*pid])?;
                self.pids.insert(*pid, held);
            }
            Condition::Process(name) => {
                let pids = pids_called(proc_root, name);
                if pids.is_empty() {
                    return Err(SelectionError::NoCommand(name.clone()));
                }
                self.commands
                    .insert(name.clone(), held_by(proc_root, &pids)?);
            }
            Condition::Unit(name) | Condition::Container(name) => {
                let pids = processes_of_unit(proc_root, name);
                let is_there = |tree: &CgroupTree| !cgroups_of_unit(tree.root(), name).is_empty();
                if pids.is_empty() && !self.tree.as_ref().is_some_and(is_there) {
                    return Err(SelectionError::NoUnit(name.clone()));
                }
                // Who may not be looked into is known by what was made in its
                // cgroup.
                let (inodes, coverage) = ownership::held_by(proc_root, &pids)?;
                let complete = coverage.incomplete().is_none();
                self.units.insert(name.clone(), Held { inodes, complete });
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether any process that is asked for holds a socket.
    pub(super) fn hold_any(&self) -> bool {
        let held = self.pids.values().chain(self.commands.values());
        let mut held = held.chain(self.units.values());
        // Nobody is asked about a connection at a listener of somebody else.
        held.any(|held| !held.inodes.is_empty())
    }

    pub(super) fn judge(&self, condition: &Condition, socket: &Socket) -> Truth {
        match condition {
            Condition::Pid(pid) => self.held(self.pids.get(pid), socket),
            Condition::Process(name) => self.held(self.commands.get(name), socket),
            Condition::Unit(name) => {
                let is_unit =
                    |unit: &Unit| matches!(unit, Unit::Systemd { .. } | Unit::OpenRc { .. });
                self.belongs(name, is_unit, socket)
            }
            Condition::Container(name) => {
                let is_container =
                    |unit: &Unit| matches!(unit, Unit::Container { .. } | Unit::Pod { .. });
                self.belongs(name, is_container, socket)
            }
            Condition::Age(comparison, age) => {
                judge_age(age_of(socket, self.uptime), *comparison, *age)
            }
            _ => Truth::Unknown,
        }
    }

    /// Whether some processes hold a socket, or the listener that it waits at:
    /// not accepted yet, it is whose the listener is.
    fn held(&self, by: Option<&Held>, socket: &Socket) -> Truth {
        let Some(by) = by else {
            return Truth::Unknown;
        };
        let no = if by.complete {
            Truth::No
        } else {
            Truth::Unknown
        };
        if let Some(inode) = socket.inode {
            return if by.inodes.contains(&inode) {
                Truth::Yes
            } else {
                no
            };
        }
        let waits = matches!(socket.state, TcpState::Established | TcpState::CloseWait)
            && socket.kind == SocketKind::Full;
        if !waits {
            return Truth::Unknown;
        }
        let at = self.listeners.of(socket);
        let held = |inode: Option<u64>| inode.is_some_and(|inode| by.inodes.contains(&inode));
        if at.iter().any(|listener| held(listener.inode)) {
            Truth::Yes
        } else if at.is_empty() {
            Truth::Unknown
        } else {
            no
        }
    }

    /// Whether a socket was made in a unit or container, or is held by one of
    /// its processes: with socket activation these differ.
    fn belongs(&self, name: &str, is_kind: impl Fn(&Unit) -> bool, socket: &Socket) -> Truth {
        let held = self.held(self.units.get(name), socket);
        let made_in = socket.cgroup.map(|cgroup| {
            self.unit_of(cgroup, |unit| {
                unit.is_some_and(|unit| is_kind(unit) && unit.is_called(name))
            })
        });
        match (made_in, held) {
            (Some(true), _) | (_, Truth::Yes) => Truth::Yes,
            // An orphan, or one that waits at nobody's listener.
            (Some(false), _) => Truth::No,
            (None, _) => Truth::Unknown,
        }
    }

    fn unit_of<T>(&self, id: CgroupId, tell: impl FnOnce(Option<&Unit>) -> T) -> T {
        let mut known = self.cgroups.borrow_mut();
        let unit = known.entry(id).or_insert_with(|| {
            let paths = self.tree.as_ref()?.paths([id]);
            paths.get(id).and_then(Unit::from_cgroup_path)
        });
        tell(unit.as_ref())
    }
}

/// What processes that have to be looked into hold.
fn held_by(proc_root: &ProcRoot, pids: &[u32]) -> Result<Held, SelectionError> {
    let (inodes, coverage) = ownership::held_by(proc_root, pids)?;
    match coverage.incomplete() {
        None => Ok(Held {
            inodes,
            complete: true,
        }),
        Some(IncompleteScan::Failed(_)) => Err(SelectionError::Exhausted),
        Some(_) => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            Err(SelectionError::NotPermitted(pids.join(", ")))
        }
    }
}

/// The processes of a name.
fn pids_called(proc_root: &ProcRoot, name: &str) -> Vec<u32> {
    let entries = fs::read_dir(proc_root.path())
        .into_iter()
        .flatten()
        .flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_called = |pid: &u32| {
        let command = fs::read_to_string(proc_root.file(&format!("{pid}/comm")));
        command.is_ok_and(|command| is_command(command.trim_end_matches('\n'), name))
    };
    pids.filter(is_called).collect()
}

/// The cgroups of a unit and those below them, as paths in the tree: none of one
/// that doesn't run, or whose name is misspelt.
pub(super) fn cgroups_of_unit(root: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let path = directory.strip_prefix(root).ok().and_then(Path::to_str);
        let path = path.map(|path| format!("/{path}"));
        let unit = path.as_deref().and_then(Unit::from_cgroup_path);
        if let Some(path) = path
            && unit.is_some_and(|unit| unit.is_called(name))
        {
            found.push(path);
        }
        // What can't be read has nothing to show.
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.extend(below.map(|entry| entry.path()));
    }
    found
}

/// The processes that are in the cgroups of a unit now.
pub(in crate::collect) fn processes_of_unit(proc_root: &ProcRoot, name: &str) -> Vec<u32> {
    let Some(tree) = CgroupTree::of(proc_root) else {
        return Vec::new();
    };
    let cgroups = cgroups_of_unit(tree.root(), name);
    let processes = cgroups.iter().flat_map(|path| tree.processes(path));
    processes.collect()
}
