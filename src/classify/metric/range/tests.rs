use super::*;
use proptest::prelude::*;

/// The guidelines' own examples, and everything around them.
#[test]
fn a_value_alerts_as_the_guidelines_say() {
    for (range, value, alerts) in [
        // Outside 0 to 10.
        ("10", -0.1, true),
        ("10", 0.0, false),
        ("10", 5.0, false),
        ("10", 10.0, false),
        ("10", 10.01, true),
        ("0", 0.0, false),
        ("0", 1.0, true),
        (":10", -1.0, true),
        (":10", 10.0, false),
        (":10", 11.0, true),
        ("0:10", 10.0, false),
        ("0:10", 11.0, true),
        // Below 10.
        ("10:", 9.9, true),
        ("10:", 10.0, false),
        ("10:", 1e9, false),
        ("0:", -1.0, true),
        ("0:", 0.0, false),
        // Above 10.
        ("~:10", -1e9, false),
        ("~:10", 10.0, false),
        ("~:10", 10.5, true),
        ("~:0", 0.1, true),
        ("~:-5", -5.0, false),
        ("~:-5", -4.0, true),
        // Outside 10 to 20.
        ("10:20", 9.0, true),
        ("10:20", 10.0, false),
        ("10:20", 15.0, false),
        ("10:20", 20.0, false),
        ("10:20", 21.0, true),
        ("-10:-5", -7.0, false),
        ("-10:-5", -4.0, true),
        ("5:5", 5.0, false),
        ("5:5", 5.1, true),
        // Inside.
        ("@10:20", 9.0, false),
        ("@10:20", 10.0, true),
        ("@10:20", 20.0, true),
        ("@10:20", 20.1, false),
        ("@10", 0.0, true),
        ("@10", 10.0, true),
        ("@10", 11.0, false),
        ("@10", -1.0, false),
        ("@~:0", -3.0, true),
        ("@~:0", 0.5, false),
        ("@10:", 9.0, false),
        ("@10:", 11.0, true),
        ("@~:", 7.0, true),
        ("@:", -1.0, false),
        ("@:", 1.0, true),
        ("~:", -1e9, false),
        ("~:", 1e9, false),
        // Floats.
        ("0.5:1.5", 0.49, true),
        ("0.5:1.5", 0.5, false),
        (".5", 0.6, true),
        ("1e3", 1000.0, false),
        ("1e3", 1001.0, true),
        ("+3", 4.0, true),
    ] {
        let parsed: Range = range.parse().unwrap();
        assert_eq!(parsed.alerts(value), alerts, "{range} at {value}");
    }
}

#[test]
fn per_cent_are_of_a_limit() {
    for (range, value, alerts) in [
        ("80%", 160.0, false),
        ("80%", 161.0, true),
        ("@80%:", 160.0, true),
        ("@80%:", 159.0, false),
        ("10%:", 19.0, true),
        ("10%:20%", 30.0, false),
        ("0:50%", 101.0, true),
        ("~:50%", 100.0, false),
        ("12.5%", 25.5, true),
        ("0%", 0.0, false),
        ("0%", 1.0, true),
    ] {
        let parsed: Range = range.parse().unwrap();
        assert!(parsed.is_percent(), "{range}");
        assert_eq!(parsed.of(200.0).alerts(value), alerts, "{range} at {value}");
    }
}

/// 29 of 100 are 29 %, and not more by the last bit of a float.
#[test]
fn the_ends_of_per_cent_belong_to_the_range() {
    for whole in [7.0, 100.0, 1_000.0, 262_144.0] {
        for percent in 0..=100_u32 {
            let at = f64::from(percent) * whole / 100.0;
            let outside: Range = format!("{percent}%").parse().unwrap();
            assert!(!outside.of(whole).alerts(at), "{percent} % of {whole}");
            let inside: Range = format!("@{percent}%:").parse().unwrap();
            assert!(inside.of(whole).alerts(at), "{percent} % of {whole}");
        }
    }
    let limit: Range = "29%".parse().unwrap();
    assert!(!limit.of(100.0).alerts(29.0));
}

#[test]
fn nonsense_is_refused_with_the_right_form() {
    for text in [
        "",
        "@",
        ":",
        "1e308%",
        "~",
        "@~",
        "10:5",
        "a",
        "10:b",
        "1:2:3",
        "10 ",
        " 10",
        "1,5",
        "--1",
        "inf",
        "nan",
        "infinity:",
        "10:80%",
        "5%:7",
        "%",
        "80%%",
        "1e999",
        "0x10",
        "@@1",
        "10:~",
        "1..2",
        "10%:5%",
    ] {
        let refused = text.parse::<Range>().unwrap_err().to_string();
        assert!(refused.contains("[@]start:end"), "{text}: {refused}");
    }
    let expanded = "/root:5".parse::<Range>().unwrap_err().to_string();
    assert!(expanded.contains("quote it"), "{expanded}");
}

#[test]
fn ends_are_written_as_short_as_can_be() {
    for (text, shown) in [
        ("10", "10"),
        ("0:10", "10"),
        (":10", "10"),
        ("10:", "10:"),
        ("0:", "0:"),
        ("~:10", "~:10"),
        ("@10:20", "@10:20"),
        ("@~:", "@~:"),
        ("@:", "@0:"),
        ("~:", "~:"),
        ("0.50:1.0", "0.5:1"),
        ("80%", "80"),
    ] {
        assert_eq!(text.parse::<Range>().unwrap().to_string(), shown, "{text}");
    }
    assert_eq!(Range::from(80.0).to_string(), "@80:");
    assert_eq!(Range::above(1.0).to_string(), "1");
}

proptest! {
    #[test]
    fn what_is_shown_means_the_same(
        start in -100_i32..100,
        length in 0_i32..100,
        inside: bool,
        open in 0_u8..4,
        value in -300_i32..300,
    ) {
        let at = if inside { "@" } else { "" };
        let end = start + length;
        let text = match open {
            0 => format!("{at}{start}:{end}"),
            1 => format!("{at}{start}:"),
            2 => format!("{at}~:{end}"),
            _ => format!("{at}{length}"),
        };
        let range: Range = text.parse().unwrap();
        let again: Range = range.to_string().parse().unwrap();
        prop_assert_eq!(range, again);
        let value = f64::from(value);
        prop_assert_eq!(range.alerts(value), again.alerts(value));
    }

    #[test]
    fn no_text_at_all_is_a_panic(text in "\\PC{0,12}") {
        let _ = text.parse::<Range>();
    }
}

/// What lies between bounds fires where every value there would, and is fine
/// where none would.
#[test]
fn bounds_settle_a_range_or_do_not() {
    for (text, low, high, expected) in [
        ("10", 0.0, 10.0, Some(false)),
        ("10", 0.0, 10.5, None),
        ("10", 10.5, 90.0, Some(true)),
        ("10", -5.0, -1.0, Some(true)),
        ("10:", 0.0, 9.0, Some(true)),
        ("10:", 0.0, 10.0, None),
        ("@10:20", 12.0, 13.0, Some(true)),
        ("@10:20", 5.0, 13.0, None),
        ("@10:20", 5.0, 30.0, None),
        ("@10:20", 21.0, 30.0, Some(false)),
        ("@10:20", 5.0, 9.0, Some(false)),
        ("~:", 5.0, 9.0, Some(false)),
        ("@~:", 5.0, 9.0, Some(true)),
    ] {
        let range: Range = text.parse().unwrap();
        let bounds = Bounds { low, high };
        assert_eq!(range.alerts_between(bounds), expected, "{text} {bounds:?}");
    }
}
