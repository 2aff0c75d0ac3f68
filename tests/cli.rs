//! The binary as scripts and people meet it: exit status, stdout, stderr.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                      uid  timeout inode\n";
const ESTABLISHED: &str = "   0: 0100007F:9C62 0100007F:CE33 01 00000000:00000000 00:00000000 \
                           00000000     0        0 4838 1 00000000be14b265 20 4 0 10 -1\n";

/// A command without what the environment of the test says about colours and
/// characters.
fn tcpstate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcpstate"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .env("LANG", "C.UTF-8");
    command
}

fn output(args: &[&str]) -> Output {
    tcpstate(args).output().expect("it runs")
}

fn recording() -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/every-state.dump");
    path.to_string_lossy().into_owned()
}

/// A /proc of another host, made of the files that are given.
struct StagedProc(tempfile::TempDir);

impl StagedProc {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        Self(root)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("a path that is text")
    }
}

/// Failed as it should: status 2, nothing on stdout, one reason on stderr.
fn assert_refused(output: &Output, reason: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "nothing half-printed");
    assert!(stderr.contains(reason), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn nonsense_options_are_refused() {
    for args in [
        &["--no-such-option"][..],
        &["no-such-command"],
        &["-4", "-6"],
        &["--source", "telepathy"],
        &["summary", "--format", "xml"],
        &["--replay"],
        &["--replay", "x", "--source", "netlink"],
        &["--json", "--format", "csv"],
        // The parser sees these apart, one before the command and one behind.
        &["-4", "summary", "-6"],
        &["--json", "summary", "--format", "csv"],
        &["--replay", "x", "summary", "--source", "netlink"],
    ] {
        assert_refused(&output(args), "tcpstate: ");
    }
}

#[test]
fn options_of_the_summary_before_another_command_are_refused() {
    assert_refused(&output(&["--exact", "summary"]), "put them behind");
}

#[test]
fn a_recording_that_is_missing_cut_or_no_recording_is_refused() {
    assert_refused(&output(&["--replay", "no/such/file"]), "no/such/file");
    let whole = fs::read(recording()).expect("readable");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(whole.get(..1_000).expect("long enough"))
        .expect("written");
    let path = file.path().to_str().expect("text").to_owned();
    assert_refused(&output(&["--json", "--replay", &path]), "cut short");
    let text = tempfile::NamedTempFile::new().expect("a file");
    fs::write(text.path(), "State Recv-Q Send-Q\n").expect("written");
    let path = text.path().to_str().expect("text").to_owned();
    assert_refused(&output(&["--replay", &path]), "no netlink message");
    assert_refused(&output(&["--replay", "/"]), "recorded dump /");
}

#[test]
fn a_proc_root_without_net_is_refused() {
    let empty = StagedProc::new(&[]);
    let output = output(&["--proc-root", empty.path()]);
    assert_refused(&output, "net/tcp");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("tcpstate: cannot read "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn netlink_is_not_mixed_with_another_namespaces_proc() {
    let staged = StagedProc::new(&[("net/tcp", HEADER)]);
    let args = ["--source", "netlink", "--proc-root", staged.path()];
    assert_refused(&output(&args), "leave one of the two out");
}

#[test]
fn a_recording_is_summed_up_and_what_it_cannot_know_is_null() {
    let output = output(&["summary", "--json", "--replay", &recording()]);
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = fs::read_to_string(recording().replace(".dump", ".ss.txt")).expect("readable");
    for (state, name) in [
        ("established", "ESTAB"),
        ("close_wait", "CLOSE-WAIT"),
        ("time_wait", "TIME-WAIT"),
        ("fin_wait1", "FIN-WAIT-1"),
        ("fin_wait2", "FIN-WAIT-2"),
        ("last_ack", "LAST-ACK"),
        ("closing", "CLOSING"),
        ("syn_sent", "SYN-SENT"),
        ("syn_recv", "SYN-RECV"),
        ("listen", "LISTEN"),
    ] {
        let lines = text.lines().filter(|line| line.starts_with(name)).count();
        let expected = if lines == 0 {
            Value::Null
        } else {
            Value::from(lines)
        };
        let total = &document["states"][state]["total"];
        assert_eq!(*total, expected, "{state}: a filter can't be seen");
    }
    assert_eq!(document["total"], text.lines().count());
    assert_eq!(document["method"], "dump");
    for unknown in ["host", "taken_at"] {
        assert_eq!(document[unknown], Value::Null, "{unknown}");
    }
    for map in ["sysctls", "counters"] {
        let values = document[map].as_object().expect("an object");
        assert!(!values.is_empty());
        assert!(values.values().all(Value::is_null), "{map}");
    }
    assert_eq!(document["states"]["bound_inactive"], Value::Null);
}

#[test]
fn verbose_says_on_stderr_how_the_numbers_were_obtained() {
    for command in ["summary", "pressure"] {
        let output = output(&[command, "-v", "--replay", &recording()]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.starts_with("tcpstate: read recorded dump in "),
            "{command}: {stderr}"
        );
        assert!(
            stderr
                .ends_with(": every socket read; 37 sockets visited, nothing lost or unreadable\n"),
            "{command}: {stderr}"
        );
    }
}

/// The forms that a message about an argument suggests: what is in it like a
/// length of time.
fn suggested(stderr: &str) -> Vec<String> {
    let (_, advice) = stderr.split_once("': ").expect("an advice");
    let words = advice.split([' ', ',', ':', '\n']);
    let is_length = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.ends_with(|last: char| last.is_ascii_lowercase())
    };
    words.filter(is_length).map(str::to_owned).collect()
}

/// `--over 0.5` was told to write it as in 500ms, and then that this is too
/// short.
#[test]
fn what_a_message_about_a_length_of_time_suggests_is_taken() {
    let run = |command: &str, option: &str, value: &str| {
        // Nothing is read where the arguments are taken.
        let args = [command, option, value, "--replay", "no/such/file"];
        let output = output(&args);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (command, option, refused) in [
        (
            "watch",
            "--interval",
            &["0", "0s", "500us", "-1", "-1s", "soon"][..],
        ),
        ("watch", "--duration", &["-1", "-0.5s", "1y"]),
        ("leaks", "--min-age", &["-1", "-5m", "1 month", "1,5"]),
        ("leaks", "--over", &["0", "0.5", "500ms", "-1", "soon", ""]),
        (
            "pressure",
            "--over",
            &["0", "0.5s", "999ms", "-1s", "tomorrow"],
        ),
        ("check", "--timeout", &["-1", "-1s", "1e3"]),
        ("check", "--min-age", &["-1", "1y"]),
    ] {
        for value in refused {
            let stderr = run(command, option, value);
            let prefix = format!("tcpstate: invalid value '{value}' for '{option} ");
            assert!(stderr.starts_with(&prefix), "{stderr}");
            let forms = suggested(&stderr);
            assert!(!forms.is_empty(), "{stderr}");
            for form in forms {
                let taken = run(command, option, &form);
                assert!(!taken.contains("invalid value"), "{form}: {taken}");
            }
        }
    }
    // In seconds, as sleep and watch take it.
    for (command, option) in [("watch", "--interval"), ("check", "--timeout")] {
        let stderr = run(command, option, "0.5");
        assert!(!stderr.contains("invalid value"), "{stderr}");
    }
}

/// "invalid digit found in string" was the answer, which helps nobody.
#[test]
fn what_should_be_a_number_is_told_how_to_be_one() {
    for (command, option, values) in [
        ("leaks", "--pid", &["0", "java", "-1", "4294967296"][..]),
        ("check", "--pid", &["0", "java"]),
        ("leaks", "--min-count", &["few", "1.5"]),
        ("pressure", "--top", &["all", ""]),
        ("watch", "--count", &["0", "once"]),
    ] {
        for value in values {
            let output = output(&[command, &format!("{option}={value}")]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let prefix = format!("tcpstate: invalid value '{value}' for '{option} ");
            assert!(stderr.starts_with(&prefix), "{stderr}");
            let advised = stderr.contains(">': ") || stderr.contains(">...': ");
            assert!(advised, "{stderr}");
            for jargon in ["digit", "..=", "1..", "float"] {
                let (_, advice) = stderr.split_once("': ").expect("an advice");
                assert!(!advice.contains(jargon), "{stderr}");
            }
        }
    }
}

/// The parser sees those behind the command only; pressure took `--json` and
/// dropped the other one.
#[test]
fn two_formats_at_once_are_refused_wherever_they_stand() {
    for command in [
        &["summary", "--format", "csv"][..],
        &["leaks", "--format", "csv"],
        &["pressure", "--format", "csv"],
        &["pressure", "--format", "csv-listeners"],
        &["watch", "--lines", "--count", "1"],
    ] {
        let behind = output(&[command, &["--json"]].concat());
        let before = output(&[&["--json"], command].concat());
        for output in [behind, before] {
            assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
            assert!(output.stdout.is_empty(), "{command:?}: {output:?}");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(stderr.contains("--json"), "{command:?}: {stderr}");
        }
    }
}

/// It gave an empty answer, which looks as if all were well.
#[test]
fn a_port_that_no_socket_of_ours_can_have_is_refused() {
    for command in ["leaks", "pressure", "check"] {
        for port in ["0", "65536", "http", ""] {
            let output = output(&[command, &format!("--listen-port={port}")]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let prefix = format!("tcpstate: invalid value '{port}' for '--listen-port <PORT>': ");
            let said = stderr.strip_prefix(&prefix).unwrap_or_default();
            let advice = "a port is a number from 1 to 65535\n";
            assert!(said.starts_with(advice), "{command}: {stderr}");
        }
        let last = output(&[
            command,
            "--listen-port",
            "65535",
            "--replay",
            "no/such/file",
        ]);
        let stderr = String::from_utf8_lossy(&last.stderr);
        assert!(!stderr.contains("invalid value"), "{stderr}");
    }
}

/// A pager that is left early, a `head -1`: also for help that is printed.
#[test]
fn a_closed_pipe_ends_quietly() {
    for args in [&["--help"][..], &["--replay", &recording()]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"))
            .args(args)
            .stdout(writer)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_staged_proc_is_read_and_the_reason_told() {
    let staged = StagedProc::new(&[
        ("net/tcp", &format!("{HEADER}{ESTABLISHED}garbage\n")),
        ("sys/kernel/hostname", "evil\u{1b}[2J\n"),
        ("sys/net/ipv4/tcp_syncookies", "0\n"),
    ]);
    let json = output(&["--json", "--proc-root", staged.path()]);
    let document: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(document["states"]["established"]["total"], 1);
    assert_eq!(document["collection"]["source"], "procfs");
    assert_eq!(document["collection"]["malformed"], 1);
    assert_eq!(document["collection"]["complete"], false);
    assert_eq!(document["host"], "evil\u{1b}[2J", "JSON has it as it is");
    assert_eq!(document["findings"][0]["rule"], "tcp_syncookies");
    let stderr = String::from_utf8_lossy(&json.stderr);
    assert!(stderr.starts_with("tcpstate: --proc-root"), "{stderr}");

    let table = output(&["--proc-root", staged.path()]);
    assert!(
        !table.stdout.contains(&0x1b),
        "no escape reaches the terminal"
    );
}

#[test]
fn bound_sockets_that_were_asked_for_and_cannot_be_told_are_unknown_and_not_left_out() {
    let staged = StagedProc::new(&[("net/tcp", &format!("{HEADER}{ESTABLISHED}"))]);
    for more in [&["--proc-root", staged.path()], &["--replay", &recording()]] {
        let args = [&["summary", "--bound"][..], more].concat();
        let stderr = output(&args).stderr;
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(
            stderr.contains("tcpstate: bound sockets unknown: "),
            "{stderr}"
        );
        let unasked = output(&args[2..]).stderr;
        assert!(!String::from_utf8_lossy(&unasked).contains("bound sockets"));
    }
}

#[test]
fn the_exit_status_tells_of_findings_only_when_asked() {
    let with_cookies = |value: &str| {
        StagedProc::new(&[
            ("net/tcp", HEADER),
            ("sys/net/ipv4/tcp_syncookies", &format!("{value}\n")),
        ])
    };
    for (cookies, args, status) in [
        ("0", &["--exit-code"][..], 1),
        ("0", &[], 0),
        ("1", &["--exit-code"], 0),
    ] {
        let staged = with_cookies(cookies);
        let all = [args, &["--proc-root", staged.path()]].concat();
        assert_eq!(
            output(&all).status.code(),
            Some(status),
            "{cookies} {args:?}"
        );
    }
}

#[test]
fn colours_are_for_terminals_unless_told_otherwise() {
    let replay = recording();
    let colored = |args: &[&str]| {
        let all = [args, &["--replay", &replay]].concat();
        tcpstate(&all)
            .env("NO_COLOR", "1")
            .output()
            .expect("it runs")
            .stdout
            .contains(&0x1b)
    };
    assert!(!colored(&[]));
    assert!(!colored(&["--color", "never"]));
    assert!(colored(&["--color", "always"]), "the option wins");
}

#[test]
fn a_locale_without_utf8_gets_ascii() {
    let replay = recording();
    for (locale, ascii) in [
        ("C", true),
        ("", true),
        ("en_US.UTF-8", false),
        ("C.utf8", false),
    ] {
        let output = tcpstate(&["--replay", &replay])
            .env("LANG", locale)
            .output()
            .expect("it runs");
        assert_eq!(output.stdout.is_ascii(), ascii, "LANG={locale}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("every Linux has it");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"))
        .args(["--replay", &recording()])
        .stdout(full)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("tcpstate: cannot write the output: No space left on device"),
        "{stderr}"
    );
    assert!(!stderr.contains("os error"), "{stderr}");
}

/// The kernel killed it silently.
#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = r#"ulimit -f 0; "$0" "$@" >page"#;
    for args in [&["--help"][..], &["--replay", &recording()], &["check"]] {
        let output = std::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_tcpstate")])
            .args(args)
            .current_dir(directory.path())
            .output()
            .expect("a shell");
        let status = output.status.code();
        assert!(matches!(status, Some(2 | 3)), "{args:?}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.contains("cannot write the output: File too large"),
            "{stderr}"
        );
    }
}

/// Whoever shares our pipe may have made it so; it got half a document.
#[test]
fn a_pipe_that_does_not_wait_gets_all_of_it() {
    for args in [
        &["explain"][..],
        &["help", "list"],
        &["--replay", &recording(), "--json"],
    ] {
        let whole = output(args).stdout.len();
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
        rustix::io::ioctl_fionbio(&writer, true).expect("non-blocking");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"))
            .args(args)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it runs");
        // It is full before anything is read.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let mut got = Vec::new();
        reader.read_to_end(&mut got).expect("read");
        assert_eq!(child.wait().expect("ended").code(), Some(0), "{args:?}");
        assert_eq!(got.len(), whole, "{args:?}");
    }
}

/// Nobody reads, and `--exit-code` tells all the same.
#[test]
fn a_closed_pipe_changes_no_exit_status() {
    let staged = StagedProc::new(&[("net/tcp", HEADER), ("sys/net/ipv4/tcp_syncookies", "0\n")]);
    for (format, exit) in [(&[][..], 1), (&["--json"], 1), (&["--format", "csv"], 1)] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let args = [
            &["summary", "--exit-code", "--proc-root", staged.path()],
            format,
        ]
        .concat();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"))
            .args(&args)
            .stdout(writer)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {output:?}");
    }
}

/// A file that only the capabilities of the binary open was shown as the name of
/// a host that the user made up.
#[test]
fn capabilities_of_the_file_read_no_tree_of_the_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let binary = directory.path().join("tcpstate");
    fs::copy(env!("CARGO_BIN_EXE_tcpstate"), &binary).expect("copied");
    let capable = std::process::Command::new("setcap")
        .arg("cap_dac_read_search,cap_sys_ptrace=ep")
        .arg(&binary)
        .status();
    if !capable.is_ok_and(|status| status.success()) {
        return;
    }
    let staged = StagedProc::new(&[("net/tcp", HEADER)]);
    let secret = staged.0.path().join("secret");
    fs::write(&secret, "hidden").expect("written");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&secret, private).expect("private");
    let kernel = staged.0.path().join("sys/kernel");
    fs::create_dir_all(&kernel).expect("made");
    std::os::unix::fs::symlink(&secret, kernel.join("hostname")).expect("linked");
    for path in [directory.path(), staged.0.path()] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, open).expect("open to all");
    }
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&binary)
        .args(["--json", "--proc-root", staged.path()])
        .output()
        .expect("setpriv");
    let document = String::from_utf8_lossy(&output.stdout);
    assert!(document.contains("\"schema\""), "{output:?}");
    assert!(!document.contains("hidden"), "{document}");
}

#[test]
fn version_and_help_are_printed_on_stdout() {
    for (args, words) in [
        (&["--version"][..], env!("CARGO_PKG_VERSION")),
        (&["--help"], "Exit status:"),
        (&["summary", "--help"], "Examples:"),
        // As git and cargo have it; "unrecognized subcommand" was the answer.
        (&["help"], "Exit status:"),
        (&["help", "leaks"], "tcpstate leaks --pid"),
        (&["help", "check"], "plugins"),
        (&["summary", "--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = output(args);
        assert!(output.status.success());
        assert!(output.stderr.is_empty());
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(words),
            "{args:?}"
        );
    }
}

/// Nothing of this host is read for it, so it works anywhere.
#[test]
fn a_word_is_explained_and_an_unknown_one_is_refused_with_those_near_it() {
    let run = |word| {
        let output = tcpstate(&["explain", "--no-live", word]).output();
        output.expect("it runs")
    };
    // Perfdata show the metric of a rule.
    let by_metric = run("accept_queues_full");
    assert!(by_metric.status.success(), "{by_metric:?}");
    assert_eq!(by_metric.stdout, run("accept_queue_full").stdout);
    let explained = run("close-wait");
    let text = String::from_utf8(explained.stdout).expect("text");
    assert!(text.starts_with("CLOSE_WAIT\n"), "{text}");
    assert!(explained.status.success());
    let near = run("time-wai");
    assert_eq!(near.status.code(), Some(2));
    let error = String::from_utf8(near.stderr).expect("text");
    assert!(error.contains("did you mean TIME_WAIT"), "{error}");
    assert!(near.stdout.is_empty());
}

/// A script that reads CSV saw a whole answer, exit status 0, and no word.
#[test]
fn rows_that_are_lost_are_told_in_every_format() {
    let staged = |rows: &str| StagedProc::new(&[("net/tcp", &format!("{HEADER}{rows}"))]);
    let damaged = staged(&format!("{ESTABLISHED}garbage\n"));
    let whole = staged(ESTABLISHED);
    for command in ["summary", "leaks", "pressure"] {
        for format in ["table", "csv", "json"] {
            let says = |staged: &StagedProc| {
                let root = ["--proc-root", staged.path()];
                let output = output(&[&[command, "--format", format][..], &root].concat());
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                stderr.contains("tcpstate: incomplete: 1 row could not be read\n")
            };
            assert!(says(&damaged), "{command} --format {format}");
            assert!(!says(&whole), "{command} --format {format}");
        }
    }
}
