//! sock_diag over netlink: the kernel's own description of every TCP socket.
//!
//! A request names states and families; the answer comes in datagrams of many
//! messages, a row each, and ends with `NLMSG_DONE`. Rows are read through a
//! borrowed view: nothing is allocated for a socket.

mod ahead;
mod bytecode;
pub mod message;
pub mod request;
pub mod row;
pub mod transport;

use std::collections::HashSet;
use std::io;

use foldhash::fast::RandomState;
use rustix::io::Errno;

use self::ahead::Datagram;
use self::message::{Message, Messages};
use self::request::DumpRequest;
pub use self::transport::{KernelTransport, Transport};
use super::{KernelError, NetlinkFailure, SocketSource};
use crate::model::{Collection, Family, Query, Socket, SocketCookie, SourceKind};

/// Dumps sockets over a netlink transport.
#[derive(Debug)]
pub struct NetlinkSource<T> {
    transport: T,
    datagram: Datagram,
    /// Number of the next request; answers carry it.
    sequence: u32,
    /// Whether the kernel may still turn out to offer the dump of both
    /// families in one walk.
    try_both_families: bool,
}

impl NetlinkSource<KernelTransport> {
    /// A source over a netlink socket of this thread's network namespace.
    ///
    /// # Errors
    ///
    /// When the kernel, or a filter before it, refuses the socket.
    pub fn open() -> Result<Self, NetlinkFailure> {
        KernelTransport::open()
            .map(Self::over)
            .map_err(NetlinkFailure::Open)
    }
}

impl<T: Transport + Send> NetlinkSource<T> {
    /// A source over any transport.
    pub fn over(transport: T) -> Self {
        Self {
            transport,
            datagram: Datagram::empty(),
            sequence: 0,
            try_both_families: true,
        }
    }

    /// Sends one request and shows the rows of its answer to the visitor.
    fn dump(
        &mut self,
        request: DumpRequest,
        query: &Query,
        progress: &mut Progress,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<(), NetlinkFailure> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.to_bytes(query, self.sequence);
        retry_interrupted(|| self.transport.send(&bytes)).map_err(NetlinkFailure::Send)?;
        let mut answer = Answer {
            sequence: self.sequence,
            query,
            progress,
            visitor,
        };
        for received in 0.. {
            // Most dumps are over by then.
            if received == ahead::WORTH_A_THREAD && ahead::has_a_core() {
                let read = |datagram: &Datagram| answer.read(datagram);
                // Without a thread it goes on here.
                if let Ok(outcome) = ahead::receive(&mut self.transport, self.sequence, read) {
                    return outcome;
                }
            }
            self.datagram.receive(&mut self.transport)?;
            if answer.read(&self.datagram)? {
                break;
            }
        }
        Ok(())
    }

    /// Both families: in one walk of the kernel's table where it can, else in
    /// two.
    fn dump_both(
        &mut self,
        query: &Query,
        progress: &mut Progress,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<(), NetlinkFailure> {
        if self.try_both_families {
            match self.dump(DumpRequest::BothFamilies, query, progress, visitor) {
                Err(NetlinkFailure::Refused(error))
                    if progress.sockets == 0 && is_not_offered(&error) =>
                {
                    self.try_both_families = false;
                }
                outcome => return outcome,
            }
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            self.dump(DumpRequest::OneFamily(family), query, progress, visitor)?;
        }
        Ok(())
    }
}

impl<T: Transport + Send + 'static> SocketSource for NetlinkSource<T> {
    fn visit(
        &mut self,
        query: &Query,
        visitor: &mut dyn FnMut(&Socket),
    ) -> Result<Collection, KernelError> {
        let mut progress = Progress::new(query);
        match query.family {
            Some(family) => self.dump(
                DumpRequest::OneFamily(family),
                query,
                &mut progress,
                visitor,
            )?,
            None => self.dump_both(query, &mut progress, visitor)?,
        }
        Ok(progress.into_collection(SourceKind::Netlink))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Netlink
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        let second = NetlinkSource {
            try_both_families: self.try_both_families,
            ..Self::over(self.transport.second()?)
        };
        Some(Box::new(second))
    }
}

/// The answer to one request, read while it comes.
struct Answer<'a> {
    sequence: u32,
    query: &'a Query,
    progress: &'a mut Progress,
    visitor: &'a mut dyn FnMut(&Socket),
}

impl Answer<'_> {
    /// Shows the rows of one datagram to the visitor; whether it was the last.
    fn read(&mut self, datagram: &Datagram) -> Result<bool, NetlinkFailure> {
        if datagram.truncated {
            self.progress.incomplete();
        }
        for message in Messages::new(&datagram.bytes) {
            let message = match message {
                Ok(message) => message,
                Err(_) if datagram.truncated => break,
                Err(what) => return Err(NetlinkFailure::Garbled(what)),
            };
            if message.sequence != self.sequence {
                // Of an earlier dump that ended in an error.
                continue;
            }
            if message.interrupted {
                self.progress.incomplete();
            }
            match message.content {
                Message::Row(payload) => self.progress.row(payload, self.query, self.visitor),
                Message::Done(None) => return Ok(true),
                Message::Done(Some(errno)) | Message::Error(errno) => {
                    let error = io::Error::from_raw_os_error(errno);
                    return Err(NetlinkFailure::Refused(error));
                }
                Message::Lost => self.progress.incomplete(),
                Message::Other => self.progress.unreadable(),
            }
        }
        Ok(false)
    }
}

/// Whether an error says that the kernel doesn't know the request, rather than
/// that it won't answer us.
fn is_not_offered(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOENT | Errno::NOSYS)
    )
}

/// A signal (a terminal resized, a child ended) is no reason to give up.
fn retry_interrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

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
}

impl Progress {
    pub(crate) fn new(query: &Query) -> Self {
        Self {
            complete: true,
            sockets: 0,
            malformed: 0,
            duplicates: 0,
            seen: query.unique.then(HashSet::default),
        }
    }

    /// Reads one row and shows it to the visitor if the query asks for it.
    pub(crate) fn row(&mut self, payload: &[u8], query: &Query, visitor: &mut dyn FnMut(&Socket)) {
        let Some(decoded) = row::decode(payload, query) else {
            self.unreadable();
            return;
        };
        if !decoded.attributes_whole {
            self.unreadable();
        }
        let socket = &decoded.socket;
        if !query.wants(socket.state, socket.family, socket.local.port) {
            return;
        }
        if let (Some(seen), Some(cookie)) = (&mut self.seen, socket.cookie)
            && !seen.insert(cookie)
        {
            self.duplicates += 1;
            return;
        }
        self.sockets += 1;
        visitor(socket);
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

    pub(crate) fn into_collection(self, source: SourceKind) -> Collection {
        Collection {
            source,
            fallback_reason: None,
            complete: self.complete,
            sockets: self.sockets,
            duplicates: self.seen.map(|_| self.duplicates),
            malformed: self.malformed,
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
