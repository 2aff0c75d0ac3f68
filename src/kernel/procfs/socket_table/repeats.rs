//! Rows that /proc repeats.

use std::collections::{HashSet, VecDeque};

use foldhash::fast::RandomState;

use crate::model::{Endpoint, Socket};

/// The kernel goes on by position where a read ended: what comes twice is of one
/// chain of its hash table, and no chain is nearly as long as this.
const WINDOW: usize = 1_024;

/// What makes a row the same as another: listeners that share a port have
/// inodes of their own, and so have connections over devices that share
/// addresses.
type Key = (Endpoint, Endpoint, Option<u64>);

/// The rows that came last.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Peers choose their addresses, so the hash must not be foreseeable.
    seen: HashSet<Key, RandomState>,
    in_order: VecDeque<Key>,
}

impl Repeats {
    /// Whether a row came a short while ago; remembers it.
    pub(super) fn is_repeat(&mut self, socket: &Socket) -> bool {
        let key = (socket.local, socket.remote, socket.inode);
        if !self.seen.insert(key) {
            return true;
        }
        self.in_order.push_back(key);
        if self.in_order.len() > WINDOW
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }
}
