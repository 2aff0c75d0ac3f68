//! Lists that are as long as the kernel's table of sockets.

use serde::{Serialize, Serializer};

/// A list that is written as it is walked: no copy of it is made.
pub(super) struct Each<F>(F);

/// The list of what `items` walks over.
pub(super) fn each<F, I>(items: F) -> Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    Each(items)
}

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
