//! Text for people: one file a subject.

mod table;

pub(super) use table::{cut, table};
