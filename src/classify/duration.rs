//! Lengths of time as people read them.

use std::time::Duration;

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
    let whole = seconds / large;
    match seconds % large / small {
        0 => format!("{whole} {name}"),
        rest => format!("{whole} {name} {rest} {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 ms"),
            (59, "59 s"),
            (60, "1 m"),
            (242, "4 m 2 s"),
            (3_600, "1 h"),
            (8_040, "2 h 14 m"),
            (90_000, "1 d 1 h"),
            (86_400_000, "1000 d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration(Duration::from_millis(1_999)), "1 s");
        assert_eq!(duration(Duration::from_millis(90)), "90 ms");
    }
}
