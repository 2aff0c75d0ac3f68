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
        part: Part {
            by_port: narrowed,
            ..Part::default()
        },
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

/// Nobody holds a socket in TIME_WAIT, and no listener has a peer: a 0 of these
/// would be an OK that means nothing.
#[test]
fn what_a_part_cannot_tell_is_refused_and_left_out() {
    let of = |by_owner, by_peer| Part {
        by_owner,
        by_port: false,
        by_peer,
    };
    let (owner, peer) = (of(true, false), of(false, true));
    for (name, part, expected) in [
        ("time_wait", owner, Some("--pid and --unit")),
        ("time_wait_growth", owner, Some("--pid and --unit")),
        ("syn_recv", owner, Some("--pid and --unit")),
        ("time_wait", peer, None),
        ("listen", owner, None),
        ("listen", peer, Some("--remote")),
        ("accept_queues_full", owner, None),
        ("accept_queues_full", peer, Some("--remote")),
        ("accept_queue_used", peer, Some("--remote")),
        ("time_wait_used", peer, Some("whole network namespace")),
        ("close_wait_leaked", owner, None),
        ("close_wait_leaked", peer, None),
    ] {
        let mut wishes = wishes(&[], &[], &[&format!("{name}=5")], false);
        wishes.part = part;
        let refused = wishes.check().map_err(|why| why.to_string());
        match expected {
            None => assert_eq!(refused, Ok(()), "{name}"),
            Some(words) => assert!(refused.unwrap_err().contains(words), "{name}"),
        }
        let id = MetricId::find(name).unwrap();
        assert_eq!(wishes.wants_metric(id), expected.is_none(), "{name}");
    }
    let mut wishes = wishes(&[], &[], &[], false);
    for (part, judges) in [(owner, true), (peer, false)] {
        wishes.part = part;
        let Name::Rule(rule) = Name::find("accept_queue_full").unwrap() else {
            panic!("it is a rule");
        };
        assert_eq!(wishes.wants_rule(rule), judges);
    }
}
