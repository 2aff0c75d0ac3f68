use super::*;

#[test]
fn a_threshold_that_means_nothing_says_what_would() {
    for (text, says) in [
        ("close_wait", "NAME=RANGE"),
        ("", "NAME=RANGE"),
        ("close_wait=x", "[@]start:end"),
        ("clse_wait=1", "--list"),
        ("tcp_syncookies=1", "--list"),
        ("=1", "--list"),
        ("close_wait=80%", "close_wait=100"),
        ("time_wait_growth=5%", "no limit"),
    ] {
        let why = Wishes::threshold(text).unwrap_err().to_string();
        assert!(why.contains(says), "{text}: {why}");
    }
    for text in [
        "close_wait=10",
        "time_wait=80%",
        "time_wait_used=80",
        "listen_growth=@1:",
    ] {
        assert!(Wishes::threshold(text).is_ok(), "{text}");
    }
}

#[test]
fn names_are_of_metrics_and_rules() {
    assert!(matches!(Name::find("close_wait"), Ok(Name::Metric(_))));
    assert!(matches!(Name::find("tcp_syncookies"), Ok(Name::Rule(_))));
    assert!(Name::find("x").unwrap_err().to_string().contains("--list"));
}
fn wishes(only: &[&str], ignore: &[&str], crit: &[&str], narrowed: bool) -> Wishes {
    let names = |texts: &[&str]| texts.iter().map(|text| Name::find(text).unwrap()).collect();
    let mut wishes = Wishes {
        crit: crit
            .iter()
            .map(|text| Wishes::threshold(text).unwrap())
            .collect(),
        only: names(only),
        ignore: names(ignore),
        narrowed,
        ..Wishes::default()
    };
    wishes.rates = wishes.asks_for_rates();
    wishes
}

#[test]
fn wishes_that_judge_nothing_or_contradict_each_other_are_refused() {
    for (only, ignore, crit, narrowed) in [
        (&["time_wait_used"][..], &[][..], &[][..], true),
        (&["tcp_syncookies"], &[], &[], true),
        (&["close_wait_leak"], &["close_wait_leak"], &[], false),
        (
            &["close_wait_leaked_by_one"],
            &["close_wait_leak"],
            &[],
            false,
        ),
        (
            &["close_wait_leak"],
            &["close_wait_leaked_by_one"],
            &[],
            false,
        ),
        (&["close_wait_leaked"], &["close_wait_leaked"], &[], false),
        (&["established"], &[], &[], false),
        (&["listen_growth"], &[], &[], false),
        (&[], &["established"], &["established=0"], false),
        (&[], &[], &["time_wait_used=5"], true),
    ] {
        let wishes = wishes(only, ignore, crit, narrowed);
        assert!(wishes.check().is_err(), "{wishes:?}");
    }
    for (only, ignore, crit, narrowed) in [
        (&[][..], &[][..], &[][..], false),
        (&[], &[], &[], true),
        (&["close_wait_leaked"], &[], &[], true),
        (&["tcp_syncookies"], &[], &[], false),
        (&["established", "tcp_syncookies"], &[], &[], false),
        (&["established"], &[], &["listen=5"], false),
        (&["resets_per_second"], &[], &[], false),
        (
            &[],
            &["close_wait_leak"],
            &["close_wait_leaked_by_one=5:"],
            false,
        ),
        (&[], &["established"], &["established_growth=5"], false),
    ] {
        let wishes = wishes(only, ignore, crit, narrowed);
        assert_eq!(wishes.check(), Ok(()), "{wishes:?}");
    }
}
