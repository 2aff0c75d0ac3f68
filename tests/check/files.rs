//! State and metrics are whole at any moment, whoever is killed, however many
//! write, however full the disk is.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::staged::healthy;
use crate::{BINARY, check, proc_args, run, stderr, stdout};

/// Makes what a state file tells so much older.
pub(crate) fn age(path: &Path, seconds: u64) {
    let bytes = fs::read(path).expect("a state file");
    let mut state: Value = serde_json::from_slice(&bytes).expect("JSON");
    let earlier = |time: &mut Value| {
        let then = time.as_u64().expect("a time");
        *time = then.saturating_sub(seconds * 1_000).into();
    };
    for check in state["checks"].as_array_mut().expect("checks") {
        earlier(&mut check["begun_ms"]);
        earlier(&mut check["ended_ms"]);
        for snapshot in check["snapshots"].as_array_mut().expect("snapshots") {
            earlier(&mut snapshot["at_ms"]);
        }
    }
    // A map of the library sorts its keys, and the first one tells whose it is.
    let text = format!(
        "{{\"schema\":\"tcpstate.state/3\",\"checks\":{}}}",
        state["checks"]
    );
    fs::write(path, text).expect("written");
}

/// Panics unless the file isn't there or is a whole state.
fn assert_whole_state(path: &Path) -> bool {
    let Ok(bytes) = fs::read(path) else {
        return false;
    };
    let state: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)));
    assert_eq!(state["schema"], "tcpstate.state/3");
    assert!(state["checks"][0]["snapshots"].is_array());
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

/// The boot id is what tells one boot's counters from the next one's.
#[test]
fn a_rate_without_a_boot_id_will_never_be_known() {
    let proc_root = healthy();
    fs::remove_file(proc_root.file("sys/kernel/random/boot_id")).expect("removed");
    let state = proc_root.file("state.json");
    let state = ["--state", state.to_str().expect("text"), "-c"];
    let asking = [&state[..], &["resets_per_second=5"]].concat();
    let output = run(&proc_args(&proc_root, &asking));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn a_pipe_as_state_file_is_told_at_once() {
    let proc_root = healthy();
    let pipe = proc_root.file("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let start = Instant::now();
    let args = ["--state", pipe.to_str().expect("text")];
    let output = run(&proc_args(&proc_root, &args));
    assert!(start.elapsed().as_secs() < 5, "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stderr(&output).contains("no regular file"), "{output:?}");
}

/// Whoever waited for it had no time left, and said that the kernel was slow.
#[test]
fn a_file_that_another_check_has_makes_none_late() {
    let proc_root = healthy();
    for (option, name, status) in [("--state", "s", 0), ("--textfile", "p", 3)] {
        let lock = proc_root.file(&format!(".{name}.tmp"));
        let mut options = fs::OpenOptions::new();
        let held = options.write(true).create(true).mode(0o600).open(lock);
        let held = held.expect("made");
        held.lock().expect("locked");
        let path = proc_root.file(name);
        let args = [option, path.to_str().expect("text"), "--timeout", "1s"];
        let output = run(&proc_args(&proc_root, &args));
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("another tcpstate is writing it"), "{said}");
    }
}

/// Its numbers are of another time; the file is for the checks of this host.
#[test]
fn a_replay_with_a_rate_leaves_the_memory_alone() {
    let home = tempfile::tempdir().expect("a directory");
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/every-state.dump");
    let args = ["--replay", dump, "-c", "resets_per_second=5"];
    let output = check(&args)
        .args(["--ignore", "accept_queues_full"])
        .env("HOME", home.path())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(fs::read_dir(home.path()).expect("there").count(), 0);
}

/// A tiny file system of our own, filled up before the first check.
#[test]
fn a_disk_that_was_always_full_is_unknown_where_a_rate_was_asked_for() {
    let script = r#"
        mount -t tmpfs -o size=64k none "$1"
        cd "$1"
        dd if=/dev/zero of=ballast bs=1k 2>/dev/null
        "$2" check --state state -c resets_per_second=5 --proc-root "$3"
        echo "status $?"
    "#;
    let proc_root = healthy();
    let Some(output) = on_a_mount("a_disk_that_was_always_full", script, proc_root.path()) else {
        return;
    };
    let said = stdout(&output);
    assert!(
        said.starts_with("TCPSTATE UNKNOWN: cannot write "),
        "{output:?}"
    );
    assert!(said.ends_with("status 3\n"), "{output:?}");
}

/// Runs a script in a mount namespace of its own, with a directory to mount on,
/// the binary and a /proc; `None` where there can be no such namespace.
fn on_a_mount(test: &str, script: &str, proc_root: &str) -> Option<Output> {
    let mount = tempfile::tempdir().expect("a directory");
    let root = rustix::process::geteuid().is_root();
    let flags = if root { "-m" } else { "-Urm" };
    let possible = Command::new("unshare").args([flags, "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "can't be skipped with CI=true: no mount namespace");
        // libtest captures what the print macros write, but not this.
        writeln!(io::stderr(), "SKIPPED {test}: no mount namespace").expect("stderr");
        return None;
    }
    let output = Command::new("unshare")
        .args([flags, "sh", "-c", script, "sh"])
        .arg(mount.path())
        .args([BINARY, proc_root])
        .output();
    Some(output.expect("a shell"))
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
    let Some(output) = on_a_mount("on_a_full_disk", script, proc_root.path()) else {
        return;
    };
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
    assert_eq!(complaint.lines().count(), 2, "{complaint}");
    for told in ["the next check can't compare", "cannot write page.prom: "] {
        assert!(complaint.contains(told), "{complaint}");
    }
}

/// `--state not sport = :80` took `not` for its file, and judged the opposite.
#[test]
fn a_word_of_the_filter_is_no_state_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .current_dir(folder.path())
        .args(["check", "--state", "not", "sport", "=", ":80"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("put the filter before --state"), "{said}");
    assert!(!folder.path().join("not").exists());
}

/// The status named what was worse, and that the file wasn't written was "+1 more".
#[test]
fn a_textfile_that_cannot_be_written_is_told_on_stderr() {
    let proc_root = healthy();
    let args = [
        "--quiet",
        "--textfile",
        "/proc/none/page.prom",
        "-c",
        "established=~:0",
    ];
    let output = run(&proc_args(&proc_root, &args));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("cannot write /proc/none/page.prom"),
        "{output:?}"
    );
}
