//! The check: a status line with perfdata, JSON, Prometheus metrics, the list
//! of what can be checked.

mod json;
mod list;
mod perfdata;
mod plugin;
mod prometheus;

pub use self::json::json;
pub use self::list::list;
pub use self::plugin::{failed, headline, plugin};
pub use self::prometheus::prometheus;

/// A value with up to three decimals, and no more than it needs: never an
/// exponent, which perfdata don't have.
fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_as_few_as_can_be() {
        for (value, text) in [
            (0.0, "0"),
            (-0.000_1, "0"),
            (10.0, "10"),
            (100.5, "100.5"),
            (0.123_45, "0.123"),
            (-2.5, "-2.5"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(decimal(value), text);
        }
    }
}
