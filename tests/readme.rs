//! The pages for people: their links lead somewhere, and their command lines
//! are ones that tcpstate takes.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    for command in ["$ cargo run --release\n", "$ cargo test --locked\n"] {
        assert!(readme.contains(command), "README.md lacks {command}");
    }
}

/// Command lines of a page, or of a help text: behind a `$`, in backticks, or
/// indented.
fn command_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_console = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_console = !is_console;
        } else if let Some(command) = line.strip_prefix("$ ") {
            lines.push(command.to_owned());
        } else if is_console {
            // What a command prints.
        } else if let Some(command) = line.trim_start().strip_prefix("tcpstate")
            && line.starts_with("  ")
        {
            // In a help text an explanation stands behind three spaces.
            let command = command.split("   ").next().unwrap_or_default();
            lines.push(format!("tcpstate{command}"));
        } else {
            lines.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    let is_placeholder = |word: &str| {
        word.contains(['[', '…'])
            || (word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()))
    };
    lines.retain(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("tcpstate")
            && !words.any(|word| is_placeholder(word) && word != "CLOSE_WAIT")
    });
    lines
}

/// The same question, put to this host so that an answer comes soon.
fn runnable(line: &str, folder: &Path) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let word = match words.last().map(String::as_str) {
            Some("--pid") => std::process::id().to_string(),
            Some("--over") => "1s".to_owned(),
            _ => word.replace(
                "/var/lib/prometheus/node-exporter",
                &folder.to_string_lossy(),
            ),
        };
        let ends_by_itself = line.contains("--count");
        if word == "watch" && words.as_slice() == ["tcpstate"] && !ends_by_itself {
            words.push("watch --count 1".to_owned());
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

fn run(line: &str, folder: &Path) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_tcpstate"));
    let path = std::env::var("PATH").unwrap_or_default();
    let own = binary.parent().expect("a folder").display();
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", format!("{own}:{path}"))
        .env("HOME", folder)
        .env_remove("XDG_STATE_HOME")
        .env_remove("STATE_DIRECTORY")
        .output()
        .expect("a shell")
}

#[test]
fn every_command_line_in_pages_and_help_texts_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/every-state.dump");
    fs::copy(recording, folder.join("dump.bin")).expect("a recording");
    let commands = [
        "summary", "list", "leaks", "pressure", "watch", "check", "explain",
    ];
    let help = commands.map(|command| {
        let help = run(&format!("tcpstate {command} --help"), folder);
        (
            format!("help of {command}"),
            String::from_utf8(help.stdout).expect("text"),
        )
    });
    // Prose of the changelog begins lines with the name, too.
    let pages = pages()
        .into_iter()
        .filter(|page| !page.ends_with("CHANGELOG.md"));
    let pages = pages.map(|page| {
        let text = fs::read_to_string(&page).expect("text");
        (page.display().to_string(), text)
    });
    let has_jq = run("jq --version", folder).status.success();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (place, text) in pages.chain(help) {
        for line in command_lines(&text) {
            let mut command = runnable(&line, folder);
            if !has_jq && let Some((before, _)) = command.split_once("| jq") {
                command.truncate(before.len());
            }
            seen += 1;
            let output = run(&command, folder);
            let stderr = String::from_utf8_lossy(&output.stderr);
            // A port or a unit of the example may not be on this host.
            let is_absent =
                stderr.contains("cannot tell units apart") || stderr.contains(" is called ");
            let is_wrong = match output.status.code() {
                Some(2) if !line.contains("tcpstate check") => !is_absent,
                Some(0..=3) => stderr.contains("--help"),
                _ => true,
            };
            if is_wrong {
                wrong.push(format!("{place}: {line}: {}\n{stderr}", output.status));
            }
        }
    }
    assert!(seen > 40, "only {seen} command lines were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All sources, a literal that goes over several lines as one, and `|` in the
/// place of what is formatted into it.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            let source = fs::read_to_string(&path).expect("text");
            let mut lines = source.lines().map(str::trim);
            for line in &mut lines {
                match line.strip_suffix('\\') {
                    Some(continued) => text.push_str(continued),
                    None => text.extend([line, "\n"]),
                }
            }
        }
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        rest = match after.split_once('}') {
            Some((name, behind)) if !name.contains([' ', '"', '\n', '{']) => {
                plain.push('|');
                behind
            }
            _ => after,
        };
    }
    plain + rest
}

/// Sequences of three words and more of a line that a command printed.
fn phrases(line: &str) -> impl Iterator<Item = String> {
    let is_of_a_phrase = |c: char| c.is_alphabetic() || " '_-".contains(c);
    let parts = line.split(move |c| !is_of_a_phrase(c));
    let parts = parts.flat_map(|part| part.split("  "));
    parts.filter_map(|part| {
        // Units and names of processes stand at the edge of a number.
        let words: Vec<&str> = part.split_whitespace().collect();
        let from = usize::from(words.first().is_some_and(|word| word.len() == 1));
        let words = words.get(from..)?;
        let is_plain = |word: &&str| word.chars().any(char::is_lowercase);
        (words.len() >= 3 && words.iter().all(is_plain)).then(|| words.join(" "))
    })
}

/// What the pages show as output is still what the program says.
#[test]
fn every_phrase_of_a_documented_output_is_in_the_program() {
    // Put together from parts.
    const COMPOSED: [&str; 2] = [
        "sockets are leaked",
        "bound socket or reservation takes a port of",
    ];
    let program = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut stale = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("text");
        let consoles = text.split("```console\n").skip(1);
        let printed = consoles.filter_map(|block| Some(block.split_once("```")?.0));
        let lines = printed
            .flat_map(str::lines)
            .filter(|line| !line.starts_with("$ "));
        for phrase in lines.flat_map(phrases) {
            seen += 1;
            if !program.contains(&phrase) && !COMPOSED.contains(&phrase.as_str()) {
                stale.push(format!("{}: {phrase}", page.display()));
            }
        }
    }
    assert!(seen > 30, "only {seen} phrases were found");
    assert!(stale.is_empty(), "{}", stale.join("\n"));
}
