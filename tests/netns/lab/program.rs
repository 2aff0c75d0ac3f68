//! Running `tcpstate` and reading its answer.

use std::{
    fs,
    io::{PipeWriter, Read as _, pipe},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Confinement, confine};

/// A program, ready to be run.
#[derive(Debug)]
pub(crate) struct Program {
    path: String,
    arguments: Vec<String>,
    variable: Option<(String, String)>,
    confinement: Option<Confinement>,
    /// Holds a copy of the program for users who may not reach the original.
    copy: Option<TempDir>,
}

impl Program {
    pub(super) fn new(path: &str, arguments: &[&str]) -> Self {
        Self {
            path: path.to_owned(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            variable: None,
            confinement: None,
            copy: None,
        }
    }

    /// Gives it a variable of the environment.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variable = Some((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn confined(mut self, confinement: Confinement) -> Self {
        self.confinement = Some(confinement);
        if confinement.is_other_user() && self.path.starts_with('/') {
            self.copy_for_everybody();
        }
        self
    }

    /// A build directory is often inside a home that nobody else may enter.
    fn copy_for_everybody(&mut self) {
        use std::os::unix::fs::PermissionsExt as _;
        let open = fs::Permissions::from_mode(0o755);
        let directory = TempDir::new().expect("a temporary directory");
        fs::set_permissions(directory.path(), open).expect("open the directory");
        let path = directory.path().join("program");
        fs::copy(&self.path, &path).expect("copy the program");
        self.path = String::from(path.to_str().expect("a plain path"));
        self.copy = Some(directory);
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Answer {
        let (mut reader, writer) = pipe().expect("a pipe");
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).expect("read its stdout");
            bytes
        });
        let (status, stderr) = self.run_into(writer);
        let stdout = stdout.join().expect("the reader of its stdout");
        let shown = format!("{} {}", self.path, self.arguments.join(" "));
        Answer {
            shown,
            status,
            stdout: String::from_utf8(stdout).expect("UTF-8 on stdout"),
            stderr,
        }
    }

    /// Runs it with a stdout that nobody reads any more, as `head` leaves behind.
    pub(crate) fn run_into_closed_pipe(self) -> (ExitStatus, String) {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        self.run_into(writer)
    }

    fn run_into(&self, stdout: PipeWriter) -> (ExitStatus, String) {
        let mut command;
        if let Some(confinement) = self.confinement {
            command = confine::command(confinement, &self.path, &self.arguments);
            command.stdin(stdout);
        } else {
            command = Command::new(&self.path);
            command.args(&self.arguments);
            command.stdin(Stdio::null()).stdout(stdout);
        }
        command.envs(self.variable.iter().cloned());
        let child = command.stderr(Stdio::piped()).spawn();
        // Until it is dropped the command keeps the write end open, and the reader waiting.
        drop(command);
        let output = child.expect("start the program").wait_with_output();
        let output = output.expect("wait for the program");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8 on stderr");
        (output.status, stderr)
    }
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The command line, for messages.
    shown: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Insists on exit status 0.
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// Insists on success and reads the JSON.
    pub(crate) fn json(self) -> Value {
        let answer = self.succeeded();
        serde_json::from_str(&answer.stdout)
            .unwrap_or_else(|error| panic!("{}: not JSON: {error}: {answer:#?}", answer.shown))
    }
}
