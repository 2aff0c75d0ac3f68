//! Rates, changes and points in time in a few columns.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::number::duration;

/// Events in a second: `0`, `0.2`, `12`, `1,204`, `120k`, `3.4M`.
#[must_use]
pub fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        ..0.05 => "<0.1".to_owned(),
        ..9.95 => format!("{per_second:.1}"),
        ..9_999.5 => format!("{per_second:.0}"),
        ..999_500.0 => format!("{:.0}k", per_second / 1e3),
        _ => format!("{:.1}M", per_second / 1e6),
    }
}

/// The same of something that rises and falls: `+12`, `-0.2`, `0`.
#[must_use]
pub fn signed_rate(per_second: f64) -> String {
    let size = rate(per_second.abs());
    if per_second > 0.0 {
        format!("+{size}")
    } else if per_second < 0.0 {
        format!("-{size}")
    } else {
        size
    }
}

/// A change between two samples: `+12`, `-3`, `0`.
#[must_use]
pub fn change(change: i64) -> String {
    if change > 0 {
        format!("+{change}")
    } else {
        change.to_string()
    }
}

/// `1 s`, `200 ms`, `1.5 s`.
#[must_use]
pub fn interval(interval: Duration) -> String {
    if interval.as_millis() < 1_000 {
        format!("{} ms", interval.as_millis())
    } else {
        format!("{} s", interval.as_secs_f64())
    }
}

/// `0 s`, and on as everywhere else: `4 m 2 s`.
#[must_use]
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        0 => "0 s".to_owned(),
        _ => duration(age),
    }
}

/// `14:03:07`, UTC; empty where no time is known, or a clock stands outside the
/// years that have a name.
#[must_use]
pub fn clock(at: Option<SystemTime>) -> String {
    at.and_then(|at| Timestamp::try_from(at).ok())
        .map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_short_and_keep_what_is_small() {
        for (number, text) in [
            (0.0, "0"),
            (0.01, "<0.1"),
            (0.2, "0.2"),
            (9.96, "10"),
            (1_204.4, "1204"),
            (120_400.0, "120k"),
            (3_440_000.0, "3.4M"),
        ] {
            assert_eq!(rate(number), text);
        }
        assert_eq!(signed_rate(-0.2), "-0.2");
        assert_eq!(signed_rate(12.0), "+12");
        assert_eq!(signed_rate(0.0), "0");
        assert_eq!(signed_rate(-0.0), "0");
        assert_eq!(change(-3), "-3");
        assert_eq!(change(3), "+3");
    }

    proptest! {
        #[test]
        fn a_rate_fits_its_column(number in 0.0_f64..999e6) {
            prop_assert!(rate(number).len() <= 6, "{}", rate(number));
        }
    }
}
