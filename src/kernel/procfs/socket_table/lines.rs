//! Lines of a file of any size, in one buffer.

use std::io::{self, Read};

/// Room for several hundred lines; a line of a socket table has about 150
/// bytes, 200 for IPv6.
const BUFFER_BYTES: usize = 64 * 1024;

/// A line that is longer, whatever it is, has no end.
const LONGEST_BYTES: usize = 4 * 1024 * 1024;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The line.
    Whole(&'a [u8]),
    /// A line longer than the buffer, skipped.
    TooLong,
    /// The rest of a file that ends in mid-line: the kernel ends every line.
    Cut,
}

/// Reads a file line by line, whatever is in it.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    buffer: Box<[u8]>,
    /// What was read and not given out yet.
    filled: std::ops::Range<usize>,
    at_end: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::with_capacity(reader, BUFFER_BYTES)
    }

    fn with_capacity(reader: R, bytes: usize) -> Self {
        Self {
            reader,
            buffer: vec![0; bytes].into_boxed_slice(),
            filled: 0..0,
            at_end: false,
        }
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut skipped = 0;
        loop {
            if let Some(length) = self.pending().iter().position(|&byte| byte == b'\n') {
                let start = self.filled.start;
                self.filled.start += length + 1;
                return Ok(Some(self.line(start..start + length, skipped > 0)));
            }
            if self.at_end {
                let rest = self.filled.clone();
                self.filled = 0..0;
                let nothing = rest.is_empty() && skipped == 0;
                return Ok((!nothing).then_some(Line::Cut));
            }
            if self.filled.len() == self.buffer.len() {
                skipped += self.filled.len();
                self.filled = 0..0;
                if skipped > LONGEST_BYTES {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a line without an end",
                    ));
                }
            }
            self.fill()?;
        }
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.filled.clone()).unwrap_or_default()
    }

    fn line(&self, range: std::ops::Range<usize>, skipping: bool) -> Line<'_> {
        if skipping {
            return Line::TooLong;
        }
        Line::Whole(self.buffer.get(range).unwrap_or_default())
    }

    /// Moves the rest of a line to the front and reads behind it.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        let room = self.buffer.get_mut(self.filled.end..).unwrap_or_default();
        loop {
            match self.reader.read(room) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(());
                }
                Ok(bytes) => {
                    self.filled.end += bytes;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn collect(mut lines: Lines<impl Read>) -> Vec<Option<Vec<u8>>> {
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(match line {
                Line::Whole(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
                Line::Cut => Some(b"cut".to_vec()),
            });
        }
        all
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_skipped_and_the_next_one_read() {
        let text = b"one\nmuch too long for eight\ntwo\n\nlast" as &[u8];
        assert_eq!(
            collect(Lines::with_capacity(text, 8)),
            [
                Some(b"one".to_vec()),
                None,
                Some(b"two".to_vec()),
                Some(b"".to_vec()),
                Some(b"cut".to_vec()),
            ]
        );
    }

    #[test]
    fn a_line_without_an_end_is_an_error() {
        let mut lines = Lines::new(io::repeat(0));
        assert!(lines.next_line().is_err());
    }

    proptest! {
        /// Whatever the file and however small the buffer: the lines are those
        /// that a plain split gives, the long ones left out.
        #[test]
        fn lines_are_those_of_a_split(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..200),
            capacity in 1_usize..20,
        ) {
            let mut expected: Vec<Option<Vec<u8>>> = text
                .split(|&byte| byte == b'\n')
                .map(|line| Some(line.to_vec()))
                .collect();
            if let Some(rest) = expected.pop()
                && rest.as_deref() != Some(b"")
            {
                expected.push(Some(b"cut".to_vec()));
            }
            let read = collect(Lines::with_capacity(text.as_slice(), capacity));
            prop_assert_eq!(read.len(), expected.len());
            for (read, expected) in read.into_iter().zip(expected) {
                match read {
                    Some(_) => prop_assert_eq!(read, expected),
                    None => prop_assert!(expected.unwrap().len() >= capacity),
                }
            }
        }
    }
}
