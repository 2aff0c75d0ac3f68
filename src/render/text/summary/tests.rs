use super::*;
use crate::classify::assess;
use crate::classify::testing::{SnapshotBuilder, java, leak_digest, snapshot};
use crate::model::SourceKind;
use crate::model::{
    Counter, FallbackReason, Host, NetNs, StateCount, StateCounts, Sysctl, TcpState, Verdict,
};
use crate::render::csv;
use crate::render::text::provenance;
use std::time::Duration;

fn healthy() -> SnapshotBuilder {
    snapshot()
        .with_state(TcpState::Established, 852)
        .with_state(TcpState::TimeWait, 301)
        .with_minisockets(301)
        .with_state(TcpState::CloseWait, 6)
        .with_leaks(leak_digest(&[(Verdict::Recent, 6)], Vec::new()))
        .with_state(TcpState::Listen, 45)
        .with_sysctl(Sysctl::TcpMaxTwBuckets, 262_144)
        .with_sysctl(Sysctl::TcpTwReuse, 2)
        .with_sysctl(Sysctl::TcpTwReuseDelay, 1_000)
        .with_sysctl(Sysctl::TcpTimestamps, 1)
        .with_sysctl(Sysctl::TcpSyncookies, 1)
        .with_sysctl(Sysctl::TcpMaxSynBacklog, 2_048)
        .with_sysctl(Sysctl::Somaxconn, 4_096)
        .with_sysctl(Sysctl::TcpFinTimeout, 60)
        .with_sysctl(Sysctl::TcpFastopen, 1)
        .with_counter(Counter::ActiveOpens, 1_204_311)
        .with_counter(Counter::PassiveOpens, 4_002_113)
        .with_counter(Counter::AttemptFails, 310)
        .with_counter(Counter::EstabResets, 2_011)
        .with_counter(Counter::OutRsts, 4_876)
        .with_counter(Counter::TcpAbortOnClose, 1_755)
        .with_counter(Counter::SyncookiesSent, 0)
        .with_counter(Counter::TcpTimeWaitOverflow, 0)
}

/// A host on which java leaks nearly all that is in CLOSE_WAIT.
fn leaking() -> SnapshotBuilder {
    let verdicts = [(Verdict::NotClosed, 1_190), (Verdict::Recent, 10)];
    healthy()
        .with_state(TcpState::CloseWait, 1_200)
        .with_leaks(leak_digest(&verdicts, vec![java(1_190, 918)]))
}

fn named(builder: SnapshotBuilder) -> Snapshot {
    let mut snapshot = builder.build();
    snapshot.host = Host {
        name: Some("web-3".to_owned()),
        netns: Some(NetNs {
            inode: Some(4_026_531_840),
            name: None,
        }),
        kernel: Some((6, 18)),
    };
    snapshot.states.method = CountMethod::Derived;
    snapshot.elapsed = Duration::from_micros(1_400);
    snapshot
}

fn on_terminal(columns: usize) -> Style {
    Style {
        color: false,
        unicode: true,
        width: Some(columns),
    }
}

fn shown(snapshot: &Snapshot, style: &Style) -> String {
    summary(snapshot, &assess(snapshot, None), style)
}

#[test]
fn a_healthy_host_at_80_columns() {
    let text = shown(&named(healthy()), &on_terminal(80));
    assert!(text.lines().count() <= 24, "one screen");
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(text);
}

#[test]
fn findings_stand_at_the_end_and_the_heading_counts_them() {
    let sick = leaking()
        .with_state(TcpState::SynRecv, 1_900)
        .with_sysctl(Sysctl::TcpSyncookies, 0);
    let text = shown(&named(sick), &on_terminal(80));
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_is_wrapped_or_drawn_in_unicode_in_a_cron_mail() {
    let sick = leaking();
    let text = shown(&named(sick), &Style::default());
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_recording_does_not_know_is_said() {
    let mut snapshot = snapshot().with_state(TcpState::Established, 2).build();
    snapshot.collection.source = SourceKind::Replay;
    insta::assert_snapshot!(shown(&snapshot, &on_terminal(80)));
}

#[test]
fn colours_mark_what_is_wrong_and_only_that() {
    let style = Style {
        color: true,
        ..on_terminal(80)
    };
    let sick = leaking();
    let text = shown(&named(sick), &style);
    let close_wait = text
        .lines()
        .find(|line| line.contains("CLOSE_WAIT   1,200"))
        .unwrap();
    assert!(close_wait.starts_with("\u{1b}[1;31m"), "{close_wait:?}");
    let established = text
        .lines()
        .find(|line| line.contains("ESTABLISHED "))
        .unwrap();
    assert!(!established.contains('\u{1b}'), "{established:?}");
}

/// With the name of a namespace it was 81 columns, and the terminal cut "0.9 m|s".
#[test]
fn the_heading_keeps_to_the_terminal() {
    let mut snapshot = named(healthy());
    snapshot.host.netns = Some(NetNs {
        inode: Some(1),
        name: Some(crate::model::NetnsName {
            named_by: crate::model::NamedBy::IpNetns,
            name: "a-namespace-with-a-name-that-takes-room".to_owned(),
        }),
    });
    let text = shown(&snapshot, &on_terminal(80));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

/// No socket in TIME_WAIT, and "TIME_WAIT 70 of 131,072 buckets".
#[test]
fn buckets_that_fin_wait2_takes_are_told_apart() {
    let mut snapshot = named(healthy());
    let buckets = snapshot.states.total_of(crate::model::TcpState::TimeWait);
    let line = |snapshot: &Snapshot| {
        let text = shown(snapshot, &Style::default());
        let line = text.lines().rfind(|line| line.starts_with("TIME_WAIT "));
        line.unwrap().to_owned()
    };
    snapshot.states.minisockets = buckets;
    assert!(
        !line(&snapshot).contains("FIN_WAIT2"),
        "{}",
        line(&snapshot)
    );
    snapshot.states.minisockets = buckets.map(|buckets| buckets + 70);
    assert!(line(&snapshot).contains(", 70 of them for FIN_WAIT2, none refused"));
}

#[test]
fn a_hostile_host_name_does_not_reach_the_terminal() {
    let mut snapshot = named(healthy());
    snapshot.host.name = Some("evil\u{1b}[2J".to_owned());
    snapshot.host.netns = Some(NetNs {
        inode: Some(1),
        name: Some(crate::model::NetnsName {
            named_by: crate::model::NamedBy::IpNetns,
            name: "a\nb".to_owned(),
        }),
    });
    let text = shown(&snapshot, &Style::default());
    assert!(!text.contains('\u{1b}'));
    assert!(text.starts_with("evil\\u{1b}[2J, netns a\\nb - "), "{text}");
}

#[test]
fn the_json_document_follows_the_contract() {
    let mut snapshot = named(healthy());
    snapshot.taken_at = Some(std::time::UNIX_EPOCH + Duration::from_millis(1_750_000_000_123));
    snapshot.collection.source = SourceKind::Procfs;
    snapshot.collection.fallback_reason = Some(FallbackReason::NetlinkRefused("no".to_owned()));
    let text = crate::render::json::summary(&snapshot, &assess(&snapshot, None), None).unwrap();
    assert!(text.ends_with("}\n"));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "tcpstate.summary/1");
    assert_eq!(document["taken_at"], "2025-06-15T15:06:40.123Z");
    assert_eq!(document["collection"]["source"], "procfs");
    assert_eq!(
        document["states"]["bound_inactive"],
        serde_json::Value::Null
    );
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    insta::assert_snapshot!(pretty);
}

#[test]
fn csv_has_a_line_for_every_state() {
    insta::assert_snapshot!(csv::summary(&named(healthy())).unwrap());
}

#[test]
fn a_narrow_terminal_is_kept_to_where_words_can_be_broken() {
    let text = shown(&named(healthy()), &on_terminal(40));
    insta::assert_snapshot!(text);
}

/// It said that the kernel had lost rows when a line could not be read.
#[test]
fn what_is_missing_is_told_as_what_it_is() {
    let with = |malformed, complete| {
        let mut snapshot = named(healthy());
        snapshot.collection.malformed = malformed;
        snapshot.collection.complete = complete;
        shown(&snapshot, &Style::default())
    };
    assert!(!with(0, true).contains("incomplete"));
    assert!(with(1, false).contains("incomplete: 1 row could not be read"));
    assert!(with(0, false).contains("incomplete: the kernel says that rows were lost"));
}

/// It said that TIME_WAIT came from the kernel's counts when it was dumped.
#[test]
fn provenance_tells_which_states_were_derived() {
    let both = named(healthy());
    let mut derived = both.clone();
    derived.states = StateCounts::new(CountMethod::Derived, 0, None, |state| {
        both.states.of(state).map(|count| StateCount {
            ipv4: count.ipv4.filter(|_| state != TcpState::TimeWait),
            ipv6: count.ipv6.filter(|_| state != TcpState::TimeWait),
            ..count
        })
    });
    assert!(provenance::of_counts(&derived).contains("ESTABLISHED and TIME_WAIT from"));
    assert!(provenance::of_counts(&both).contains(": ESTABLISHED from"));
}

#[test]
fn that_other_namespaces_have_sockets_is_said_where_they_are_many() {
    let shown = |elsewhere_at_most| {
        let snapshot = Snapshot {
            elsewhere_at_most,
            ..healthy().build()
        };
        let assessment = assess(&snapshot, None);
        summary(&snapshot, &assessment, &Style::default())
    };
    let said = "\nup to 1,204 more TCP sockets in other network namespaces (containers), \
                or not connected: tcpstate summary --netns all\n";
    assert!(shown(Some(1_204)).contains(said), "{}", shown(Some(1_204)));
    assert!(!shown(Some(9)).contains("namespaces"));
    assert!(!shown(None).contains("namespaces"));
}
