//! Operations with labels, and the bytes that they become.
//!
//! A program is a row of operations, each with two steps in bytes: one for yes
//! and one for no. A step to the end of the program takes the socket, one four
//! bytes beyond it leaves it. The kernel admits a program only when following
//! the yes of each operation leads through the targets of all the others
//! (`inet_diag_bc_audit`), so a yes always goes on to the very next operation
//! here, and jumps are operations of their own.

use zerocopy::native_endian::U16;
use zerocopy::{Immutable, IntoBytes, Unaligned};

/// The longest program: the length of its attribute is 16 bits, with the
/// attribute's own header.
pub(super) const LONGEST: usize = u16::MAX as usize - 7;

/// What a step to "leave it" goes beyond the end.
const BEYOND: usize = 4;

/// `INET_DIAG_BC_JMP`
const JUMP: u8 = 1;

/// `struct inet_diag_bc_op` (include/uapi/linux/inet_diag.h)
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct Operation {
    code: u8,
    yes: u8,
    no: U16,
}

const OPERATION: usize = size_of::<Operation>();

/// A place in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Beyond the end: the socket is left out.
    Reject,
    /// Where this was bound to.
    Numbered(usize),
}

/// An operation, what follows it, and where it goes on when it fails.
#[derive(Debug)]
struct Step {
    code: u8,
    operand: Vec<u8>,
    otherwise: Label,
}

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    steps: Vec<Step>,
    length: usize,
    /// The offset of each label; the beginning until it is bound.
    labels: Vec<usize>,
}

impl Assembler {
    /// Bytes so far.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Where nothing is yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(0);
        Label::Numbered(self.labels.len() - 1)
    }

    /// Says that a label is here.
    pub(super) fn bind(&mut self, label: Label) {
        if let Label::Numbered(number) = label
            && let Some(offset) = self.labels.get_mut(number)
        {
            *offset = self.length;
        }
    }

    /// A test that goes on where it holds, and to a label that comes later
    /// otherwise.
    pub(super) fn test(&mut self, code: u8, operand: impl Into<Vec<u8>>, otherwise: Label) {
        let operand = operand.into();
        self.length += OPERATION + operand.len();
        self.steps.push(Step {
            code,
            operand,
            otherwise,
        });
    }

    /// Compares a port. The operand is an operation that does nothing but carry
    /// the port in its `no`.
    pub(super) fn compare(&mut self, code: u8, port: u16, otherwise: Label) {
        let operand = Operation {
            code: 0,
            yes: 0,
            no: U16::new(port),
        };
        self.test(code, operand.as_bytes(), otherwise);
    }

    /// Goes on at a label that comes later.
    pub(super) fn jump(&mut self, to: Label) {
        self.test(JUMP, [], to);
    }

    /// Takes back everything behind this length, at which an operation ends.
    /// What stays must not go to labels behind it.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.length > length
            && let Some(step) = self.steps.pop()
        {
            self.length -= OPERATION + step.operand.len();
        }
    }

    /// The program; it has to be no longer than [`LONGEST`].
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.length);
        for step in self.steps {
            let target = match step.otherwise {
                Label::Reject => self.length + BEYOND,
                Label::Numbered(number) => self.labels.get(number).copied().unwrap_or_default(),
            };
            // All fit: the longest operand has 24 bytes, and the longest
            // program is measured by its steps.
            let yes = OPERATION + step.operand.len();
            let no = target.saturating_sub(bytes.len());
            let operation = Operation {
                code: step.code,
                yes: u8::try_from(yes).unwrap_or(u8::MAX),
                no: U16::new(u16::try_from(no).unwrap_or(u16::MAX)),
            };
            bytes.extend(operation.as_bytes());
            bytes.extend(step.operand);
        }
        bytes
    }
}
