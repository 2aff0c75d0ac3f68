use super::*;
use crate::classify::change::{Seen, Timeline, Transitions};
use crate::classify::testing::{SampleBuilder, sample};
use crate::model::{Counter, Host, NetNs, Sample, TcpState};
use crate::render::Style;
use std::time::{Duration, Instant, SystemTime};

const SECOND: Duration = Duration::from_secs(1);

/// A sample of a host with a little of everything.
pub(super) fn staged(builder: SampleBuilder, second: u64) -> Sample {
    let mut sample = builder.build();
    sample.taken_at = Some(
        SystemTime::UNIX_EPOCH + SECOND * 1_785_499_200 + SECOND * u32::try_from(second).unwrap(),
    );
    sample.elapsed = Duration::from_micros(1_400);
    sample.host = Host {
        name: Some("web-3".to_owned()),
        netns: Some(NetNs {
            inode: 4_026_531_840,
            name: None,
        }),
        kernel: Some((6, 18)),
    };
    sample
}

fn busy(established: u64, close_wait: u64, opened: u64) -> SampleBuilder {
    sample()
        .with_state(TcpState::Established, established)
        .with_state(TcpState::TimeWait, 301)
        .with_state(TcpState::CloseWait, close_wait)
        .with_state(TcpState::Listen, 45)
        .with_counter(Counter::ActiveOpens, opened)
        .with_counter(Counter::PassiveOpens, 4_002_113)
        .with_counter(Counter::AttemptFails, 310)
        .with_counter(Counter::EstabResets, 2_011)
        .with_counter(Counter::CurrEstab, established + close_wait)
}

/// Two samples, two seconds apart.
fn timeline() -> Timeline {
    let start = Instant::now();
    let mut timeline = Timeline::default();
    let cost = Duration::from_micros(2_100);
    timeline.push(start, cost, staged(busy(852, 40, 1_000), 0), None);
    let oldest = Seen {
        first: start,
        not_before: None,
    };
    let transitions = Transitions {
        entered: 20,
        left: Some(4),
        stuck: 36,
        oldest: Some(oldest),
    };
    timeline.push(
        start + SECOND * 2,
        cost,
        staged(busy(870, 56, 1_050), 2),
        Some(transitions),
    );
    timeline
}

#[test]
fn a_document_is_the_summary_and_what_changed() {
    let text = json(&timeline(), SECOND * 2).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "a document is a line");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn the_first_document_has_no_rates_and_there_is_none_before_it() {
    let mut timeline = Timeline::default();
    assert_eq!(json(&timeline, SECOND).unwrap(), "");
    timeline.push(Instant::now(), SECOND, staged(busy(1, 0, 1), 0), None);
    let text = json(&timeline, SECOND).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(value["rates"].is_null());
    assert!(value["close_wait"].is_null());
    assert_eq!(value["sequence"], 1);
}

#[test]
fn lines_stand_in_columns_under_their_headings() {
    let timeline = timeline();
    let style = Style::default();
    let mut text = line_header();
    text.push_str(&line(timeline.latest().unwrap(), &style));
    let mut bare = staged(sample(), 4);
    bare.collection.complete = false;
    bare.collection.source = crate::model::SourceKind::Procfs;
    let mut first = Timeline::default();
    first.push(Instant::now(), SECOND, bare, None);
    text.push_str(&line(first.latest().unwrap(), &style));
    insta::assert_snapshot!(text);
}
