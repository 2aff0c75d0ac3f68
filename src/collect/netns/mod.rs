//! Network namespaces: which one somebody means, what each is called, and one
//! opened for a reading.

mod absent;
mod names;
mod open;
mod resolve;
mod rest;
#[cfg(test)]
mod testing;

pub use absent::{Absent, Asked, absent};
pub use names::NetnsNamer;
pub use open::{Access, read_in};
pub use resolve::{Resolved, resolve};
pub use rest::{Unread, rest};
