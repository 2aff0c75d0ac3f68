//! A length of time as people write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SpanRelativeTo;

use crate::model::number::argument;

/// An argument like `60s`, `1h 30m`, `500ms`, `2d` or, in seconds, `60`.
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
        if let Ok(seconds) = text.parse::<u32>() {
            return Ok(Self(Duration::from_secs(seconds.into())));
        }
        // A day has 24 hours here. Months and years have no length of their
        // own, and jiff refuses them.
        text.parse::<jiff::Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
            .map(Self)
            .ok_or(NotADuration)
    }
}

/// Reads the time between two looks. A rate that is taken over less than a
/// second says nothing of an hour.
///
/// # Errors
///
/// When it is no length of time, or too short.
pub(super) fn interval(text: &str) -> Result<DurationArg, String> {
    let interval: DurationArg = text
        .parse()
        .map_err(|error: NotADuration| error.to_string())?;
    if interval.0 < Duration::from_secs(1) {
        return Err("two looks are at least a second apart: write 1s, or more".to_owned());
    }
    Ok(interval)
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
    fn what_is_no_length_is_refused() {
        for text in [
            "", "-1s", "-1", "1 month", "1y", "soon", "60 60", "1e9s", "s",
        ] {
            assert_eq!(text.parse::<DurationArg>(), Err(NotADuration), "{text}");
        }
    }
}
