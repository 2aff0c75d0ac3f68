//! The values of arguments as people write them: times, numbers, ports.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::text::number::{argument, parse_duration};

/// An argument like `60s`, `1h 30m`, `500ms`, `2d` or, in seconds, `60` or
/// `0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationArg(pub Duration);

/// As it can be written on the command line.
impl fmt::Display for DurationArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&argument(self.0))
    }
}

/// Text that is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as in 90s, 5m, 1h30m, 500ms or 2d")]
pub struct NotADuration;

impl FromStr for DurationArg {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_duration(text).map(Self).ok_or(NotADuration)
    }
}

/// Reads the time between two readings. A rate that is taken over less than a
/// second says nothing of an hour.
///
/// # Errors
///
/// When it is no length of time, or too short.
pub(super) fn interval(text: &str) -> Result<DurationArg, String> {
    match text.parse::<DurationArg>() {
        Ok(interval) if interval.0 >= Duration::from_secs(1) => Ok(interval),
        Ok(_) => Err("two readings are at least a second apart: write 1s, or more".to_owned()),
        // What is too short must not be suggested.
        Err(NotADuration) => Err("write it as in 10s, 5m or 1h30m, a second or more".to_owned()),
    }
}

/// Reads the time from sample to sample. Nobody can read faster than this, and
/// a kernel has better things to do.
///
/// # Errors
///
/// When it is no length of time, or too short.
pub(super) fn pace(text: &str) -> Result<DurationArg, String> {
    match text.parse::<DurationArg>() {
        Ok(pace) if pace.0 >= Duration::from_millis(1) => Ok(pace),
        Ok(_) => Err("samples are at least a millisecond apart: write 1ms, or more".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

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

/// Reads a port of a listener or a connection of ours. No socket has port 0:
/// whoever asked for it would get an empty answer, which looks as if all were
/// well.
///
/// # Errors
///
/// When it is no port that a socket can have.
pub(super) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err("a port is a number from 1 to 65535".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("60", 60_000),
            ("60s", 60_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("2d", 172_800_000),
            ("0", 0),
            ("0.5", 500),
            ("1.5", 1_500),
            ("4294967296", 4_294_967_296_000),
        ] {
            let span = text.parse::<DurationArg>();
            assert_eq!(
                span,
                Ok(DurationArg(Duration::from_millis(milliseconds))),
                "{text}"
            );
        }
    }

    #[test]
    fn two_looks_are_a_second_apart() {
        assert_eq!(interval("1s"), Ok(DurationArg(Duration::from_secs(1))));
        for text in ["0s", "999ms", "0", "soon"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn samples_are_a_millisecond_apart() {
        assert_eq!(pace("1ms"), Ok(DurationArg(Duration::from_millis(1))));
        assert_eq!(pace("0.5"), Ok(DurationArg(Duration::from_millis(500))));
        for text in ["0", "0s", "999us", "soon"] {
            assert!(pace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for text in [
            "",
            "-1s",
            "-1",
            "1 month",
            "1y",
            "soon",
            "60 60",
            "1e9s",
            "s",
            ".",
            "1.2.3",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<DurationArg>(), Err(NotADuration), "{text}");
        }
    }
}
