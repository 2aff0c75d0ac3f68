//! Sockets one by one, as a filter selects them. Unless they are sorted, none of
//! them is kept.

use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use foldhash::fast::RandomState;

use super::Namespace;
use super::list_order::{Entry, Order};
use super::ownership::{self, Budget, CgroupReader, Hints};
use crate::kernel::{HostNames, KernelError};
use crate::model::{
    Collection, Condition, Extensions, Filter, Inodes, ListColumn, ListEnd, ListFacts, ListStep,
    NotShown, Request, Socket, SocketCookie, SocketKind, SourceKind, StateSet, TcpState,
};

/// Sockets that are looked at before the first is shown: columns are as wide as
/// these need.
const FIRST: usize = 1_000;

/// Sockets that are kept while their owners are searched. Where there are more,
/// they are read once more to be shown.
const KEPT: usize = 10_000;

/// Rows among which a repeated one is looked for. The kernel goes on by position
/// in a chain, and shows its sockets again where it grew: repeats are near.
const WINDOW: usize = 4_096;

/// What a list shall show.
#[derive(Debug)]
pub struct ListQuestion<'a> {
    /// The states of the sockets that the namespace selects; `None` where its
    /// filter names them.
    pub states: Option<StateSet>,
    /// Whether nobody asked for these states: then the others are counted where
    /// that is cheap.
    pub by_default: bool,
    /// What is shown of them.
    pub columns: &'a [ListColumn],
    /// By what they are sorted, and whether the other way round.
    pub sort: Option<(ListColumn, bool)>,
    /// How many of the sorted ones are shown.
    pub top: Option<usize>,
    /// Whether names are wanted in place of numbers.
    pub names: bool,
}

/// How far a list is, for whoever waits for it.
#[derive(Debug, Default)]
pub struct ListProgress {
    /// Sockets that were read.
    pub sockets: AtomicU64,
    /// Whether their owners are being searched.
    pub owners: AtomicBool,
}

/// Shows the sockets that are asked for, and what is known beside them, until
/// there are no more or whoever is shown them has seen enough.
///
/// # Errors
///
/// When the sockets could not be read; those that were shown are not all then.
pub fn list(
    namespace: &mut Namespace,
    question: &ListQuestion<'_>,
    progress: &ListProgress,
    show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
) -> Result<(ListEnd, ListFacts), KernelError> {
    let start = Instant::now();
    let mut list = List::new(namespace, question, progress);
    list.facts = facts(namespace, question);
    let collection = match question.sort {
        Some((column, reversed)) => {
            let order = Order { column, reversed };
            let most = question.top.unwrap_or(usize::MAX);
            list.sorted(namespace, &order, most, show)?
        }
        None if list.wants(ListColumn::Process) => list.owned(namespace, show)?,
        None => list.streamed(namespace, show)?,
    };
    let end = ListEnd {
        duplicates_within: (collection.source == SourceKind::Netlink).then_some(WINDOW as u64),
        elapsed: start.elapsed(),
        not_shown: list.not_shown(true),
        collection,
    };
    Ok((end, list.facts))
}

/// What is known before the first socket is read.
fn facts(namespace: &Namespace, question: &ListQuestion<'_>) -> ListFacts {
    let names = namespace.proc_root().filter(|_| question.names);
    ListFacts {
        kernel: namespace.host().kernel,
        names: names.map(|proc_root| HostNames::new(proc_root).of_files()),
        ..ListFacts::default()
    }
}

/// A list that is being made.
struct List<'a> {
    question: &'a ListQuestion<'a>,
    progress: &'a ListProgress,
    request: Request,
    facts: ListFacts,
    devices: Option<HostNames>,
    cgroups: Option<CgroupReader>,
    repeats: Repeats,
    /// What of the states that aren't shown comes by, and what was counted
    /// before.
    passing: Option<Passing>,
    /// Sockets that are shown.
    selected: u64,
}

/// Sockets of states that nobody asked for.
#[derive(Default)]
struct Passing {
    /// Those that come by, and no more.
    counted: StateSet,
    listen: u64,
    syn_recv: u64,
    time_wait: u64,
    /// Minisockets of the namespace, as the kernel counts them.
    minisockets: Option<u64>,
    /// FIN_WAIT2 minisockets that came by.
    fin_wait2: u64,
    /// Listeners that were read by themselves.
    listeners: Option<u64>,
}

impl<'a> List<'a> {
    fn new(
        namespace: &mut Namespace,
        question: &'a ListQuestion<'a>,
        progress: &'a ListProgress,
    ) -> Self {
        let passing = question.by_default.then(|| Passing::new(namespace));
        let mut filter = Filter::EVERYTHING;
        if let Some(states) = question.states {
            let counted = passing.as_ref().map_or(StateSet::NONE, |one| one.counted);
            filter = Condition::State(states.union(counted)).into();
        }
        let mut extensions = Extensions::NONE;
        if question.columns.iter().any(|column| column.is_detail())
            || question.sort.is_some_and(|(column, _)| column.is_detail())
        {
            extensions = Extensions::DETAILS;
        }
        let proc_root = namespace.proc_root();
        let by_cgroup =
            |column: &ListColumn| matches!(column, ListColumn::Cgroup | ListColumn::Unit);
        let sorted_by = question.sort.map(|(column, _)| column);
        let mut shown = question.columns.iter().chain(&sorted_by);
        Self {
            question,
            progress,
            request: Request::of(filter).with(extensions),
            facts: ListFacts::default(),
            devices: proc_root.map(HostNames::new),
            cgroups: shown
                .any(by_cgroup)
                .then(|| proc_root.and_then(CgroupReader::all))
                .flatten(),
            repeats: Repeats::default(),
            passing,
            selected: 0,
        }
    }

    fn wants(&self, column: ListColumn) -> bool {
        self.question.columns.contains(&column)
            || self.question.sort.is_some_and(|(by, _)| by == column)
    }

    /// Reads the sockets; those in states that are only counted, and repeated
    /// ones, are not shown.
    fn read(
        &mut self,
        namespace: &mut Namespace,
        show: &mut dyn FnMut(&mut Self, &Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        self.selected = 0;
        self.repeats = Repeats::default();
        self.progress.sockets.store(0, Ordering::Relaxed);
        if let Some(passing) = &mut self.passing {
            passing.forget();
        }
        let request = self.request.clone();
        let mut collection = namespace.sockets().visit(&request, &mut |socket| {
            self.progress.sockets.fetch_add(1, Ordering::Relaxed);
            if let (Some(passing), Some(states)) = (&mut self.passing, self.question.states)
                && !passing.shows(socket, states)
            {
                return ControlFlow::Continue(());
            }
            if self.repeats.has(socket.cookie) {
                return ControlFlow::Continue(());
            }
            self.selected += 1;
            self.learn(socket);
            show(self, socket)
        })?;
        collection.sockets = self.selected;
        if collection.source == SourceKind::Netlink {
            collection.duplicates = Some(self.repeats.found);
        }
        Ok(collection)
    }

    /// Names that a socket mentions for the first time.
    fn learn(&mut self, socket: &Socket) {
        if let (Some(index), Some(devices)) = (socket.interface, &self.devices)
            && !self.facts.interfaces.contains_key(&index)
        {
            let name = devices.device_name(index);
            self.facts.interfaces.insert(index, name);
        }
        if let Some(reader) = &self.cgroups {
            let known = self.facts.cgroups.get_or_insert_default();
            if let Some(id) = socket.cgroup {
                known.entry(id).or_insert_with(|| reader.of(id));
            }
        }
    }

    /// Shows them as they come. A source that fails before one is shown is asked
    /// once more, for it may have turned to another.
    fn streamed(
        &mut self,
        namespace: &mut Namespace,
        show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        let before = namespace.source();
        let mut first = Vec::new();
        let mut began = false;
        let outcome = self.stream(namespace, &mut first, &mut began, show);
        let collection = match outcome {
            Err(_) if !began && namespace.source() != before => {
                first.clear();
                self.stream(namespace, &mut first, &mut began, show)?
            }
            outcome => outcome?,
        };
        if !began {
            let _ = self.show_all(&first, true, show);
        }
        Ok(collection)
    }

    fn stream(
        &mut self,
        namespace: &mut Namespace,
        first: &mut Vec<Socket>,
        began: &mut bool,
        show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        self.read(namespace, &mut |list, socket| {
            if *began {
                return show(ListStep::Socket(socket), &list.facts);
            }
            first.push(socket.clone());
            if first.len() < FIRST {
                return ControlFlow::Continue(());
            }
            *began = true;
            list.show_all(&std::mem::take(first), false, show)
        })
    }

    /// Shows sockets that were kept: the first of a list, or, where `whole`, all
    /// of it.
    fn show_all(
        &self,
        sockets: &[Socket],
        whole: bool,
        show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let not_shown = self.not_shown(whole);
        show(ListStep::Begin(sockets, not_shown), &self.facts)?;
        for socket in sockets {
            show(ListStep::Socket(socket), &self.facts)?;
        }
        ControlFlow::Continue(())
    }

    /// Finds their owners, and shows them: those that were read, or, where they
    /// are too many to be kept, those of another look.
    fn owned(
        &mut self,
        namespace: &mut Namespace,
        show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        let mut wanted = Inodes::default();
        let mut kept = Vec::new();
        let collection = self.retried(namespace, &mut |list, namespace| {
            wanted.clear();
            kept.clear();
            list.read(namespace, &mut |list, socket| {
                wanted.extend(socket.inode);
                if list.selected <= KEPT as u64 {
                    kept.push(socket.clone());
                }
                ControlFlow::Continue(())
            })
        })?;
        let whole = kept.len() as u64 == self.selected;
        if !whole {
            kept = Vec::new();
        }
        self.find_owners(namespace, &wanted)?;
        drop(wanted);
        if whole {
            let _ = self.show_all(&kept, true, show);
            return Ok(collection);
        }
        self.streamed(namespace, show)
    }

    /// Keeps the first of them in an order, and shows these.
    fn sorted(
        &mut self,
        namespace: &mut Namespace,
        order: &Order,
        most: usize,
        show: &mut dyn FnMut(ListStep<'_>, &ListFacts) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        // Who holds a socket isn't known yet: then all are kept.
        let by_owner = order.column == ListColumn::Process;
        let first = if by_owner { usize::MAX } else { most };
        let mut kept = BinaryHeap::new();
        let collection = self.retried(namespace, &mut |list, namespace| {
            kept.clear();
            list.read(namespace, &mut |list, socket| {
                order.keep(&mut kept, socket, &list.facts, first);
                ControlFlow::Continue(())
            })
        })?;
        let mut kept: Vec<Socket> = kept
            .into_sorted_vec()
            .into_iter()
            .map(Entry::socket)
            .collect();
        if self.wants(ListColumn::Process) {
            let wanted = kept.iter().filter_map(|socket| socket.inode).collect();
            self.find_owners(namespace, &wanted)?;
            if by_owner {
                order.sort(&mut kept, &self.facts);
                kept.truncate(most);
            }
        }
        let _ = self.show_all(&kept, true, show);
        Ok(collection)
    }

    /// Reads, and once more where the source failed and fell back to another:
    /// nothing is shown yet.
    fn retried(
        &mut self,
        namespace: &mut Namespace,
        read: &mut dyn FnMut(&mut Self, &mut Namespace) -> Result<Collection, KernelError>,
    ) -> Result<Collection, KernelError> {
        namespace.with_fallback(|namespace| read(self, namespace))
    }

    fn find_owners(&mut self, namespace: &Namespace, inodes: &Inodes) -> Result<(), KernelError> {
        let Some(proc_root) = namespace.proc_root() else {
            return Ok(());
        };
        self.progress.owners.store(true, Ordering::Relaxed);
        let owners = ownership::find(proc_root, inodes, &Hints::default(), Budget::Everywhere)?;
        let processes = ownership::processes(proc_root, &owners)?;
        let unowned = inodes.iter().filter(|&&inode| owners.of(inode).is_empty());
        self.facts.unowned = unowned.count() as u64;
        self.facts.owners = Some((owners, processes));
        self.progress.owners.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// What is not shown; `whole`: all sockets have come by.
    fn not_shown(&self, whole: bool) -> Option<NotShown> {
        self.passing
            .as_ref()
            .map(|passing| passing.not_shown(whole))
    }
}

impl Passing {
    /// Counts what can be counted before the list.
    fn new(namespace: &mut Namespace) -> Self {
        if namespace.source() != SourceKind::Netlink {
            // Every row comes by in any case.
            return Self {
                counted: StateSet::RFC9293,
                ..Self::default()
            };
        }
        let everything = namespace.filter().is_everything();
        let minisockets = everything.then(|| namespace.sockstat().tw).flatten();
        let request = Request::states(StateSet::NONE.with(TcpState::Listen));
        let mut listeners = 0;
        let read = namespace
            .sockets()
            .visit_all(&request, &mut |_| listeners += 1);
        Self {
            counted: StateSet::NONE.with(TcpState::SynRecv),
            minisockets,
            listeners: read.is_ok().then_some(listeners),
            ..Self::default()
        }
    }

    /// Forgets what came by.
    fn forget(&mut self) {
        (self.listen, self.syn_recv, self.time_wait, self.fin_wait2) = (0, 0, 0, 0);
    }

    /// Whether a socket is shown; it is counted if not.
    fn shows(&mut self, socket: &Socket, states: StateSet) -> bool {
        match socket.state {
            TcpState::FinWait2 if socket.kind == SocketKind::TimeWait => self.fin_wait2 += 1,
            TcpState::Listen => self.listen += 1,
            TcpState::SynRecv => self.syn_recv += 1,
            TcpState::TimeWait => self.time_wait += 1,
            _ => {}
        }
        states.contains(socket.state)
    }

    fn not_shown(&self, whole: bool) -> NotShown {
        let passed = |state, count| (whole && self.counted.contains(state)).then_some(count);
        let told = self
            .minisockets
            .map(|all| all.saturating_sub(self.fin_wait2));
        NotShown {
            listen: passed(TcpState::Listen, self.listen).or(self.listeners),
            syn_recv: passed(TcpState::SynRecv, self.syn_recv),
            time_wait: passed(TcpState::TimeWait, self.time_wait).or(told),
            time_wait_at_most: !whole,
        }
    }
}

/// The cookies of the last rows.
#[derive(Default)]
pub(super) struct Repeats {
    last: VecDeque<SocketCookie>,
    seen: HashSet<SocketCookie, RandomState>,
    found: u64,
}

impl Repeats {
    /// How many rows were repeated.
    pub(super) const fn found(&self) -> u64 {
        self.found
    }

    /// Whether the same socket came by not long ago.
    pub(super) fn has(&mut self, cookie: Option<SocketCookie>) -> bool {
        let Some(cookie) = cookie else {
            return false;
        };
        if !self.seen.insert(cookie) {
            self.found += 1;
            return true;
        }
        if self.last.len() == WINDOW
            && let Some(oldest) = self.last.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.last.push_back(cookie);
        false
    }
}
