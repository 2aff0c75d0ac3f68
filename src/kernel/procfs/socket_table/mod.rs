//! /proc/net/tcp and tcp6: the fallback where netlink is refused.
//!
//! Slower than netlink, and poorer: no cookies, no cgroups, no `tcp_info`, no
//! limit of an accept queue.

mod lines;
mod row;

use std::io;

use self::lines::{Line, Lines};
use crate::kernel::proc_root::open;
use crate::kernel::{KernelError, ProcRoot, SocketSource};
use crate::model::{Collection, FallbackReason, Family, Query, Socket, SourceKind};

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

    /// Reads one table, if the kernel has it.
    fn read_table(
        &self,
        family: Family,
        query: &Query,
        collection: &mut Collection,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<(), KernelError> {
        let name = match family {
            Family::Ipv4 => "tcp",
            Family::Ipv6 => "tcp6",
        };
        let path = self.proc_root.net_file(name);
        let file = match open(&path) {
            Ok(file) => file,
            // A kernel without IPv6 has no such table, and no such sockets.
            Err(error) if family == Family::Ipv6 && error.kind() == io::ErrorKind::NotFound => {
                return Ok(());
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
        while let Some(line) = lines.next_line().map_err(read)? {
            let socket = match line {
                Line::Whole(bytes) => row::parse(bytes, family),
                Line::TooLong => None,
            };
            match socket {
                Some(socket) if query.wants(socket.state, family, socket.local.port) => {
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
        Ok(())
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
            duplicates: None,
            malformed: 0,
        };
        for family in [Family::Ipv4, Family::Ipv6] {
            if query.family.is_none_or(|wanted| wanted == family) {
                self.read_table(family, query, &mut collection, visitor)?;
            }
        }
        Ok(collection)
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Procfs
    }
}

#[cfg(test)]
mod tests;
