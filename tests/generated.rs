//! man/, completions/, docs/schemas/, docs/json.md and docs/findings.md are generated; what is
//! committed must be what would be generated now.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

fn contents(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .expect("the directory is there")
        .map(|entry| {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("text");
            (name.into_owned(), text)
        })
        .collect()
}

fn generated(what: &str) -> tempfile::TempDir {
    let made = tempfile::tempdir().expect("a directory");
    let status = Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .args(["generate", what])
        .arg(made.path())
        .status()
        .expect("it runs");
    assert!(status.success());
    made
}

fn assert_current(what: &str, committed: &str) {
    assert_same(
        &format!("{what} {committed}"),
        committed,
        &contents(generated(what).path()),
    );
}

fn assert_same(arguments: &str, committed: &str, made: &BTreeMap<String, String>) {
    let committed_path = Path::new(env!("CARGO_MANIFEST_DIR")).join(committed);
    let current = contents(&committed_path);
    assert!(!made.is_empty());
    let changed: Vec<&String> = made
        .keys()
        .chain(current.keys())
        .filter(|name| made.get(*name) != current.get(*name))
        .collect();
    assert!(
        changed.is_empty(),
        "{committed}/ is stale ({changed:?}): cargo run -- generate {arguments}"
    );
}

#[test]
fn man_pages_are_current() {
    assert_current("man", "man");
}

#[test]
fn completions_are_current() {
    assert_current("completions", "completions");
}

#[test]
fn schemas_and_generated_pages_are_current() {
    let made = generated("documents");
    let schemas = contents(&made.path().join("schemas"));
    assert_same("documents docs", "docs/schemas", &schemas);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for page in ["json.md", "findings.md"] {
        let text = |directory: &Path| fs::read_to_string(directory.join(page)).expect("text");
        assert!(
            text(made.path()) == text(&docs),
            "docs/{page} is stale: cargo run -- generate documents docs"
        );
    }
}
