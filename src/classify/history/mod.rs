//! What changes between samples: rates, history, the sockets that came and
//! went, findings that appeared and cleared.

mod close_wait;
mod event;
mod failure;
mod rates;
mod ring;
#[cfg(test)]
pub(crate) mod testing;
mod timeline;

pub use crate::model::Part;
pub use close_wait::{CloseWaitMemory, Seen, Transitions};
pub use event::{Event, EventKind, EventLog};
pub use failure::{Failure, Kept};
pub use rates::Rates;
pub use ring::Ring;
pub use timeline::{HISTORY, Latest, Leaks, Look, Reading, Search, Timeline};
