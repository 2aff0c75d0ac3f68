//! What is kept on disk: the memory between two checks, and the metrics that
//! others collect. Files are replaced whole or not at all.

mod atomic;
mod document;
mod place;
mod session;

pub use atomic::{Replacement, StoreError, replace};
pub use place::default_state_file;
pub use session::StateFile;
