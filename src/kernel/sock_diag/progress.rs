//! What has come so far of a dump, and which of its rows are shown.

use std::collections::HashSet;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;

use super::row;
use crate::filter::{Facts, Truth, judge};
use crate::model::{
    Collection, Endpoint, Extensions, Filter, Request, Socket, SocketCookie, SocketDetails,
    SourceKind, StateSet,
};

/// What has come so far of a dump, live or recorded.
#[derive(Debug)]
pub(crate) struct Progress {
    complete: bool,
    sockets: u64,
    malformed: u64,
    duplicates: u64,
    /// Every cookie until now, where rows must come once: the kernel resumes
    /// by position, and shows a socket again when the chain before it grew.
    seen: Option<HashSet<SocketCookie, RandomState>>,
    source: SourceKind,
    /// Sockets of which nobody can tell whether they are asked for.
    unjudged: u64,
    /// Whether the visitor has seen enough.
    stopped: bool,
    /// The states that rows are asked for.
    states: StateSet,
    /// Every socket of a recording: two that stand in one file show a socket
    /// twice, and in two states where it went on meanwhile. The first counts.
    recorded: Option<HashSet<Recorded, RandomState>>,
    /// What is left to judge of the rows.
    filter: Filter,
    /// The details of the row before, whose room those of the next take.
    details: Option<Box<SocketDetails>>,
}

/// What makes a row of a recording the same socket as another: minisockets may
/// have no cookie.
type Recorded = (Option<SocketCookie>, Endpoint, Endpoint, Option<u64>);

impl Progress {
    /// Nothing yet.
    pub(crate) fn new(request: &Request, source: SourceKind) -> Self {
        Self {
            complete: true,
            sockets: 0,
            malformed: 0,
            duplicates: 0,
            seen: request.unique.then(HashSet::default),
            recorded: (source == SourceKind::Replay).then(HashSet::default),
            source,
            unjudged: 0,
            stopped: false,
            states: StateSet::ALL,
            filter: Filter::EVERYTHING,
            details: (request.extensions.contains(Extensions::DETAILS)).then(Box::default),
        }
    }

    /// The states that rows are asked for from now on, and what is left to judge
    /// of these.
    pub(crate) fn judge_by(&mut self, states: StateSet, filter: Filter) {
        self.states = states;
        self.filter = filter;
    }

    /// Whether nothing was shown yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.sockets == 0
    }

    /// Whether the visitor has seen enough.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Reads one row and shows it to the visitor if it is asked for.
    pub(crate) fn row(
        &mut self,
        payload: &[u8],
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) {
        let Some(mut decoded) = row::decode(payload, self.states) else {
            self.unreadable();
            return;
        };
        if !decoded.attributes_whole {
            self.unreadable();
        }
        let socket = &decoded.socket;
        if let Some(recorded) = &mut self.recorded {
            // A cookie names it in every state, an inode only while it is held.
            let inode = socket.inode.filter(|_| socket.cookie.is_none());
            let key = (socket.cookie, socket.local, socket.remote, inode);
            if !recorded.insert(key) {
                self.duplicates += 1;
                return;
            }
        }
        match judge(&self.filter, socket, &Facts::of_row(self.source)) {
            Truth::Yes => {}
            Truth::No => return,
            Truth::Unknown => {
                self.unjudged += 1;
                return;
            }
        }
        if let (Some(seen), Some(cookie)) = (&mut self.seen, socket.cookie)
            && !seen.insert(cookie)
        {
            self.duplicates += 1;
            return;
        }
        self.sockets += 1;
        if let Some(mut details) = self.details.take() {
            row::read_details(payload, &mut details);
            decoded.socket.details = Some(details);
        }
        self.stopped = visitor(&decoded.socket).is_break();
        self.details = decoded.socket.details;
    }

    /// Something came that could not be read.
    pub(crate) fn unreadable(&mut self) {
        self.malformed += 1;
        self.complete = false;
    }

    /// The kernel says that the walk was disturbed, or rows were lost.
    pub(crate) fn incomplete(&mut self) {
        self.complete = false;
    }

    pub(crate) fn into_collection(self) -> Collection {
        Collection {
            source: self.source,
            fallback_reason: None,
            complete: self.complete,
            sockets: self.sockets,
            duplicates: (self.seen.is_some() || self.recorded.is_some()).then_some(self.duplicates),
            malformed: self.malformed,
            unjudged: self.unjudged,
            selection: None,
        }
    }
}
