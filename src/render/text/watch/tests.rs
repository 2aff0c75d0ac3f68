use super::{line, line_header};
use crate::classify::history::Timeline;
use crate::classify::history::testing::{SECOND, at_second, busy, push, timeline};
use crate::classify::testing::snapshot;
use crate::model::SourceKind;
use crate::render::Style;
use crate::render::json::watch as json;
use std::time::Instant;

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
    push(
        &mut timeline,
        Instant::now(),
        SECOND,
        at_second(busy(1, 0, 1), 0),
        None,
    );
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
    let mut bare = at_second(snapshot(), 4);
    bare.collection.complete = false;
    bare.collection.source = SourceKind::Procfs;
    let mut first = Timeline::default();
    push(&mut first, Instant::now(), SECOND, bare, None);
    text.push_str(&line(first.latest().unwrap(), &style));
    insta::assert_snapshot!(text);
}
