//! The language of conditions over a socket: ss's filter language, whole where
//! it concerns TCP, and conditions on what ss shows or doesn't know.
//!
//! [`parse()`] makes a [`Filter`](crate::model::Filter) of words, with the names
//! in them resolved by [`Names`]; [`judge`] judges a socket by it;
//! [`divide()`] splits it where somebody can judge only some conditions.

mod divide;
mod error;
mod evaluate;
mod host;
mod number;
mod parse;
mod resolve;
mod state;

pub use divide::{Division, divide, divide_by_rows, divide_by_states};
pub use error::FilterError;
pub use evaluate::{
    ConditionJudge, Facts, Truth, is_command, judge, judge_age, selects_row, untold,
};
pub use parse::{CONDITION, Selection, parse};
pub use resolve::{Names, port_of_service, uid_of_user};

#[cfg(test)]
mod tests;
