//! A source that shows a part of the sockets.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::bail;

use crate::classify::close_wait::Listeners;
use crate::cli::CheckArgs;
use crate::collect::{self, Namespace, ownership};
use crate::kernel::processes::CgroupTree;
use crate::kernel::{KernelError, SocketSource};
use crate::model::{
    CgroupId, Collection, IncompleteScan, Inodes, PeerFilter, Query, Socket, SourceKind, TcpState,
    Unit,
};

/// Which sockets a check is about.
#[derive(Default)]
pub(super) struct Narrowing {
    ports: Vec<u16>,
    peers: Vec<PeerFilter>,
    /// The inodes of the sockets that the processes hold.
    inodes: Option<Inodes>,
    /// Where connections wait that no process holds yet.
    listeners: Listeners,
    /// Whether some of these may be missing: then so may what waits there.
    lacks_listeners: bool,
    units: Option<Units>,
}

/// Units by their names, and which cgroups are theirs.
struct Units {
    names: Vec<String>,
    tree: CgroupTree,
    known: HashMap<CgroupId, bool>,
}

impl Narrowing {
    /// What the arguments narrow a check to.
    pub(super) fn new(args: &CheckArgs, namespace: &Namespace) -> anyhow::Result<Self> {
        Ok(Self {
            ports: args.listen_port.clone(),
            peers: args.remote.clone(),
            inodes: inodes(&args.pid, namespace)?,
            listeners: Listeners::default(),
            lacks_listeners: false,
            units: Units::new(&args.unit, namespace)?,
        })
    }

    /// Looks at the listeners, where it takes these to tell whose a socket is.
    pub(super) fn see_listeners(
        &mut self,
        source: &mut dyn SocketSource,
    ) -> Result<(), KernelError> {
        if self.inodes.is_none() {
            return Ok(());
        }
        let (listeners, collection) = collect::listeners(source)?;
        self.listeners = listeners;
        self.lacks_listeners = !collection.complete;
        Ok(())
    }

    /// Whether it leaves any socket out.
    fn is_narrow(&self) -> bool {
        !(self.ports.is_empty() && self.peers.is_empty())
            || self.inodes.is_some()
            || self.units.is_some()
    }

    /// The namespace with the sockets that a check is about.
    pub(super) fn narrow(self, namespace: Namespace) -> Namespace {
        if !self.is_narrow() {
            return namespace;
        }
        namespace.narrowed(|inner| {
            Box::new(Narrowed {
                inner,
                narrowing: self,
            })
        })
    }

    /// Whether it can be answered from this source.
    pub(super) fn needs_netlink(&self) -> bool {
        self.units.is_some()
    }

    fn accepts(&mut self, socket: &Socket) -> bool {
        let peers = &self.peers;
        (self.ports.is_empty() || self.ports.contains(&socket.local.port))
            && (peers.is_empty() || peers.iter().any(|peer| peer.accepts(&socket.remote)))
            && self.inodes.as_ref().is_none_or(|inodes| {
                let held = |inode: Option<u64>| inode.is_some_and(|inode| inodes.contains(&inode));
                match socket.state {
                    // Not accepted yet: it is whose the listener is.
                    TcpState::Established | TcpState::CloseWait if socket.inode.is_none() => {
                        let mut listeners = self.listeners.of(socket).iter();
                        listeners.any(|listener| held(listener.inode))
                    }
                    _ => held(socket.inode),
                }
            })
            && self
                .units
                .as_mut()
                .is_none_or(|units| socket.cgroup.is_some_and(|cgroup| units.own(cgroup)))
    }
}

/// `None` where no process is asked for.
fn inodes(pids: &[u32], namespace: &Namespace) -> anyhow::Result<Option<Inodes>> {
    if pids.is_empty() {
        return Ok(None);
    }
    let Some(proc_root) = namespace.proc_root() else {
        bail!("a recorded dump has no processes: leave out --pid");
    };
    for pid in pids {
        if !proc_root.file(&pid.to_string()).is_dir() {
            bail!("no process {pid}");
        }
    }
    let (inodes, coverage) = ownership::held_by(proc_root, pids)?;
    let incomplete = coverage.incomplete();
    if let Some(IncompleteScan::Failed(_)) = incomplete {
        bail!("cannot read the descriptors: no file descriptors or no memory left (ulimit -n)");
    }
    if incomplete.is_some() {
        bail!(
            "cannot see the descriptors of {}: that takes the same user, root, or CAP_SYS_PTRACE \
             and CAP_DAC_READ_SEARCH; --unit needs none of these",
            pids.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    Ok(Some(inodes))
}

impl Units {
    fn new(names: &[String], namespace: &Namespace) -> anyhow::Result<Option<Self>> {
        if names.is_empty() {
            return Ok(None);
        }
        let Some(proc_root) = namespace.proc_root() else {
            bail!("a recorded dump has no cgroups: leave out --unit");
        };
        let Some(tree) = CgroupTree::of(proc_root) else {
            bail!("cannot tell units apart: no cgroup2 is mounted at /sys/fs/cgroup");
        };
        for name in names {
            if !is_there(tree.root(), name) {
                bail!("no cgroup is called {name}: the unit doesn't run, or is called otherwise");
            }
        }
        Ok(Some(Self {
            names: names.to_vec(),
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

/// Whether a unit has a cgroup: of one that doesn't run, or whose name is
/// misspelt, there are no sockets, and no OK.
fn is_there(root: &Path, name: &str) -> bool {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let path = directory.strip_prefix(root).ok().and_then(Path::to_str);
        let unit = path.and_then(|path| Unit::from_cgroup_path(&format!("/{path}")));
        if unit.is_some_and(|unit| unit.is_called(name)) {
            return true;
        }
        // What can't be read has nothing to show.
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.extend(below.map(|entry| entry.path()));
    }
    false
}

/// The sockets of a source that a check is about.
struct Narrowed {
    inner: Box<dyn SocketSource + Send>,
    narrowing: Narrowing,
}

impl SocketSource for Narrowed {
    fn visit(
        &mut self,
        query: &Query,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<Collection, KernelError> {
        let Self { inner, narrowing } = self;
        let mut collection = inner.visit(query, &mut |socket| {
            if narrowing.accepts(socket) {
                visitor(socket);
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
    use crate::kernel::ProcRoot;
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
            narrowing.see_listeners(&mut source).unwrap();
            let mut watch = Narrowed {
                inner: Box::new(source),
                narrowing,
            };
            let complete = !(lost && pids_are_asked_for);
            // However often it is asked.
            for _ in 0..2 {
                let query = Query::states(StateSet::RFC9293);
                let collection = watch.visit(&query, &mut |_| {}).unwrap();
                assert_eq!(collection.complete, complete);
            }
        }
    }

    #[test]
    fn a_unit_that_has_no_cgroup_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("system.slice/nginx.service")).unwrap();
        assert!(is_there(root.path(), "nginx.service"));
        assert!(is_there(root.path(), "nginx"));
        assert!(!is_there(root.path(), "ngnix"));
    }
}
