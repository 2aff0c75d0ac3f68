//! A part of the sockets of a namespace.

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::close_wait::listeners;
use super::{Namespace, ownership};
use crate::classify::close_wait::Listeners;
use crate::kernel::processes::CgroupTree;
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{
    self, CgroupId, Collection, Condition, End, Filter, IncompleteScan, Inodes, PeerFilter,
    PortSet, Request, Socket, SourceKind, TcpState, Unit,
};

/// Which sockets are wanted: of each list that isn't empty, those that one in
/// it selects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// Processes that hold them.
    pub pids: &'a [u32],
    /// Units, containers and pods that they were made in, or whose processes hold
    /// them: with socket activation these differ.
    pub units: &'a [String],
    /// Ports of ours.
    pub listen_port: &'a [u16],
    /// Peers.
    pub remote: &'a [PeerFilter],
}

impl Selection<'_> {
    /// By what it leaves sockets out.
    #[must_use]
    pub const fn narrowing(&self) -> model::Narrowing {
        model::Narrowing {
            by_owner: !(self.pids.is_empty() && self.units.is_empty()),
            by_port: !self.listen_port.is_empty(),
            by_peer: !self.remote.is_empty(),
        }
    }
}

/// Why a part of the sockets can't be told from the rest.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// A recording says nothing of processes.
    #[error("a recorded dump has no processes: leave out --pid")]
    RecordedProcesses,
    /// A recording says nothing of cgroups' names.
    #[error("a recorded dump has no cgroups: leave out --unit")]
    RecordedUnits,
    /// There is no such process.
    #[error("no process {0}")]
    NoProcess(u32),
    /// We are short of descriptors or memory.
    #[error("cannot read the descriptors: no file descriptors or no memory left (ulimit -n)")]
    Exhausted,
    /// The processes may not be looked into.
    #[error(
        "cannot see the descriptors of {0}: that takes the same user, root, or CAP_SYS_PTRACE and \
         CAP_DAC_READ_SEARCH; --unit needs none of these"
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

/// The namespace with a part of its sockets.
///
/// # Errors
///
/// When it can't be told which sockets are wanted.
pub fn narrow(
    mut namespace: Namespace,
    wanted: &Selection<'_>,
) -> Result<Namespace, SelectionError> {
    let mut narrowing = Narrowing {
        rows: rows(wanted),
        inodes: inodes(wanted.pids, &namespace)?,
        units: Units::new(wanted.units, &namespace)?,
        ..Narrowing::default()
    };
    narrowing.read_listeners(namespace.sockets())?;
    if !narrowing.is_narrow() {
        return Ok(namespace);
    }
    Ok(namespace.narrowed(|inner| Box::new(Narrowed { inner, narrowing })))
}

/// What the row of a socket says of ports and peers.
fn rows(wanted: &Selection<'_>) -> Filter {
    let mut filter = Filter::EVERYTHING;
    if !wanted.listen_port.is_empty() {
        let ports: PortSet = wanted.listen_port.iter().copied().collect();
        filter = filter.and(Condition::PortIn(End::Local, ports).into());
    }
    if !wanted.remote.is_empty() {
        let peers = wanted.remote.iter().map(|peer| peer.filter(End::Remote));
        filter = filter.and(peers.fold(Filter::NOTHING, Filter::or));
    }
    filter
}

/// How sockets are chosen.
struct Narrowing {
    /// By what their rows say.
    rows: Filter,
    /// The inodes of the sockets that the processes hold.
    inodes: Option<Inodes>,
    /// Where connections wait that no process holds yet.
    listeners: Listeners,
    /// Whether some of these may be missing: then so may what waits there.
    lacks_listeners: bool,
    units: Option<Units>,
}

impl Default for Narrowing {
    fn default() -> Self {
        Self {
            rows: Filter::EVERYTHING,
            inodes: None,
            listeners: Listeners::default(),
            lacks_listeners: false,
            units: None,
        }
    }
}

/// Units by their names, and which cgroups are theirs.
struct Units {
    names: Vec<String>,
    /// What their processes hold, as far as these may be looked into.
    held: Inodes,
    tree: CgroupTree,
    known: HashMap<CgroupId, bool>,
}

impl Narrowing {
    /// Reads the listeners, where it takes these to tell whose a socket is.
    fn read_listeners(&mut self, source: &mut dyn SocketSource) -> Result<(), KernelError> {
        let by_holder = |units: &Units| !units.held.is_empty();
        if self.inodes.is_none() && !self.units.as_ref().is_some_and(by_holder) {
            return Ok(());
        }
        let (listeners, collection) = listeners(source)?;
        self.listeners = listeners;
        self.lacks_listeners = !collection.complete;
        Ok(())
    }

    /// Whether it leaves any socket out.
    fn is_narrow(&self) -> bool {
        !self.rows.is_everything() || self.inodes.is_some() || self.units.is_some()
    }

    /// Whether it selects a socket, of those that the rows select.
    fn accepts(&mut self, socket: &Socket) -> bool {
        let listeners = &self.listeners;
        let inodes = self.inodes.as_ref();
        inodes.is_none_or(|inodes| is_held(inodes, socket, listeners))
            && self.units.as_mut().is_none_or(|units| {
                socket.cgroup.is_some_and(|cgroup| units.own(cgroup))
                    || is_held(&units.held, socket, listeners)
            })
    }
}

/// Whether a socket is one of these, or waits at a listener that is.
fn is_held(inodes: &Inodes, socket: &Socket, listeners: &Listeners) -> bool {
    let held = |inode: Option<u64>| inode.is_some_and(|inode| inodes.contains(&inode));
    match socket.state {
        // Not accepted yet: it is whose the listener is.
        TcpState::Established | TcpState::CloseWait if socket.inode.is_none() => {
            let mut listeners = listeners.of(socket).iter();
            listeners.any(|listener| held(listener.inode))
        }
        _ => held(socket.inode),
    }
}

/// `None` where no process is asked for.
fn inodes(pids: &[u32], namespace: &Namespace) -> Result<Option<Inodes>, SelectionError> {
    if pids.is_empty() {
        return Ok(None);
    }
    let Some(proc_root) = namespace.proc_root() else {
        return Err(SelectionError::RecordedProcesses);
    };
    for pid in pids {
        if !proc_root.file(&pid.to_string()).is_dir() {
            return Err(SelectionError::NoProcess(*pid));
        }
    }
    let (inodes, coverage) = ownership::held_by(proc_root, pids)?;
    let incomplete = coverage.incomplete();
    if let Some(IncompleteScan::Failed(_)) = incomplete {
        return Err(SelectionError::Exhausted);
    }
    if incomplete.is_some() {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        return Err(SelectionError::NotPermitted(pids.join(", ")));
    }
    Ok(Some(inodes))
}

impl Units {
    fn new(names: &[String], namespace: &Namespace) -> Result<Option<Self>, SelectionError> {
        if names.is_empty() {
            return Ok(None);
        }
        let Some(proc_root) = namespace.proc_root() else {
            return Err(SelectionError::RecordedUnits);
        };
        let Some(tree) = CgroupTree::of(proc_root) else {
            return Err(SelectionError::NoCgroups);
        };
        let mut pids = Vec::new();
        for name in names {
            pids.extend(processes_of_unit(proc_root, name));
            if cgroups_of_unit(tree.root(), name).is_empty() {
                return Err(SelectionError::NoUnit(name.clone()));
            }
        }
        // Who may not be looked into is known by what was made in its cgroup.
        let (held, _) = if pids.is_empty() {
            Default::default()
        } else {
            ownership::held_by(proc_root, &pids)?
        };
        Ok(Some(Self {
            names: names.to_vec(),
            held,
            tree,
            known: HashMap::new(),
        }))
    }

    /// Whether a cgroup is of one of the units. There are few cgroups, and each
    /// is looked up once.
    fn own(&mut self, id: CgroupId) -> bool {
        let (names, tree) = (&self.names, &self.tree);
        *self.known.entry(id).or_insert_with(|| {
            let paths = tree.paths([id]);
            let unit = paths.get(id).and_then(Unit::from_cgroup_path);
            unit.is_some_and(|unit| names.iter().any(|name| unit.is_called(name)))
        })
    }
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

/// A part of the sockets of a source.
struct Narrowed {
    inner: Box<dyn SocketSource + Send>,
    narrowing: Narrowing,
}

impl SocketSource for Narrowed {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        let Self { inner, narrowing } = self;
        let request = request.clone().and(&narrowing.rows);
        let mut collection = inner.visit(&request, &mut |socket| {
            if narrowing.accepts(socket) {
                visitor(socket)
            } else {
                ControlFlow::Continue(())
            }
        })?;
        collection.complete &= !narrowing.lacks_listeners;
        Ok(collection)
    }

    fn kind(&self) -> SourceKind {
        self.inner.kind()
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        // It would show all of the sockets.
        None
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
        let proc_root = ProcRoot::new(root.path());
        let listener = RowBytes::new(10, 1).message(1);
        let cut = message(20, 2, 1, &[10]);
        for (lost, pids_are_asked_for) in [(false, true), (true, true), (true, false)] {
            let first = if lost { &cut } else { &listener };
            let listening = [first.clone(), done(1, 0)].concat();
            let answers = if pids_are_asked_for {
                vec![listening, done(2, 0), done(3, 0)]
            } else {
                vec![done(1, 0), done(2, 0)]
            };
            let kernel = ScriptedKernel::answering(answers);
            let mut source = FallbackSource::over(kernel, &proc_root);
            let mut narrowing = Narrowing {
                inodes: pids_are_asked_for.then(Inodes::default),
                ..Narrowing::default()
            };
            narrowing.read_listeners(&mut source).unwrap();
            let mut watch = Narrowed {
                inner: Box::new(source),
                narrowing,
            };
            let complete = !(lost && pids_are_asked_for);
            // However often it is asked.
            for _ in 0..2 {
                let query = Request::states(StateSet::RFC9293);
                let collection = watch.visit_all(&query, &mut |_| {}).unwrap();
                assert_eq!(collection.complete, complete);
            }
        }
    }

    /// The port is ours, and the peer the other end.
    #[test]
    fn ports_and_peers_are_told_by_rows() {
        let peers = [":443".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let socket = |local, remote| crate::classify::testing::socket(local, remote).build();
        let selects = |listen_port, remote, socket: &Socket| {
            let wanted = Selection {
                listen_port,
                remote,
                ..Selection::default()
            };
            crate::filter::selects_row(&rows(&wanted), socket, SourceKind::Netlink)
        };
        let one = socket("192.0.2.1:80", "192.0.2.2:443");
        assert!(selects(&[], &[], &one));
        assert!(selects(&[80, 81], &[], &one));
        assert!(!selects(&[443], &[], &one));
        assert!(selects(&[80], &peers, &one));
        assert!(selects(&[], &peers, &socket("192.0.2.1:80", "10.1.1.1:9")));
        assert!(!selects(
            &[],
            &peers,
            &socket("192.0.2.1:443", "192.0.2.2:9")
        ));
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
