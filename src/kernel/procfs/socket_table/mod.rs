//! /proc/net/tcp and tcp6: the fallback where netlink is refused.
//!
//! Slower than netlink, and poorer: no cookies, no cgroups, no `tcp_info`, no
//! limit of an accept queue.

mod lines;
mod row;

use std::collections::{HashSet, VecDeque};
use std::io;

use foldhash::fast::RandomState;

use self::lines::{Line, Lines};
use crate::filter::selects_row;
use crate::kernel::proc_root::open;
use crate::kernel::{KernelError, ProcRoot, SocketSource, refuse_untold};
use crate::model::{Collection, Endpoint, FallbackReason, Family, Query, Socket, SourceKind};

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

    /// Reads one table, if the kernel has it; whether it has.
    fn read_table(
        &self,
        family: Family,
        query: &Query,
        collection: &mut Collection,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<bool, KernelError> {
        let name = match family {
            Family::Ipv4 => "tcp",
            Family::Ipv6 => "tcp6",
        };
        let path = self.proc_root.net_file(name);
        let file = match open(&path) {
            Ok(file) => file,
            Err(error) if family == Family::Ipv6 && error.kind() == io::ErrorKind::NotFound => {
                collection.complete &= self.has_no_ipv6();
                return Ok(false);
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
        let mut repeats = Repeats::default();
        while let Some(line) = lines.next_line().map_err(read)? {
            let socket = match line {
                Line::Whole(bytes) => row::parse(bytes, family),
                Line::TooLong | Line::Cut => None,
            };
            match socket {
                Some(socket) if repeats.is_repeat(&socket) => {
                    let repeated = collection.duplicates.unwrap_or(0);
                    collection.duplicates = Some(repeated + 1);
                }
                Some(socket)
                    if query.wants(socket.state, family)
                        && selects_row(&query.filter, &socket, SourceKind::Procfs) =>
                {
                    collection.sockets += 1;
                    visitor(&socket);
                }
                Some(_) => {}
                None => {
                    collection.malformed += 1;
                    collection.complete = false;
                }
            }
        }
        Ok(true)
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

impl SocketSource for ProcfsSource {
    fn visit(
        &mut self,
        query: &Query,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<Collection, KernelError> {
        let mut collection = Collection {
            source: SourceKind::Procfs,
            fallback_reason: self.reason.clone(),
            complete: true,
            sockets: 0,
            duplicates: Some(0),
            malformed: 0,
        };
        let mut failed = None;
        let mut is_any_read = false;
        refuse_untold(&query.filter, SourceKind::Procfs)?;
        for family in [Family::Ipv4, Family::Ipv6] {
            if query.family.is_some_and(|wanted| wanted != family) {
                continue;
            }
            // A table that can't be read is no reason to hide the other one.
            match self.read_table(family, query, &mut collection, visitor) {
                Ok(is_read) => is_any_read |= is_read,
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
