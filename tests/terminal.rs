//! The binary on a terminal: colours, width.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal of so many columns, and the side that a person looks at.
fn terminal(columns: u16) -> (File, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&screen).expect("granted");
    unlockpt(&screen).expect("unlocked");
    let name = ptsname(&screen, Vec::new()).expect("a name");
    let line = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened");
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&line, size).expect("sized");
    (File::from(screen), line)
}

/// What the terminal shows of a recording.
fn shown(columns: u16, args: &[&str], environment: &[(&str, &str)]) -> String {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/every-state.dump");
    let (mut screen, line) = terminal(columns);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .args(args)
        .arg("--replay")
        .arg(recording)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .stdout(Stdio::from(line))
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it runs");
    let mut bytes = Vec::new();
    // The terminal ends with an error, not with an end, when nobody has its
    // other side any more.
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut chunk) {
        bytes.extend(chunk.iter().take(length));
    }
    assert!(child.wait().expect("it ends").success());
    String::from_utf8(bytes).expect("text")
}

#[test]
fn a_terminal_gets_colours_unless_it_is_told_not_to() {
    let colored = |args: &[&str], environment: &[(&str, &str)]| {
        shown(80, args, environment).contains("\u{1b}[")
    };
    assert!(colored(&[], &[]));
    assert!(!colored(&["--color", "never"], &[]));
    assert!(!colored(&[], &[("NO_COLOR", "1")]));
    assert!(colored(&[], &[("NO_COLOR", "")]), "empty is not set");
    assert!(!colored(&[], &[("TERM", "dumb")]));
    assert!(colored(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(colored(&["--color", "always"], &[("TERM", "dumb")]));
}

#[test]
fn lines_are_broken_at_the_width_of_the_terminal() {
    for columns in [60, 80, 120] {
        for command in [&[][..], &["leaks", "--sockets", "--min-age", "0s"]] {
            let text = shown(columns, &[command, &["--color", "never"]].concat(), &[]);
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(columns.into()), "{columns}: {text}");
        }
    }
    for command in [&["pressure"][..], &["check", "--list"]] {
        let text = shown(80, &[command, &["--color", "never"]].concat(), &[]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
    let wide = shown(300, &["--color", "never"], &[]);
    let narrow = shown(60, &["--color", "never"], &[]);
    assert!(narrow.lines().count() > wide.lines().count());
}
