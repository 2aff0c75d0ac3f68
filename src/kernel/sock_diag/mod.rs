//! sock_diag over netlink: the kernel's own description of every TCP socket.
//!
//! A request names states and families; the answer comes in datagrams of many
//! messages, a row each, and ends with `NLMSG_DONE`. Rows are read through a
//! borrowed view: nothing is allocated for a socket.

mod ahead;
mod filter_bytecode;
pub mod message;
mod progress;
pub mod request;
pub mod row;
pub mod transport;

use std::io;
use std::ops::ControlFlow;

use rustix::io::Errno;

use self::ahead::Datagram;
use self::filter_bytecode::{Compiled, Operations, compile};
use self::message::{Message, Messages};
pub(crate) use self::progress::Progress;
use self::request::DumpRequest;
pub use self::transport::{KernelTransport, Transport};
use super::{KernelError, NetlinkFailure, SocketSource};
use crate::filter::{divide, divide_by_states};
use crate::model::{
    Collection, Condition, Extensions, Family, FamilySet, Filter, Request, Socket, SourceKind,
    StateSet,
};

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
    /// Operations of a filter that the kernel hasn't refused.
    operations: Operations,
    /// Whether a dump was left before its end: the kernel begins no other one
    /// on the same socket.
    is_left: bool,
}

/// One dump of a request.
struct Part {
    states: StateSet,
    extensions: Extensions,
    filter: Filter,
}

/// Whoever is shown sockets.
type Visitor<'v> = dyn FnMut(&Socket) -> ControlFlow<()> + 'v;

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
            operations: Operations::ALL,
            is_left: false,
        }
    }

    /// Sends one request and shows the rows of its answer to the visitor.
    fn dump(
        &mut self,
        request: DumpRequest,
        part: &Part,
        program: &[u8],
        progress: &mut Progress,
        visitor: &mut Visitor<'_>,
    ) -> Result<(), NetlinkFailure> {
        if self.is_left
            && let Some(fresh) = self.transport.second()
        {
            self.transport = fresh;
            self.is_left = false;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.to_bytes(part.states, part.extensions, program, self.sequence);
        retry_interrupted(|| self.transport.send(&bytes)).map_err(NetlinkFailure::Send)?;
        let mut answer = Answer {
            sequence: self.sequence,
            progress,
            visitor,
        };
        let outcome = self.receive(&mut answer);
        self.is_left |= answer.progress.is_stopped();
        outcome
    }

    /// Receives an answer to its end, or until the visitor has seen enough.
    fn receive(&mut self, answer: &mut Answer<'_, '_>) -> Result<(), NetlinkFailure> {
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
        part: &Part,
        program: &[u8],
        progress: &mut Progress,
        visitor: &mut Visitor<'_>,
    ) -> Result<(), NetlinkFailure> {
        if self.try_both_families {
            match self.dump(DumpRequest::BothFamilies, part, program, progress, visitor) {
                Err(NetlinkFailure::Refused(error))
                    if progress.is_empty() && is_not_offered(&error) =>
                {
                    self.try_both_families = false;
                }
                outcome => return outcome,
            }
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            if progress.is_stopped() {
                break;
            }
            let request = DumpRequest::OneFamily(family);
            self.dump(request, part, program, progress, visitor)?;
        }
        Ok(())
    }

    /// The dumps that answer a request: one, unless a condition that only the
    /// kernel can judge depends on the state, which its programs can't look at.
    fn parts(&self, request: &Request) -> Vec<Part> {
        let part = |states: StateSet, filter: Filter| Part {
            states: states.intersection(filter.states()),
            extensions: request.extensions,
            filter,
        };
        let filter = &request.filter;
        let rest = compile(filter, self.operations).rest;
        if rest.any(&mut |condition| *condition == Condition::PortNotLocked) {
            let by_states = divide_by_states(filter, StateSet::ALL).into_iter();
            return by_states
                .map(|(states, filter)| part(states, filter))
                .collect();
        }
        vec![part(StateSet::ALL, filter.clone())]
    }

    fn visit_part(
        &mut self,
        part: &Part,
        progress: &mut Progress,
        visitor: &mut Visitor<'_>,
    ) -> Result<(), KernelError> {
        let families = if part.states.bits() == 0 {
            FamilySet::NONE
        } else {
            part.filter.families()
        };
        // What runs in the kernel's place (gVisor, a proxy) may ignore programs.
        let checked = divide(&part.filter, &is_in_every_row).first;
        loop {
            let Compiled { program, rest } = compile(&part.filter, self.operations);
            progress.judge_by(part.states, checked.clone().and(rest));
            let try_both_families = self.try_both_families;
            let outcome = match families {
                FamilySet::BOTH => self.dump_both(part, &program, progress, visitor),
                FamilySet::NONE => Ok(()),
                FamilySet { ipv4, .. } => {
                    let family = if ipv4 { Family::Ipv4 } else { Family::Ipv6 };
                    let request = DumpRequest::OneFamily(family);
                    self.dump(request, part, &program, progress, visitor)
                }
            };
            match outcome {
                Err(NetlinkFailure::Refused(refusal)) if progress.is_empty() => {
                    self.ask_for_less(refusal, &program, &part.filter)?;
                    // It was the program that the kernel didn't know.
                    self.try_both_families = try_both_families;
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// What to do about a refusal: an error, or to ask once more for less.
    fn ask_for_less(
        &mut self,
        refusal: io::Error,
        program: &[u8],
        filter: &Filter,
    ) -> Result<(), KernelError> {
        let compares_marks =
            || filter.any(&mut |condition| matches!(condition, Condition::Mark { .. }));
        let errno = Errno::from_io_error(&refusal);
        let fewer = self.operations.without_newest(filter);
        match (errno, fewer) {
            (Some(Errno::PERM), _) if self.operations.mark && compares_marks() => {
                Err(KernelError::MarkNotPermitted)
            }
            (Some(Errno::INVAL), Some(fewer)) if !program.is_empty() => {
                self.operations = fewer;
                Ok(())
            }
            _ => Err(NetlinkFailure::Refused(refusal).into()),
        }
    }
}

impl<T: Transport + Send + 'static> SocketSource for NetlinkSource<T> {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut Visitor<'_>,
    ) -> Result<Collection, KernelError> {
        let mut progress = Progress::new(request, SourceKind::Netlink);
        for part in self.parts(request) {
            if !progress.is_stopped() {
                self.visit_part(&part, &mut progress, visitor)?;
            }
        }
        Ok(progress.into_collection())
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Netlink
    }

    fn second(&self) -> Option<Box<dyn SocketSource + Send>> {
        let second = NetlinkSource {
            try_both_families: self.try_both_families,
            operations: self.operations,
            ..Self::over(self.transport.second()?)
        };
        Some(Box::new(second))
    }
}

/// The answer to one request, read while it comes.
struct Answer<'a, 'v> {
    sequence: u32,
    progress: &'a mut Progress,
    visitor: &'a mut Visitor<'v>,
}

impl Answer<'_, '_> {
    /// Shows the rows of one datagram to the visitor; whether it was the last, or
    /// the visitor has seen enough.
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
                Message::Row(payload) => {
                    self.progress.row(payload, self.visitor);
                    if self.progress.is_stopped() {
                        return Ok(true);
                    }
                }
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

/// Whether a condition is about what a row can't be without. The kernel may know
/// more than a row says of marks, cgroups and locks.
const fn is_in_every_row(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Family(_) | Condition::Address(..) | Condition::Port(..) | Condition::PortIn(..)
    )
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

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
