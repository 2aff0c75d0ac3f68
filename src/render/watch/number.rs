//! Rates and changes in a few columns.

/// Events in a second: `0`, `0.2`, `12`, `1,204`, `120k`, `3.4M`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        ..0.05 => "<0.1".to_owned(),
        ..9.95 => format!("{per_second:.1}"),
        ..9_999.5 => format!("{per_second:.0}"),
        ..999_500.0 => format!("{:.0}k", per_second / 1e3),
        _ => format!("{:.1}M", per_second / 1e6),
    }
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
    }

    proptest! {
        #[test]
        fn a_rate_fits_its_column(number in 0.0_f64..999e6) {
            prop_assert!(rate(number).len() <= 6, "{}", rate(number));
        }
    }
}
