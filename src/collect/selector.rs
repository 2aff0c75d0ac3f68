//! A part of the sockets of a namespace, as a filter selects them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::close_wait::listeners;
use super::ownership;
use crate::classify::close_wait::{Listeners, age_of};
use crate::filter::{Facts, Truth, divide_by_rows, is_command, judge, judge_age, untold};
use crate::kernel::processes::CgroupTree;
use crate::kernel::{KernelError, ProcRoot, SocketSource, since_boot};
use crate::model::{
    CgroupId, Collection, Condition, Extensions, Filter, IncompleteScan, Inodes, Request,
    Selection, Socket, SocketKind, SourceKind, TcpState, Unit,
};

/// Why a part of the sockets can't be told from the rest.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// A recording says nothing of processes and the names of cgroups.
    #[error(
        "a recorded dump tells neither processes nor units: leave out pid, process, unit and \
         container"
    )]
    Recorded,
    /// There is no such process.
    #[error("no process {0}")]
    NoProcess(u32),
    /// There is no process of this name.
    #[error("no process is called {0}")]
    NoCommand(String),
    /// We are short of descriptors or memory.
    #[error("cannot read the descriptors: no file descriptors or no memory left (ulimit -n)")]
    Exhausted,
    /// The processes may not be looked into.
    #[error(
        "cannot see the descriptors of {0}: that takes the same user, root, or CAP_SYS_PTRACE and \
         CAP_DAC_READ_SEARCH; a unit needs none of these (--unit)"
    )]
    NotPermitted(String),
    /// There are no cgroups to tell units by.
    #[error("cannot tell units apart: no cgroup2 is mounted at /sys/fs/cgroup")]
    NoCgroups,
    /// There is no such unit.
    #[error("no cgroup is called {0}: the unit doesn't run, or is called otherwise")]
    NoUnit(String),
    /// Listeners, or processes, can't be read.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// How sockets are chosen.
#[derive(Debug)]
pub(super) struct Selector {
    /// The whole filter.
    filter: Filter,
    /// What of it rows can tell, for the source; the rest takes the owners.
    rows: Filter,
    rest: Filter,
    /// What it takes to judge by it.
    extensions: Extensions,
    owners: OwnerFacts,
    selection: Option<Selection>,
}

/// Whose sockets are whose, as far as a filter asks.
#[derive(Debug, Default)]
struct OwnerFacts {
    pids: HashMap<u32, Held>,
    commands: HashMap<String, Held>,
    /// By the names of units, containers and pods.
    units: HashMap<String, Held>,
    tree: Option<CgroupTree>,
    /// There are few cgroups, and each is looked up once.
    cgroups: RefCell<HashMap<CgroupId, Option<Unit>>>,
    /// Where connections wait that no process holds yet.
    listeners: Listeners,
    /// Whether some of these may be missing: then so may what waits there.
    lacks_listeners: bool,
    uptime: Option<Duration>,
}

/// What some processes hold.
#[derive(Debug, Default)]
struct Held {
    inodes: Inodes,
    /// Whether all of the processes could be looked into.
    complete: bool,
}

impl Selector {
    /// # Errors
    ///
    /// When it can't be told which sockets are wanted.
    pub(super) fn new(
        filter: Filter,
        words: String,
        proc_root: Option<&ProcRoot>,
        source: &mut dyn SocketSource,
    ) -> Result<Self, SelectionError> {
        let selection = filter.selection(words);
        let division = divide_by_rows(&filter);
        let mut selector = Self {
            rows: division.first,
            rest: division.rest,
            extensions: Request::of(filter.clone()).extensions,
            owners: OwnerFacts::default(),
            selection,
            filter,
        };
        selector.look(proc_root, source)?;
        Ok(selector)
    }

    /// The whole filter.
    pub(super) const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What is left of the sockets; `None` where it is all, or all of a family.
    pub(super) const fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// Looks anew at what processes hold: they open and close sockets between
    /// two readings. Those that have ended since hold nothing.
    pub(super) fn refresh(
        &mut self,
        proc_root: Option<&ProcRoot>,
        source: &mut dyn SocketSource,
    ) -> Result<(), KernelError> {
        match self.look(proc_root, source) {
            Err(SelectionError::Kernel(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn look(
        &mut self,
        proc_root: Option<&ProcRoot>,
        source: &mut dyn SocketSource,
    ) -> Result<(), SelectionError> {
        self.owners.uptime = proc_root.map(|_| since_boot());
        let asks_for_owners = self.filter.needs_holders() || self.filter.needs_units();
        if !asks_for_owners {
            return Ok(());
        }
        let proc_root = proc_root.ok_or(SelectionError::Recorded)?;
        self.owners = OwnerFacts::read(&self.filter, proc_root)?;
        if self.owners.hold_any() {
            let (listeners, collection) = listeners(source)?;
            self.owners.listeners = listeners;
            self.owners.lacks_listeners = !collection.complete;
        }
        Ok(())
    }

    /// Judges a row by the whole filter.
    fn judge(&self, socket: &Socket, source: SourceKind) -> Truth {
        self.judge_by(&self.filter, socket, source)
    }

    fn judge_by(&self, filter: &Filter, socket: &Socket, source: SourceKind) -> Truth {
        let others = |condition: &Condition, socket: &Socket| self.owners.judge(condition, socket);
        let facts = Facts {
            source,
            others: Some(&others),
        };
        judge(filter, socket, &facts)
    }
}

impl OwnerFacts {
    fn read(filter: &Filter, proc_root: &ProcRoot) -> Result<Self, SelectionError> {
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
    fn hold_any(&self) -> bool {
        let held = self.pids.values().chain(self.commands.values());
        let mut held = held.chain(self.units.values());
        // Nobody is asked about a connection at a listener of somebody else.
        held.any(|held| !held.inodes.is_empty())
    }

    fn judge(&self, condition: &Condition, socket: &Socket) -> Truth {
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
fn cgroups_of_unit(root: &Path, name: &str) -> Vec<String> {
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
pub(super) fn processes_of_unit(proc_root: &ProcRoot, name: &str) -> Vec<u32> {
    let Some(tree) = CgroupTree::of(proc_root) else {
        return Vec::new();
    };
    let cgroups = cgroups_of_unit(tree.root(), name);
    let processes = cgroups.iter().flat_map(|path| tree.processes(path));
    processes.collect()
}

/// The sockets of a source, or the part of them that a filter selects.
pub(super) struct Selected {
    pub(super) all: Box<dyn SocketSource + Send>,
    pub(super) selector: Option<Selector>,
}

impl Selected {
    /// Shows every socket of a request, and whether it is selected.
    pub(super) fn visit_judged(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket, bool),
    ) -> Result<Collection, KernelError> {
        let Some(selector) = &self.selector else {
            return self
                .all
                .visit_all(request, &mut |socket| visitor(socket, true));
        };
        let kind = self.all.kind();
        let mut unjudged = 0;
        let request = request.clone().with(selector.extensions);
        let mut collection = self.all.visit_all(&request, &mut |socket| {
            let truth = selector.judge(socket, kind);
            unjudged += u64::from(truth == Truth::Unknown);
            visitor(socket, truth == Truth::Yes);
        })?;
        selector.refuse_untold(collection.source)?;
        selector.stamp(&mut collection, unjudged);
        Ok(collection)
    }
}

impl Selector {
    fn refuse_untold(&self, kind: SourceKind) -> Result<(), KernelError> {
        let words = untold(&self.filter, kind);
        if words.is_empty() {
            Ok(())
        } else {
            Err(KernelError::Untold { words, kind })
        }
    }

    /// What a reading through it is of.
    fn stamp(&self, collection: &mut Collection, unjudged: u64) {
        collection.unjudged += unjudged;
        collection.complete &= !self.owners.lacks_listeners;
        collection.selection.clone_from(&self.selection);
    }
}

impl SocketSource for Selected {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        let Some(selector) = &self.selector else {
            return self.all.visit(request, visitor);
        };
        let kind = self.all.kind();
        let request = request
            .clone()
            .and(&selector.rows)
            .with(selector.extensions);
        let (mut unjudged, mut left_out) = (0, 0);
        let mut judged = |socket: &Socket| match selector.judge_by(&selector.rest, socket, kind) {
            Truth::Yes => visitor(socket),
            truth => {
                unjudged += u64::from(truth == Truth::Unknown);
                left_out += 1;
                ControlFlow::Continue(())
            }
        };
        let mut collection = if selector.rest.is_everything() {
            self.all.visit(&request, visitor)?
        } else {
            self.all.visit(&request, &mut judged)?
        };
        collection.sockets -= left_out;
        // It fell back to /proc, whose rows tell less.
        selector.refuse_untold(collection.source)?;
        selector.stamp(&mut collection, unjudged);
        Ok(collection)
    }

    fn kind(&self) -> SourceKind {
        self.all.kind()
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        // It would show all of the sockets.
        self.selector.is_none().then(|| self.all.second())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::FallbackSource;
    use crate::kernel::sock_diag::testing::{RowBytes, ScriptedKernel, done, message};
    use crate::model::StateSet;

    /// What a lost listener had not accepted yet was nobody's, and `--pid` said
    /// OK.
    #[test]
    fn listeners_that_cannot_be_read_make_it_incomplete() {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("7");
        fs::create_dir_all(process.join("fd")).unwrap();
        let stat = "7 (x) S 1 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        fs::write(process.join("stat"), stat).unwrap();
        std::os::unix::fs::symlink("socket:[50]", process.join("fd/3")).unwrap();
        let proc_root = ProcRoot::new(root.path());
        let listener = RowBytes::new(10, 1).message(1);
        let cut = message(20, 2, 1, &[10]);
        for (lost, filter) in [
            (false, Condition::Pid(7).into()),
            (true, Condition::Pid(7).into()),
            (true, Filter::EVERYTHING),
        ] {
            let asks = !filter.is_everything();
            let first = if lost { &cut } else { &listener };
            let listening = [first.clone(), done(1, 0)].concat();
            let answers = if asks {
                vec![listening, done(2, 0), done(3, 0)]
            } else {
                vec![done(1, 0), done(2, 0)]
            };
            let kernel = ScriptedKernel::answering(answers);
            let mut all: Box<dyn SocketSource + Send> =
                Box::new(FallbackSource::over(kernel, &proc_root));
            let selector = Selector::new(filter, String::new(), Some(&proc_root), &mut *all);
            let selector = Some(selector.unwrap());
            let mut selected = Selected { all, selector };
            // However often it is asked.
            for _ in 0..2 {
                let request = Request::states(StateSet::RFC9293);
                let collection = selected.visit_all(&request, &mut |_| {}).unwrap();
                assert_eq!(collection.complete, !(lost && asks));
            }
        }
    }

    fn socket(state: TcpState, inode: Option<u64>) -> Socket {
        let socket = crate::classify::testing::socket("192.0.2.1:80", "192.0.2.2:9");
        Socket {
            state,
            inode,
            ..socket.build()
        }
    }

    /// Who has no known owner was "not pid 7".
    #[test]
    fn what_has_no_owner_in_sight_matches_neither_a_pid_nor_its_negation() {
        let held = |inodes: &[u64], complete| Held {
            inodes: inodes.iter().copied().collect(),
            complete,
        };
        let mut listeners = Listeners::default();
        let listener = crate::classify::testing::socket("192.0.2.1:80", "0.0.0.0:0");
        listeners.add(&Socket {
            inode: Some(70),
            ..listener.listening(0, Some(8)).build()
        });
        let facts = OwnerFacts {
            pids: HashMap::from([(7, held(&[50, 70], true)), (8, held(&[51], true))]),
            commands: HashMap::from([("ssh".to_owned(), held(&[50], false))]),
            listeners,
            ..OwnerFacts::default()
        };
        let command = |name: &str| Condition::Process(name.to_owned());
        let open = TcpState::Established;
        for (condition, socket, expected) in [
            (Condition::Pid(7), socket(open, Some(50)), Truth::Yes),
            (Condition::Pid(8), socket(open, Some(50)), Truth::No),
            (Condition::Pid(9), socket(open, Some(50)), Truth::Unknown),
            // Not accepted yet: whose the listener is.
            (Condition::Pid(7), socket(open, None), Truth::Yes),
            (Condition::Pid(8), socket(open, None), Truth::No),
            // An orphan.
            (
                Condition::Pid(7),
                socket(TcpState::LastAck, None),
                Truth::Unknown,
            ),
            (
                Condition::Pid(7),
                socket(TcpState::TimeWait, None),
                Truth::Unknown,
            ),
            (command("ssh"), socket(open, Some(50)), Truth::Yes),
            // Of those that are called so one may not be looked into.
            (command("ssh"), socket(open, Some(51)), Truth::Unknown),
        ] {
            assert_eq!(
                facts.judge(&condition, &socket),
                expected,
                "{condition:?} {socket:?}"
            );
        }
    }

    /// With socket activation the unit that made a socket is not who holds it.
    #[test]
    fn a_unit_has_what_was_made_in_it_and_what_its_processes_hold() {
        let service = |name: &str| Unit::Systemd {
            name: name.to_owned(),
            user: None,
        };
        let held = Held {
            inodes: Inodes::from_iter([50]),
            complete: true,
        };
        let cgroups = HashMap::from([
            (CgroupId(1), Some(service("nginx.service"))),
            (CgroupId(2), Some(service("other.service"))),
        ]);
        let facts = OwnerFacts {
            units: HashMap::from([("nginx".to_owned(), held)]),
            cgroups: RefCell::new(cgroups),
            ..OwnerFacts::default()
        };
        let unit = Condition::Unit("nginx".to_owned());
        let container = Condition::Container("nginx".to_owned());
        for (cgroup, inode, of_unit) in [
            (Some(1), Some(51), Truth::Yes),
            (Some(2), Some(50), Truth::Yes),
            (Some(2), Some(51), Truth::No),
            (Some(2), None, Truth::No),
            // Over /proc, and of TIME_WAIT.
            (None, Some(50), Truth::Yes),
            (None, Some(51), Truth::Unknown),
            (None, None, Truth::Unknown),
        ] {
            let socket = Socket {
                cgroup: cgroup.map(CgroupId),
                ..socket(TcpState::Established, inode)
            };
            assert_eq!(facts.judge(&unit, &socket), of_unit, "{cgroup:?} {inode:?}");
        }
        let made_in_a_service = Socket {
            cgroup: Some(CgroupId(1)),
            ..socket(TcpState::Established, Some(51))
        };
        assert_eq!(facts.judge(&container, &made_in_a_service), Truth::No);
    }

    #[test]
    fn a_unit_that_has_no_cgroup_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("system.slice/nginx.service")).unwrap();
        let cgroups = |name| cgroups_of_unit(root.path(), name);
        assert_eq!(cgroups("nginx.service"), ["/system.slice/nginx.service"]);
        assert_eq!(cgroups("nginx"), ["/system.slice/nginx.service"]);
        assert!(cgroups("ngnix").is_empty());
    }
}
