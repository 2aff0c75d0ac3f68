//! What docs/stability.md promises: nothing that a script may rely on goes away.
//!
//! tests/data/frozen.txt lists it, a line each. `TCPSTATE_FREEZE=1` adds what is
//! new; what is gone is taken out by hand, by somebody who means it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use serde_json::Value;
use tcpstate::classify::rules::{RULES, metrics};
use tcpstate::cli::Cli;

/// The places in a schema where a document has fields: `field.part[].part`.
fn fields(schema: &Value, of: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = of["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        // A type that holds itself, as a filter does, is told once.
        if at.matches('.').count() < 12 {
            fields(schema, &schema["$defs"][name], at, found);
        }
    }
    for (name, part) in of["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        found.insert(at.clone());
        fields(schema, part, &at, found);
    }
    if of["items"].is_object() {
        fields(schema, &of["items"], &format!("{at}[]"), found);
    }
    if of["additionalProperties"].is_object() {
        fields(
            schema,
            &of["additionalProperties"],
            &format!("{at}.*"),
            found,
        );
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for part in of[several].as_array().into_iter().flatten() {
            fields(schema, part, at, found);
        }
    }
}

fn options(command: &clap::Command, at: &str, found: &mut BTreeSet<String>) {
    for argument in command.get_arguments() {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        for name in long.into_iter().chain(short) {
            found.insert(format!("option {at} {name}"));
            let values = argument.get_possible_values();
            for value in values
                .iter()
                .filter(|_| argument.get_action().takes_values())
            {
                found.insert(format!("option {at} {name} {}", value.get_name()));
            }
        }
    }
    for subcommand in command
        .get_subcommands()
        .filter(|known| !known.is_hide_set())
    {
        found.insert(format!("command {at} {}", subcommand.get_name()));
        options(
            subcommand,
            &format!("{at} {}", subcommand.get_name()),
            found,
        );
    }
}

/// What there is now.
fn current() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    for entry in fs::read_dir(schemas).expect("schemas") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("text");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let name = path.file_stem().expect("a name").to_string_lossy();
        fields(&schema, &schema, &format!("json {name}"), &mut found);
    }
    options(&Cli::command(), "tcpstate", &mut found);
    found.extend(RULES.iter().map(|rule| format!("rule {}", rule.name)));
    found.extend(metrics().map(|metric| format!("metric {} ({})", metric.name, metric.unit.key())));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let docs = fs::read_to_string(docs).expect("readable");
    let series = docs.lines().filter(|line| line.starts_with("| `tcpstate_"));
    found.extend(series.map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (name, labels) = (
            cells.next().unwrap_or_default(),
            cells.next().unwrap_or_default(),
        );
        format!("series {name} {labels}")
            .trim_end()
            .replace('`', "")
    }));
    found
}

#[test]
fn nothing_that_scripts_rely_on_is_gone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/frozen.txt");
    let text = fs::read_to_string(&path).expect("the list");
    let frozen: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let current = current();
    if std::env::var_os("TCPSTATE_FREEZE").is_some_and(|value| value == "1") {
        let all: Vec<&str> = frozen.union(&current).map(String::as_str).collect();
        fs::write(&path, all.join("\n") + "\n").expect("written");
    }
    let gone: Vec<&String> = frozen.difference(&current).collect();
    assert!(gone.is_empty(), "scripts rely on {gone:#?}");
    let added: Vec<&String> = current.difference(&frozen).collect();
    assert!(
        added.is_empty() || std::env::var_os("TCPSTATE_FREEZE").is_some(),
        "not promised yet; run this with TCPSTATE_FREEZE=1: {added:#?}"
    );
}
