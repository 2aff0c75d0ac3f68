//! Receiving on a second thread, while this one reads the rows that came.
//!
//! The kernel makes a datagram within the call that receives it, so a dump and
//! the reading of its rows take turns on one thread. With a second one the
//! reading costs no time of its own: of 500,000 TIME_WAIT sockets, grouped by
//! destination, it was a quarter of the whole.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::message::{Message, Messages};
use super::{Transport, retry_interrupted};
use crate::kernel::NetlinkFailure;

/// Twice what the kernel puts into a datagram (about 32 KiB): there is room
/// for a kernel that does more.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Datagrams that are received before a thread is worth its start: some 4,500
/// rows, 2 ms.
pub(super) const WORTH_A_THREAD: usize = 16;

/// Datagrams that change hands at once: to wake a thread for each costs more
/// than to read it.
const BATCH: usize = 8;

/// Batches in all: one to fill, one to read, one between them.
const BATCHES: usize = 3;

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
        Messages::new(&self.bytes).any(|message| match message {
            Ok(message) => {
                message.sequence == sequence
                    && matches!(message.content, Message::Done(_) | Message::Error(_))
            }
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
        for _ in 0..BATCHES {
            // That it has gone is seen below.
            let _gone = give_back.send(Batch::default());
        }
        for batch in handed_over {
            let batch: Batch = match batch {
                Ok(batch) => batch,
                Err(failure) => return Ok(Err(failure)),
            };
            for datagram in batch.filled() {
                match read(datagram) {
                    Ok(false) => {}
                    Ok(true) => return Ok(Ok(())),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            // It may have seen the end, and is gone then.
            let _gone = give_back.send(batch);
        }
        Ok(Err(NetlinkFailure::Garbled("it ended before it was done")))
    })
}

/// Datagrams that change hands at once.
#[derive(Debug)]
struct Batch {
    datagrams: Vec<Datagram>,
    filled: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            datagrams: (0..BATCH).map(|_| Datagram::empty()).collect(),
            filled: 0,
        }
    }
}

impl Batch {
    fn filled(&self) -> impl Iterator<Item = &Datagram> {
        self.datagrams.iter().take(self.filled)
    }
}

/// Fills the batches that come back, until the end of the answer or until
/// nobody reads it any more.
fn fill(
    transport: &mut impl Transport,
    sequence: u32,
    returned: &Receiver<Batch>,
    hand_over: &Sender<Result<Batch, NetlinkFailure>>,
) {
    for mut batch in returned {
        batch.filled = 0;
        let mut failure = None;
        let mut is_last = false;
        for datagram in &mut batch.datagrams {
            if let Err(error) = datagram.receive(transport) {
                failure = Some(error);
                break;
            }
            batch.filled += 1;
            is_last = datagram.is_last(sequence);
            if is_last {
                break;
            }
        }
        // What came before a failure is read before it is told.
        let read_by_nobody = hand_over.send(Ok(batch)).is_err();
        if let Some(failure) = failure {
            // Nobody reads it only when the reading has failed before.
            let _gone = hand_over.send(Err(failure));
            return;
        }
        if is_last || read_by_nobody {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
