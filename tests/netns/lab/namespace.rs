//! A test runs in a process of its own, in a network namespace of its own.
//!
//! A namespace belongs to a process, the test binary runs many tests in one process, and entering
//! a namespace without a new process needs unsafe code. So each test starts its own binary again
//! under `unshare`, restricted to itself, and passes on what that says.

use std::{
    env,
    io::{self, Write as _},
    process::{Command, Output},
    sync::OnceLock,
    thread,
};

use super::Lab;

/// Set in the process inside the namespace, to `root` or `user`.
const INSIDE: &str = "TCPSTATE_LAB_INSIDE";

/// The inner process writes skips to its stderr in lines that begin so, and the outer one passes
/// them on to where a person sees them.
const SKIPPED: &str = "SKIPPED ";

/// Makes a `#[test]` whose body gets a [`Lab`]:
/// `netns_test!(counts_nothing, |lab| { … });`
macro_rules! netns_test {
    ($(#[$attribute:meta])* $name:ident, |$lab:ident| $body:block) => {
        #[test]
        $(#[$attribute])*
        fn $name() {
            $crate::lab::run(
                concat!(module_path!(), "::", stringify!($name)),
                |$lab: &$crate::lab::Lab| $body,
            );
        }
    };
}
pub(crate) use netns_test;

/// The outer half starts the inner one and reports its outcome; the inner half runs `body`.
pub(crate) fn run(path: &str, body: impl FnOnce(&Lab)) {
    match env::var(INSIDE) {
        Ok(who) => body(&Lab::new(who == "root")),
        Err(_) => run_inside(path),
    }
}

fn run_inside(path: &str) {
    let namespaces = match namespaces() {
        Ok(namespaces) => namespaces,
        Err(why) => return skip(&format!("no network namespace: {why}")),
    };
    // libtest names tests without the crate.
    let (_, name) = path.split_once("::").expect("a path inside the crate");
    let output = unshare(*namespaces)
        .arg(env::current_exe().expect("the path of the test binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, namespaces.who())
        .output()
        .expect("start the test in its namespace");
    report(name, &output);
}

/// Passes on what the inner process said, to where libtest captures it, but skips to where it
/// doesn't; and fails if the inner process failed.
#[expect(
    clippy::print_stdout,
    reason = "libtest shows the print macros' output with a failed test, and only theirs"
)]
fn report(name: &str, output: &Output) {
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{said}{complained}");
    for line in complained.lines().filter(|line| line.starts_with(SKIPPED)) {
        shout(line);
    }
    assert!(
        output.status.success(),
        "inside its namespace, {name} ended with {}",
        output.status
    );
    assert!(
        said.contains("1 passed"),
        "no test called {name} ran inside the namespace"
    );
}

/// Says that a test, or a part of one, can't be done on this machine; fails where that isn't
/// acceptable.
pub(super) fn skip(why: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "can't be skipped with CI=true: {why}"
    );
    // libtest names the thread after the test.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    shout(&format!("{SKIPPED}{test}: {why}"));
}

/// libtest captures what the print macros write, but not this.
fn shout(line: &str) {
    writeln!(io::stderr(), "{line}").expect("write to stderr");
}

/// How this user gets a network namespace.
#[derive(Debug, Clone, Copy)]
enum Namespaces {
    /// Root keeps its user namespace, so that tests can become other users.
    OfRoot,
    /// Anybody else becomes root in a user namespace, and has one user only.
    OfUser,
}

impl Namespaces {
    fn flags(self) -> &'static str {
        match self {
            Self::OfRoot => "-n",
            Self::OfUser => "-Urn",
        }
    }

    fn who(self) -> &'static str {
        match self {
            Self::OfRoot => "root",
            Self::OfUser => "user",
        }
    }
}

/// Finds out once whether namespaces can be made here, and if not, why.
fn namespaces() -> &'static Result<Namespaces, String> {
    static FOUND: OnceLock<Result<Namespaces, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let namespaces = if rustix::process::geteuid().is_root() {
            Namespaces::OfRoot
        } else {
            Namespaces::OfUser
        };
        let tried = unshare(namespaces).arg("true").output();
        let tried = tried.map_err(|error| format!("unshare doesn't start: {error}"))?;
        if tried.status.success() {
            Ok(namespaces)
        } else {
            Err(String::from_utf8_lossy(&tried.stderr).trim().to_owned())
        }
    })
}

fn unshare(namespaces: Namespaces) -> Command {
    let mut command = Command::new("unshare");
    command.arg(namespaces.flags());
    command
}
