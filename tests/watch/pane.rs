//! A terminal with a shell in it, played by tmux.

use std::env;
use std::io::{self, Write};
use std::process::Command;
use std::thread;

use super::wait::until;

/// A tmux server of its own, with one pane of a size. It ends with the test.
pub(crate) struct Pane {
    /// Holds the server's socket.
    directory: tempfile::TempDir,
}

impl Pane {
    /// Starts the terminal; `None`, and said loudly, where there is no tmux.
    pub(crate) fn open(columns: u16, lines: u16) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skip("tmux is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let pane = Self { directory };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        // A prompt that says the status of the last command, and nothing that
        // depends on whose shell it is.
        let shell =
            "env -u NO_COLOR LANG=C.UTF-8 LC_ALL=C.UTF-8 PS1='<$?> ' bash --norc --noprofile";
        pane.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &lines,
            shell,
        ]);
        pane.tmux(&["set-option", "-g", "remain-on-exit", "on"]);
        pane.wait_for("the prompt", |screen| screen.contains("<0>"));
        Some(pane)
    }

    /// Runs a command line in the shell.
    pub(crate) fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    /// Starts `tcpstate watch` with arguments and waits for its first frame.
    pub(crate) fn watch(&self, arguments: &str) {
        let binary = env!("CARGO_BIN_EXE_tcpstate");
        self.run(&format!("clear; {binary} watch {arguments}"));
        self.wait_for("the first frame", |screen| screen.contains("1 overview"));
    }

    /// Presses keys by their tmux names.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// What is on the terminal.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the terminal shows what is wanted.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        until(what, || {
            let screen = self.screen();
            if wanted(&screen) {
                Ok(screen)
            } else {
                Err(screen)
            }
        })
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &lines]);
    }

    /// The process in the foreground of the terminal's shell.
    pub(crate) fn child(&self) -> u32 {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        until("a child of the shell", || {
            let children = std::fs::read_to_string(&children).map_err(|error| error.to_string())?;
            let last = children.split_whitespace().last();
            last.and_then(|pid| pid.parse().ok())
                .ok_or(children.clone())
        })
    }

    /// Waits for the prompt that tells this status, and checks that the
    /// terminal was given back: main screen, cursor, and line editing.
    pub(crate) fn assert_given_back(&self, status: &str) {
        self.wait_for("the prompt", |screen| {
            screen.contains(&format!("<{status}>"))
        });
        let state = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(state.trim(), "0 1", "alternate screen, cursor");
        self.run(
            "clear; stty -a | tr ' ' '\\n' | grep -x -e icanon -e echo -e isig | tr '\\n' ' '",
        );
        self.wait_for("a terminal in its usual mode", |screen| {
            ["icanon", "echo", "isig"]
                .iter()
                .all(|mode| screen.contains(mode))
        });
    }

    /// Ends the terminal under whatever runs in it.
    pub(crate) fn close(&self) {
        self.tmux(&["kill-server"]);
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(self.directory.path().join("tmux"))
            .args(arguments)
            .env_remove("TMUX")
            .output()
            .expect("run tmux");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(self.directory.path().join("tmux"))
            .arg("kill-server")
            .output();
    }
}

/// Says that a test can't be done on this machine; fails where that isn't
/// acceptable.
fn skip(why: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "can't be skipped with CI=true: {why}"
    );
    // libtest names the thread after the test.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    writeln!(io::stderr(), "SKIPPED {test}: {why}").expect("write to stderr");
}
