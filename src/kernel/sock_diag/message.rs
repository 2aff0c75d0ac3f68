//! A datagram of netlink messages, taken apart without copying.

use netlink_packet_core::NLM_F_DUMP_INTR;
use netlink_packet_sock_diag::constants::SOCK_DIAG_BY_FAMILY;
use zerocopy::native_endian::{I32, U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::request::TCPDIAG_GETSOCK;

/// `NLMSG_ERROR`
const ERROR: u16 = 2;
/// `NLMSG_DONE`
const DONE: u16 = 3;
/// `NLMSG_OVERRUN`
const OVERRUN: u16 = 4;

/// `struct nlmsghdr`
#[derive(Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    length: U32,
    message_type: U16,
    flags: U16,
    sequence: U32,
    port: U32,
}

impl Header {
    /// Bytes of the header.
    pub const BYTES: usize = size_of::<Self>();

    /// Length of the message, this header included and padding not; as the
    /// sender says, so anything.
    #[must_use]
    pub fn length(&self) -> usize {
        // A usize holds 32 bits wherever Linux runs.
        usize::try_from(self.length.get()).unwrap_or(usize::MAX)
    }
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A socket: `struct inet_diag_msg` and attributes.
    Row(&'a [u8]),
    /// The dump is over: well, or with an error number. A kernel that fails in
    /// mid-dump says so only here.
    Done(Option<i32>),
    /// The request is refused, with an error number.
    Error(i32),
    /// Rows were lost.
    Lost,
    /// Something that wasn't asked for.
    Other,
}

/// A message with the parts of its header that matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed<'a> {
    /// Number of the request that it answers.
    pub sequence: u32,
    /// `NLM_F_DUMP_INTR`: the table changed in a way that spoils the dump.
    pub interrupted: bool,
    /// What it says.
    pub content: Message<'a>,
}

/// Iterates over the messages of a datagram.
#[derive(Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages of one datagram.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn next_message(&mut self) -> Result<Framed<'a>, &'static str> {
        let (header, _) =
            Header::ref_from_prefix(self.rest).map_err(|_| "a message header is cut short")?;
        let length = header.length();
        let payload = self
            .rest
            .get(Header::BYTES..length)
            .ok_or("a message has an impossible length")?;
        self.rest = self
            .rest
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
        Ok(Framed {
            sequence: header.sequence.get(),
            interrupted: header.flags.get() & NLM_F_DUMP_INTR != 0,
            content: content(header.message_type.get(), payload)?,
        })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Framed<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.next_message();
        if message.is_err() {
            // Without a length there is no way to the message after it.
            self.rest = &[];
        }
        Some(message)
    }
}

fn content(message_type: u16, payload: &[u8]) -> Result<Message<'_>, &'static str> {
    Ok(match message_type {
        // A kernel answers with the type of the request.
        SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => Message::Row(payload),
        DONE => Message::Done(match status(payload) {
            // Kernels before 2.6.13 sent none; an empty one is no error.
            None | Some(0) => None,
            Some(number) => Some(errno(number)),
        }),
        ERROR => match status(payload) {
            // An acknowledgement, which nobody asked for.
            Some(0) => Message::Other,
            Some(number) => Message::Error(errno(number)),
            None => return Err("an error message without an error number"),
        },
        OVERRUN => Message::Lost,
        _ => Message::Other,
    })
}

/// The number that `NLMSG_DONE` and `NLMSG_ERROR` begin with.
fn status(payload: &[u8]) -> Option<i32> {
    I32::read_from_prefix(payload)
        .ok()
        .map(|(number, _)| number.get())
}

/// The kernel's errors are negative; a positive one would be a bug in it, and
/// is still an error. Nor need the number be one that any kernel has.
fn errno(number: i32) -> i32 {
    number.checked_abs().unwrap_or(i32::MAX)
}
