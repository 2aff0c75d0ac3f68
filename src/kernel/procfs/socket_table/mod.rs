//! /proc/net/tcp and tcp6: the fallback where netlink is refused.
//!
//! Slower than netlink, and poorer: no cookies, no cgroups, no `tcp_info`, no
//! limit of an accept queue.

mod lines;
mod row;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;

use self::lines::{Line, Lines};
use crate::filter::{Facts, Truth, judge};
use crate::kernel::proc_root::open;
use crate::kernel::{KernelError, ProcRoot, SocketSource, refuse_untold};
use crate::model::{
    Collection, Endpoint, FallbackReason, Family, Filter, Request, Socket, SourceKind,
};

/// Reads the socket tables of a /proc.
#[derive(Debug)]
pub struct ProcfsSource {
    proc_root: ProcRoot,
    reason: Option<FallbackReason>,
}

impl ProcfsSource {
    /// The tables of a /proc.
    #[must_use]
    pub fn new(proc_root: &ProcRoot) -> Self {
        Self {
            proc_root: proc_root.clone(),
            reason: None,
        }
    }

    /// The same, as a fallback, with the reason for it.
    #[must_use]
    pub fn because(mut self, reason: FallbackReason) -> Self {
        self.set_reason(reason);
        self
    }

    /// Says why /proc is read instead of netlink.
    pub(crate) fn set_reason(&mut self, reason: FallbackReason) {
        self.reason = Some(reason);
    }

    /// Reads one table, if the kernel has it; whether it has, unless the visitor
    /// stops the walk.
    fn read_table(
        &self,
        family: Family,
        filter: &Filter,
        collection: &mut Collection,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), bool>, KernelError> {
        let name = match family {
            Family::Ipv4 => "tcp",
            Family::Ipv6 => "tcp6",
        };
        let path = self.proc_root.net_file(name);
        let file = match open(&path) {
            Ok(file) => file,
            Err(error) if family == Family::Ipv6 && error.kind() == io::ErrorKind::NotFound => {
                collection.complete &= self.has_no_ipv6();
                return Ok(ControlFlow::Continue(false));
            }
            Err(source) => return Err(self.proc_root.error(path, source)),
        };
        let mut lines = Lines::new(file);
        let read = |source| self.proc_root.error(path.clone(), source);
        let header = lines.next_line().map_err(read)?;
        if !header.is_some_and(|line| row::is_header(&line)) {
            return Err(KernelError::ProcContent {
                path,
                what: "it doesn't begin with the header of a socket table",
            });
        }
        // Linux has it wherever it has these tables. A kernel in a sandbox prints
        // its queues and timers as constants.
        let tells_queues = self.proc_root.net_file("sockstat").exists();
        let mut repeats = Repeats::default();
        let facts = Facts::of_row(SourceKind::Procfs);
        while let Some(line) = lines.next_line().map_err(read)? {
            let socket = match line {
                Line::Whole(bytes) => row::parse(bytes, family),
                Line::TooLong | Line::Cut => None,
            };
            let socket = match socket {
                Some(socket) if tells_queues || tells_something(&socket) => Some(socket),
                Some(socket) => Some(Socket {
                    send_q: None,
                    ..socket
                }),
                None => None,
            };
            match socket {
                Some(socket) if repeats.is_repeat(&socket) => {
                    let repeated = collection.duplicates.unwrap_or(0);
                    collection.duplicates = Some(repeated + 1);
                }
                Some(socket) => match judge(filter, &socket, &facts) {
                    Truth::Yes => {
                        collection.sockets += 1;
                        if visitor(&socket).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    Truth::No => {}
                    Truth::Unknown => collection.unjudged += 1,
                },
                None => {
                    collection.malformed += 1;
                    collection.complete = false;
                }
            }
        }
        Ok(ControlFlow::Continue(true))
    }

    /// Whether a table of IPv6 is missing because the kernel has no such
    /// sockets. A copy of a /proc may lack it because nobody copied it, unless
    /// it has the counts of IPv4 and not those of IPv6 either.
    fn has_no_ipv6(&self) -> bool {
        let lacks = |name| {
            let metadata = self.proc_root.net_file(name).metadata();
            metadata.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        lacks("sockstat6") && (self.proc_root.is_live() || !lacks("sockstat"))
    }
}

/// Whether a queue or a timer of a row is anything but 0.
fn tells_something(socket: &Socket) -> bool {
    socket.recv_q > 0 || socket.send_q.is_some_and(|bytes| bytes > 0) || socket.timer.is_some()
}

impl SocketSource for ProcfsSource {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        let mut collection = Collection {
            source: SourceKind::Procfs,
            fallback_reason: self.reason.clone(),
            complete: true,
            sockets: 0,
            duplicates: Some(0),
            malformed: 0,
            unjudged: 0,
            selection: None,
        };
        let filter = &request.filter;
        let families = filter.families();
        let mut failed = None;
        let mut is_any_read = false;
        refuse_untold(filter, SourceKind::Procfs)?;
        for family in [Family::Ipv4, Family::Ipv6] {
            if !families.contains(family) {
                continue;
            }
            // A table that can't be read is no reason to hide the other one.
            match self.read_table(family, filter, &mut collection, visitor) {
                Ok(ControlFlow::Continue(is_read)) => is_any_read |= is_read,
                Ok(ControlFlow::Break(())) => return Ok(collection),
                Err(error) => {
                    collection.complete = false;
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if !is_any_read => Err(error),
            _ => Ok(collection),
        }
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Procfs
    }
}

/// The kernel goes on by position where a read ended: what comes twice is of one
/// chain of its hash table, and no chain is nearly as long as this.
const WINDOW: usize = 1_024;

/// What makes a row the same as another: listeners that share a port have
/// inodes of their own, and so have connections over devices that share
/// addresses.
type Key = (Endpoint, Endpoint, Option<u64>);

/// The rows that came last.
#[derive(Debug, Default)]
struct Repeats {
    /// Peers choose their addresses, so the hash must not be foreseeable.
    seen: HashSet<Key, RandomState>,
    in_order: VecDeque<Key>,
}

impl Repeats {
    /// Whether a row came a short while ago; remembers it.
    fn is_repeat(&mut self, socket: &Socket) -> bool {
        let key = (socket.local, socket.remote, socket.inode);
        if !self.seen.insert(key) {
            return true;
        }
        self.in_order.push_back(key);
        if self.in_order.len() > WINDOW
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests;
