//! The pages for people: their links lead somewhere, and README.md names the
//! commands that are run by machines too.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "benches", "contrib"].map(|folder| repository.join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// Every target of a link: `[text](target)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// The anchors of a page's headings, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            words
                .chars()
                .filter(|&character| {
                    character.is_alphanumeric() || matches!(character, ' ' | '-' | '_')
                })
                .map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("text");
        for target in targets(&text).filter(|target| !target.contains("://")) {
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => page.parent().expect("a folder").join(file),
            };
            let there = match anchor {
                "" => file.exists(),
                anchor => fs::read_to_string(&file)
                    .is_ok_and(|text| anchors(&text).contains(&anchor.to_owned())),
            };
            if !there {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} links were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Files of this repository that a page names in backticks.
#[test]
fn every_file_that_developers_are_sent_to_is_there() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for page in ["CONTRIBUTING.md", "docs/architecture.md"] {
        let text = fs::read_to_string(repository.join(page)).expect("text");
        let named = text.split('`').skip(1).step_by(2);
        let files = named.filter(|name| name.starts_with("src/") || name.starts_with("tests/"));
        missing.extend(
            files
                .filter(|file| !repository.join(file).exists())
                .map(|file| format!("{page}: {file}")),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_readme_names_how_to_run_it_and_its_tests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("text");
    for command in ["$ cargo run --release\n", "$ cargo test\n"] {
        assert!(readme.contains(command), "README.md lacks {command}");
    }
}
