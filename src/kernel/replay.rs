//! Recorded dumps: raw netlink messages, as `ss -D FILE` writes them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use zerocopy::FromBytes;

use super::sock_diag::Progress;
use super::sock_diag::message::{Header, Message, Messages};
use super::{KernelError, SocketSource, refuse_untold};
use crate::model::{Collection, Request, Socket, SourceKind, StateSet};

/// No row comes near this; a length beyond it is not a netlink message.
const LONGEST_MESSAGE: usize = 1024 * 1024;

/// Plays a recorded dump through the decoder of the live one.
#[derive(Debug)]
pub struct ReplaySource {
    path: PathBuf,
}

impl ReplaySource {
    /// The dump in a file.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl SocketSource for ReplaySource {
    fn visit(
        &mut self,
        request: &Request,
        visitor: &mut dyn FnMut(&Socket) -> ControlFlow<()>,
    ) -> Result<Collection, KernelError> {
        refuse_untold(&request.filter, SourceKind::Replay)?;
        let mut recording = Recording::open(&self.path)?;
        let mut progress = Progress::new(request, SourceKind::Replay);
        // A recording doesn't say whether it was asked for bound-only sockets,
        // so what it calls closed stays closed.
        progress.judge_by(StateSet::RFC9293, request.filter.clone());
        // ss records a dump for each family: the end of the first isn't the
        // end of the file.
        let mut done = false;
        while recording.read_message()? {
            let framed = recording.message()?;
            if framed.interrupted {
                progress.incomplete();
            }
            done = false;
            match framed.content {
                Message::Row(payload) => progress.row(payload, visitor),
                Message::Done(None) => done = true,
                Message::Done(Some(_)) | Message::Error(_) => {
                    return Err(recording.error("the kernel's refusal instead of sockets"));
                }
                Message::Lost => progress.incomplete(),
                Message::Other => progress.unreadable(),
            }
            if progress.is_stopped() {
                return Ok(progress.into_collection());
            }
        }
        if !done {
            return Err(recording.error("the end is missing"));
        }
        Ok(progress.into_collection())
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Replay
    }
}

/// A file of messages, one in memory at a time.
struct Recording<'p> {
    path: &'p Path,
    reader: BufReader<File>,
    /// The message that was read last, header and padding included.
    message: Vec<u8>,
    /// Where that message begins.
    offset: u64,
}

impl<'p> Recording<'p> {
    fn open(path: &'p Path) -> Result<Self, KernelError> {
        let file = File::open(path).map_err(|cause| KernelError::ReplayRead {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            path,
            reader: BufReader::with_capacity(64 * 1024, file),
            message: Vec::new(),
            offset: 0,
        })
    }

    /// Reads the next message; `false` at the end of the file.
    fn read_message(&mut self) -> Result<bool, KernelError> {
        self.offset += self.message.len() as u64;
        self.message.clear();
        self.read_up_to(Header::BYTES)?;
        if self.message.is_empty() {
            return Ok(false);
        }
        let length = match Header::ref_from_bytes(&self.message) {
            Ok(header) => header.length(),
            Err(_) => return Err(self.error("a message is cut short")),
        };
        if !(Header::BYTES..=LONGEST_MESSAGE).contains(&length) {
            return Err(self.error("no netlink message"));
        }
        self.read_up_to(length.next_multiple_of(4))?;
        if self.message.len() < length {
            return Err(self.error("a message is cut short"));
        }
        Ok(true)
    }

    /// Fills the message up to a length, less where the file ends.
    fn read_up_to(&mut self, length: usize) -> Result<(), KernelError> {
        let missing = length.saturating_sub(self.message.len()) as u64;
        self.reader
            .by_ref()
            .take(missing)
            .read_to_end(&mut self.message)
            .map_err(|cause| KernelError::ReplayRead {
                path: self.path.to_owned(),
                cause,
            })?;
        Ok(())
    }

    fn message(&self) -> Result<super::sock_diag::message::Framed<'_>, KernelError> {
        Messages::new(&self.message)
            .next()
            .unwrap_or(Err("a message is cut short"))
            .map_err(|what| self.error(what))
    }

    fn error(&self, what: &'static str) -> KernelError {
        KernelError::ReplayContent {
            path: self.path.to_owned(),
            offset: self.offset,
            what,
        }
    }
}
