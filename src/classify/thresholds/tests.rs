use super::*;
use crate::classify::rules::RULES;
use crate::model::StateSet;

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
        let why = Thresholds::threshold(text).unwrap_err().to_string();
        assert!(why.contains(says), "{text}: {why}");
    }
    for text in [
        "close_wait=10",
        "time_wait=80%",
        "time_wait_used=80",
        "listen_growth=@1:",
    ] {
        assert!(Thresholds::threshold(text).is_ok(), "{text}");
    }
}

#[test]
fn names_are_of_metrics_and_rules() {
    assert!(matches!(Name::find("close_wait"), Ok(Name::Metric(_))));
    assert!(matches!(Name::find("tcp_syncookies"), Ok(Name::Rule(_))));
    assert!(Name::find("x").unwrap_err().to_string().contains("--list"));
}
fn part(listeners: bool, unowned: bool) -> Selection {
    Selection {
        words: String::new(),
        states: if listeners {
            StateSet::ALL
        } else {
            StateSet::ALL.without(TcpState::Listen)
        },
        unowned,
    }
}

fn thresholds(only: &[&str], ignore: &[&str], crit: &[&str], narrowed: bool) -> Thresholds {
    let names = |texts: &[&str]| texts.iter().map(|text| Name::find(text).unwrap()).collect();
    let mut thresholds = Thresholds {
        crit: crit
            .iter()
            .map(|text| Thresholds::threshold(text).unwrap())
            .collect(),
        only: names(only),
        ignore: names(ignore),
        selection: narrowed.then(|| part(true, true)),
        ..Thresholds::default()
    };
    thresholds.rates = thresholds.asks_for_rates();
    thresholds
}

#[test]
fn thresholds_that_judge_nothing_or_contradict_each_other_are_refused() {
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
        let thresholds = thresholds(only, ignore, crit, narrowed);
        assert!(thresholds.check().is_err(), "{thresholds:?}");
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
        let thresholds = thresholds(only, ignore, crit, narrowed);
        assert_eq!(thresholds.check(), Ok(()), "{thresholds:?}");
    }
}

/// Nobody holds a socket in TIME_WAIT, and no listener has a peer: a 0 of these
/// would be an OK that means nothing.
#[test]
fn what_a_filter_cannot_tell_is_refused_and_left_out() {
    let (owner, peer) = (part(true, false), part(false, true));
    let (owner, peer) = (&owner, &peer);
    for (name, part, expected) in [
        ("time_wait", owner, Some("keeps no owner")),
        ("time_wait_growth", owner, Some("keeps no owner")),
        ("syn_recv", owner, Some("keeps no owner")),
        ("time_wait", peer, None),
        ("listen", owner, None),
        ("listen", peer, Some("have no peer")),
        ("accept_queues_full", owner, None),
        ("accept_queues_full", peer, Some("have no peer")),
        ("accept_queue_used", peer, Some("have no peer")),
        ("time_wait_used", peer, Some("whole network namespace")),
        ("close_wait_leaked", owner, None),
        ("close_wait_leaked", peer, None),
    ] {
        let mut thresholds = thresholds(&[], &[], &[&format!("{name}=5")], false);
        thresholds.selection = Some(part.clone());
        let refused = thresholds.check().map_err(|why| why.to_string());
        match expected {
            None => assert_eq!(refused, Ok(()), "{name}"),
            Some(words) => assert!(refused.unwrap_err().contains(words), "{name}"),
        }
        let id = find_metric(name).unwrap();
        assert_eq!(thresholds.wants_metric(id), expected.is_none(), "{name}");
    }
    let mut thresholds = thresholds(&[], &[], &[], false);
    for (part, judges) in [(owner, true), (peer, false)] {
        thresholds.selection = Some(part.clone());
        let Name::Rule(rule) = Name::find("accept_queue_full").unwrap() else {
            panic!("it is a rule");
        };
        assert_eq!(thresholds.wants_rule(rule), judges);
    }
}

/// `check state established` said that nothing in CLOSE_WAIT leaks.
#[test]
fn what_is_about_a_state_that_the_filter_leaves_out_is_not_judged() {
    let only = |state| Selection {
        words: String::new(),
        states: StateSet::NONE.with(state),
        unowned: true,
    };
    let established = only(TcpState::Established);
    let about = |rule: &str| RULES.iter().find(|one| one.name == rule).unwrap();
    for (rule, state) in [
        ("close_wait_leak", TcpState::CloseWait),
        ("close_wait_leaked", TcpState::CloseWait),
        ("leaker_fds_used", TcpState::CloseWait),
        ("unresponsive_peers", TcpState::SynSent),
    ] {
        assert!(!can_be_told(about(rule), Some(&established)), "{rule}");
        assert!(can_be_told(about(rule), Some(&only(state))), "{rule}");
        assert!(can_be_told(about(rule), None), "{rule}");
    }
}
