//! `INET_DIAG_REQ_BYTECODE`: the filter that the kernel runs on each socket
//! before it copies anything.
//!
//! A program is a row of operations, each with two steps in bytes: one for yes
//! and one for no. A step to the end of the program takes the socket, one four
//! bytes beyond it leaves it. The kernel admits a program only when following
//! the yes of each operation leads through the targets of all the others, so
//! a yes always goes on to the very next operation here, and jumps are
//! operations of their own (`inet_diag_bc_audit`).

use zerocopy::native_endian::U16;
use zerocopy::{Immutable, IntoBytes, Unaligned};

use crate::model::{PortRange, PortSet};

/// `INET_DIAG_BC_JMP`
const JUMP: u8 = 1;
/// `INET_DIAG_BC_S_GE`: the local port is so much or more.
const AT_LEAST: u8 = 2;
/// `INET_DIAG_BC_S_LE`: the local port is so much or less.
const AT_MOST: u8 = 3;

/// What a step to "leave it" goes beyond the end.
const BEYOND: usize = 4;

/// `struct inet_diag_bc_op` (include/uapi/linux/inet_diag.h)
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Operation {
    code: u8,
    yes: u8,
    no: U16,
}

const OPERATION: usize = size_of::<Operation>();
/// A comparison is followed by an operation that does nothing but carry the
/// port in its `no`.
const COMPARISON: usize = 2 * OPERATION;
/// A comparison with the end of a range, and the jump that takes the socket.
const RANGE: usize = COMPARISON + OPERATION;

/// The longest program: its length and the steps in it are 16 bits.
const LONGEST: usize = u16::MAX as usize - BEYOND - OPERATION;

/// A program that takes the sockets with one of these local ports, by halving:
/// the kernel makes some ten comparisons a socket where there are hundreds of
/// ports. `None` where it would be too long, or no port is in the set.
pub(super) fn local_ports(ports: &PortSet) -> Option<Vec<u8>> {
    let ranges = ports.ranges();
    let first = ranges.first()?;
    let length = COMPARISON + size_of_search(ranges.len());
    if length > LONGEST {
        return None;
    }
    let mut program = Program {
        bytes: Vec::with_capacity(length),
        length,
    };
    // Below the first range there is nothing; from here on each half begins
    // with a port that was reached.
    program.compare(AT_LEAST, first.first, length + BEYOND);
    program.search(&ranges);
    Some(program.bytes)
}

/// Bytes of the search through so many ranges.
fn size_of_search(ranges: usize) -> usize {
    ranges * RANGE + ranges.saturating_sub(1) * COMPARISON
}

struct Program {
    bytes: Vec<u8>,
    /// Of the whole.
    length: usize,
}

impl Program {
    /// The upper half first: it is what a yes goes on to.
    fn search(&mut self, ranges: &[PortRange]) {
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let (Some(middle), false) = (upper.first(), lower.is_empty()) else {
            if let [range] = ranges {
                self.compare(AT_MOST, range.last, self.length + BEYOND);
                self.push(JUMP, OPERATION, self.length);
            }
            return;
        };
        let to_lower = self.bytes.len() + COMPARISON + size_of_search(upper.len());
        self.compare(AT_LEAST, middle.first, to_lower);
        self.search(upper);
        self.search(lower);
    }

    /// Compares the local port; where that fails the program goes on at
    /// `otherwise`.
    fn compare(&mut self, code: u8, port: u16, otherwise: usize) {
        self.push(code, COMPARISON, otherwise);
        let port = Operation {
            code: 0,
            yes: 0,
            no: U16::new(port),
        };
        self.bytes.extend(port.as_bytes());
    }

    fn push(&mut self, code: u8, yes: usize, otherwise: usize) {
        let no = otherwise - self.bytes.len();
        // Both fit: the longest program is measured by that.
        let operation = Operation {
            code,
            yes: u8::try_from(yes).unwrap_or(u8::MAX),
            no: U16::new(u16::try_from(no).unwrap_or(u16::MAX)),
        };
        self.bytes.extend(operation.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a program as `inet_diag_bc_run` does.
    fn takes(program: &[u8], port: u16) -> bool {
        let mut at = 0;
        while at < program.len() {
            let word = |at: usize| u16::from_ne_bytes([program[at], program[at + 1]]);
            let value = || word(at + 6);
            let yes = match program[at] {
                0 => true,
                JUMP => false,
                AT_LEAST => port >= value(),
                AT_MOST => port <= value(),
                other => panic!("operation {other}"),
            };
            let step = if yes {
                usize::from(program[at + 1])
            } else {
                usize::from(word(at + 2))
            };
            assert!(step > 0 && step % 4 == 0);
            at += step;
        }
        at == program.len()
    }

    /// What `inet_diag_bc_audit` asks for: each no leads to an operation on the
    /// way of the yes, to the end, or four bytes beyond.
    fn is_admitted(program: &[u8]) -> bool {
        let mut on_the_way = vec![program.len(), program.len() + BEYOND];
        let mut targets = Vec::new();
        let mut at = 0;
        while at < program.len() {
            on_the_way.push(at);
            let no = u16::from_ne_bytes([program[at + 2], program[at + 3]]);
            targets.push(at + usize::from(no));
            at += usize::from(program[at + 1]);
        }
        at == program.len() && targets.iter().all(|target| on_the_way.contains(target))
    }

    proptest! {
        #[test]
        fn a_program_takes_the_ports_of_the_set_and_no_other(
            ports in proptest::collection::vec(any::<u16>(), 1..300),
            others in proptest::collection::vec(any::<u16>(), 0..50),
        ) {
            let set: PortSet = ports.iter().copied().collect();
            let program = local_ports(&set).unwrap();
            prop_assert!(is_admitted(&program));
            for &port in ports.iter().chain(&others) {
                for near in [port.saturating_sub(1), port, port.saturating_add(1)] {
                    prop_assert_eq!(takes(&program, near), set.contains(near), "{}", near);
                }
            }
        }
    }

    #[test]
    fn the_ends_of_all_ports_are_ports() {
        for ports in [&[0_u16][..], &[u16::MAX], &[0, u16::MAX], &[0, 1, 3]] {
            let set: PortSet = ports.iter().copied().collect();
            let program = local_ports(&set).unwrap();
            for port in 0..=u16::MAX {
                assert_eq!(takes(&program, port), set.contains(port), "{port}");
            }
        }
    }

    /// No filter at all is better than one that is cut.
    #[test]
    fn a_set_too_ragged_for_a_program_has_none() {
        let every = |step| (1..=u16::MAX).step_by(step).collect::<PortSet>();
        assert!(local_ports(&every(30)).is_some_and(|program| program.len() < LONGEST));
        assert_eq!(local_ports(&every(2)), None);
        assert_eq!(local_ports(&PortSet::default()), None);
    }
}
