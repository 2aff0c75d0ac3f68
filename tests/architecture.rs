//! Data goes kernel → model → classify → render: this test reads which part of
//! the crate names which, and fails on an arrow that isn't in the table, and on
//! a circle of files.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

#[path = "architecture/circles.rs"]
mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// Each part of `src/` with the parts that it may name.
const ARROWS: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("text", &[]),
    ("filter", &["model", "text"]),
    ("kernel", &["model", "text", "filter"]),
    (
        "collect",
        &["model", "text", "filter", "kernel", "classify"],
    ),
    ("state_file", &["model", "text"]),
    ("classify", &["model", "text"]),
    ("explain", &["model", "text"]),
    ("render", &["model", "text", "classify", "explain"]),
    ("tui", &["model", "text", "classify", "collect", "render"]),
    ("cli", &["model", "text", "filter"]),
    (
        "command",
        &[
            "model",
            "text",
            "filter",
            "kernel",
            "collect",
            "state_file",
            "classify",
            "explain",
            "render",
            "tui",
            "cli",
        ],
    ),
];

/// Parts that belong to no row: they may name everything.
const ABOVE: [&str; 2] = ["main", "lib"];

#[test]
fn every_arrow_between_the_parts_is_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in rust_files(&source) {
        let part = part_of(file.strip_prefix(&source).expect("below src"));
        if ABOVE.contains(&part.as_str()) {
            continue;
        }
        let allowed = ARROWS
            .iter()
            .find_map(|(name, allowed)| (*name == part).then_some(*allowed))
            .unwrap_or_else(|| panic!("src/{part} is not in the table of this test"));
        for named in parts_named_in(&fs::read_to_string(&file).expect("readable")) {
            seen += 1;
            if named != part && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{}: {part} → {named}", file.display()));
            }
        }
    }
    assert!(
        seen > 20,
        "the reader of this test finds no `crate::` any more"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_need_each_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let circles = circles::circles(&source);
    let told: Vec<String> = circles.iter().map(|circle| circle.join(" ⇄ ")).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_wrong_arrow_is_seen_however_it_is_written() {
    for text in [
        "use crate::render::Style;",
        "    let x = crate::render::safe(y);",
        "use crate::{model::Socket, render::safe};",
        "use crate::{\n    model::{Socket, TcpState},\n    render,\n};",
    ] {
        assert!(
            parts_named_in(text).contains(&"render".to_owned()),
            "{text}"
        );
    }
    assert!(parts_named_in("/// See crate::render for views.\nuse crate::model;") == ["model"]);
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("src is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `model/state.rs` belongs to `model`, `cli.rs` to `cli`.
fn part_of(path: &Path) -> String {
    let first = path.components().next().expect("a path has a beginning");
    let name = Path::new(first.as_os_str()).with_extension("");
    name.to_string_lossy().into_owned()
}

/// Every part of the crate that a file names, comments aside.
fn parts_named_in(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut named = Vec::new();
    for (start, matched) in code.match_indices("crate::") {
        let rest = &code[start + matched.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            named.extend(names_in_group(group));
        } else {
            named.push(word(rest));
        }
    }
    named
}

/// The first words of `model::{Socket, TcpState}, render}`, to the brace that
/// closes the group.
fn names_in_group(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut at_start = true;
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !character.is_whitespace() => {
                names.push(word(&group[index..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}
