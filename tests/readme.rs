//! What README.md says of the documents is what they hold.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Objects whose keys are the kernel's names, or a rule's own.
const OPEN: [&str; 6] = [
    "states",
    "sysctls",
    "counters",
    "rates",
    "evidence",
    "connections",
];

fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                if !OPEN.contains(&name.as_str()) {
                    fields(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

/// The document of a snapshot: what a small host hasn't is in these.
fn snapshot(command: &str) -> Value {
    let of_command = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/render/{command}"));
    let name = format!(
        "snapshots/tcpstate__render__{command}__tests__the_json_document_follows_the_contract.snap"
    );
    let beside_tests = ["", "tests"].map(|folder| of_command.join(folder).join(&name));
    let found = beside_tests.into_iter().find(|path| path.exists());
    let text = fs::read_to_string(found.expect("a snapshot of the document")).expect("text");
    let (_, document) = text.split_once("\n---\n").expect("a document");
    serde_json::from_str(document).expect("JSON")
}

/// The fields of the last document that a command prints.
fn printed(args: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .args(args)
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let last = text.lines().last().expect("a document");
    let mut found = BTreeSet::new();
    fields(&serde_json::from_str(last).expect("JSON"), &mut found);
    found
}

fn assert_told(readme: &str, fields: &BTreeSet<String>) {
    let untold: Vec<_> = fields
        .iter()
        .filter(|field| !readme.contains(&format!("`{field}`")))
        .collect();
    assert!(untold.is_empty(), "README.md lacks {untold:?}");
}

#[test]
fn every_field_of_the_documents_is_in_the_readme() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("text");
    // A socket that its peer has closed, and one that waits to be accepted.
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let place = listener.local_addr().expect("a port");
    drop(TcpStream::connect(place).expect("connected"));
    let (forgotten, _) = listener.accept().expect("accepted");
    drop(TcpStream::connect(place).expect("connected"));
    for (args, some) in [
        (&["summary", "--json"][..], "minisockets"),
        (
            &[
                "leaks",
                "--json",
                "--min-age",
                "0s",
                "--deep",
                "--over",
                "1s",
            ],
            "shared_with",
        ),
        (&["pressure", "--json", "--over", "1s"], "members"),
        (&["check", "--json"], "missing"),
        (
            &["watch", "--json", "--count", "2", "--interval", "10ms"],
            "stuck",
        ),
    ] {
        let fields = printed(args);
        assert!(fields.contains(some), "{args:?} has no {some}: {fields:?}");
        assert_told(&readme, &fields);
    }
    drop(forgotten);
    for command in ["summary", "leaks", "pressure"] {
        let mut found = BTreeSet::new();
        fields(&snapshot(command), &mut found);
        assert_told(&readme, &found);
    }
}
