//! What is wrong with a filter, and how it is said.

use proptest::prelude::*;

use super::staged::read;
use crate::model::Family;

/// Words, and the first line of their message.
const WRONG: &[(&str, &str)] = &[
    ("bogus", "unknown condition `bogus`"),
    (
        "80",
        "unknown condition `80`: write src or dst before an address, sport or dport before a port",
    ),
    (
        "10.0.0.1",
        "unknown condition `10.0.0.1`: write src or dst before an address, sport or dport before a port",
    ),
    (
        "port = 80",
        "unknown condition `port`: sport is the local port, dport the remote one",
    ),
    (
        "SPORT = 80",
        "unknown condition `SPORT`: write it in lower case, sport",
    ),
    (
        "sport = 80 exclude listening",
        "unknown condition `exclude`: inside an expression write not NAME",
    ),
    (
        "host 10.0.0.1",
        "unknown condition `host`: src is the local address, dst the remote one",
    ),
    ("state", "a state is missing after `state`"),
    ("state nosuch", "unknown state nosuch"),
    ("state and", "a state is missing after `state`"),
    ("exclude", "a state is missing after `exclude`"),
    ("sport = 80 state", "a state is missing after `state`"),
    (
        "exclude listening or sport = 80",
        "`or` cannot follow the states before the expression",
    ),
    (
        "state established state listening or sport = 80",
        "`or` cannot follow the states before the expression",
    ),
    ("established and", "a condition is missing at the end"),
    ("src", "a value is missing after `src`"),
    ("src =", "a value is missing after `src`"),
    ("src and sport = 80", "a value is missing after `src`"),
    ("src > 10.0.0.1", "`src` is compared with = and != only"),
    ("src nosuchhost", "no address is known of host nosuchhost"),
    (
        "src ssh",
        "no host is called ssh: for the service write :ssh",
    ),
    ("src 127.0.0.256", "127.0.0.256 is not an IPv4 address"),
    ("src 127.0.0.1/33", "/33 is not an IPv4 prefix: 0 to 32"),
    (
        "src 127.0.0.0/255.0.255.0",
        "/255.0.255.0 is not an IPv4 prefix: 0 to 32, or a mask as in 255.255.0.0",
    ),
    (
        "src ::1",
        "the last colon of ::1 begins a port: write [::1] or ::1/128 for the address",
    ),
    ("src [::1", "the [ of [::1 is not closed"),
    (
        "src [::1]/32",
        "/32 cannot follow ]: a prefix goes inside the brackets, a port after a colon",
    ),
    ("src 2001:db8::/129", "/129 is not an IPv6 prefix: 0 to 128"),
    (
        "src inet6:127.0.0.1",
        "this is an IPv4 address, and the other family is asked for",
    ),
    (
        "src unix:*",
        "unix: is not a family of TCP: inet: or inet6:",
    ),
    ("src 10.0.0.1:65536", "65536 is not a port: 0 to 65535"),
    ("src fe80::1%nosuch/128", "no interface is called nosuch"),
    (
        "src nosuch/8",
        "a prefix needs a numeric address, not the name nosuch",
    ),
    ("sport =", "a value is missing after `sport`"),
    ("sport = nosuch", "no TCP service is called nosuch"),
    ("sport = 65536", "65536 is not a port: 0 to 65535"),
    ("sport = -1", "-1 is not a port: 0 to 65535"),
    (
        "sport = 080",
        "080 is not a port: 0 to 65535, and a leading 0 means octal",
    ),
    ("sport <= 70000", "70000 is not a port: 0 to 65535"),
    ("sport >= *", "* is any port, and has no order"),
    (
        "sport >= 127.0.0.1:80",
        "127.0.0.1:80 is an address: write src or dst before it",
    ),
    ("sport = :", "a port is missing after :"),
    (
        "sport = [::1]:80",
        "[::1]:80 is an address: write src or dst before it",
    ),
    ("dev nosuch0", "no interface is called nosuch0"),
    ("dev > 1", "`dev` is compared with = and != only"),
    ("fwmark zz", "zz is not a mark"),
    ("fwmark = 0x10zz", "0x10zz is not a mark"),
    ("fwmark 1/2/3", "1/2/3 is not a mark"),
    ("fwmark 0x100000000", "0x100000000 is not a mark"),
    ("cgroup /no/such", "no cgroup2 directory is at /no/such"),
    ("( sport = 80", "this ( is not closed"),
    ("sport = 80 )", "this ) closes no ("),
    ("( )", "a condition is missing before this )"),
    ("or sport = 80", "a condition is missing before `or`"),
    ("sport = 80 or", "a condition is missing at the end"),
    (
        "sport = 80 and or dport = 80",
        "a condition is missing before `or`",
    ),
    ("not", "a condition is missing at the end"),
    ("sport = 80 dport", "a value is missing after `dport`"),
    ("pid 0", "0 is not a process number"),
    ("pid nginx", "nginx is not a process number"),
    ("pid", "a value is missing after `pid`"),
    ("process", "a value is missing after `process`"),
    ("user nobody-here", "no user is called nobody-here"),
    ("unit", "a value is missing after `unit`"),
    ("age 1h", "a comparison is missing after `age`"),
    ("age > soon", "soon is not a value of this kind"),
    ("rtt > 5 parsecs", "unknown condition `parsecs`"),
    ("recvq > 1x", "1x is not a value of this kind"),
    ("retrans > -1", "-1 is not a value of this kind"),
    ("lastsnd", "a comparison is missing after `lastsnd`"),
];

#[test]
fn wrong_words_are_named() {
    let mut wrong = Vec::new();
    for (words, what) in WRONG {
        match read(&[words], None) {
            Err(error) if error.what() == *what => {}
            other => wrong.push(format!("{words}\n{other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(WRONG.len() >= 40);
}

#[test]
fn a_message_shows_the_line_the_word_and_what_may_stand_there() {
    for (words, shown) in [
        (
            &["src", "10.0.0.1", "and sport = :nosuch"][..],
            "no TCP service is called nosuch\n  \
             src 10.0.0.1 and sport = :nosuch\n  \
             \u{20}                        ^^^^^^^\n  \
             expected: a port, as in 443, :443, https, or * for any",
        ),
        (
            &["state", "established", "("],
            "a condition is missing at the end\n  \
             state established (\n  \
             \u{20}                  ^\n  \
             expected: src, dst, sport, dport, dev, fwmark, cgroup, autobound, pid,\n  \
             process, uid, user, unit, container, age, recvq, sendq, rtt, retrans,\n  \
             lastsnd, lastrcv, a state, not, or (",
        ),
        (
            &["dev\u{1b}[2J"],
            "unknown condition `dev\\u{1b}[2J`\n  \
             dev\\u{1b}[2J\n  \
             ^^^^^^^^^^^^\n  \
             expected: src, dst, sport, dport, dev, fwmark, cgroup, autobound, pid,\n  \
             process, uid, user, unit, container, age, recvq, sendq, rtt, retrans,\n  \
             lastsnd, lastrcv, a state, not, or (",
        ),
    ] {
        assert_eq!(read(words, None).unwrap_err().to_string(), shown);
    }
}

#[test]
fn an_address_of_another_family_than_the_options_is_refused() {
    assert!(read(&["src [::1]"], Some(Family::Ipv4)).is_err());
    assert!(read(&["src 10.0.0.1"], Some(Family::Ipv6)).is_err());
    assert!(read(&["src several"], Some(Family::Ipv6)).is_ok());
    assert!(read(&["src v6only"], Some(Family::Ipv4)).is_err());
}

#[test]
fn depth_and_length_have_their_ends() {
    let nested = |depth| format!("{}sport = 1{}", "( ".repeat(depth), " )".repeat(depth));
    assert!(read(&[&nested(100)], None).is_ok());
    let deep = read(&[&nested(101)], None).unwrap_err();
    assert_eq!(deep.what(), "more than 100 nested parentheses");
    assert!(read(&[&nested(100_000)], None).is_err());
    assert!(read(&[&format!("{}sport = 1", "not ".repeat(100_001))], None).is_ok());
    assert!(
        read(
            &[&format!("sport = 0{}", " or sport = 1".repeat(50_000))],
            None
        )
        .is_ok()
    );
}

/// Pieces that filters are made of, and some that they aren't.
const PIECES: &[&str] = &[
    "src",
    "dst",
    "sport",
    "dport",
    "dev",
    "fwmark",
    "cgroup",
    "autobound",
    "state",
    "exclude",
    "pid",
    "process",
    "uid",
    "unit",
    "container",
    "age",
    "recvq",
    "rtt",
    "established",
    "all",
    "and",
    "or",
    "not",
    "!",
    "&&",
    "||",
    "|",
    "(",
    ")",
    "=",
    "==",
    "!=",
    "<",
    ">=",
    "eq",
    "geq",
    "80",
    ":80",
    "0x50",
    "ssh",
    "*",
    "127.0.0.1",
    "127/8",
    "[::1]:22",
    "::1:22",
    "inet6:*:80",
    "lo",
    "1h",
    "64k",
    "/home",
    "\\",
    "\\ ",
    "[",
    "]",
    "/",
    ":",
    "%",
    "é",
    "\u{1b}",
    "-1",
    "65536",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_words_harm(pieces in proptest::collection::vec(0..PIECES.len(), 0..20), glue in "[ ]{0,1}") {
        let words: Vec<&str> = pieces.iter().map(|&piece| PIECES[piece]).collect();
        if let Err(error) = read(&[&words.join(&glue)], None) {
            let shown = error.to_string();
            prop_assert!(shown.lines().count() >= 4, "{}", shown);
        }
    }

    #[test]
    fn no_text_harms(text: String) {
        let _ = read(&[&text], None).map_err(|error| error.to_string());
    }
}
