//! Netlink bytes for the tests: rows, messages, and a kernel that answers as it
//! is told.

use std::collections::VecDeque;
use std::io;

use super::Transport;

/// A row in the making: an IPv4 socket of 10.0.0.1:80 and 10.0.0.2:40000.
#[derive(Clone)]
pub(crate) struct RowBytes {
    message: [u8; 72],
    attributes: Vec<u8>,
}

impl RowBytes {
    /// A full socket in a state, with a cookie.
    pub(crate) fn new(state: u8, cookie: u64) -> Self {
        let mut message = [0; 72];
        message[0] = 2;
        message[1] = state;
        message[4..6].copy_from_slice(&80_u16.to_be_bytes());
        message[6..8].copy_from_slice(&40_000_u16.to_be_bytes());
        message[8..12].copy_from_slice(&[10, 0, 0, 1]);
        message[24..28].copy_from_slice(&[10, 0, 0, 2]);
        let cookie_low = u32::try_from(cookie & 0xffff_ffff).unwrap();
        let cookie_high = u32::try_from(cookie >> 32).unwrap();
        message[44..48].copy_from_slice(&cookie_low.to_ne_bytes());
        message[48..52].copy_from_slice(&cookie_high.to_ne_bytes());
        Self {
            message,
            attributes: Vec::new(),
        }
        .attribute(8, &[0])
    }

    /// Makes it an IPv6 socket of ::1 and ::1.
    pub(crate) fn ipv6(mut self) -> Self {
        self.message[0] = 10;
        for address in [8, 24] {
            self.message[address..address + 16].fill(0);
            self.message[address + 15] = 1;
        }
        self
    }

    /// Sets a byte of `struct inet_diag_msg`.
    pub(crate) fn byte(mut self, offset: usize, value: u8) -> Self {
        self.message[offset] = value;
        self
    }

    /// Sets a 32-bit field of `struct inet_diag_msg`.
    pub(crate) fn field(mut self, offset: usize, value: u32) -> Self {
        self.message[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }

    /// Removes the attributes, as requests and minisockets have none.
    pub(crate) fn bare(mut self) -> Self {
        self.attributes.clear();
        self
    }

    /// Adds an attribute.
    pub(crate) fn attribute(mut self, number: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap();
        self.attributes.extend(length.to_ne_bytes());
        self.attributes.extend(number.to_ne_bytes());
        self.attributes.extend(value);
        self.attributes
            .resize(self.attributes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds bytes that may be no attribute.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.attributes.extend(bytes);
        self
    }

    /// The row without its netlink header.
    pub(crate) fn payload(&self) -> Vec<u8> {
        [self.message.as_slice(), &self.attributes].concat()
    }

    /// The row as a message of dump `sequence`.
    pub(crate) fn message(&self, sequence: u32) -> Vec<u8> {
        message(20, 2, sequence, &self.payload())
    }
}

/// A netlink message.
pub(crate) fn message(message_type: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(message_type.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `NLMSG_DONE` with a status: 0, or a negative error.
pub(crate) fn done(sequence: u32, status: i32) -> Vec<u8> {
    message(3, 2, sequence, &status.to_ne_bytes())
}

/// `NLMSG_ERROR`.
pub(crate) fn error(sequence: u32, number: i32) -> Vec<u8> {
    let mut payload = number.to_ne_bytes().to_vec();
    payload.resize(20, 0);
    message(2, 0, sequence, &payload)
}

/// What the scripted kernel does when it is asked to receive.
pub(crate) enum Step {
    /// Hands out a datagram.
    Datagram(Vec<u8>),
    /// Fails.
    Fails(io::Error),
}

/// A kernel that plays a script.
pub(crate) struct ScriptedKernel {
    steps: VecDeque<Step>,
    /// Types of the requests that it got.
    pub(crate) requests: Vec<u16>,
    /// How often a send is interrupted before it works.
    pub(crate) interrupt_sends: u32,
}

impl ScriptedKernel {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            requests: Vec::new(),
            interrupt_sends: 0,
        }
    }

    pub(crate) fn answering(datagrams: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::new(datagrams.into_iter().map(Step::Datagram))
    }
}

impl Transport for ScriptedKernel {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if self.interrupt_sends > 0 {
            self.interrupt_sends -= 1;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.requests
            .push(u16::from_ne_bytes([request[4], request[5]]));
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self.steps.pop_front().expect("the script goes on") {
            Step::Datagram(bytes) => {
                let room = buffer.capacity() - buffer.len();
                buffer.extend(&bytes[..bytes.len().min(room)]);
                Ok(bytes.len())
            }
            Step::Fails(error) => Err(error),
        }
    }
}
