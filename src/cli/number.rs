//! Whole numbers as people write them.

use std::str::FromStr;

/// Reads the number of a process. No process has number 0.
///
/// # Errors
///
/// When no process can have it.
pub(super) fn pid(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(pid @ 1..) => Ok(pid),
        _ => Err("a process has a number from 1 on, as ps shows it".to_owned()),
    }
}

/// Reads how many there shall be, one or more.
///
/// # Errors
///
/// When it is no such number.
pub(super) fn one_or_more(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(count @ 1..) => Ok(count),
        _ => Err("write a whole number from 1 on, as in 10".to_owned()),
    }
}

/// Reads how many there shall be, or none.
///
/// # Errors
///
/// When it is no such number.
pub(super) fn count<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| "write a whole number, as in 10".to_owned())
}
