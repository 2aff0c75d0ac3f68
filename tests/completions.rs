//! The completions in real shells: each offers what may stand there.
//!
//! Where a shell is missing the test passes, and says `SKIPPED` on stderr; with
//! `CI=true` it fails instead.

#![expect(
    clippy::expect_used,
    clippy::string_slice,
    reason = "a test says what it expects by panicking"
)]

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// What each line ends in when the key is pressed, what is offered, and what
/// isn't.
const CASES: &[(&str, &[&str], &[&str])] = &[
    ("tcpstate che", &["check"], &["leaks"]),
    (
        "tcpstate check --format ",
        &["plugin", "json", "prometheus"],
        &["table", "csv"],
    ),
    (
        "tcpstate summary --format ",
        &["table", "json", "csv"],
        &["plugin"],
    ),
    (
        "tcpstate check --metrics ",
        &["default", "all"],
        &["README.md"],
    ),
    (
        "tcpstate check -w time_wait",
        &["time_wait=", "time_wait_used="],
        &["close_wait="],
    ),
    (
        "tcpstate check --only ports",
        &["ports_used", "ports_exhaustion"],
        &["orphans"],
    ),
    (
        "tcpstate explain CLOSE",
        &["CLOSE", "CLOSE_WAIT"],
        &["LISTEN", "CHANGELOG.md"],
    ),
    ("tcpstate list spo", &["sport"], &["dport"]),
    ("tcpstate leaks --pid 1", &["1"], &["README.md"]),
    (
        "tcpstate leaks --replay READ",
        &["README.md"],
        &["CHANGELOG.md"],
    ),
    ("tcpstate check --min-age ", &[], &["README.md"]),
];

fn program(name: &str) -> Option<Command> {
    let binary = Path::new(env!("CARGO_BIN_EXE_tcpstate"));
    let folder = binary.parent().expect("a folder").to_str().expect("text");
    let path = env::var("PATH").unwrap_or_default();
    if Command::new(name).arg("-c").arg(":").output().is_err() {
        let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "can't be skipped with CI=true: no {name}");
        // libtest captures what the print macros write, but not this.
        writeln!(
            io::stderr(),
            "SKIPPED completions: no {name}; Debian has it in {name}"
        )
        .expect("stderr");
        return None;
    }
    let mut command = Command::new(name);
    command
        .env("PATH", format!("{folder}:{path}"))
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    Some(command)
}

/// Asks for every case, and holds against it the words that were offered.
fn assert_offers(shell: &str, ask: impl Fn(&mut Command, &str)) {
    for (line, wanted, unwanted) in CASES {
        let Some(mut command) = program(shell) else {
            return;
        };
        ask(&mut command, line);
        let output = command.output().expect("the shell runs");
        let text = without_sequences(&String::from_utf8_lossy(&output.stdout));
        let words: Vec<&str> = text.split_whitespace().collect();
        for word in *wanted {
            assert!(words.contains(word), "{line:?} lacks {word}: {output:?}");
        }
        for word in *unwanted {
            assert!(!words.contains(word), "{line:?} offers {word}: {output:?}");
        }
    }
}

#[test]
fn bash_offers_what_may_stand_there() {
    // What bash does at the key: the function gets the word, and the one before.
    let script = "source completions/tcpstate.bash
        function=$(complete -p tcpstate | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        read -ra COMP_WORDS <<<\"$1\"
        case $1 in *' ') COMP_WORDS+=('') ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_LINE=$1 COMP_POINT=${#1}
        $function tcpstate \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    assert_offers("bash", |command, line| {
        command.args(["--norc", "-c", script, "bash", line]);
    });
}

#[test]
fn fish_offers_what_may_stand_there() {
    assert_offers("fish", |command, line| {
        let script = format!("source completions/tcpstate.fish; complete --do-complete {line:?}");
        command.args(["--no-config", "-c", &script]);
    });
}

/// A zsh in a terminal of its own, into which the line is typed. The file is
/// loaded by the very first key, which must do.
#[test]
fn zsh_offers_what_may_stand_there() {
    // The line editor prints the prompt, so that it reads what is typed after it.
    // The quotes inside the words keep the echo of a line from being taken for
    // what it prints.
    let script = r#"
        zmodload zsh/zpty
        zpty z zsh -f -i
        zpty -w z "fpath=($PWD/completions \$fpath); autoload -Uz compinit; compinit -D -u; unsetopt list_ambiguous; PROMPT=REA''DY"
        zpty -r -m z before '*READY*'
        zpty -n -w z "$1"$'\t'
        zpty -n -w z $'\C-u'"print DO''NE"$'\n'
        zpty -r -m z after '*DONE*'
        print -r -- "$after""#;
    assert_offers("zsh", |command, line| {
        command.args(["-f", "-c", script, "zsh", line]);
    });
}

/// What was written to a terminal, without the sequences that begin with escape.
fn without_sequences(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.strip_prefix('[').map_or("", |part| {
            let end = part.find(|letter: char| letter.is_ascii_alphabetic());
            end.map_or("", |end| &part[end + 1..])
        });
        text + " " + rest
    })
}
