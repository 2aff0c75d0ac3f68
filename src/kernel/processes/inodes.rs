//! The sockets that are wanted.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A set of inodes, asked once for every socket descriptor of the host.
pub(super) type InodeSet = HashSet<u64, RandomMultiply>;

/// Builds hashers that multiply by a number of their own. One multiplication
/// is enough for numbers that the kernel counts up; the seed is there so that
/// nobody can prepare inodes that collide.
#[derive(Debug, Clone)]
pub(super) struct RandomMultiply {
    seed: u64,
    factor: u64,
}

impl Default for RandomMultiply {
    fn default() -> Self {
        // The standard library's way to random numbers without a crate.
        let random = RandomState::new();
        Self {
            seed: random.hash_one(0),
            factor: random.hash_one(1) | 1,
        }
    }
}

impl BuildHasher for RandomMultiply {
    type Hasher = Multiply;

    fn build_hasher(&self) -> Multiply {
        Multiply {
            state: self.seed,
            factor: self.factor,
        }
    }
}

/// The state of one hash.
#[derive(Debug)]
pub(super) struct Multiply {
    state: u64,
    factor: u64,
}

impl Hasher for Multiply {
    fn write_u64(&mut self, value: u64) {
        // The high half of a product depends on every bit below; the set takes
        // its place from the low half.
        self.state = (self.state ^ value)
            .wrapping_mul(self.factor)
            .rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn finish(&self) -> u64 {
        self.state
    }
}
