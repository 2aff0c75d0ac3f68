//! Recorded dumps through the library: what ss printed of the same sockets is
//! what they must say, and a damaged file is an error and never a panic.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tcpstate::kernel::{KernelError, ReplaySource, SocketSource};
use tcpstate::model::{Collection, Request, Socket, StateSet, TcpState};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn replay(file: &Path) -> (Vec<Socket>, Result<Collection, KernelError>) {
    let mut sockets = Vec::new();
    let outcome =
        ReplaySource::new(file).visit_all(&Request::states(StateSet::RFC9293), &mut |socket| {
            sockets.push(socket.clone());
        });
    (sockets, outcome)
}

/// State, local and remote of every line of ss, as it writes them.
fn lines_of_ss(text: &str) -> Vec<(TcpState, String, String)> {
    text.lines()
        .map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [state, _, _, local, remote, ..] = columns.as_slice() else {
                panic!("not a line of ss: {line}");
            };
            let state = state.parse().expect("a state");
            (state, any_wildcard(local), any_wildcard(remote))
        })
        .collect()
}

/// ss writes the IPv6 wildcard as a star where the socket takes IPv4 too.
fn any_wildcard(endpoint: &str) -> String {
    endpoint.replace("[::]:", "*:")
}

/// An endpoint as ss writes it: port 0 is a star.
fn as_ss(endpoint: tcpstate::model::Endpoint) -> String {
    let text = endpoint.to_string();
    let text = any_wildcard(&text);
    match text.strip_suffix(":0") {
        Some(address) => format!("{address}:*"),
        None => text,
    }
}

#[test]
fn a_recording_says_what_ss_said() {
    let (sockets, outcome) = replay(&data("every-state.dump"));
    let collection = outcome.expect("a good file");
    assert!(collection.complete);
    let text = fs::read_to_string(data("every-state.ss.txt")).expect("readable");
    let mut expected = lines_of_ss(&text);
    let mut found: Vec<_> = sockets
        .iter()
        .map(|socket| (socket.state, as_ss(socket.local), as_ss(socket.remote)))
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);

    let mut states = BTreeMap::new();
    for socket in &sockets {
        *states.entry(socket.state).or_insert(0) += 1;
    }
    assert_eq!(states.len(), 9, "every state but SYN_RECV and CLOSE");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = fs::read(data("every-state.dump")).expect("readable");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("cut.dump");
    // The first dump ends with a NLMSG_DONE of its own: up to there the file is
    // whole, as `ss -4` would write it.
    let first_done = (0..whole.len())
        .step_by(4)
        .find(|&at| whole.get(at..at + 6) == Some(&[20, 0, 0, 0, 3, 0]))
        .expect("the end of the first dump");
    let lengths = (0..whole.len()).step_by(7).chain([first_done + 20]);
    for length in lengths {
        fs::write(&file, whole.get(..length).expect("shorter")).expect("written");
        let (_, outcome) = replay(&file);
        if length == first_done + 20 {
            assert!(outcome.is_ok(), "cut behind the first dump");
        } else {
            assert!(
                matches!(outcome, Err(KernelError::ReplayContent { .. })),
                "cut at {length}"
            );
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (_, outcome) = replay(Path::new("no/such/file"));
    let message = outcome.expect_err("no file").to_string();
    assert!(message.contains("no/such/file"), "{message}");
}

proptest! {
    #[test]
    fn a_damaged_file_has_an_outcome(place in 0_usize..4_400, byte in any::<u8>()) {
        let mut bytes = fs::read(data("every-state.dump")).expect("readable");
        let at = place % bytes.len();
        if let Some(target) = bytes.get_mut(at) {
            *target = byte;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("damaged.dump");
        fs::write(&file, bytes).expect("written");
        let _ = replay(&file);
    }
}

/// The messages of a recording.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut messages = Vec::new();
    while let Some(length) = rest.first_chunk::<4>() {
        let length = u32::from_ne_bytes(*length) as usize;
        let (message, more) = rest.split_at(length.next_multiple_of(4).min(rest.len()));
        messages.push(message);
        rest = more;
    }
    messages
}

/// Where the state stands in the message of a row, behind its header.
const STATE: usize = 16 + 1;
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;

fn state(message: &[u8]) -> Option<u8> {
    message.get(STATE).copied().filter(|_| message.len() > 60)
}

/// Their sockets were counted twice, those that went on meanwhile in two states.
#[test]
fn two_recordings_in_one_file_show_a_socket_once() {
    let once = fs::read(data("every-state.dump")).expect("readable");
    let mut later = once.clone();
    let mut at = 0;
    for message in messages(&once) {
        if state(message) == Some(ESTABLISHED)
            && let Some(state) = later.get_mut(at + STATE)
        {
            *state = CLOSE_WAIT;
        }
        at += message.len();
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("two.dump");
    fs::write(&file, [once, later].concat()).expect("written");
    let (expected, single) = replay(&data("every-state.dump"));
    let (sockets, double) = replay(&file);
    assert_eq!(sockets, expected);
    let number = expected.len() as u64;
    assert_eq!(single.expect("a good file").duplicates, Some(0));
    assert_eq!(double.expect("a good file").duplicates, Some(number));
    // Nor does it matter which states are asked for.
    let close_wait = Request::states(StateSet::NONE.with(TcpState::CloseWait));
    let mut shown = 0;
    ReplaySource::new(&file)
        .visit_all(&close_wait, &mut |_| shown += 1)
        .expect("a good file");
    let recorded = expected
        .iter()
        .filter(|one| one.state == TcpState::CloseWait);
    assert_eq!(shown, recorded.count());
}

/// "accept_queues_full=0", "ok accept queues": of listeners that `ss` without -a
/// leaves out.
#[test]
fn listeners_that_a_recording_leaves_out_are_unknown() {
    let whole = fs::read(data("every-state.dump")).expect("readable");
    let without: Vec<u8> = messages(&whole)
        .into_iter()
        .filter(|message| state(message) != Some(LISTEN))
        .flatten()
        .copied()
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("without.dump");
    fs::write(&file, without).expect("written");
    let run = |arguments: &[&str], file: &Path| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tcpstate"))
            .args(arguments)
            .arg("--replay")
            .arg(file)
            .output()
            .expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let check = ["check", "--only", "accept_queues_full"];
    let (status, line) = run(&check, &file);
    assert_eq!(status, Some(3), "{line}");
    assert!(line.contains("'accept_queues_full'=U"), "{line}");
    let (_, table) = run(&["pressure"], &file);
    assert!(table.contains("LISTENERS  unknown"), "{table}");
    let (_, line) = run(&check, &data("every-state.dump"));
    assert!(line.contains("'accept_queues_full'=1;"), "{line}");
}
