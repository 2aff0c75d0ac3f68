//! The picture of the README: what the program prints of a recorded snapshot, as
//! SVG. It is committed, and this fails where it isn't what is printed now.
//!
//! `TCPSTATE_PICTURES=draw` draws it anew; `TCPSTATE_PICTURES=record` first
//! records the snapshot, of the network namespace that the test runs in.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use tcpstate::classify::assess;
use tcpstate::collect::{self, Namespace, Question};
use tcpstate::kernel::ProcRoot;
use tcpstate::model::Snapshot;
use tcpstate::render::Style;
use tcpstate::render::text;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn asked_for(what: &str) -> bool {
    std::env::var_os("TCPSTATE_PICTURES").is_some_and(|value| value == what)
}

/// A host with a leak and a listener that doesn't accept.
fn snapshot() -> Snapshot {
    let path = file("tests/data/pictures/trouble.json");
    if asked_for("record") {
        let mut namespace = Namespace::open(ProcRoot::new(Path::new("/proc")));
        let snapshot = collect::read(&mut namespace, &Question::default(), &mut |_| {});
        let snapshot = snapshot.expect("a snapshot");
        let text = serde_json::to_string_pretty(&snapshot).expect("JSON");
        fs::write(&path, text + "\n").expect("written");
    }
    let text = fs::read_to_string(path).expect("the snapshot");
    serde_json::from_str(&text).expect("a snapshot; record it anew where its type has changed")
}

#[test]
fn the_picture_is_what_is_printed() {
    let snapshot = snapshot();
    let style = Style {
        color: true,
        unicode: true,
        width: Some(110),
    };

    let summary = text::summary(&snapshot, &assess(&snapshot, None), &style);
    // A background of its own: legible on pages that are light and dark.
    let terminal = anstyle_svg::Term::new().background(true);
    let path = file("docs/pictures/summary.svg");
    let drawn = terminal.render_svg(&summary);
    if asked_for("record") || asked_for("draw") {
        fs::write(&path, &drawn).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawn == committed,
        "docs/pictures/summary.svg is stale: TCPSTATE_PICTURES=draw cargo test --test pictures"
    );
}
