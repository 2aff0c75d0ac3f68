//! What is kept on disk: what a check leaves for the next, and the metrics that
//! others collect. Files are replaced whole or not at all.

mod atomic;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::atomic::{Place, Replacement, io_error, make_private_directory};
pub use self::atomic::{StoreError, replace};
use crate::model::CheckStates;
use crate::text::{reason, safe};

/// The version that is written, and the only one that is read.
const VERSION: &str = "3";
/// Those that were written before. Whatever else there is, somebody may need.
const OLDER: [&str; 2] = ["1", "2"];
/// The name of a state file for which none was given.
const NAME: &str = "check.json";
/// Every version begins so; a file that doesn't isn't ours to overwrite.
const OURS: &str = r#"{"schema":"tcpstate.state/"#;
/// So many characters of what should be a version are shown.
const LONGEST_VERSION: usize = 24;
/// A million sockets in CLOSE_WAIT take less.
const LARGEST: u64 = 64 << 20;

/// The whole file. Its first field tells whose it is.
#[derive(Debug, Serialize, Deserialize)]
struct Document<S> {
    schema: String,
    checks: S,
}

/// An open state file: nobody else writes it until it is saved or dropped.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    replacement: Option<Replacement>,
    /// Another check has it, and leaves its state there.
    busy: bool,
    trouble: Option<String>,
}

impl StateFile {
    /// Opens a state file and reads what the checks before have left. Whatever
    /// is wrong with it, the check goes on: [`Self::trouble`] says what. While
    /// another check has it, this one waits no longer than `patience`.
    #[must_use]
    pub fn open(path: &Path, patience: Duration) -> (Self, CheckStates) {
        let mut state = Self {
            path: path.to_owned(),
            replacement: None,
            busy: false,
            trouble: None,
        };
        let place = match Place::find(path) {
            Ok(place) => place,
            Err(error) => {
                state.trouble = Some(format!("{error}; this check leaves no state"));
                return (state, CheckStates::default());
            }
        };
        match Replacement::begin(place.clone(), patience) {
            Ok(replacement) => state.replacement = Some(replacement),
            Err(error) => {
                state.busy = matches!(error, StoreError::Busy(_));
                state.trouble = Some(format!("{error}; this check leaves no state"));
            }
        }
        let states = read(&place).unwrap_or_else(|trouble| {
            if !trouble.may_replace() {
                state.replacement = None;
                state.busy = false;
            }
            let told = format!("cannot use {}: {trouble}", path.display());
            state.trouble.get_or_insert(told);
            CheckStates::default()
        });
        (state, states)
    }

    /// Leaves states to the next check. A file that isn't ours stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// When they can't be left, and nobody could know before.
    pub fn save(&mut self, states: &CheckStates) -> Result<(), StoreError> {
        let Some(replacement) = self.replacement.take() else {
            return Ok(());
        };
        let document = Document {
            schema: format!("tcpstate.state/{VERSION}"),
            checks: states,
        };
        serde_json::to_vec(&document)
            .map_err(|source| io_error("write", &self.path, source.into()))
            .and_then(|bytes| replacement.write(&bytes, 0o600))
    }

    /// Whether the next check will find a state, as far as is known before
    /// one is saved.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        self.replacement.is_some() || self.busy
    }

    /// What is wrong with the file, in one sentence.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// What is wrong with a file that could be opened, or couldn't.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{}", reason(.0))]
    Unreadable(#[source] io::Error),
    #[error("it is no state file of tcpstate, and stays as it is; name another with --state")]
    Foreign,
    #[error(
        "it is of version {0}, this tcpstate knows those up to {VERSION}, and it stays as it is; \
         name another with --state"
    )]
    Unknown(String),
    #[error("an older tcpstate wrote it (version {0}); it is begun anew")]
    Older(String),
    #[error("it is damaged ({0}); it is begun anew")]
    Damaged(serde_json::Error),
}

impl Trouble {
    fn may_replace(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Foreign | Self::Unknown(_) => false,
            Self::Older(_) | Self::Damaged(_) => true,
        }
    }
}

/// Nothing where there is no file yet, or an empty one, as mktemp makes it.
fn read(place: &Place) -> Result<CheckStates, Trouble> {
    let file = match place.open() {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CheckStates::default()),
        Err(error) => return Err(Trouble::Unreadable(error)),
    };
    let metadata = file.metadata().map_err(Trouble::Unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(Trouble::Foreign);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(Trouble::Unreadable)?;
    if bytes.is_empty() {
        return Ok(CheckStates::default());
    }
    let rest = bytes
        .strip_prefix(OURS.as_bytes())
        .ok_or(Trouble::Foreign)?;
    // Cut off within its version, it is damaged as any other cut one.
    let mut parts = rest.splitn(2, |&byte| byte == b'"');
    if let (Some(version), Some(_)) = (parts.next(), parts.next())
        && version != VERSION.as_bytes()
    {
        let version = String::from_utf8_lossy(version);
        let is_older = OLDER.contains(&version.as_ref());
        let version = safe(&version).chars().take(LONGEST_VERSION).collect();
        return Err(if is_older {
            Trouble::Older(version)
        } else {
            Trouble::Unknown(version)
        });
    }
    let document: Document<_> = serde_json::from_slice(&bytes).map_err(Trouble::Damaged)?;
    Ok(document.checks)
}

/// The place by the conventions of systemd (`$STATE_DIRECTORY`, which it makes
/// for a unit with `StateDirectory=`) and XDG (`$XDG_STATE_HOME`, else
/// `~/.local/state`), made if it isn't there. `None` where the environment
/// names no place, as under `env -i`.
///
/// # Errors
///
/// When the directory can't be made.
pub fn default_state_file(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, StoreError> {
    let Some(directory) = directory(variable) else {
        return Ok(None);
    };
    make_private_directory(&directory)?;
    Ok(Some(directory.join(NAME)))
}

fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // A relative path would depend on where the check is started.
    let absolute = |name: &str| {
        let path = PathBuf::from(variable(name)?);
        path.is_absolute().then_some(path)
    };
    let of_unit = variable("STATE_DIRECTORY").and_then(|value| {
        // A unit with several directories has them separated by colons.
        let first = value.to_str()?.split(':').next()?.to_owned();
        Path::new(&first)
            .is_absolute()
            .then(|| PathBuf::from(first))
    });
    of_unit.or_else(|| {
        let home = || Some(absolute("HOME")?.join(".local/state"));
        Some(absolute("XDG_STATE_HOME").or_else(home)?.join("tcpstate"))
    })
}

#[cfg(test)]
mod tests;
