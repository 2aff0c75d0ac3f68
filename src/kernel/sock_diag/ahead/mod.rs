//! Receiving on a second thread, while this one reads the rows that came.
//!
//! The kernel makes a datagram within the call that receives it, so a dump and
//! the reading of its rows take turns on one thread. With a second one the
//! reading costs next to no time of its own.
//!
//! The reader looks for datagrams every now and then, rather than be woken: to
//! wake a thread on another core takes the receiver as long as half a datagram.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use super::message::{Framed, Message, Messages};
use super::{Transport, retry_interrupted};
use crate::kernel::NetlinkFailure;

/// Twice what the kernel puts into a datagram (about 32 KiB): there is room
/// for a kernel that does more.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Datagrams that are received before a thread is worth its start: some 18,000
/// rows, 12 ms. Another core has none of the kernel's table in its caches: for
/// 10,000 rows that cost 2 ms more than was gained.
pub(super) const WORTH_A_THREAD: usize = 64;

/// Datagrams in all: what the kernel makes in a millisecond.
const DATAGRAMS: usize = 24;

/// How long the reader waits for more: a fraction of that.
const PAUSE: Duration = Duration::from_micros(100);

/// The kernel's datagrams are longer than this while more rows come.
const FULL: usize = 24 * 1024;

/// Bytes of `NLMSG_DONE`: a header and a number.
const LAST_MESSAGE: usize = 20;

/// One datagram.
#[derive(Debug)]
pub(super) struct Datagram {
    /// What fitted into the buffer.
    pub(super) bytes: Vec<u8>,
    /// Whether the kernel had more than the buffer holds: what lies beyond is
    /// lost, and the message at the end is cut.
    pub(super) truncated: bool,
}

impl Datagram {
    pub(super) fn empty() -> Self {
        Self {
            bytes: Vec::with_capacity(BUFFER_BYTES),
            truncated: false,
        }
    }

    /// Receives the next datagram in place of this one.
    pub(super) fn receive(&mut self, transport: &mut impl Transport) -> Result<(), NetlinkFailure> {
        self.bytes.clear();
        let length = retry_interrupted(|| transport.receive(&mut self.bytes))
            .map_err(NetlinkFailure::Receive)?;
        if length == 0 {
            return Err(NetlinkFailure::Garbled("it ended before it was done"));
        }
        self.truncated = length > self.bytes.len();
        Ok(())
    }

    /// Whether nothing comes after it: the kernel would let us wait.
    fn is_last(&self, sequence: u32) -> bool {
        let is_end = |message: &Framed| {
            message.sequence == sequence
                && matches!(message.content, Message::Done(_) | Message::Error(_))
        };
        // The kernel fills a datagram as long as a row has room. To walk through
        // one is not dear, through each of thousands it is.
        if self.bytes.len() >= FULL {
            let (_, last) = self.bytes.split_at(self.bytes.len() - LAST_MESSAGE);
            return Messages::new(last).any(|message| message.is_ok_and(|end| is_end(&end)));
        }
        Messages::new(&self.bytes).any(|message| match message {
            Ok(message) => is_end(&message),
            Err(_) => !self.truncated,
        })
    }
}

/// Whether there is a core for a second thread.
pub(super) fn has_a_core() -> bool {
    thread::available_parallelism().map_or(1, NonZero::get) > 1
}

/// Receives the answer to request `sequence` to its end on a second thread, and
/// shows each datagram to `read` on this one, in order, until it says that it
/// was the last.
///
/// # Errors
///
/// What `read` and the transport say; the error of the outer result is that no
/// thread can be had, and then nothing was received.
pub(super) fn receive<T: Transport + Send>(
    transport: &mut T,
    sequence: u32,
    mut read: impl FnMut(&Datagram) -> Result<bool, NetlinkFailure>,
) -> io::Result<Result<(), NetlinkFailure>> {
    thread::scope(|scope| {
        let (give_back, returned) = mpsc::channel();
        let (hand_over, handed_over) = mpsc::channel();
        thread::Builder::new().spawn_scoped(scope, move || {
            fill(transport, sequence, &returned, &hand_over);
        })?;
        for _ in 0..DATAGRAMS {
            // That nobody takes it any more is seen below.
            let _gone = give_back.send(Datagram::empty());
        }
        loop {
            let datagram: Datagram = match handed_over.try_recv() {
                Ok(Ok(datagram)) => datagram,
                Ok(Err(failure)) => return Ok(Err(failure)),
                Err(TryRecvError::Empty) => {
                    thread::sleep(PAUSE);
                    continue;
                }
                Err(TryRecvError::Disconnected) => {
                    return Ok(Err(NetlinkFailure::Garbled("it ended before it was done")));
                }
            };
            match read(&datagram) {
                Ok(false) => {}
                Ok(true) => return Ok(Ok(())),
                Err(failure) => return Ok(Err(failure)),
            }
            let _gone = give_back.send(datagram);
        }
    })
}

/// Fills the datagrams that come back, until the end of the answer or until
/// nobody reads it any more.
fn fill(
    transport: &mut impl Transport,
    sequence: u32,
    returned: &Receiver<Datagram>,
    hand_over: &Sender<Result<Datagram, NetlinkFailure>>,
) {
    for mut datagram in returned {
        let received = datagram.receive(transport);
        let is_last = received.is_err() || datagram.is_last(sequence);
        let is_read = hand_over.send(received.map(|()| datagram)).is_ok();
        if is_last || !is_read {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
