//! Every JSON document that is printed follows its schema in docs/schemas/, and
//! has no field that the schema lacks.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What in `value` doesn't follow `schema`, a line each. It knows the keywords
/// that the generator writes, and takes a field that isn't described for wrong.
fn errors(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#');
        let target = root.pointer(pointer).expect("a definition");
        return errors(root, target, value, path);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(keyword).and_then(Value::as_array) {
            let tried = choices.iter().map(|one| errors(root, one, value, path));
            let tried: Vec<_> = tried.collect();
            if tried.iter().any(Vec::is_empty) {
                return Vec::new();
            }
            // The choice that came nearest tells the most.
            let nearest = tried.into_iter().max_by_key(|wrong| {
                let deepest = wrong.iter().map(|line| line.matches(['.', '[']).count());
                deepest.max()
            });
            return nearest.unwrap_or_default();
        }
    }
    let mut wrong = Vec::new();
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        wrong.push(format!("{path}: {value} is not {constant}"));
    }
    if let Some(types) = schema.get("type") {
        let is_of = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            name => unreachable!("type {name}"),
        };
        let names = match types {
            Value::Array(names) => names.clone(),
            one => vec![one.clone()],
        };
        if !names.iter().filter_map(Value::as_str).any(is_of) {
            wrong.push(format!("{path}: {value} is not of type {types}"));
        }
    }
    if let Value::Array(items) = value
        && let Some(schema) = schema.get("items")
    {
        for (index, item) in items.iter().enumerate() {
            wrong.extend(errors(root, schema, item, &format!("{path}[{index}]")));
        }
    }
    if let Value::Object(fields) = value {
        let known = schema.get("properties");
        for (name, field) in fields {
            let path = format!("{path}.{name}");
            match known
                .and_then(|known| known.get(name))
                .or_else(|| schema.get("additionalProperties"))
            {
                Some(schema) => wrong.extend(errors(root, schema, field, &path)),
                None => wrong.push(format!("{path}: not in the schema")),
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                wrong.push(format!("{path}.{name}: missing"));
            }
        }
    }
    wrong
}

/// The schema that a document names.
fn schema_of(document: &Value) -> Value {
    let name = document.get("schema").and_then(Value::as_str);
    let name = name.expect("a name of a schema").replace('/', ".");
    let path = repository().join(format!("docs/schemas/{name}.json"));
    serde_json::from_str(&fs::read_to_string(&path).expect("a schema")).expect("JSON")
}

fn assert_valid(document: &Value) {
    let schema = schema_of(document);
    let wrong = errors(&schema, &schema, document, "");
    assert!(wrong.is_empty(), "{document:#}\n{}", wrong.join("\n"));
}

/// Prints a document and holds it against its schema.
fn printed(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .args(args)
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut last = Value::Null;
    for line in text.lines() {
        last = serde_json::from_str(line).expect("JSON");
        assert_valid(&last);
    }
    assert!(last.is_object(), "{args:?} prints no document");
    last
}

fn is_filled(document: &Value, pointer: &str) -> bool {
    match document.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

#[test]
fn documents_of_this_host_follow_their_schemas() {
    // A socket that its peer has closed, and one that waits to be accepted.
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let place = listener.local_addr().expect("a port");
    drop(TcpStream::connect(place).expect("connected"));
    let (_forgotten, _) = listener.accept().expect("accepted");
    drop(TcpStream::connect(place).expect("connected"));
    // Of the host's others, who holds them isn't known for certain.
    let own = format!("sport = :{}", place.port());
    let leaks = [
        "leaks",
        "--json",
        "--min-age",
        "0s",
        "--deep",
        "--over",
        "1s",
    ];
    // Each with parts that would say nothing if they were empty.
    for (args, filled) in [
        (&["summary", "--json"][..], &["/states/listen/total"][..]),
        (
            &["summary", "--json", "--netns", "all"],
            &["/namespaces/0/answer/states", "/totals/states"],
        ),
        (
            &leaks,
            &[
                "/processes/0/sockets/0/age_ms/at_least",
                "/listeners/0/inodes",
                "/comparison",
                "/closed_connections/not_judged",
            ],
        ),
        (
            &["pressure", "--json", "--over", "1s"],
            &["/listeners/0/members", "/rates", "/ports"],
        ),
        (
            &["leaks", "--json", "--netns", "all", "--min-age", "0s"],
            &["/namespaces/0/answer/close_wait", "/totals/leaked"],
        ),
        (
            &["pressure", "--json", "--netns", "all"],
            &["/namespaces/0/answer/listeners", "/host_wide/orphans"],
        ),
        (&["check", "--json"], &["/metrics/0/name"]),
        (
            &["check", "--json", "--netns", "all", "--timeout", "60s"],
            &["/totals/metrics/0/name", "/namespaces/0/answer/metrics"],
        ),
        (
            &["list", "--json", "-piem", "-l", &own],
            &[
                "/sockets/0/processes/0/pid",
                "/sockets/0/info/state",
                "/sockets/0/memory/rcvbuf",
                "/collection/source",
            ],
        ),
        (
            &["watch", "--json", "--count", "2", "--interval", "10ms"],
            &["/rates/connections"],
        ),
    ] {
        let document = printed(args);
        for pointer in filled {
            assert!(is_filled(&document, pointer), "{pointer}: {document:#}");
        }
    }
}

#[test]
fn documents_without_an_answer_follow_their_schemas() {
    let dump = repository().join("tests/data/every-state.dump");
    let dump = dump.to_str().expect("text");
    for command in ["summary", "list", "leaks", "pressure", "check"] {
        let document = printed(&[command, "--json", "--replay", dump]);
        assert_eq!(document.get("host"), Some(&Value::Null));
    }
    let failed = printed(&["check", "--json", "--replay", "/nonexistent"]);
    assert_eq!(failed.get("status"), Some(&json!("unknown")));
    assert_eq!(failed.get("collection"), Some(&Value::Null));
}

/// What a small host hasn't is in these.
#[test]
fn documents_of_the_unit_tests_follow_their_schemas() {
    let mut held = 0;
    for path in files(&repository().join("src/render")) {
        let text = match path.extension() {
            Some(extension) if extension == "snap" => fs::read_to_string(&path).expect("text"),
            _ => continue,
        };
        let (_, body) = text.split_once("\n---\n").expect("a snapshot");
        if let Ok(document) = serde_json::from_str::<Value>(body) {
            assert_valid(&document);
            held += 1;
        }
    }
    assert!(held >= 4, "only {held} documents in snapshots");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_document_that_does_not_follow_the_schema_is_seen() {
    let schema = json!({
        "type": "object",
        "properties": {
            "count": {"type": ["integer", "null"]},
            "state": {"oneOf": [{"const": "open", "type": "string"}]},
            "age": {"anyOf": [{"$ref": "#/$defs/Age"}, {"type": "null"}]},
        },
        "required": ["count"],
        "$defs": {"Age": {
            "type": "object",
            "properties": {"at_least": {"type": "integer"}},
            "required": ["at_least"],
        }},
    });
    let wrong = |value: Value| errors(&schema, &schema, &value, "");
    for good in [
        json!({"count": 1, "state": "open", "age": {"at_least": 2}}),
        json!({"count": null, "age": null}),
    ] {
        assert_eq!(wrong(good), [] as [&str; 0]);
    }
    for (bad, told) in [
        (json!({}), ".count: missing"),
        (json!({"count": 1.5}), ".count: 1.5 is not of type"),
        (json!({"count": 1, "more": 1}), ".more: not in the schema"),
        (json!({"count": 1, "state": "shut"}), ".state: \"shut\""),
        (json!({"count": 1, "age": {}}), ".age.at_least: missing"),
    ] {
        let wrong = wrong(bad);
        assert!(wrong[0].starts_with(told), "{wrong:?}");
    }
}
