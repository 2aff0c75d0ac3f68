//! What changes between samples: rates, history, the sockets that came and
//! went, findings that appeared and cleared.

mod close_wait;
mod event;
mod rates;
#[cfg(test)]
pub(crate) mod testing;
mod timeline;

pub use close_wait::{CloseWaitMemory, Transitions};
pub use event::{Event, EventKind, EventLog};
pub use rates::Rates;
pub use timeline::{
    Failure, HISTORY, Kept, Latest, Leaks, ListenerKey, Look, Reading, Search, Timeline, Waiting,
};

use std::collections::VecDeque;

/// Holds as many values as it may, and forgets the oldest for each one more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring<T> {
    values: VecDeque<T>,
    capacity: usize,
}

impl<T> Ring<T> {
    /// An empty ring for so many values, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            values: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    /// Takes a value.
    pub fn push(&mut self, value: T) {
        while self.values.len() >= self.capacity {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    /// The values, the oldest first; the newest first with `.rev()`.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.values.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_ring_holds_the_newest_and_never_more_than_it_may(
            values in proptest::collection::vec(any::<u16>(), 0..200),
            capacity in 1_usize..40,
        ) {
            let mut ring = Ring::new(capacity);
            for &value in &values {
                ring.push(value);
                prop_assert!(ring.iter().len() <= capacity);
            }
            let newest = values.len().saturating_sub(capacity);
            prop_assert!(ring.iter().eq(values[newest..].iter()));
        }
    }
}
