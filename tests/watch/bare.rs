//! Terminals without a shell, without keys or without anybody who reads.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal that controls nobody: our end and the program's.
fn terminal() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
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
