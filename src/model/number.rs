//! Numbers as people read them: findings and tables write them alike.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
