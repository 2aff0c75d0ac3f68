//! Numbers as people read them: findings and tables write them alike.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SpanRelativeTo;

/// `1284` is `1,284`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.823` is `82 %`; a small share keeps a digit: `0.1 %`.
#[must_use]
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0} %")
    } else if percent < 0.1 {
        "< 0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// `1.4 ms`, `12 ms`, `2.5 s`.
#[must_use]
pub fn elapsed(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds >= 1_000.0 {
        format!("{:.1} s", milliseconds / 1e3)
    } else if milliseconds >= 10.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{milliseconds:.1} ms")
    }
}

/// `1 connection`, `2 connections`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// A time as the command line takes it, rounded up: `60s`, `1500ms`.
#[must_use]
pub fn argument(time: Duration) -> String {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}

/// `42 s`, `4 m 2 s`, `2 h 14 m`, `3 d 4 h`; below a second in ms. Cut, not
/// rounded: what is "at least" so long must be.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds, 60, "m", 1, "s"),
        3_600..86_400 => two(seconds, 3_600, "h", 60, "m"),
        _ => two(seconds, 86_400, "d", 3_600, "h"),
    }
}

fn two(seconds: u64, large: u64, name: &str, small: u64, other: &str) -> String {
    let whole = grouped(seconds / large);
    match seconds % large / small {
        0 => format!("{whole} {name}"),
        rest => format!("{whole} {name} {rest} {other}"),
    }
}

/// A value with three decimals, more where it would read as less than three
/// digits, and no more than it needs: never an exponent, which perfdata don't
/// have.
#[must_use]
pub fn decimal(value: f64) -> String {
    let mut decimals = 3;
    let mut rest = value.abs();
    while rest > 0.0 && rest < 0.1 && decimals < MOST_DECIMALS {
        rest *= 10.0;
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

/// A rate of one event in a day has five zeros.
const MOST_DECIMALS: usize = 12;

/// Reads `60s`, `1h 30m`, `500ms`, `2d` or, in seconds, `60` or `0.5`; `None`
/// where the text is no length of time.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_for_the_command_line_is_never_shorter() {
        for (microseconds, text) in [
            (60_000_000, "60s"),
            (1_500_000, "1500ms"),
            (1_500_001, "1501ms"),
            (0, "0s"),
        ] {
            assert_eq!(argument(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (262_144, "262,144"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_share_that_is_not_zero_never_reads_as_zero() {
        for (ratio, text) in [
            (0.0, "0 %"),
            (0.000_01, "< 0.1 %"),
            (0.001, "0.1 %"),
            (0.0994, "9.9 %"),
            (0.0996, "10 %"),
            (0.823, "82 %"),
            (1.0, "100 %"),
            (1.2, "120 %"),
        ] {
            assert_eq!(percent(ratio), text);
        }
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        for (microseconds, text) in [
            (90, "0.1 ms"),
            (1_449, "1.4 ms"),
            (12_300, "12 ms"),
            (2_530_000, "2.5 s"),
        ] {
            assert_eq!(elapsed(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn long_times_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 ms"),
            (59, "59 s"),
            (60, "1 m"),
            (242, "4 m 2 s"),
            (3_600, "1 h"),
            (8_040, "2 h 14 m"),
            (90_000, "1 d 1 h"),
            (86_400_000, "1,000 d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration(Duration::from_millis(1_999)), "1 s");
        assert_eq!(duration(Duration::from_millis(90)), "90 ms");
    }

    #[test]
    fn decimals_are_as_few_as_can_be() {
        for (value, text) in [
            (0.0, "0"),
            (-0.000_1, "-0.0001"),
            (1.0 / 6_000.0, "0.000167"),
            (0.05, "0.05"),
            (1e-20, "0"),
            (-1e-20, "0"),
            (10.0, "10"),
            (100.5, "100.5"),
            (0.123_45, "0.123"),
            (5.000_01, "5"),
            (-2.5, "-2.5"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(decimal(value), text);
        }
    }
}
