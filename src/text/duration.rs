//! Lengths of time as people write them.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SpanRelativeTo;

/// Reads `60s`, `1h 30m`, `500ms`, `2d` or, in seconds, `60` or `0.5`; `None`
/// where the text is no length of time.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    // As sleep and watch take them.
    let in_seconds = text
        .chars()
        .all(|digit| digit.is_ascii_digit() || digit == '.');
    let with_unit = if in_seconds {
        Cow::Owned(format!("{text}s"))
    } else {
        Cow::Borrowed(text)
    };
    // A day has 24 hours here. Months and years have no length of their own,
    // and jiff refuses them.
    let span = with_unit.parse::<jiff::Span>().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}
