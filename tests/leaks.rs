//! `tcpstate leaks` over data that is staged in files: recordings and a copy of
//! /proc. Real sockets and processes are staged in tests/netns/leaks.rs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

/// What a row of a recording says of a CLOSE_WAIT socket of 10.0.0.1:443.
#[derive(Clone, Copy)]
struct Row {
    peer_port: u16,
    recv_q: u32,
    send_q: u32,
    inode: u32,
    timer: u8,
    last_data_sent: u32,
    last_data_recv: u32,
    last_ack_recv: u32,
}

/// Ten minutes old, and the end of the stream was read.
const FORGOTTEN: Row = Row {
    peer_port: 50_000,
    recv_q: 0,
    send_q: 0,
    inode: 7,
    timer: 0,
    last_data_sent: 600_000,
    last_data_recv: 600_000,
    last_ack_recv: 600_000,
};

impl Row {
    /// `struct nlmsghdr`, `struct inet_diag_msg`, and as attributes the
    /// shutdown mask and as much of `struct tcp_info` as 5.10 has.
    fn to_bytes(self) -> Vec<u8> {
        let mut row = vec![0; 72];
        row[0..3].copy_from_slice(&[2, 8, self.timer]);
        row[4..6].copy_from_slice(&443_u16.to_be_bytes());
        row[6..8].copy_from_slice(&self.peer_port.to_be_bytes());
        row[8..12].copy_from_slice(&[10, 0, 0, 1]);
        row[24..28].copy_from_slice(&[192, 0, 2, 7]);
        row[44..48].copy_from_slice(&u32::from(self.peer_port).to_ne_bytes());
        for (offset, value) in [(56, self.recv_q), (60, self.send_q), (68, self.inode)] {
            row[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        let mut info = [0; 232];
        for (offset, value) in [
            (44, self.last_data_sent),
            (52, self.last_data_recv),
            (56, self.last_ack_recv),
        ] {
            info[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        attribute(&mut row, 8, &[1]);
        attribute(&mut row, 2, &info);
        message(20, &row)
    }
}

fn attribute(row: &mut Vec<u8>, number: u16, value: &[u8]) {
    row.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
    row.extend(number.to_ne_bytes());
    row.extend(value);
    row.resize(row.len().next_multiple_of(4), 0);
}

fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(payload);
    bytes
}

/// A recording of these sockets.
fn recording(rows: &[Row]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_bytes()).collect();
    bytes.extend(message(3, &[0; 4]));
    fs::write(file.path(), bytes).unwrap();
    file
}

fn tcpstate(args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcpstate"));
    command.env("LANG", "C").args(args).output().unwrap()
}

/// The JSON about a recording.
fn leaks(rows: &[Row], more: &[&str]) -> Value {
    let file = recording(rows);
    let path = file.path().to_str().unwrap();
    let output = tcpstate(&[&["leaks", "--json", "--replay", path], more].concat());
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdict(row: Row) -> Value {
    leaks(&[row], &[])["unattributed"][0]["verdict"].clone()
}

#[test]
fn every_verdict_comes_from_its_fields() {
    for (expected, row) in [
        ("not_closed", FORGOTTEN),
        (
            "eof_unread",
            Row {
                recv_q: 1,
                ..FORGOTTEN
            },
        ),
        (
            "not_accepted",
            Row {
                inode: 0,
                recv_q: 51,
                ..FORGOTTEN
            },
        ),
        (
            "recent",
            Row {
                last_ack_recv: 60_009,
                ..FORGOTTEN
            },
        ),
        (
            "not_closed",
            Row {
                last_ack_recv: 60_010,
                ..FORGOTTEN
            },
        ),
        (
            "undated",
            Row {
                timer: 2,
                last_ack_recv: 900,
                ..FORGOTTEN
            },
        ),
        (
            "undated",
            Row {
                timer: 4,
                send_q: 9,
                last_ack_recv: 900,
                ..FORGOTTEN
            },
        ),
        (
            "half_close",
            Row {
                timer: 1,
                send_q: 9,
                ..FORGOTTEN
            },
        ),
        (
            "half_close",
            Row {
                last_data_sent: 900,
                last_ack_recv: 899,
                ..FORGOTTEN
            },
        ),
    ] {
        assert_eq!(verdict(row), expected, "of a row for {expected}");
    }
}

#[test]
fn a_recording_has_lower_bounds_and_no_owners() {
    let document = leaks(&[FORGOTTEN], &[]);
    assert_eq!(document["taken_at"], Value::Null);
    let socket = &document["unattributed"][0];
    let at_least = 600_000 - 10;
    assert_eq!(socket["age_ms"]["at_least"], at_least, "less a tick");
    assert_eq!(
        socket["age_ms"]["at_most"],
        Value::Null,
        "its uptime isn't known"
    );
    assert_eq!(socket["reason"], "not_searched");
    assert_eq!(document["coverage"]["unattributed"], 1);
    assert_eq!(document["closed_connections"], Value::Null);
}

#[test]
fn a_repeated_row_counts_once() {
    let document = leaks(&[FORGOTTEN, FORGOTTEN], &[]);
    assert_eq!(document["close_wait"]["total"], 1);
    assert_eq!(document["collection"]["duplicates"], 1);
}

#[test]
fn filters_narrow_the_sockets() {
    let other = Row {
        peer_port: 50_001,
        ..FORGOTTEN
    };
    let total = |more: &[&str]| leaks(&[FORGOTTEN, other], more)["close_wait"]["total"].clone();
    assert_eq!(total(&[]), 2);
    assert_eq!(total(&["--remote", "192.0.2.7"]), 2);
    assert_eq!(total(&["--remote", "192.0.2.7:50001"]), 1);
    assert_eq!(
        total(&["--remote", "192.0.2.0/24", "--listen-port", "80"]),
        0
    );
    assert_eq!(total(&["--listen-port", "443", "--listen-port", "80"]), 2);
    assert_eq!(total(&["-6"]), 0);
}

#[test]
fn the_exit_status_tells_a_leak_on_request() {
    let young = Row {
        last_ack_recv: 1,
        ..FORGOTTEN
    };
    // One may be a spare connection of a pool, as in every command.
    for (count, row, more, status) in [
        (2, FORGOTTEN, &["--exit-code"][..], 1),
        (1, FORGOTTEN, &["--exit-code"], 0),
        (2, FORGOTTEN, &[], 0),
        (2, young, &["--exit-code"], 0),
        (2, FORGOTTEN, &["--exit-code", "--min-age", "1h"], 0),
        (2, FORGOTTEN, &["--exit-code", "--min-count", "3"], 0),
    ] {
        let rows: Vec<Row> = (0..count)
            .map(|number| Row {
                peer_port: 50_000 + number,
                ..row
            })
            .collect();
        let file = recording(&rows);
        let path = file.path().to_str().unwrap();
        let output = tcpstate(&[&["leaks", "--replay", path], more].concat());
        assert_eq!(output.status.code(), Some(status), "{count} {more:?}");
    }
}

#[test]
fn the_summary_judges_a_recording_by_the_same_verdicts() {
    let rows: Vec<Row> = (0..60)
        .map(|number| Row {
            peer_port: 50_000 + number,
            ..FORGOTTEN
        })
        .collect();
    let file = recording(&rows);
    let path = file.path().to_str().unwrap();
    let output = tcpstate(&["--json", "--exit-code", "--replay", path]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &document["findings"][0];
    assert_eq!(finding["rule"], "close_wait_leak");
    // A recording doesn't tell whose they are: of one process they would be critical.
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["evidence"]["leaked"], 60);
}

/// One of each verdict, some of them more than once.
fn mixture() -> Vec<Row> {
    let unread = Row {
        recv_q: 51,
        ..FORGOTTEN
    };
    let not_accepted = Row {
        inode: 0,
        recv_q: 1,
        ..FORGOTTEN
    };
    let recent = Row {
        last_ack_recv: 59_999,
        ..FORGOTTEN
    };
    let half_closed = Row {
        last_data_sent: 900,
        last_ack_recv: 899,
        ..FORGOTTEN
    };
    let kinds = [
        (FORGOTTEN, 3),
        (unread, 2),
        (not_accepted, 2),
        (recent, 4),
        (half_closed, 5),
        (HIDDEN, 50),
    ];
    let rows = kinds
        .into_iter()
        .flat_map(|(row, count)| std::iter::repeat_n(row, count));
    (50_000..)
        .zip(rows)
        .map(|(peer_port, row)| Row { peer_port, ..row })
        .collect()
}

/// Its age is anybody's guess: keepalives are answered, and without the uptime
/// of its host the last payload bounds nothing.
const HIDDEN: Row = Row {
    timer: 2,
    last_data_sent: 1_000,
    last_data_recv: 1_000,
    last_ack_recv: 500,
    ..FORGOTTEN
};

#[test]
fn the_summary_and_the_leaks_count_the_same() {
    let rows = mixture();
    let leaks = leaks(&rows, &[]);
    let file = recording(&rows);
    let path = file.path().to_str().unwrap();
    let output = tcpstate(&["--json", "--replay", path]);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = summary["findings"].as_array().unwrap();
    let of = |name: &str| -> Vec<&Value> {
        let rule = findings
            .iter()
            .filter(|one| one["rule"] == "close_wait_leak");
        rule.map(|one| &one["evidence"][name])
            .filter(|number| !number.is_null())
            .collect()
    };
    let counts = &leaks["close_wait"];
    assert_eq!(counts["leaked"], 7, "{leaks:#}");
    let leaked = of("leaked").into_iter().map(Value::as_u64);
    assert_eq!(leaked.sum::<Option<u64>>(), counts["leaked"].as_u64());
    assert_eq!(of("undated"), [&counts["undated"]]);
    let total = of("close_wait");
    assert!(total.len() >= 2, "{findings:#?}");
    assert!(total.iter().all(|&total| *total == counts["total"]));
    assert_eq!(summary["states"]["close_wait"]["total"], counts["total"]);
}

#[test]
fn the_uptime_of_this_host_bounds_nothing_in_a_recording() {
    assert_eq!(verdict(HIDDEN), "undated");
    let rows = vec![HIDDEN; 50];
    let rows = (50_000..)
        .zip(rows)
        .map(|(peer_port, row)| Row { peer_port, ..row });
    let file = recording(&rows.collect::<Vec<_>>());
    let path = file.path().to_str().unwrap();
    let output = tcpstate(&["--json", "--replay", path]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["findings"][0]["evidence"]["undated"], 50);
}

#[test]
fn the_oldest_of_a_recording_comes_first_and_a_second_look_is_for_its_host() {
    let young = Row {
        peer_port: 50_001,
        ..HIDDEN
    };
    let file = recording(&[young, FORGOTTEN]);
    let path = file.path().to_str().unwrap();
    let output = tcpstate(&["leaks", "--sockets", "--replay", path]);
    let text = String::from_utf8(output.stdout).unwrap();
    let place = |end: &str| text.find(end).unwrap_or_else(|| panic!("{end} in {text}"));
    assert!(
        place("192.0.2.7:50000") < place("192.0.2.7:50001"),
        "{text}"
    );
    assert!(text.contains("on the host that was recorded"), "{text}");
}

/// As `ss -tan -D FILE` writes it, without -i.
#[test]
fn a_recording_without_tcp_info_is_not_taken_for_proc() {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/every-state.dump");
    for (min_age, told) in [
        ("60s", "without tcp_info (ss -i) a recording tells no ages"),
        ("0s", "Recorded without tcp_info (ss -i)"),
    ] {
        let output = tcpstate(&["leaks", "--replay", recording, "--min-age", min_age]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told), "{text}");
        assert!(!text.contains("/proc"), "{text}");
    }
}

#[test]
fn a_copy_of_proc_tells_no_ages() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("net")).unwrap();
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  \
                 timeout inode\n   0: 0100007F:01BB 0100007F:CE33 08 00000000:00000001 00:00000000 \
                 00000000  1000        0 4838 1 00000000be14b265 20 4 0 10 -1\n";
    fs::write(root.path().join("net/tcp"), table).unwrap();
    let proc = [
        "leaks",
        "--json",
        "--source",
        "procfs",
        "--proc-root",
        root.path().to_str().unwrap(),
    ];
    let ask = |more: &[&str]| -> Value {
        let output = tcpstate(&[&proc, more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(ask(&[])["close_wait"]["undated"], 1);
    assert_eq!(ask(&["--min-age", "0s"])["close_wait"]["eof_unread"], 1);
    let twice = ask(&["--min-age", "10ms", "--over", "1s"]);
    assert_eq!(twice["close_wait"]["eof_unread"], 1);
    assert_eq!(twice["comparison"]["stayed"], 1);
}

#[test]
fn what_a_recording_cannot_answer_is_refused() {
    let file = recording(&[FORGOTTEN]);
    let path = file.path().to_str().unwrap();
    for more in [&["--pid", "1"][..], &["--deep"], &["--over", "1s"]] {
        let output = tcpstate(&[&["leaks", "--replay", path], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("a recorded dump"));
    }
    for more in [
        &["--min-age", "soon"][..],
        &["--remote", "web"],
        &["--pid", "0"],
    ] {
        let output = tcpstate(&[&["leaks"], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
    }
}

/// As many bytes as no pipe holds, in pieces.
#[test]
fn a_long_document_ends_quietly_at_a_closed_pipe_and_says_when_the_disk_is_full() {
    let rows: Vec<Row> = (1..=3_000)
        .map(|peer_port| Row {
            peer_port,
            inode: peer_port.into(),
            ..FORGOTTEN
        })
        .collect();
    let file = recording(&rows);
    let path = file.path().to_str().unwrap();
    for format in ["json", "csv"] {
        let args = ["leaks", "--format", format, "--replay", path];
        let whole = tcpstate(&args);
        assert!(whole.stdout.len() > 200_000, "{format}");
        assert!(whole.stdout.ends_with(b"\n"), "{format}");
        let onto = |stdout: std::process::Stdio| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"));
            command.args(args).stdout(stdout).output().unwrap()
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = onto(writer.into());
        assert_eq!(closed.status.code(), Some(0), "{format}");
        assert!(closed.stderr.is_empty(), "{format}: {closed:?}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let full = onto(full.unwrap().into());
        assert_eq!(full.status.code(), Some(2), "{format}");
        let why = String::from_utf8(full.stderr).unwrap();
        let start = "tcpstate: cannot write the output: No space left on device";
        assert!(why.starts_with(start), "{why}");
    }
}
