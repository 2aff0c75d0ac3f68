//! State and metrics are whole at any moment, whoever is killed, however many
//! write, however full the disk is.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::staged::healthy;
use crate::{BINARY, check, proc_args, run, stderr, stdout};

/// Panics unless the file isn't there or is a whole state.
fn assert_whole_state(path: &Path) -> bool {
    let Ok(bytes) = fs::read(path) else {
        return false;
    };
    let state: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)));
    assert_eq!(state["schema"], "tcpstate.state/1");
    assert!(state["close_wait"].is_array() || state["close_wait"].is_null());
    true
}

/// Panics unless the file isn't there or is a whole page: the last family is
/// there with its sample.
fn assert_whole_page(path: &Path) -> bool {
    let Ok(page) = fs::read_to_string(path) else {
        return false;
    };
    assert!(page.starts_with("# HELP tcpstate_build_info "), "{page}");
    let last = page.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("tcpstate_collection_duration_seconds ") && page.ends_with('\n'),
        "{page}"
    );
    true
}

#[test]
fn who_is_killed_at_any_moment_leaves_whole_files() {
    const KILLS: u64 = 400;
    let proc_root = healthy();
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state.json");
    let page = directory.path().join("tcpstate.prom");
    let args = [
        "--state",
        state.to_str().expect("text"),
        "--textfile",
        page.to_str().expect("text"),
    ];
    let args = proc_args(&proc_root, &args);
    let start = Instant::now();
    assert!(run(&args).status.success());
    let whole_run = start.elapsed();
    for file in [&state, &page] {
        fs::remove_file(file).expect("it was there");
    }
    let (mut killed, mut seen) = (0, 0);
    for round in 0..KILLS {
        let mut child = check(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        // From before its first write to after its last one, in small steps.
        let step = u32::try_from(round % 100).expect("small");
        thread::sleep(whole_run.mul_f64(1.2) * step / 100);
        child.kill().expect("killed");
        let status = child.wait().expect("ended");
        killed += u64::from(status.code().is_none());
        seen += u64::from(assert_whole_state(&state) && assert_whole_page(&page));
    }
    assert!(killed > KILLS / 10, "only {killed} died of it");
    assert!(seen > KILLS / 10, "only {seen} times there was anything");
    // What the dead left behind hinders nobody and goes away.
    let last = run(&args);
    assert_eq!(last.status.code(), Some(0), "{last:?}");
    assert!(last.stderr.is_empty(), "{last:?}");
    let names: Vec<_> = fs::read_dir(directory.path())
        .expect("there")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn checks_at_once_corrupt_nothing() {
    let proc_root = healthy();
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state.json");
    let page = directory.path().join("tcpstate.prom");
    let args = [
        "--state",
        state.to_str().expect("text"),
        "--textfile",
        page.to_str().expect("text"),
    ];
    let args = proc_args(&proc_root, &args);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..15 {
                    let output = run(&args);
                    assert_eq!(output.status.code(), Some(0), "{output:?}");
                    assert!(output.stderr.is_empty(), "{output:?}");
                    assert!(assert_whole_state(&state) && assert_whole_page(&page));
                }
            });
        }
    });
}

#[test]
fn a_file_that_is_not_ours_costs_one_warning_and_stays() {
    let proc_root = healthy();
    let foreign = proc_root.file("precious.txt");
    fs::write(&foreign, "precious\n").expect("written");
    let args = ["--state", foreign.to_str().expect("text")];
    let output = run(&proc_args(&proc_root, &args));
    assert_eq!(
        output.status.code(),
        Some(0),
        "the check goes on: {output:?}"
    );
    assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
    assert!(stderr(&output).contains("stays as it is"), "{output:?}");
    assert_eq!(fs::read_to_string(&foreign).expect("there"), "precious\n");
    for place in ["/dev/full", "/proc/none/state", "/"] {
        // A rate that was asked for will never be known: that is no OK.
        let asking = ["--state", place, "-c", "resets_per_second=5"];
        let output = run(&proc_args(&proc_root, &asking));
        assert_eq!(output.status.code(), Some(3), "{place}: {output:?}");
        let output = run(&proc_args(&proc_root, &["--state", place]));
        assert_eq!(output.status.code(), Some(0), "{place}: {output:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{place}: {output:?}");
    }
}

#[test]
fn metrics_that_cannot_be_written_are_unknown() {
    let proc_root = healthy();
    for place in ["/dev/full", "/proc/none/page.prom", "/"] {
        let output = run(&proc_args(&proc_root, &["--quiet", "--textfile", place]));
        assert_eq!(output.status.code(), Some(3), "{place}: {output:?}");
        let said = stdout(&output);
        assert!(
            said.starts_with("TCPSTATE UNKNOWN: cannot "),
            "{place}: {said}"
        );
    }
}

/// A tiny file system of our own, filled up after the first check.
#[test]
fn on_a_full_disk_the_old_files_stay() {
    let script = r#"
        set -e
        mount -t tmpfs -o size=64k none "$1"
        cd "$1"
        "$2" check --state state --textfile page.prom --proc-root "$3" >/dev/null
        cp state "$3/state.old"; cp page.prom "$3/page.old"
        dd if=/dev/zero of=ballast bs=1k 2>/dev/null || true
        set +e
        "$2" check --state state --textfile page.prom --proc-root "$3"
        echo "status $?"
        cmp state "$3/state.old" && cmp page.prom "$3/page.old" && echo same
        ls -A
    "#;
    let proc_root = healthy();
    let mount = tempfile::tempdir().expect("a directory");
    let root = rustix::process::geteuid().is_root();
    let flags = if root { "-m" } else { "-Urm" };
    let possible = Command::new("unshare").args([flags, "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "can't be skipped with CI=true: no mount namespace");
        // libtest captures what the print macros write, but not this.
        writeln!(io::stderr(), "SKIPPED on_a_full_disk: no mount namespace").expect("stderr");
        return;
    }
    let output = Command::new("unshare")
        .args([flags, "sh", "-c", script, "sh"])
        .arg(mount.path())
        .args([BINARY, proc_root.path()])
        .output()
        .expect("a shell");
    let said = stdout(&output);
    assert!(
        said.contains("TCPSTATE UNKNOWN: cannot write "),
        "{output:?}"
    );
    assert!(said.contains("No space left on device"), "{output:?}");
    assert!(said.contains("status 3\nsame\n"), "{output:?}");
    assert!(
        said.ends_with("same\nballast\npage.prom\nstate\n"),
        "{output:?}"
    );
    let complaint = stderr(&output);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(
        complaint.contains("the next check won't know"),
        "{complaint}"
    );
}
