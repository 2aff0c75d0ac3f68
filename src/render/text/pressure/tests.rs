use super::*;
use crate::classify::assess;
use crate::classify::listeners::ListenerTally;
use crate::classify::testing::{SnapshotBuilder, snapshot, socket};
use crate::classify::unresponsive::UnresponsiveTally;
use crate::model::Snapshot;
use crate::model::{
    Cgroup, CgroupId, Counter, Destination, Endpoint, Host, HostWide, PortRange, PortReading,
    PortSettings, Ports, Pressure, Program, SharedPool, Sysctl, TcpState, TimeWaitTally, Unit,
};
use crate::render::csv;
use std::time::Duration;

fn destination(remote: &str, port: u16, in_use: u32, time_wait: u32) -> Destination {
    Destination {
        local_address: "10.0.0.5".parse().unwrap(),
        interface: None,
        remote: Endpoint::new(remote.parse().unwrap(), port),
        in_use,
        time_wait,
        reusable: 0,
        recent_time_wait: 4_800,
        usable: Some(28_230),
        bound_first: false,
        sustainable_per_s: Some(470.5),
        growth_per_s: None,
        pool_growth_per_s: None,
    }
}

fn listeners() -> ListenerTally {
    let nobody = "0.0.0.0:0";
    let mut tally = ListenerTally::default();
    tally.add_listener(
        &socket("0.0.0.0:443", nobody)
            .listening(4, Some(511))
            .build(),
    );
    tally.add_listener(
        &socket("0.0.0.0:8080", nobody)
            .listening(129, Some(128))
            .build(),
    );
    tally.add_listener(&socket("[::]:22", "[::]:0").listening(0, Some(128)).build());
    for client in 0..40 {
        let from = format!("192.0.2.{client}:4000");
        tally.add(
            &socket("10.0.0.5:8080", &from)
                .in_syn_recv(client % 3)
                .build(),
        );
    }
    tally
}

fn made_in(path: &str) -> Cgroup {
    Cgroup {
        id: CgroupId(4_711),
        path: Some(path.to_owned()),
        removed: false,
        unit: Unit::from_cgroup_path(path),
    }
}

/// A host in trouble, as its two looks.
/// Since boot.
const NOW: Duration = Duration::from_secs(9_000);

fn troubled(growth: f64, overflows: u64, at: Duration) -> Snapshot {
    let mut listeners = listeners().finish();
    for listener in &mut listeners.listeners {
        listener.dead = Some(0);
        let dropped = if listener.local.port == 8_080 {
            overflows
        } else {
            0
        };
        listener.drops = Some(dropped);
        listeners.drops.insert(listener.address(), dropped);
        if listener.local.port == 8_080 {
            listener.program = Some(Program {
                pids: vec![411, 412],
                command: Some("orders\u{1b}[2J".to_owned()),
                unit: Unit::from_cgroup_path("/system.slice/orders.service"),
            });
        } else if listener.local.port == 443 {
            let id = "3f2a91c0d4e5b6f7081929a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";
            listener.cgroups = vec![made_in(&format!("/system.slice/docker-{id}.scope"))];
        }
    }
    let mut first = destination("10.0.0.9", 5_432, 23_190, 21_900);
    first.growth_per_s = (growth > 0.0).then_some(growth);
    let ports = Ports {
        settings: PortSettings {
            range: PortRange::new(32_768, 60_999),
            reserved: Some([50_000].into_iter().collect()),
        },
        listened: Some(1),
        bound: Some(1),
        destinations: vec![
            first,
            destination("2001:db8:1111:2222:3333:4444:5555:6666", 443, 12, 0),
        ],
        left_out: 0,
        shared_pools: vec![SharedPool {
            local_address: "10.0.0.5".parse().unwrap(),
            interface: None,
            in_use: 1_200,
            taken: 1_200,
            destinations: 3,
            usable: Some(28_230),
            growth_per_s: Some(0.5),
        }],
    };
    let pressure = Pressure {
        unresponsive: Some(UnresponsiveTally::default().finish(true)),
        ports: PortReading::Grouped(ports),
        listeners: Some(listeners),
        time_wait: Some(TimeWaitTally {
            client_side: 21_900,
            server_side: 310,
            other: 0,
            ages: [3_700, 3_700, 3_700, 3_700, 3_700, 3_710],
            client_loopback: 0,
            reusable: 0,
        }),
        host_wide: HostWide {
            orphans: Some(3),
            max_orphans: Some(65_536),
            memory_pages: Some(1_850),
            memory_limits: Some([46_272, 61_696, 92_544]),
        },
    };
    named(
        settings()
            .with_counter(Counter::ListenOverflows, overflows)
            .with_counter(Counter::ListenDrops, overflows)
            .with_pressure(pressure)
            .read_at(at),
    )
}

fn settings() -> SnapshotBuilder {
    snapshot()
        .with_state(TcpState::Established, 1_290)
        .with_state(TcpState::TimeWait, 22_210)
        .with_minisockets(22_215)
        .with_state(TcpState::SynRecv, 40)
        .with_state(TcpState::Listen, 3)
        .with_sysctl(Sysctl::TcpTwReuse, 2)
        .with_sysctl(Sysctl::TcpTwReuseDelay, 1_000)
        .with_sysctl(Sysctl::TcpTimestamps, 1)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 2_048)
        .with_sysctl(Sysctl::TcpMaxTwBuckets, 262_144)
        .with_counter(Counter::TcpTimeWaitOverflow, 0)
        .with_counter(Counter::SyncookiesSent, 0)
        .with_counter(Counter::SyncookiesRecv, 0)
        .with_counter(Counter::AttemptFails, 310)
        .with_counter(Counter::EstabResets, 2_011)
        .with_counter(Counter::TcpAbortOnClose, 1_755)
}

fn named(builder: SnapshotBuilder) -> Snapshot {
    let mut snapshot = builder.build();
    snapshot.host = Host {
        name: Some("web-3".to_owned()),
        ..Host::default()
    };
    snapshot.elapsed = Duration::from_micros(9_400);
    snapshot
}

fn shown(snapshot: &Snapshot, previous: Option<&Snapshot>, style: &Style) -> String {
    let assessment = assess(snapshot, previous);
    let view = PressureView {
        snapshot,
        previous,
        assessment: &assessment,
    };
    pressure(&view, 5, style)
}

const AT_80_COLUMNS: Style = Style {
    color: false,
    unicode: true,
    width: Some(80),
};

#[test]
fn a_host_in_trouble_at_80_columns() {
    let start = NOW;
    let before = troubled(0.0, 100, start);
    let now = troubled(126.0, 410, start + Duration::from_secs(10));
    let text = shown(&now, Some(&before), &AT_80_COLUMNS);
    insta::assert_snapshot!(text);
    assert!(!text.contains('\u{1b}'), "a program's name is harmless");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

const AT_40_COLUMNS: Style = Style {
    width: Some(40),
    ..AT_80_COLUMNS
};

/// What is longer can't be broken: a name, an address, a command's argument.
#[test]
fn a_narrow_terminal_is_kept_to_where_words_can_be_broken() {
    let text = shown(&troubled(0.0, 100, NOW), None, &AT_40_COLUMNS);
    for line in text.lines().filter(|line| line.chars().count() > 40) {
        assert!(!line.trim().contains(' '), "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn with_none_to_show_the_blocks_say_how_many_there_are() {
    let snapshot = troubled(0.0, 100, NOW);
    let assessment = assess(&snapshot, None);
    let view = PressureView {
        snapshot: &snapshot,
        previous: None,
        assessment: &assessment,
    };
    let text = pressure(&view, 0, &AT_80_COLUMNS);
    assert!(text.contains("\nPORTS  2 destinations: --top N, --json\n"));
    assert!(text.contains("\nLISTENERS  3 listeners: --top N, --json\n"));
    assert!(!text.contains("verdict"));
}

#[test]
fn what_was_left_out_on_request_is_not_called_well() {
    let mut snapshot = troubled(0.0, 0, NOW);
    if let PortReading::Grouped(ports) = &mut snapshot.pressure.ports {
        ports.left_out = ports.destinations.len() as u64;
        ports.destinations.clear();
    }
    let listeners = snapshot.pressure.listeners.as_mut().unwrap();
    listeners.listeners.clear();
    let text = shown(&snapshot, None, &Style::default());
    assert!(text.contains("PORTS  no connection matches the filter, of 2 destinations\n"));
    assert!(text.contains("LISTENERS  none matches the filter, of 3\n"));
    let fine = text.lines().find(|line| line.starts_with("ok "));
    assert_eq!(
        fine,
        Some(
            "ok        SYN queues, unacknowledged data, unresponsive peers, TIME_WAIT, tcp_syncookies, tcp_tw_recycle, orphans, \
             TCP memory"
        )
    );
}

/// The counters are asked for whatever they say; one that the kernel doesn't
/// know is no 0.
#[test]
fn fast_open_is_told_where_nobody_uses_it() {
    let line = |builder: SnapshotBuilder| {
        let text = shown(&named(builder), None, &Style::default());
        let line = text.lines().find(|line| line.starts_with("FAST OPEN"));
        line.map(str::to_owned)
    };
    assert_eq!(line(snapshot()), None, "nothing is known");
    let off = snapshot()
        .with_sysctl(Sysctl::TcpFastopen, 0)
        .with_counter(Counter::TcpFastOpenActive, 0)
        .with_counter(Counter::TcpFastOpenActiveFail, 0)
        .with_counter(Counter::TcpFastOpenPassive, 0);
    assert_eq!(
        line(off).as_deref(),
        Some(
            "FAST OPEN  tcp_fastopen=0 (off); data in SYNs: 0 of ours taken, 0 not; 0 of clients \
             taken, ? not"
        )
    );
    for (value, words) in [
        (1, "clients"),
        (2, "servers"),
        (0x403, "clients and servers"),
    ] {
        let told = line(snapshot().with_sysctl(Sysctl::TcpFastopen, value)).unwrap();
        assert!(told.contains(&format!("({words});")), "{told}");
    }
}

/// A server program that asks for Fast Open, clients that ask for cookies, and
/// all counters at 0: nothing said why.
#[test]
fn clients_that_ask_for_a_cookie_in_vain_are_told_with_what_it_takes() {
    let line = |setting, passive| {
        let snapshot = snapshot()
            .with_sysctl(Sysctl::TcpFastopen, setting)
            .with_counter(Counter::TcpFastOpenCookieReqd, 5)
            .with_counter(Counter::TcpFastOpenPassive, passive);
        let text = shown(&named(snapshot), None, &Style::default());
        let line = text.lines().find(|line| line.starts_with("FAST OPEN"));
        line.unwrap().to_owned()
    };
    let told = line(1, 0);
    assert!(
        told.contains("asked for a cookie 5 times in vain: giving one takes tcp_fastopen=3"),
        "{told}"
    );
    assert!(!line(3, 0).contains("in vain"), "the first of a client");
    assert!(!line(1, 2).contains("in vain"), "it was on before");
}

/// With tcp_syncookies=2 the kernel counts every cookie as one of a full queue.
#[test]
fn cookies_for_every_syn_are_not_said_to_come_from_full_queues() {
    let told = |cookies| {
        let snapshot = snapshot()
            .with_sysctl(Sysctl::TcpSyncookies, cookies)
            .with_counter(Counter::TcpReqQFullDoCookies, 3_068);
        let text = shown(&named(snapshot), None, &Style::default());
        let line = text.lines().find(|line| line.starts_with("QUEUES"));
        line.unwrap().to_owned()
    };
    assert!(told(1).ends_with("3,068 got cookies from full SYN queues"));
    assert!(told(2).ends_with("3,068 got cookies"));
}

/// 5,563 SYNs dropped at some time, "fine": nobody knows from one look.
#[test]
fn totals_of_drops_are_not_called_fine() {
    let told = |dropped| {
        let snapshot = snapshot()
            .with_sysctl(Sysctl::TcpSyncookies, 0)
            .with_counter(Counter::SyncookiesSent, 0)
            .with_counter(Counter::SyncookiesRecv, 0)
            .with_counter(Counter::TcpReqQFullDrop, dropped);
        let text = shown(&named(snapshot), None, &Style::default());
        let line = text.lines().find(|line| line.starts_with("SYN "));
        line.unwrap().to_owned()
    };
    assert!(told(0).ends_with(": fine"));
    assert!(told(5_563).ends_with("; --over 10s tells whether it goes on"));
}

/// Clients lost answers that the server had sent, and a number without a
/// remedy was all there was to see.
#[test]
fn resets_by_close_are_told_with_what_to_do_where_they_are_many() {
    let told = |accepted, by_close| {
        let snapshot = snapshot()
            .with_counter(Counter::ActiveOpens, 0)
            .with_counter(Counter::PassiveOpens, accepted)
            .with_counter(Counter::TcpAbortOnData, 0)
            .with_counter(Counter::TcpAbortOnClose, by_close);
        shown(&named(snapshot), None, &Style::default())
    };
    let many = told(3_000, 30);
    assert!(many.contains("to lose nothing: shutdown()"), "{many}");
    assert!(many.contains("tcp:tcp_send_reset"), "{many}");
    assert!(!told(3_001, 30).contains("lose nothing"));
    assert!(!told(0, 0).contains("lose nothing"));
}

#[test]
fn segments_that_were_sent_again_are_told() {
    let snapshot = snapshot()
        .with_counter(Counter::RetransSegs, 2_039)
        .with_counter(Counter::TcpSynRetrans, 1_400);
    let text = shown(&named(snapshot), None, &Style::default());
    let line = "RESENT  2,039 segments, 1,400 of them in handshakes\n";
    assert!(text.contains(line), "{text}");
}

/// Of two namespaces with the same numbers nobody knew which was which.
#[test]
fn the_heading_names_the_network_namespace() {
    let mut snapshot = named(snapshot());
    snapshot.host.netns = Some(crate::model::NetNs {
        inode: Some(7),
        name: Some(crate::model::NetnsName {
            named_by: crate::model::NamedBy::IpNetns,
            name: "blue".to_owned(),
        }),
    });
    let text = shown(&snapshot, None, &Style::default());
    let heading = text.lines().next().unwrap();
    assert!(heading.contains(", netns blue - "), "{heading}");
}

#[test]
fn ages_of_time_wait_are_told_where_there_are_some() {
    let line = |ages| {
        let pressure = Pressure {
            time_wait: Some(TimeWaitTally {
                ages,
                ..TimeWaitTally::default()
            }),
            ..Pressure::default()
        };
        let text = shown(
            &named(snapshot().with_pressure(pressure)),
            None,
            &Style::default(),
        );
        let line = text.lines().find(|line| line.starts_with("age "));
        line.map(str::to_owned)
    };
    assert_eq!(line([0; 6]), None);
    let burst = line([0, 0, 1_200, 0, 0, 3]);
    assert_eq!(
        burst.as_deref(),
        Some("age        1,200 for 20-30 s, 3 for 50-60 s")
    );
}

#[test]
fn one_look_in_a_cron_mail() {
    let text = shown(&troubled(0.0, 100, NOW), None, &Style::default());
    insta::assert_snapshot!(text);
    assert!(text.is_ascii());
}

#[test]
fn a_host_without_anything() {
    let pressure = Pressure {
        unresponsive: Some(UnresponsiveTally::default().finish(true)),
        ports: PortReading::Grouped(Ports::default()),
        listeners: Some(crate::model::Listeners::default()),
        time_wait: Some(TimeWaitTally::default()),
        host_wide: HostWide::default(),
    };
    let snapshot = named(snapshot().with_pressure(pressure));
    insta::assert_snapshot!(shown(&snapshot, None, &AT_80_COLUMNS));
}

#[test]
fn the_json_document_follows_the_contract() {
    let snapshot = troubled(0.0, 100, NOW);
    let assessment = assess(&snapshot, None);
    let view = PressureView {
        snapshot: &snapshot,
        previous: None,
        assessment: &assessment,
    };
    let document: serde_json::Value =
        serde_json::from_str(&crate::render::json::pressure(&view).unwrap()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn csv_has_a_line_for_every_listener() {
    let mut snapshot = troubled(0.0, 100, NOW);
    let listeners = snapshot.pressure.listeners.as_mut().unwrap();
    listeners.listeners[1].cgroups = vec![made_in("/system.slice/nginx.service")];
    let assessment = assess(&snapshot, None);
    let view = PressureView {
        snapshot: &snapshot,
        previous: None,
        assessment: &assessment,
    };
    insta::assert_snapshot!(csv::listeners(&view).unwrap());
}

#[test]
fn csv_has_a_line_for_every_destination() {
    let snapshot = troubled(0.0, 100, NOW);
    let assessment = assess(&snapshot, None);
    let view = PressureView {
        snapshot: &snapshot,
        previous: None,
        assessment: &assessment,
    };
    insta::assert_snapshot!(csv::destinations(&view).unwrap());
}
