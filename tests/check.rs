//! `tcpstate check` as cron and monitoring systems meet it: exit status, one
//! line, files that are whole or not there.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

#[path = "check/files.rs"]
mod files;
#[path = "check/formats.rs"]
mod formats;
#[path = "check/staged.rs"]
mod staged;
#[path = "check/thresholds.rs"]
mod thresholds;

use std::fs::{self, OpenOptions};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use files::age;
use staged::{StagedProc, healthy};

const BINARY: &str = env!("CARGO_BIN_EXE_tcpstate");

/// `tcpstate check` and more arguments, with as little environment as cron
/// gives.
fn check(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("check").args(args).env_clear();
    command
}

fn run(args: &[&str]) -> Output {
    check(args).output().expect("it runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Says UNKNOWN on one line with these words in it.
fn assert_unknown(output: &Output, words: &str) {
    let said = stdout(output);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(said.starts_with("TCPSTATE UNKNOWN: "), "{output:?}");
    assert_eq!(said.lines().count(), 1, "{output:?}");
    assert!(said.contains(words), "{words} in {said}");
    assert!(!stderr(output).contains("panicked"), "{output:?}");
}

#[test]
fn bad_arguments_are_unknown_and_told_how_to_be_good() {
    for (args, words) in [
        (&["-w", "close_wait"][..], "NAME=RANGE"),
        (&["-w", "close_wait=ten"], "[@]start:end"),
        (&["-c", "close_wait=10:5"], "[@]start:end"),
        (&["-c", "nonsense=5"], "--list"),
        (&["-w", "close_wait=80%"], "close_wait=100"),
        (&["--only", "nonsense"], "--list"),
        (&["--ignore", "listen,nonsense"], "--list"),
        (&["--no-such-option"], "--no-such-option"),
        (&["--timeout", "soon"], "soon"),
        (&["--timeout-status", "5"], "5"),
        (&["--format", "xml"], "xml"),
        (&["--remote", "nowhere"], "nowhere"),
        (&["--pid", "0"], "0"),
        (&["--listen-port", "x"], "x"),
        (&["-4", "-6"], "--ipv4"),
        (
            &["--remote", ":80", "-w", "time_wait_used=5"],
            "whole network namespace",
        ),
        (
            &["--source", "netlink", "--proc-root", "/nowhere"],
            "/nowhere",
        ),
        (&["--pid", "4194304"], "no process"),
        (&["--timeout", "0s"], "--timeout"),
        (
            &["--textfile", "/x", "--remote", ":80"],
            "leave out --textfile",
        ),
        (&["--textfile", "/x", "-4"], "leave out --textfile"),
        (&["--only", "established"], "nothing is left to judge"),
        (
            &["--remote", ":80", "--only", "time_wait_used"],
            "whole network namespace",
        ),
        (&["--pid", "1", "-c", "time_wait=5"], "keeps no owner"),
        (&["--remote", ":80", "-c", "listen=5"], "have no peer"),
        (&["dport", "=", ":80", "-c", "listen=5"], "have no peer"),
        (&["sport"], "a value is missing after `sport`"),
        (&["process", "nobody-of-this-name"], "no process is called"),
        (
            &["--only", "close_wait_leak", "--ignore", "close_wait_leak"],
            "leave out one",
        ),
        (
            &["--ignore", "established", "-c", "established=0"],
            "leave out one",
        ),
    ] {
        assert_unknown(&run(args), words);
    }
    let before = Command::new(BINARY)
        .args(["--exact", "check"])
        .output()
        .expect("it runs");
    assert_unknown(&before, "put them behind");
    let unknown_before = Command::new(BINARY)
        .args(["--bogus", "check"])
        .output()
        .expect("it runs");
    assert_unknown(&unknown_before, "--bogus");
    // Another command ends as it always does.
    let other = Command::new(BINARY)
        .args(["summary", "--nonsense"])
        .output()
        .expect("it runs");
    assert_eq!(other.status.code(), Some(2));
    assert!(other.stdout.is_empty());
}

/// Who reads JSON must not find a plugin's line there, whatever went wrong.
#[test]
fn json_of_a_check_that_failed_is_json() {
    for args in [
        &["--json", "-w", "nonsense=5"][..],
        &["--json", "--pid", "4194304"],
        &["--json", "--only", "established"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("a document");
        assert_eq!(document["schema"], "tcpstate.check/1");
        assert_eq!(document["status"], "unknown");
        assert_eq!(document["problems"][0]["status"], "unknown");
        assert!(!output.stderr.is_empty(), "{output:?}");
    }
    for args in [
        &["--json", "--no-such-option"][..],
        &["--format", "prometheus", "--no-such-option"],
        &["--format=prometheus", "-w", "nonsense=5"],
        &["--json", "--format", "prometheus"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(!output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn help_version_and_list_are_asked_for() {
    for (args, words) in [
        (&["-h"][..], "Usage: tcpstate check"),
        (&["--help"], "3 UNKNOWN"),
        (&["-V"], env!("CARGO_PKG_VERSION")),
        (&["--list"], "close_wait_leaked"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(stdout(&output).contains(words), "{args:?}: {output:?}");
    }
}

#[test]
fn a_healthy_host_is_ok_and_quiet_is_silent() {
    let proc_root = healthy();
    let output = run(&["--proc-root", proc_root.path()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = stdout(&output);
    assert!(
        said.starts_with("TCPSTATE OK: 1 socket, 1 ESTABLISHED"),
        "{said}"
    );
    assert!(said.contains("from /proc"), "the fallback is told: {said}");
    assert!(output.stderr.is_empty(), "cron would mail it: {output:?}");
    let quiet = run(&["--quiet", "--proc-root", proc_root.path()]);
    assert_eq!(quiet.status.code(), Some(0));
    assert!(
        quiet.stdout.is_empty() && quiet.stderr.is_empty(),
        "{quiet:?}"
    );
    let loud = run(&[
        "--quiet",
        "-w",
        "established=0",
        "--proc-root",
        proc_root.path(),
    ]);
    assert_eq!(loud.status.code(), Some(1));
    assert!(stdout(&loud).starts_with("TCPSTATE WARNING: established is 1, above 0 | "));
}

#[test]
fn the_exit_status_is_that_of_the_worst() {
    let proc_root = healthy();
    for (args, status, word) in [
        (&["-w", "established=1"][..], 0, "OK"),
        (&["-w", "established=0"], 1, "WARNING"),
        (&["-c", "established=0"], 2, "CRITICAL"),
        (
            &["-w", "established=0", "-c", "established=0"],
            2,
            "CRITICAL",
        ),
        (
            &["-w", "established=@1:5", "-c", "established=7"],
            1,
            "WARNING",
        ),
        (&["-c", "established=2:"], 2, "CRITICAL"),
        (&["-c", "established=~:1"], 0, "OK"),
        (&["-c", "time_wait_used=5"], 0, "OK"),
    ] {
        let args = [args, &["--proc-root", proc_root.path()]].concat();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
        let begins = format!("TCPSTATE {word}: ");
        assert!(stdout(&output).starts_with(&begins), "{args:?}: {output:?}");
    }
}

#[test]
fn what_is_wrong_with_a_setting_is_told_and_can_be_ignored() {
    let proc_root = healthy();
    proc_root.write("sys/net/ipv4/tcp_syncookies", "0\n");
    let output = run(&["-v", "--proc-root", proc_root.path()]);
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(
        said.starts_with("TCPSTATE WARNING: tcp_syncookies is 0"),
        "{said}"
    );
    assert!(
        said.lines().any(|line| line.starts_with("  -> ")),
        "advice: {said}"
    );
    let args = [
        "--ignore",
        "tcp_syncookies",
        "--proc-root",
        proc_root.path(),
    ];
    assert_eq!(run(&args).status.code(), Some(0));
    let args = ["--only", "time_wait_used", "--proc-root", proc_root.path()];
    assert_eq!(run(&args).status.code(), Some(0));
}

#[test]
fn why_netlink_was_not_read_is_told_with_the_problems() {
    let proc_root = healthy();
    let told = stdout(&run(&["-v", "--proc-root", proc_root.path()]));
    let why = "from /proc: --proc-root is not known to show this network namespace";
    assert!(told.lines().any(|line| line == why), "{told}");
}

#[test]
fn what_cannot_be_read_is_never_ok() {
    let proc_root = healthy();
    fs::remove_file(proc_root.file("sys/net/ipv4/tcp_max_tw_buckets")).expect("removed");
    assert_unknown(
        &run(&["--proc-root", proc_root.path()]),
        "could not be read, so not judged: time_wait_buckets",
    );
    let ignoring = [
        "--ignore",
        "time_wait_used",
        "--proc-root",
        proc_root.path(),
    ];
    assert_eq!(run(&ignoring).status.code(), Some(0));
    // A line that isn't one: the counts are of a part.
    let proc_root = healthy();
    let table = fs::read_to_string(proc_root.file("net/tcp")).expect("readable");
    proc_root.write("net/tcp", &format!("{table}garbage\n"));
    let output = run(&["--proc-root", proc_root.path()]);
    assert_unknown(&output, "could not be read");
    assert!(stdout(&output).contains("'established'=U"), "{output:?}");
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/every-state.dump");
    // Its accept queue is full, which is known, and worse than unknown.
    assert_eq!(run(&["--replay", dump]).status.code(), Some(1));
    let ignoring = ["--replay", dump, "--ignore", "accept_queues_full"];
    assert_unknown(&run(&ignoring), "could not be read");
}

/// Opening a pipe that nobody writes to hangs forever, as reading the /proc of
/// a hung process can.
#[test]
fn a_read_that_hangs_ends_in_time_and_the_old_metrics_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let hanging = directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&hanging).status();
    assert!(made.expect("mkfifo").success());
    let hanging = hanging.to_str().expect("text");
    let page = directory.path().join("page.prom");
    fs::write(&page, "old\n").expect("written");
    let page_path = page.to_str().expect("text");
    for (more, status) in [
        (&[][..], 3),
        (&["--timeout-status", "critical"], 2),
        (&["--timeout-status", "ok", "--quiet"], 0),
        (&["--json"], 3),
    ] {
        let common = [
            "--timeout",
            "200ms",
            "--textfile",
            page_path,
            "--replay",
            hanging,
        ];
        let args = [&common, more].concat();
        let start = Instant::now();
        let output = run(&args);
        assert!(start.elapsed() < Duration::from_secs(5), "{args:?}");
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
        let said = stdout(&output) + &stderr(&output);
        let quiet = more.contains(&"--quiet");
        assert_eq!(said.contains("no answer from the kernel"), !quiet, "{said}");
        assert_eq!(fs::read_to_string(&page).expect("there"), "old\n");
    }
}

#[test]
fn the_status_counts_even_when_nobody_reads_the_line() {
    let proc_root = healthy();
    let args = ["-c", "established=0", "--proc-root", proc_root.path()];
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let closed = check(&args)
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(closed.status.code(), Some(2));
    assert!(closed.stderr.is_empty(), "{closed:?}");
    let full = || {
        OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("every Linux has it")
    };
    let critical = check(&args)
        .stdout(full())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(critical.status.code(), Some(2));
    assert!(
        stderr(&critical).contains("cannot write the output"),
        "{critical:?}"
    );
    let ok = check(&["--proc-root", proc_root.path()])
        .stdout(full())
        .output()
        .expect("it runs");
    assert_eq!(ok.status.code(), Some(3), "an OK that nobody got");
}

#[test]
fn rates_come_with_the_second_run_and_are_unknown_after_a_reset() {
    let proc_root = healthy();
    let path = proc_root.file("state.json");
    let state = path.to_str().expect("text");
    let args = [
        "--state",
        state,
        "-c",
        "resets_per_second=100",
        "--proc-root",
        proc_root.path(),
    ];
    let resets = |count: u64| proc_root.resets(count);
    let pending = |output: &Output| {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            stdout(output).contains("rates from the next run on"),
            "{output:?}"
        );
        assert!(
            stdout(output).contains("'resets_per_second'=U;"),
            "{output:?}"
        );
        assert!(output.stderr.is_empty(), "{output:?}");
    };
    resets(1_000_000);
    pending(&run(&args));
    age(&path, 15);
    let calm = run(&args);
    assert_eq!(calm.status.code(), Some(0), "{calm:?}");
    assert!(stdout(&calm).contains("'resets_per_second'=0;"), "{calm:?}");
    age(&path, 15);
    resets(2_000_000);
    let storm = run(&args);
    assert_eq!(storm.status.code(), Some(2), "{storm:?}");
    assert!(
        stdout(&storm).starts_with("TCPSTATE CRITICAL: resets_per_second is "),
        "{storm:?}"
    );
    // A counter that went down, and then a boot.
    age(&path, 15);
    resets(5);
    pending(&run(&args));
    age(&path, 15);
    proc_root.write("sys/kernel/random/boot_id", "another\n");
    resets(9_000_000);
    pending(&run(&args));
}

/// Fifty resets within a blink are no thousand a second, and one more socket no
/// ten thousand an hour.
#[test]
fn two_runs_a_moment_apart_are_no_alarm() {
    let proc_root = healthy();
    let path = proc_root.file("state.json");
    let state = path.to_str().expect("text");
    let args = [
        "--state",
        state,
        "-c",
        "resets_per_second=10",
        "-c",
        "established_growth=~:10",
        "--proc-root",
        proc_root.path(),
    ];
    run(&args);
    std::thread::sleep(Duration::from_millis(20));
    proc_root.resets(50);
    let soon = run(&args);
    assert_eq!(soon.status.code(), Some(0), "{soon:?}");
    assert!(stdout(&soon).contains("'resets_per_second'=U;"), "{soon:?}");
    // The first one is still what is compared with.
    age(&path, 15);
    let later = stdout(&run(&args));
    // 50 in 15 s, and the time that the runs took.
    let (_, rate) = later.split_once("'resets_per_second'=").expect("a rate");
    let (rate, _) = rate.split_once(';').expect("its end");
    let rate: f64 = rate.parse().expect("a number");
    assert!((1.0..3.34).contains(&rate), "{later}");
    assert!(later.contains("'established_growth'=U;"), "{later}");
    age(&path, 60);
    let later = stdout(&run(&args));
    assert!(later.contains("'established_growth'=0;"), "{later}");
}

#[test]
fn checks_of_other_sockets_share_a_state_file() {
    let proc_root = healthy();
    let path = proc_root.file("state.json");
    let state = path.to_str().expect("text");
    let all = ["--state", state, "-c", "listen_growth=~:5"];
    let narrowed = [&all[..], &["--listen-port", "80"]].concat();
    for args in [&all[..], &narrowed] {
        let first = run(&proc_args(&proc_root, args));
        assert!(stdout(&first).contains("'listen_growth'=U;"), "{first:?}");
        assert!(first.stderr.is_empty(), "{first:?}");
    }
    age(&path, 70);
    for args in [&all[..], &narrowed] {
        let second = run(&proc_args(&proc_root, args));
        assert!(stdout(&second).contains("'listen_growth'=0;"), "{second:?}");
        assert!(second.stderr.is_empty(), "{second:?}");
    }
}

/// A mistyped port was OK forever.
#[test]
fn a_port_that_nobody_has_is_unknown() {
    let proc_root = healthy();
    let of = |port| run(&proc_args(&proc_root, &["--listen-port", port]));
    let used = of("40034");
    assert_eq!(used.status.code(), Some(0), "{used:?}");
    let unused = of("9999");
    assert_eq!(unused.status.code(), Some(3), "{unused:?}");
    let line = stdout(&unused);
    assert!(
        line.starts_with(
            "TCPSTATE UNKNOWN: no socket has port 9999; who listens where: tcpstate pressure |"
        ),
        "{line}"
    );
}

#[test]
fn the_default_place_follows_the_environment() {
    let proc_root = healthy();
    let args = ["--state", "--quiet", "--proc-root", proc_root.path()];
    let nowhere = run(&args);
    assert_eq!(nowhere.status.code(), Some(0));
    assert!(stderr(&nowhere).contains("--state FILE"), "{nowhere:?}");
    assert_eq!(stderr(&nowhere).lines().count(), 1, "{nowhere:?}");
    let home = tempfile::tempdir().expect("a directory");
    for (variable, place) in [
        ("HOME", ".local/state/tcpstate/check.json"),
        ("XDG_STATE_HOME", "tcpstate/check.json"),
        ("STATE_DIRECTORY", "check.json"),
    ] {
        let output = check(&args)
            .env(variable, home.path())
            .output()
            .expect("it runs");
        assert!(output.stderr.is_empty(), "{output:?}");
        assert!(home.path().join(place).is_file(), "{variable}");
    }
    // Without a rate there is nothing to remember.
    let untouched = tempfile::tempdir().expect("a directory");
    let output = check(&["--proc-root", proc_root.path()])
        .env("HOME", untouched.path())
        .output()
        .expect("it runs");
    assert!(output.status.success());
    assert_eq!(fs::read_dir(untouched.path()).expect("there").count(), 0);
}

/// For the other files of this test.
fn proc_args<'a>(proc_root: &'a StagedProc, args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--proc-root", proc_root.path()]].concat()
}
