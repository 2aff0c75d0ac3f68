//! Other processes in a test: servers and clients that do what real programs do wrong.
//!
//! An actor is a function that `crate::actors` registers by name, run in a process of its own,
//! which is this test binary once more. It and the test talk in lines over a socket pair, which
//! the actor has as its stdin: libtest prints on stdout before the actor can.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _, stdin},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command, Stdio, exit},
    thread,
    time::Duration,
};

use rustix::process::{Signal, set_parent_process_death_signal};

use super::confine;
use crate::actors;

/// Carries the name and the arguments, as JSON.
const ACT: &str = "TCPSTATE_LAB_ACTOR";

/// An actor that doesn't say its line by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// The test's view of an actor. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Actor {
    name: String,
    process: Child,
    lines: BufReader<UnixStream>,
}

impl Actor {
    pub(super) fn start(name: &str, arguments: &[&str]) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        ours.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let act = serde_json::to_string(&(name, arguments)).expect("JSON");
        let process = Command::new(env::current_exe().expect("the path of the test binary"))
            .args(["lab::actor::entry", "--exact", "--ignored"])
            .args(["--nocapture", "--test-threads=1"])
            .env(ACT, act)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .expect("start an actor");
        Self {
            name: name.to_owned(),
            process,
            lines: BufReader::new(ours),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Tells the actor to go on.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.lines.get_mut(), "{line}")
            .unwrap_or_else(|error| panic!("tell {} {line:?}: {error}", self.name));
    }

    /// The next line that the actor says.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        let heard = self.lines.read_line(&mut line);
        match heard {
            Ok(1..) => line.trim_end().to_owned(),
            other => panic!("{} says no more: {other:?}", self.name),
        }
    }

    /// Waits for the actor to say exactly this.
    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line, "said by {}", self.name);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The actor's view of the test.
#[derive(Debug)]
pub(crate) struct Part {
    arguments: Vec<String>,
    lines: BufReader<UnixStream>,
}

impl Part {
    /// The argument with this number, parsed.
    pub(crate) fn argument<T: std::str::FromStr>(&self, number: usize) -> T {
        let argument = self.arguments.get(number);
        let argument = argument.unwrap_or_else(|| panic!("no argument {number}"));
        let parsed = argument.parse().ok();
        parsed.unwrap_or_else(|| panic!("argument {number} is {argument:?}"))
    }

    /// Says a line to the test.
    pub(crate) fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.lines.get_mut(), "{line}").expect("the test listens");
    }

    /// The test's next line; none when the test is over.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(1..) => Some(line.trim_end().to_owned()),
            _ => None,
        }
    }

    /// The same test, as another thread of the actor sees it: one that outlives the first has to
    /// hear of the end by itself.
    fn for_another_thread(&self) -> Self {
        let stream = self.lines.get_ref().try_clone().expect("a descriptor");
        Self {
            arguments: self.arguments.clone(),
            lines: BufReader::new(stream),
        }
    }

    /// Holds everything as it is until the test is over.
    pub(crate) fn stay(&mut self) {
        while self.hear().is_some() {}
    }
}

/// Goes on in another thread, `rest`, and ends the first one of this process when its act is over.
pub(crate) fn outlive_the_first_thread(part: &Part, rest: impl FnOnce(&mut Part) + Send + 'static) {
    let mut part = part.for_another_thread();
    thread::spawn(move || {
        die_with_the_test();
        rest(&mut part);
        exit(0);
    });
    confine::end_whoever_writes_to_stdout();
}

/// A test that is killed can't kill its actors.
fn die_with_the_test() {
    // The kernel keeps it for each thread.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("PR_SET_PDEATHSIG");
}

/// The actor's process begins here.
#[test]
#[ignore = "a helper process: other tests start it"]
fn entry() {
    let Ok(act) = env::var(ACT) else { return };
    die_with_the_test();
    let (name, arguments): (String, Vec<String>) = serde_json::from_str(&act).expect("an act");
    let stdin = stdin().as_fd().try_clone_to_owned().expect("a descriptor");
    let mut part = Part {
        arguments,
        lines: BufReader::new(UnixStream::from(stdin)),
    };
    let act = actors::ACTORS.iter().find(|(known, _)| *known == name);
    let (_, act) = act.unwrap_or_else(|| panic!("no actor is called {name}"));
    act(&mut part);
}
