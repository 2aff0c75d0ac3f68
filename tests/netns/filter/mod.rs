//! ss's filter language: by the kernel, by our evaluator, over /proc, from a recording, and by
//! `ss` itself, over sockets of every kind.

mod commands;
pub(crate) mod fixture;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use tcpstate::filter::{Names, parse, port_of_service, selects_row, untold};
use tcpstate::kernel::sock_diag::NetlinkSource;
use tcpstate::kernel::{
    HostNames, KernelError, ProcRoot, ProcfsSource, ReplaySource, SocketSource,
};
use tcpstate::model::{
    CgroupId, Condition, Family, Filter, PortRange, Request, Socket, SourceKind, StateSet, TcpState,
};

use self::fixture::Fixture;
use crate::lab::netns_test;

/// What ss shows without an option.
const OPEN: StateSet = StateSet::RFC9293
    .without(TcpState::Listen)
    .without(TcpState::Close)
    .without(TcpState::TimeWait)
    .without(TcpState::SynRecv);

/// A row of the table.
struct Expression {
    words: String,
    /// `None`: it must be refused.
    expected: Option<BTreeSet<&'static str>>,
    note: &'static str,
}

/// The table, less the names that weren't made.
fn expressions(fixture: &Fixture) -> Vec<Expression> {
    let made: BTreeSet<&str> = fixture.made.iter().map(|made| made.name).collect();
    include_str!("../../data/filter/expressions.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            let (words, expected, note) = (field(), field(), field());
            let words = match &fixture.cgroups {
                _ if !words.contains('{') => words.to_owned(),
                Some(cgroups) => words
                    .replace("{cgroup}", &cgroups.own)
                    .replace("{home}", &cgroups.home),
                None => return None,
            };
            let names = || expected.split(' ').filter(|name| made.contains(name));
            Some(Expression {
                words,
                expected: (expected != "!error").then(|| names().collect()),
                note,
            })
        })
        .collect()
}

/// This host's names, with services of our own: a machine may have no such file.
struct TestNames(HostNames);

impl Names for TestNames {
    fn service(&self, name: &str) -> Option<u16> {
        port_of_service("ssh 22/tcp\nhttp 80/tcp www\n", name)
    }

    fn addresses(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }

    fn device(&self, name: &str) -> Option<u32> {
        self.0.device(name)
    }

    fn cgroup(&self, path: &str) -> Option<CgroupId> {
        self.0.cgroup(path)
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.0.user(name)
    }

    fn local_ports(&self) -> Option<PortRange> {
        self.0.local_ports()
    }
}

/// The words as a shell parts them.
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
fn read(expression: &str) -> Result<Filter, String> {
    let mut states = OPEN;
    let (mut ipv4, mut ipv6) = (false, false);
    let mut rest = Vec::new();
    for word in words(expression) {
        match word.as_str() {
            "-a" => states = StateSet::ALL,
            "-l" => states = StateSet::NONE.with(TcpState::Listen),
            "-B" => states = StateSet::NONE.with(TcpState::BoundInactive),
            "-4" => ipv4 = true,
            "-6" => ipv6 = true,
            _ => rest.push(word),
        }
    }
    let family = match (ipv4, ipv6) {
        (true, false) => Some(Family::Ipv4),
        (false, true) => Some(Family::Ipv6),
        _ => None,
    };
    let names = TestNames(HostNames::new(&ProcRoot::new(Path::new("/proc"))));
    let selection = parse(&rest, family, &names).map_err(|error| error.to_string())?;
    let filter = selection.filter(states);
    Ok(match family {
        Some(family) => filter.and(Condition::Family(family).into()),
        None => filter,
    })
}

/// What a source shows of a filter.
fn shown(
    source: &mut dyn SocketSource,
    fixture: &Fixture,
    filter: &Filter,
) -> Result<BTreeSet<&'static str>, KernelError> {
    let query = Request::of(filter.clone());
    let mut names = BTreeSet::new();
    let outcome = source.visit_all(&query, &mut |socket| {
        names.insert(fixture.name(socket));
    });
    outcome.map(|_| names)
}

/// What our evaluator selects of rows that were dumped without a filter.
fn judged(fixture: &Fixture, rows: &[Socket], filter: &Filter) -> BTreeSet<&'static str> {
    let selected = |socket: &&Socket| {
        let made = fixture.made.iter().find(|made| made.is(socket));
        let filter = with_lock(filter, made.and_then(|made| made.locked));
        selects_row(&filter, socket, SourceKind::Netlink)
    };
    let rows = rows.iter().filter(selected);
    rows.map(|socket| fixture.name(socket)).collect()
}

/// The filter with what rows don't say, and the fixture knows, put in.
fn with_lock(filter: &Filter, locked: Option<bool>) -> Filter {
    let each = |filters: &[Filter]| -> Vec<Filter> {
        filters
            .iter()
            .map(|filter| with_lock(filter, locked))
            .collect()
    };
    match filter {
        Filter::Is(Condition::PortNotLocked) if locked == Some(true) => Filter::NOTHING,
        Filter::Is(Condition::PortNotLocked) => Filter::EVERYTHING,
        Filter::Is(_) => filter.clone(),
        Filter::Not(filter) => Filter::Not(Box::new(with_lock(filter, locked))),
        Filter::And(filters) => Filter::And(each(filters)),
        Filter::Or(filters) => Filter::Or(each(filters)),
    }
}

netns_test!(every_expression_selects_what_the_table_says, |lab| {
    let fixture = Fixture::make(lab);
    if fixture.cgroups.is_none() {
        lab.skip("expressions with cgroup: none can be made here");
    }
    let rows = fixture::rows();
    let mut netlink = NetlinkSource::open().expect("netlink");
    let proc_root = ProcRoot::new(Path::new("/proc"));
    let mut procfs = ProcfsSource::new(&proc_root);
    let recording = tempfile::tempdir().expect("a directory");
    let file = recording.path().join("dump");
    let mut replay = lab.record_with_ss(&file).then(|| ReplaySource::new(&file));
    let not_bound = |names: &BTreeSet<&'static str>| -> BTreeSet<&'static str> {
        let bound = |name: &&&'static str| {
            let mut made = fixture.made.iter();
            made.any(|made| made.name == **name && made.state == TcpState::BoundInactive)
        };
        names.iter().filter(|name| !bound(name)).copied().collect()
    };
    let mut wrong = Vec::new();
    for expression in expressions(&fixture) {
        let words = &expression.words;
        let (filter, expected) = match (read(words), expression.expected) {
            (Ok(filter), Some(expected)) => (filter, expected),
            (Err(_), None) => continue,
            (read, _) => {
                wrong.push(format!("{words}: {read:?}"));
                continue;
            }
        };
        let mut compare = |who: &str, found: BTreeSet<&str>, expected: &BTreeSet<&str>| {
            if found != *expected {
                wrong.push(format!("{words}: {who}: {found:?}, not {expected:?}"));
            }
        };
        let by_kernel = shown(&mut netlink, &fixture, &filter).expect("a dump");
        compare("the kernel", by_kernel, &expected);
        compare("we", judged(&fixture, &rows, &filter), &expected);
        // Neither shows sockets that are only bound.
        let expected = not_bound(&expected);
        let others: [(&str, Option<&mut dyn SocketSource>, SourceKind); 2] = [
            ("/proc", Some(&mut procfs), SourceKind::Procfs),
            (
                "the recording",
                replay
                    .as_mut()
                    .map(|source| source as &mut dyn SocketSource),
                SourceKind::Replay,
            ),
        ];
        for (who, source, kind) in others {
            let Some(source) = source else { continue };
            let found = shown(source, &fixture, &filter);
            let told = untold(&filter, kind).is_empty();
            match found {
                Ok(found) if told => compare(who, not_bound(&found), &expected),
                Err(KernelError::Untold { .. }) if !told => {}
                other => panic!("{words}: {who}: {other:?}"),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
});

/// A socket as ss writes it: its port and its peer tell it from all others here.
fn as_ss_writes([local, peer]: &[String; 2]) -> [String; 2] {
    let port = local.rsplit_once(':').map_or("", |(_, port)| port);
    let peer = match peer.rsplit_once(':') {
        Some((_, "*")) | None => "*".to_owned(),
        Some((address, port)) => format!("{}:{port}", address.trim_matches(['[', ']'])),
    };
    [port.to_owned(), peer]
}

/// The versions of ss that show something else, by the note of an expression.
fn differs(note: &str, version: &str) -> bool {
    let versions = note
        .split_once("ss-differs ")
        .map(|(_, rest)| rest.split(':').next());
    let mut versions = versions
        .flatten()
        .into_iter()
        .flat_map(|list| list.split(','));
    versions.any(|known| known == version)
}

netns_test!(ss_shows_the_same_where_it_is_right, |lab| {
    let fixture = Fixture::make(lab);
    let Some(version) = lab
        .ss_version()
        .filter(|known| known == "6.1" || known == "7.1")
    else {
        lab.skip("the comparison with ss 6.1 or 7.1, of which neither is installed");
        return;
    };
    let key = |made: &fixture::Made| {
        let remote = made.remote;
        let peer = format!("{}:{}", remote.address, remote.port);
        let peer = if remote.port == 0 {
            "*".to_owned()
        } else {
            peer
        };
        [made.local.port.to_string(), peer]
    };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for expression in expressions(&fixture) {
        if differs(expression.note, &version) {
            continue;
        }
        // Its own file of services may be missing.
        let names = ["http", "ssh", "www"];
        if names.iter().any(|name| expression.words.contains(name)) {
            continue;
        }
        compared += 1;
        let shown = lab.ss_ends(&words(&expression.words)).expect("ss");
        let found = shown.ok().map(|ends| {
            let found = ends.iter().map(|ends| {
                let ends = as_ss_writes(ends);
                let made = fixture.made.iter().find(|made| key(made) == ends);
                made.map_or_else(|| format!("{ends:?}"), |made| made.name.to_owned())
            });
            found.collect::<BTreeSet<_>>()
        });
        let expected = expression
            .expected
            .map(|names| names.into_iter().map(str::to_owned).collect());
        if found != expected {
            wrong.push(format!("{}: {found:?}, not {expected:?}", expression.words));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 120, "{compared}");
});

/// Pieces of random expressions.
const CONDITIONS: &[&str] = &[
    "src 127.0.0.1",
    "src 127.0.0.0/8",
    "src 0.0.0.0/0",
    "src ::/0",
    "src [::1]",
    "src [::]",
    "src 0.0.0.0",
    "src inet:*",
    "src inet6:*",
    "src ::ffff:0.0.0.0/96",
    "src 7f00:1::/32",
    "src fe80::/10",
    "src :80",
    "src 127.0.0.1:80",
    "dst 127.0.0.1",
    "dst 10.9.2/24",
    "dst [::1]:5432",
    "dst 0.0.0.0/0",
    "dst 0.0.0.0",
    "dst 127.0.0.4/31",
    "dst :22",
    "sport = :80",
    "sport = :22",
    "sport != 22",
    "sport > 50000",
    "sport <= 443",
    "sport >= 40000",
    "sport < 1024",
    "sport = inet:80",
    "dport = 0",
    "dport > 0",
    "dport = 5432",
    "dport != 80",
    "dport < 50010",
    "dev lo",
    "dev = 0",
    "dev != 0",
    "dev zone0",
    "fwmark = 0",
    "fwmark = 0x10/0xf0",
    "fwmark = 0x1234",
    "fwmark != 0",
    "autobound",
    "state established",
    "time-wait",
    "listening",
    "state connected",
    "state bucket",
];

/// Random expressions: conditions, combined in every way that the language has.
fn random() -> impl Strategy<Value = String> {
    let condition = select(CONDITIONS).prop_map(str::to_owned);
    condition.prop_recursive(4, 24, 4, |inner| {
        let connective = select(vec!["and", "or", "", "||", "&"]);
        let combined = (inner.clone(), connective, inner.clone());
        prop_oneof![
            3 => combined.prop_map(|(one, connective, other)| format!("{one} {connective} {other}")),
            1 => inner.clone().prop_map(|inner| format!("not {inner}")),
            1 => inner.prop_map(|inner| format!("( {inner} )")),
        ]
    })
}

netns_test!(both_judges_agree_on_random_expressions, |lab| {
    const CASES: u32 = 2_000;
    let fixture = Fixture::make(lab);
    let rows = fixture::rows();
    let netlink = RefCell::new(NetlinkSource::open().expect("netlink"));
    let selecting = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&random(), |expression| {
        let filter = read(&format!("-a ( {expression} )"));
        let filter = filter.map_err(TestCaseError::fail)?;
        for filter in [filter.clone(), filter.negated()] {
            let by_kernel = shown(&mut *netlink.borrow_mut(), &fixture, &filter);
            let by_us = judged(&fixture, &rows, &filter);
            prop_assert_eq!(&by_kernel.expect("a dump"), &by_us, "{:?}", filter);
            selecting.set(selecting.get() + u32::from(!by_us.is_empty()));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // Most say something of these sockets.
    assert!(selecting.get() > CASES, "{selecting:?}");
});
