//! Terminals without a shell, without keys or without anybody who reads.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal that controls nobody: our end and the program's.
fn terminal() -> (File, File) {
    let ours =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&ours).expect("grant it");
    unlockpt(&ours).expect("unlock it");
    let name = ptsname(&ours, Vec::new()).expect("its name");
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    let theirs = options
        .open(name.to_str().expect("UTF-8"))
        .expect("open it");
    (File::from(ours), theirs)
}

/// It ended at once and said nothing, with status 0.
#[test]
fn a_screen_without_keys_says_so() {
    let (_ours, theirs) = terminal();
    let output = Command::new("setsid")
        .arg(env!("CARGO_BIN_EXE_tcpstate"))
        .arg("watch")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(Stdio::piped())
        .output()
        .expect("run setsid");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("cannot read keys: ") && stderr.contains("--lines"),
        "{stderr}"
    );
}

/// The screen on a terminal of so many columns and lines that is its stdin,
/// stdout and stderr and no more.
fn watch(columns: u16, lines: u16) -> (File, Child) {
    let (ours, theirs) = terminal();
    let size = Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size).expect("sized");
    let stream = || Stdio::from(theirs.try_clone().expect("another descriptor"));
    let child = Command::new("setsid")
        .arg(env!("CARGO_BIN_EXE_tcpstate"))
        .args(["watch", "-n", "100ms"])
        .env("TERM", "xterm")
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .spawn()
        .expect("run setsid");
    (ours, child)
}

/// Waits for the first frame, the last line of which has the keys.
fn first_frame(ours: &mut File) {
    let mut seen = Vec::new();
    let mut bytes = [0; 4_096];
    while !String::from_utf8_lossy(&seen).contains("quit") {
        let length = ours.read(&mut bytes).expect("a frame");
        seen.extend(bytes.iter().take(length));
    }
}

/// It panicked 20 of 20 times: what could not be written to the terminal was
/// complained of on the same terminal.
#[test]
fn a_terminal_that_is_closed_ends_it_quietly() {
    for _ in 0..3 {
        let (mut ours, mut child) = watch(80, 24);
        first_frame(&mut ours);
        drop(ours);
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
}

/// It aborted: a frame of that size needs 100 GB.
#[test]
fn a_terminal_of_an_absurd_size_is_drawn_on_in_part() {
    let (mut ours, mut child) = watch(u16::MAX, u16::MAX);
    first_frame(&mut ours);
    drop(ours);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
