//! Every expression of tests/data/filter/expressions.tsv over the sockets of
//! its fixture.

use std::time::Duration;

use super::staged::{StagedNames, read, sockets};
use crate::filter::{Facts, Selection, Truth, is_command, judge, judge_age, parse, untold};
use crate::model::{
    AgeBounds, Comparison, Condition, Family, Filter, Socket, SourceKind, StateSet, TcpInfo,
    TcpState,
};

/// What ss shows without an option.
const OPEN: StateSet = StateSet::RFC9293
    .without(TcpState::Listen)
    .without(TcpState::Close)
    .without(TcpState::TimeWait)
    .without(TcpState::SynRecv);

/// The words of an expression as a shell parts them.
fn words(expression: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in expression.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// ss's options before a filter, and the filter.
fn with_options(expression: &str) -> Result<Filter, String> {
    let mut states = OPEN;
    let (mut ipv4, mut ipv6) = (false, false);
    let mut filter = Vec::new();
    for word in words(expression) {
        match word.as_str() {
            "-a" => states = StateSet::ALL,
            "-l" => states = StateSet::NONE.with(TcpState::Listen),
            "-B" => states = StateSet::NONE.with(TcpState::BoundInactive),
            "-4" => ipv4 = true,
            "-6" => ipv6 = true,
            _ => filter.push(word),
        }
    }
    let family = match (ipv4, ipv6) {
        (true, false) => Some(Family::Ipv4),
        (false, true) => Some(Family::Ipv6),
        _ => None,
    };
    let selection = parse(&filter, family, &StagedNames).map_err(|error| error.to_string())?;
    let filter = selection.filter(states);
    Ok(match family {
        Some(family) => filter.and(Condition::Family(family).into()),
        None => filter,
    })
}

fn selected(filter: &Filter) -> Vec<&'static str> {
    let facts = Facts::of_row(SourceKind::Netlink);
    let mut names: Vec<_> = sockets()
        .iter()
        .filter(|(_, socket)| judge(filter, socket, &facts) == Truth::Yes)
        .map(|&(name, _)| name)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn every_expression_selects_what_its_line_says() {
    let table = include_str!("../../../tests/data/filter/expressions.tsv");
    let mut judged = 0;
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(expression), Some(expected)) = (fields.next(), fields.next()) else {
            panic!("{line}");
        };
        let expression = expression
            .replace("{cgroup}", "/cgroup")
            .replace("{home}", "/home");
        let filter = match with_options(&expression) {
            Ok(filter) => filter,
            Err(_) if expected == "!error" => {
                judged += 1;
                continue;
            }
            Err(error) => {
                wrong.push(format!("{expression}: {error}"));
                continue;
            }
        };
        if !untold(&filter, SourceKind::Replay).is_empty() {
            // Only the kernel knows which ports are locked.
            assert!(expression.contains("autobound"), "{expression}");
            continue;
        }
        let found = selected(&filter);
        let expected: Vec<&str> = match expected {
            "-" => Vec::new(),
            names => names.split(' ').collect(),
        };
        judged += 1;
        if found != expected {
            wrong.push(format!("{expression}: {found:?}, not {expected:?}"));
        }
        // What is dumped has to have them all.
        let (states, families) = (filter.states(), filter.families());
        for (name, socket) in sockets() {
            assert!(
                !found.contains(&name)
                    || states.contains(socket.state) && families.contains(socket.family),
                "{expression}: {name}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(judged, 230);
}

/// Ways to write the same, ss's and others.
#[test]
fn what_means_the_same_is_the_same_filter() {
    for (one, other) in [
        ("sport=:80", "sport = 80"),
        (
            "(sport=80||dport>=22)&&!dev lo",
            "( sport 80 or dport geq 22 ) and not dev = lo",
        ),
        ("src != 10.0.0.1", "not src 10.0.0.1"),
        ("sport != inet:80", "not sport = inet:80"),
        ("(cgroup /cgroup)", "cgroup /cgroup"),
        ("established listening", "state established state listening"),
        ("established and sport = 80", "state established sport = 80"),
        ("sport = 80 and listen", "sport = 80 state LISTEN"),
        ("established or sport = 80", "( established or sport = 80 )"),
        ("dev if2", "dev zone0"),
        ("dev 0x2", "dev zone0"),
        ("src fe80::1%zone0/128", "src fe80::1/128 dev zone0"),
        (
            "src [fe80::1%2]:7000",
            "src fe80::1/128 dev zone0 sport = 7000",
        ),
        ("user www-data", "uid 33"),
        ("uid != 33", "not user = www-data"),
        ("recvq >= 64k", "recvq >= 65536"),
        ("rtt>5ms", "rtt gt 0.005"),
        (
            "src several",
            "src 127.0.0.1 or src 127.0.0.3 or src ::1/128",
        ),
        ("src v6only:80", "src [::1]:80"),
        (
            "src inet:several",
            "src inet:127.0.0.1 or src inet:127.0.0.3",
        ),
        ("process my\\ program", "process = my\\ program"),
    ] {
        let read = |text: &str| read(&[text], None);
        let (one, other) = match (read(one), read(other)) {
            (Ok(one), Ok(other)) => (normal(&one), normal(&other)),
            (one, other) => panic!("{one:?} {other:?}"),
        };
        assert_eq!(one, other);
    }
}

/// By what it selects of the fixture: the shapes of trees may differ.
fn normal(selection: &Selection) -> (Option<StateSet>, Vec<&'static str>, Vec<&'static str>) {
    let filter = selection.expression.clone();
    let negated = filter.clone().negated();
    (selection.states, selected(&filter), selected(&negated))
}

#[test]
fn states_that_an_expression_names_take_the_place_of_the_default() {
    let states = |text: &str| read(&[text], None).unwrap().filter(OPEN).states();
    assert_eq!(states("sport = 80"), OPEN);
    let time_wait = StateSet::NONE.with(TcpState::TimeWait);
    assert_eq!(states("time-wait"), time_wait);
    assert_eq!(states("sport = 80 and time-wait"), time_wait);
    assert_eq!(states("sport = 80 or time-wait"), StateSet::ALL);
    assert_eq!(states("time-wait or time-wait"), time_wait);
    assert_eq!(
        states("exclude time-wait dport != 0"),
        OPEN.with(TcpState::SynRecv).with(TcpState::Close)
    );
}

fn socket_called(wanted: &str) -> Socket {
    let mut sockets = sockets().into_iter();
    sockets.find(|(name, _)| *name == wanted).unwrap().1
}

#[test]
fn what_is_not_known_matches_neither_a_condition_nor_its_negation() {
    let truth = |text: &str, name: &str, facts: &Facts<'_>| {
        let filter = read(&[text], None).unwrap().expression;
        judge(&filter, &socket_called(name), facts)
    };
    let row = Facts::of_row(SourceKind::Netlink);
    let procfs = Facts::of_row(SourceKind::Procfs);
    for (text, facts) in [
        ("pid 7", &row),
        ("process x", &row),
        ("unit nginx", &row),
        ("container web", &row),
        ("age > 1h", &row),
        ("rtt > 1s", &row),
        ("retrans = 0", &row),
        ("autobound and sport = 50001 or autobound", &row),
        ("dev lo", &procfs),
    ] {
        for text in [text.to_owned(), format!("not ( {text} )")] {
            let expected = if text.contains("sport") {
                // The port is outside of the range, whatever isn't known.
                Truth::from(text.starts_with("not"))
            } else {
                Truth::Unknown
            };
            assert_eq!(truth(&text, "e1c", facts), expected, "{text}");
        }
    }
    // TIME_WAIT has no queue, no user, and is in no cgroup.
    assert_eq!(truth("recvq = 0", "t1", &row), Truth::Unknown);
    assert_eq!(truth("not uid 0", "t1", &row), Truth::Unknown);
    // The limit of an accept queue is no data that waits to be sent.
    assert_eq!(truth("sendq >= 0", "l4any", &row), Truth::Unknown);
    assert_eq!(truth("recvq = 0", "l4any", &row), Truth::Yes);
    assert_eq!(truth("not cgroup /home", "t1", &row), Truth::Yes);
    // What is known decides where it can.
    assert_eq!(truth("pid 7 or sport = 50001", "e1c", &row), Truth::Yes);
    assert_eq!(truth("pid 7 and sport = 1", "e1c", &row), Truth::No);
}

#[test]
fn who_knows_owners_is_asked_for_them_and_for_nothing_else() {
    let asked = |condition: &Condition, _: &Socket| match condition {
        Condition::Pid(pid) => (*pid == 7).into(),
        Condition::Unit(_) => Truth::Unknown,
        other => panic!("{other:?}"),
    };
    let facts = Facts {
        others: Some(&asked),
        ..Facts::of_row(SourceKind::Netlink)
    };
    let mut socket = socket_called("e1c");
    socket.tcp_info = Some(TcpInfo {
        rtt: Some(1500),
        total_retrans: Some(3),
        last_data_recv: Some(90_000),
        ..TcpInfo::default()
    });
    for (text, expected) in [
        ("pid 7", Truth::Yes),
        ("not pid 7", Truth::No),
        ("pid 8", Truth::No),
        ("unit nginx", Truth::Unknown),
        ("pid 7 or unit nginx", Truth::Yes),
        ("uid 0", Truth::Yes),
        ("rtt >= 1500us", Truth::Yes),
        ("rtt < 1ms", Truth::No),
        ("retrans > 2", Truth::Yes),
        ("lastrcv > 1m", Truth::Yes),
        ("lastsnd > 1m", Truth::Unknown),
        ("sendq = 0", Truth::Yes),
    ] {
        let filter = read(&[text], None).unwrap().expression;
        assert_eq!(judge(&filter, &socket, &facts), expected, "{text}");
    }
}

#[test]
fn an_age_between_bounds_compares_as_both_do() {
    let age = AgeBounds {
        at_least: Some(Duration::from_secs(60)),
        at_most: Some(Duration::from_secs(3600)),
    };
    for (comparison, seconds, expected) in [
        (Comparison::Greater, 59, Truth::Yes),
        (Comparison::Greater, 300, Truth::Unknown),
        (Comparison::Greater, 3600, Truth::No),
        (Comparison::Equal, 7200, Truth::No),
        (Comparison::NotEqual, 7200, Truth::Yes),
    ] {
        let bound = Duration::from_secs(seconds);
        assert_eq!(judge_age(age, comparison, bound), expected, "{seconds}");
    }
    assert!(is_command("a-very-long-nam", "a-very-long-name-indeed"));
    assert!(!is_command("a-very-long-nam", "a-very-long"));
}

#[test]
fn a_source_that_cannot_tell_is_named_with_the_words() {
    let filter = read(&["dev lo or fwmark 1 and not autobound or rtt > 1s"], None);
    let filter = filter.unwrap().expression;
    assert_eq!(
        untold(&filter, SourceKind::Procfs),
        ["dev", "fwmark", "autobound", "rtt"]
    );
    assert_eq!(untold(&filter, SourceKind::Replay), ["autobound"]);
    assert_eq!(untold(&filter, SourceKind::Netlink), [""; 0]);
}
