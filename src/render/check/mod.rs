//! The check: a status line with perfdata, JSON, Prometheus metrics, the list
//! of what can be checked.

mod list;
mod perfdata;
mod plugin;
mod prometheus;

pub use self::list::list;
pub(super) use self::plugin::whole;
pub use self::plugin::{failed, headline, plugin};
pub use self::prometheus::prometheus;

/// A value with three decimals, more where it would read as less than three
/// digits, and no more than it needs: never an exponent, which perfdata don't
/// have.
fn decimal(value: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::decimal;

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
