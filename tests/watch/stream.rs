//! The streams: whole documents, whatever happens meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::wait::until;

/// A stream that runs, and the samples that it writes.
struct Stream {
    child: Child,
    lines: BufReader<ChildStdout>,
    sequence: u64,
}

impl Stream {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("a pipe");
        Self {
            child,
            lines: BufReader::new(stdout),
            sequence: 0,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("UTF-8");
        assert!(line.ends_with('\n'), "a whole line: {line:?}");
        line
    }

    /// The next document, checked against the contract.
    fn document(&mut self) -> Value {
        let line = self.line();
        self.sequence += 1;
        check(&line, self.sequence)
    }

    fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill_process(Pid::from_raw(pid).expect("not 0"), signal).expect("send a signal");
    }

    /// Ends it by a signal: status 0, whole documents to the last, nothing on
    /// stderr. Gives how many documents there were in all.
    fn end(mut self, signal: Signal) -> u64 {
        self.send(signal);
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("UTF-8");
        for line in rest.lines() {
            self.sequence += 1;
            check(line, self.sequence);
        }
        assert!(rest.is_empty() || rest.ends_with('\n'), "{rest:?}");
        let sequence = self.sequence;
        let output = self.child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "after {signal:?}");
        assert_quiet(&output);
        sequence
    }
}

/// Nothing on stderr, but that this machine is too slow for the interval.
fn assert_quiet(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.lines().all(|line| line.contains("is stretched")),
        "{stderr}"
    );
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcpstate"));
    command.arg("watch").args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().expect("it runs")
}

/// The documents of a stream that ended, checked.
fn documents(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    let numbered = (1..).zip(text.lines());
    numbered.map(|(number, line)| check(line, number)).collect()
}

/// What every document must hold.
fn check(line: &str, sequence: u64) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let at = |pointer: &str| {
        value
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer} in {line}"))
    };
    assert_eq!(at("/schema"), "tcpstate.watch/1");
    assert_eq!(at("/sequence"), sequence, "no document is lost");
    assert!(at("/taken_at").is_string() && at("/sample_us").is_u64());
    assert!(at("/states/close_wait/total").is_u64());
    assert!(at("/findings").is_array() && at("/counters").is_object());
    if sequence == 1 {
        assert!(at("/rates").is_null(), "the first has nothing before it");
    } else {
        assert!(at("/rates/over_us").as_u64().is_some_and(|over| over > 0));
        assert!(at("/rates/states/established/change").is_i64());
        assert!(
            at("/rates/connections/opened")
                .as_f64()
                .is_none_or(|rate| rate >= 0.0)
        );
    }
    value
}

#[test]
fn every_document_is_whole_whatever_stops_and_ends_the_stream() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut stream = Stream::start(&["--json", "-n", "20ms"]);
        for _ in 0..5 {
            stream.document();
        }
        stream.send(Signal::STOP);
        stream.send(Signal::WINCH);
        stream.send(Signal::CONT);
        for _ in 0..5 {
            stream.document();
        }
        stream.end(signal);
    }
}

#[test]
fn a_stream_that_is_killed_leaves_no_half_document_but_the_last() {
    let mut stream = Stream::start(&["--json", "-n", "1ms"]);
    for _ in 0..20 {
        stream.document();
    }
    stream.send(Signal::KILL);
    let mut rest = String::new();
    stream.lines.read_to_string(&mut rest).expect("UTF-8");
    // The kernel may take a part of what is written to a pipe; a process that
    // is killed can't write the rest.
    for line in rest.split_inclusive('\n') {
        if let Some(line) = line.strip_suffix('\n') {
            stream.sequence += 1;
            check(line, stream.sequence);
        }
    }
    stream.child.wait().expect("it ends");
}

/// A write to a pipe that nobody reads never returned, and only SIGKILL ended
/// it.
#[test]
fn a_signal_ends_a_stream_that_nobody_reads() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut stream = Stream::start(&["--json", "-n", "1ms"]);
        stream.document();
        // What waits in the pipe grows no more when it is full.
        let mut before = 0;
        until("a full pipe", || {
            let waiting = ioctl_fionread(stream.lines.get_ref()).expect("a pipe");
            let is_full = waiting > 32_768 && waiting == before;
            before = waiting;
            is_full.then_some(()).ok_or(format!("{waiting} bytes"))
        });
        stream.send(signal);
        let status = until("its end", || {
            let status = stream.child.try_wait().expect("a child");
            status.ok_or("still there".to_owned())
        });
        assert_eq!(status.code(), Some(0), "after {signal:?}");
    }
}

#[test]
fn transitions_are_counted_by_cookie() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("an address");
    let mut stream = Stream::start(&["--json", "-n", "20ms"]);
    stream.document();
    let held: Vec<TcpStream> = (0..9)
        .map(|_| {
            drop(TcpStream::connect(address).expect("connect"));
            listener.accept().expect("accept").0
        })
        .collect();
    // Other tests hold sockets too: at least ours came, stayed and went.
    let mut sum_until = |field: &str, enough: u64| {
        let mut sum = 0;
        while sum < enough {
            let document = stream.document();
            sum += document["close_wait"][field].as_u64().unwrap_or(0);
        }
    };
    sum_until("entered", 9);
    sum_until("stuck", 9);
    drop(held);
    sum_until("left", 9);
    stream.end(Signal::TERM);
}

#[test]
fn a_count_and_a_duration_end_it() {
    let counted = output(&["--json", "-n", "1ms", "--count", "7"]);
    assert!(counted.status.success());
    assert_eq!(documents(&counted).len(), 7);
    // The next sample would come after the end: there is nothing to wait for.
    let once = output(&["--json", "-n", "1h", "--duration", "1s"]);
    assert!(once.status.success());
    assert_eq!(documents(&once).len(), 1);
    let start = Instant::now();
    let timed = output(&["--json", "-n", "100ms", "--duration", "1s"]);
    let took = start.elapsed();
    assert!(timed.status.success());
    let documents = documents(&timed);
    // One at each end, and as many between as the machine had time for.
    assert!((1..=11).contains(&documents.len()), "{documents:?}");
    // It ends when the next tick lies beyond the end, and that is never more
    // than one and a half intervals away.
    assert!(took >= Duration::from_millis(850), "{took:?}");
}

/// The next tick lay in the past, and a sample followed the other at once.
#[test]
fn an_interval_of_centuries_is_one_sample() {
    for interval in ["100000d", "300000d"] {
        let mut stream = Stream::start(&["--json", "-n", interval]);
        stream.document();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(stream.end(Signal::TERM), 1, "at {interval}");
        assert_eq!(
            documents(&output(&["--json", "-n", interval, "--duration", "1d"])).len(),
            1
        );
    }
}

#[test]
fn lines_have_a_header_now_and_then() {
    let output = output(&["-n", "1ms", "--count", "23"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let headers = text.lines().filter(|line| line.starts_with("TIME")).count();
    assert_eq!((text.lines().count(), headers), (25, 2), "{text}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut stream = Stream::start(&["--json", "-n", "5ms"]);
    stream.document();
    let Stream { child, lines, .. } = stream;
    drop(lines);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_quiet(&output);
}

#[test]
fn a_full_disk_is_said_to_be_about_the_output() {
    let full = std::fs::File::create("/dev/full").expect("/dev/full");
    let output = command(&["--json"]).stdout(full).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot write the output: "), "{stderr}");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    for (arguments, reason) in [
        (&["--interval", "0s"][..], "--interval"),
        (&["--interval", "soon"], "90s"),
        (&["--count", "0"], "--count"),
        (&["--replay", "x"], "recording"),
        (&["--proc-root", "/nowhere"], "/nowhere"),
        (&["--json", "--lines"], "--lines"),
    ] {
        let output = output(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(output.stdout.is_empty());
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}
