//! What is kept on disk: what a check leaves for the next, and the metrics that
//! others collect. Files are replaced whole or not at all.

mod atomic;
mod document;
mod file;
mod place;

pub use atomic::{Replacement, StoreError, replace};
pub use file::StateFile;
pub use place::default_state_file;
