//! A part of the sockets of a namespace, as a filter selects them.

mod owners;

use std::ops::ControlFlow;

use self::owners::OwnerFacts;
pub(super) use self::owners::processes_of_unit;
use super::close_wait::listeners;
use crate::filter::{Facts, Truth, divide_by_rows, judge, untold};
use crate::kernel::{KernelError, ProcRoot, SocketSource, since_boot};
use crate::model::{
    Collection, Condition, Extensions, Filter, Request, Selection, Socket, SourceKind,
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
    /// two readings. Where some have ended since, what is known stands: their
    /// sockets are gone.
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
mod tests;
